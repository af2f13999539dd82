package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// neverTakenError says which messages can never be taken.
type neverTakenError map[int]error

func (neverTakenError) Error() string { return "some can never be taken" }

func (n neverTakenError) Aside() map[int]error { return n }

// taker takes messages but for those that it is told to fail on.
type taker struct {
	mu    sync.Mutex
	taken []string
	told  []string
	fails func(message string) bool
	never func(message string) bool
	seen  func(t *taker)
}

func (t *taker) handle(_ context.Context, messages [][]byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	never := neverTakenError{}
	for k, m := range messages {
		switch text := string(m); {
		case t.fails != nil && t.fails(text):
			return errors.New("a message with " + text + " cannot be kept")
		case t.never != nil && t.never(text):
			never[k] = errors.New(text + " is not signed")
		}
	}
	for k, m := range messages {
		if never[k] == nil {
			t.taken = append(t.taken, string(m))
		}
	}
	t.seen(t)
	if len(never) > 0 {
		return never
	}
	return nil
}

func (t *taker) tell(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, err.Error())
	t.seen(t)
}

// run consumes what is on the bus until enough tells that it is so.
func (t *taker) run(test *testing.T, b *Bus, enough func(*taker) bool) {
	test.Helper()
	ctx, cancel := context.WithTimeout(test.Context(), 2*time.Minute)
	defer cancel()
	t.seen = func(t *taker) {
		if enough(t) {
			cancel()
		}
	}
	c := &consumption{
		bus: b, stream: Readings, durable: "test", handle: t.handle, failed: t.tell, failing: map[uint64]*failing{},
		failsFor: time.Second, keeps: rate.NewLimiter(asideRate, asideAtOnce),
	}
	if err := c.run(ctx, "readings.elm.>"); err != nil || ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		test.Fatalf("%v, %v: %d taken, told %q", err, ctx.Err(), len(t.taken), t.told)
	}
}

func openBus(t *testing.T, messages ...string) *Bus {
	t.Helper()
	b, err := Open(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for _, m := range messages {
		if err := b.Publish(t.Context(), "readings.elm.gw-1.ann", m, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func numbered(n int) (all []string) {
	for k := range n {
		all = append(all, fmt.Sprintf("m%03d", k))
	}
	return all
}

// TestOneMessageThatFailsHoldsUpNoOther has one of many messages fail for ever: all others
// are taken at once, then it is set aside by name, and at the next start it is tried again.
func TestOneMessageThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := openBus(t, numbered(300)...)
	bad := &taker{fails: func(m string) bool { return m == "m150" }}
	n := 300
	bad.run(t, b, func(t *taker) bool { // it only counts against a message that others are taken meanwhile
		if err := b.Publish(context.Background(), "readings.elm.gw-1.ann", fmt.Sprint(n), []byte("later")); err != nil {
			panic(err)
		}
		n++
		return slices.ContainsFunc(t.told, func(s string) bool { return strings.Contains(s, "message 151 on readings.elm.gw-1.ann is set aside") })
	})
	slices.Sort(bad.taken)
	bad.taken = slices.DeleteFunc(bad.taken, func(m string) bool { return m == "later" })
	if got := slices.Compact(bad.taken); len(got) != 299 || slices.Contains(got, "m150") {
		t.Errorf("%d of 299 others were taken", len(got))
	}
	good := &taker{}
	good.run(t, b, func(t *taker) bool { return slices.Contains(t.taken, "m150") })
	again := &taker{}
	if err := b.Publish(t.Context(), "readings.elm.gw-1.ann", "end", []byte("end")); err != nil {
		t.Fatal(err)
	}
	again.run(t, b, func(t *taker) bool { return slices.Contains(t.taken, "end") })
	if slices.Contains(again.taken, "m150") {
		t.Error("what was taken in the end comes once more")
	}
}

// TestNothingIsSetAsideWhileNothingCanBeTaken has every message fail, as when a disk is
// full: all wait, and all are taken when it is over.
func TestNothingIsSetAsideWhileNothingCanBeTaken(t *testing.T) {
	t.Parallel()
	b := openBus(t, numbered(40)...)
	away := &taker{fails: func(string) bool { return true }}
	away.run(t, b, func(t *taker) bool { return len(t.told) >= failsAlone+2 })
	for _, told := range away.told {
		if strings.Contains(told, "set aside") {
			t.Errorf("while nothing could be taken: %s", told)
		}
	}
	back := &taker{}
	back.run(t, b, func(t *taker) bool {
		slices.Sort(t.taken)
		t.taken = slices.Compact(t.taken)
		return len(t.taken) == 40
	})
}

// TestWhatCanNeverBeTakenIsSetAsideAtOnce names messages that are rubbish; the others of the
// same batch are done with, and of a flood only some are kept.
func TestWhatCanNeverBeTakenIsSetAsideAtOnce(t *testing.T) {
	t.Parallel()
	b := openBus(t, numbered(3*asideAtOnce)...)
	rubbish := &taker{never: func(m string) bool { return m != "m299" }}
	rubbish.run(t, b, func(t *taker) bool { return slices.Contains(t.taken, "m299") })
	if !slices.Equal(rubbish.taken, []string{"m299"}) {
		t.Errorf("taken: %v", rubbish.taken)
	}
	kept, err := b.Count(t.Context(), SetAside, "aside.test")
	if err != nil || kept < asideAtOnce || kept > asideAtOnce+10 {
		t.Errorf("%d of a flood are kept, %v, want about %d", kept, err, asideAtOnce)
	}
	if left, err := b.Pending(t.Context(), Readings, "test"); err != nil || left > 0 {
		t.Errorf("%d come again, %v", left, err)
	}
}
