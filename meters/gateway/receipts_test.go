package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/proof"
)

// patience is how long a test waits on a busy machine for what comes at once on a quiet one.
const patience = time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond) // the server between the two tells nobody how far it has come
	defer again.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// hub answers the questions of one gateway as it is told to.
type hub struct {
	*bus.Bus

	mu      sync.Mutex
	last    proof.Mark
	verdict map[uint64]proof.Verdict // by number; others are accepted
}

func (h *hub) answer(question []byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	q, err := proof.ReadQuestion(question)
	if err != nil {
		return nil
	}
	r := proof.Receipt{Verdicts: make([]proof.Verdict, len(q.Batches))}
	for k, m := range q.Batches {
		if v, other := h.verdict[m.Sequence]; other {
			r.Verdicts[k] = v
			continue
		}
		r.Verdicts[k].Outcome = proof.Accepted
		if m.Sequence > h.last.Sequence {
			h.last = m
		}
	}
	r.Last = h.last
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return text
}

func (h *hub) set(last proof.Mark, verdicts map[uint64]proof.Verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.verdict = last, verdicts
}

func (h *hub) lastNumber() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.Sequence
}

const password = "a password of thirty-two characters"

func openHub(t *testing.T, gateway, address string) *hub {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Leafs: &bus.Leafs{Listen: address, Users: []bus.Leaf{{
		Name: gateway, Password: password, Store: []string{proof.ReadingsSubject("elm", gateway, "*")}, Ask: []string{proof.ReceiptSubject("elm", gateway)},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{Bus: b}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := b.Serve(ctx, proof.ReceiptSubject("elm", gateway), h.answer); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait(); b.Close() })
	return h
}

// said collects what is logged.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// start opens a gateway on a directory and forwards what it signs, until the test ends.
func start(t *testing.T, g *gateway) *said {
	t.Helper()
	log := &said{}
	g.Community, g.Log = "elm", slog.New(slog.NewTextHandler(log, nil))
	var err error
	if g.totals, err = openTotals(g.Dir); err != nil {
		t.Fatal(err)
	}
	if err := g.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var forwarding sync.WaitGroup
	forwarding.Go(func() {
		if err := g.bus.Forward(ctx, g.tellLink); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); forwarding.Wait(); g.bus.Close() })
	return log
}

func (n *gateway) read(t *testing.T) error {
	t.Helper()
	return n.PublishBatch(t.Context(), "", meters.Batch{Member: "ann", Readings: []grid.Reading{{Device: "ann/meter", Time: time.Now().UTC(), Import: new(grid.Energy(1)), Quality: grid.Good}}})
}

func reserve(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestAGatewayThatLostItsStoreAsksTheHub has a gateway keep its key and its last registers
// but not the batches that it signed: while the hub is away it signs nothing, and once the
// hub has said which batch it has last, it goes on after that one.
func TestAGatewayThatLostItsStoreAsksTheHub(t *testing.T) {
	t.Parallel()
	d, address := directory(t), reserve(t)
	id, err := OpenIdentity(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Replace(totalsFile, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	g := &gateway{Options: Options{Dir: d, Hub: Hub{URL: "nats-leaf://" + address, Password: password, MaxBytes: 1 << 20}}}
	log := start(t, g)
	if err := g.read(t); err == nil || !log.has("the store of this gateway was lost") {
		t.Errorf("it signs although it does not know what the hub has: %v", err)
	}
	h := openHub(t, id.Name, address)
	h.set(proof.Mark{Sequence: 4711, Digest: "abc"}, nil)
	waitFor(t, "the hub's answer", func() bool { return g.asked(t.Context()) })
	if err := g.read(t); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the next batch at the hub", func() bool { return h.lastNumber() == 4712 })
	last, err := g.bus.LastStored(t.Context(), g.subject(">"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _, err := proof.ReadBatch(last); err != nil || b.Previous != "abc" || b.Sequence != 4712 {
		t.Errorf("it goes on with batch %d after %q, %v", b.Sequence, b.Previous, err)
	}
	if !log.has("the hub has batches of this gateway that this machine does not know") {
		t.Error("nothing is said of it")
	}
}

// TestAGatewayHearsEveryRefusal keeps what it sent until the hub has decided, says why
// something is refused or set aside, and goes on after what another machine with its key
// had accepted in its place.
func TestAGatewayHearsEveryRefusal(t *testing.T) {
	t.Parallel()
	d, address := directory(t), reserve(t)
	id, err := OpenIdentity(d)
	if err != nil {
		t.Fatal(err)
	}
	h := openHub(t, id.Name, address)
	unknown := map[uint64]proof.Verdict{}
	for k := range uint64(10) {
		unknown[k] = proof.Verdict{Outcome: proof.Unknown}
	}
	h.set(proof.Mark{}, unknown)
	g := &gateway{Options: Options{Dir: d, Hub: Hub{URL: "nats-leaf://" + address, Password: password, MaxBytes: 1 << 20}}}
	log := start(t, g)
	for range 3 {
		if err := g.read(t); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the batches on the hub's bus", func() bool { n, err := h.Count(t.Context(), bus.Readings, ">"); return err == nil && n == 3 })
	if b, err := g.bus.Backlog(t.Context()); err != nil || b.Messages != 3 {
		t.Errorf("before the hub has decided %+v wait, %v", b, err)
	}
	h.set(proof.Mark{Sequence: 3, Digest: "theirs"}, map[uint64]proof.Verdict{
		1: {Outcome: proof.Aside, Reason: "not read by this gateway"}, 2: {Outcome: proof.Accepted}, 3: {Outcome: proof.Refused, Reason: "the key is used twice"},
	})
	waitFor(t, "the hub's decision", func() bool { b, err := g.bus.Backlog(t.Context()); return err == nil && b.Messages == 0 })
	for _, want := range []string{"sets readings aside", "not read by this gateway", "refuses readings", "the key is used twice", "another machine signs with the same key"} {
		if !log.has(want) {
			t.Errorf("the log does not say %q: %s", want, &log.text)
		}
	}
	if err := g.read(t); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the next batch", func() bool { return h.lastNumber() == 4 })
	last, err := g.bus.LastStored(t.Context(), g.subject(">"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _, err := proof.ReadBatch(last); err != nil || b.Previous != "theirs" {
		t.Errorf("it goes on after %q, %v, want after what was accepted", b.Previous, err)
	}
}

// TestTheClockIsNamed says once that this machine's clock is off, and that it is right again.
func TestTheClockIsNamed(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{
		10 * time.Minute: "clock is ahead of the hub's", -10 * time.Minute: "clock is behind the hub's", time.Millisecond: "agrees with the hub's again",
	} {
		log := &said{}
		n := &gateway{Options: Options{Log: slog.New(slog.NewTextHandler(log, nil))}}
		if n.sayClock(t.Context(), skew); !log.has(want) {
			t.Errorf("%s: %s", skew, &log.text)
		}
	}
}

// TestTheSameRefusalIsToldNowAndThen fills no log with what the hub says of every batch.
func TestTheSameRefusalIsToldNowAndThen(t *testing.T) {
	t.Parallel()
	log := &said{}
	r := &receipts{log: slog.New(slog.NewTextHandler(log, nil))}
	for k := range uint64(1000) {
		r.tell(proof.Mark{Sequence: k}, proof.Verdict{Outcome: proof.Refused, Reason: fmt.Sprint("reason ", k/500)})
	}
	if n := strings.Count(log.text.String(), "\n"); n != 2 || !log.has("more_before=499") {
		t.Errorf("%d lines: %s", n, &log.text)
	}
}
