package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

// street is a market whose calendar is the real one. It notes what is done in it and when.
type street struct {
	mu    sync.Mutex // guards what follows
	life  *community.Lifecycle
	begin time.Time
	done  []string
	full  error                      // that commands answer
	waits map[string][]grid.Interval // metering point → of its orders
}

func (s *street) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprintf("%s %s", time.Since(s.begin), text))
}

// said returns what was done of one kind, with the times.
func (s *street) said(kind string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.done {
		if strings.Contains(text, " "+kind+" ") {
			all = append(all, text)
		}
	}
	return all
}

// waiting is how many orders of a metering point wait.
func (s *street) waiting(point string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waits[point])
}

func (s *street) Advance(now time.Time) []community.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.Advance(now)
}

func (s *street) Begun(a community.Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.Begun(a)
}

func (s *street) Failed(a community.Action, retryAt time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.Failed(a, retryAt)
}

func (s *street) Settled(i grid.Interval, run int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.Settled(i, run, false, now)
}

func (s *street) Command(a community.Action) error {
	s.note(map[community.Step]string{community.Open: "open", community.Call: "call", community.Close: "close"}[a.Step] + " " + at(a.Product.Interval))
	return s.full
}

func (s *street) Withdraw(_ context.Context, p grid.Product, point string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[point] = slices.DeleteFunc(s.waits[point], func(i grid.Interval) bool { return i == p.Interval })
	return nil
}

func (s *street) Place(_ context.Context, p grid.Product, o grid.Order, _ time.Time) (string, error) {
	s.note("order " + o.Member + " " + at(p.Interval))
	if o.Price < 0 {
		return "the price is negative", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[o.Member] = append(s.waits[o.Member], p.Interval) // its metering point is called the same
	return "", nil
}

func at(i grid.Interval) string { return i.Begin().Format("15:04") }

// planners answer for their members at once, or when held lets them.
type planners struct {
	held   chan struct{} // nil: at once
	fail   map[string]error
	leaves string      // its meter is removed while it plans
	gone   atomic.Bool // it is
}

func (p *planners) Points(member string, _ time.Time) []string {
	if member == "away" || member == p.leaves && p.gone.Load() {
		return nil
	}
	return []string{member}
}

func (p *planners) Plan(ctx context.Context, point string, i grid.Interval, _ time.Time) ([]Bids, error) {
	if p.held != nil {
		select {
		case <-p.held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if point == p.leaves {
		p.gone.Store(true)
	}
	price := grid.Price(100)
	if point == "cy" {
		price = -1
	}
	return []Bids{{i, []grid.Order{{ID: "o", Member: point, Price: price}}}}, p.fail[point]
}

// recorder settles at once, or when held lets it.
type recorder struct {
	*street

	held  chan struct{} // nil: at once
	wants func(a community.Action) (done bool, err error)
}

func (r *recorder) Settle(ctx context.Context, a community.Action, now time.Time) (bool, error) {
	r.note("settle " + at(a.Product.Interval))
	if r.held != nil {
		select {
		case <-r.held:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	done, err := true, error(nil)
	if r.wants != nil {
		done, err = r.wants(a)
	}
	if done && err == nil {
		r.Settled(a.Product.Interval, a.Run, now)
	}
	return done, err
}

// driven is a street of ann and bob with intervals of five minutes, whose gate closes a
// minute before, with a call every two minutes.
type driven struct {
	*street

	agents *planners
	ledger *recorder
	text   bytes.Buffer
	late   []missed // gate by gate, of the goroutine that advances
	driver *Driver
}

// missed are the quotes that came late until a gate closed.
type missed struct {
	quotes int
	last   grid.Interval
}

func newDriven(executor Executor) *driven {
	begin := time.Now()
	d := &driven{street: &street{begin: begin, waits: map[string][]grid.Interval{}, life: community.New(community.Config{
		Community: "elm", Minutes: 5, GateClosure: time.Minute, Deadline: time.Minute, Ahead: 10 * time.Minute, CallEvery: 2 * time.Minute, Members: []string{"ann", "bob"},
	})}}
	d.agents, d.ledger = &planners{}, &recorder{street: d.street}
	d.driver = New(Options{
		Market: d.street, Agents: d.agents, Settlements: d.ledger, Executor: executor, Again: 90 * time.Second, Log: slog.New(slog.NewTextHandler(&d.text, nil)),
		Late: func(_ context.Context, quotes int, last grid.Interval) { d.late = append(d.late, missed{quotes, last}) },
	})
	return d
}

// run advances every second for a while.
func (d *driven) run(t *testing.T, span time.Duration) {
	t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(time.Second) {
		if err := d.driver.Advance(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// working runs both workers until the test ends.
func working(t *testing.T) Workers {
	t.Helper()
	w := NewWorkers()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Quotes.Run(ctx) })
	running.Go(func() { _ = w.Settlements.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return w
}

const span = 29 * time.Minute

// undisturbed returns what is done in a street where nothing takes time.
func undisturbed(t *testing.T) (d *driven) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d = newDriven(working(t))
		d.run(t, span)
	})
	for _, kind := range []string{"open", "call", "close", "order", "settle"} {
		if len(d.said(kind)) < 4 {
			t.Fatalf("undisturbed there are only %v", d.said(kind))
		}
	}
	return d
}

// TestASettlementThatBlocksHoldsUpNothing lets the ledger not answer for 20 minutes: gates
// open, call and close at their times and the agents quote as ever; then all is settled,
// each interval once.
func TestASettlementThatBlocksHoldsUpNothing(t *testing.T) {
	plain := undisturbed(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(working(t))
		d.ledger.held = make(chan struct{})
		d.run(t, span)
		for _, kind := range []string{"open", "call", "close", "order"} {
			if got, want := d.said(kind), plain.said(kind); !slices.Equal(got, want) {
				t.Errorf("with a ledger that does not answer: %v, want %v", got, want)
			}
		}
		if got := d.said("settle"); len(got) != 1 {
			t.Errorf("settlements were begun beside one that is under way: %v", got)
		}
		close(d.ledger.held)
		d.run(t, time.Minute)
		if got, want := len(d.said("settle")), len(plain.said("settle")); got != want {
			t.Errorf("when the ledger answers again %d settlements are made, want %d", got, want)
		}
	})
}

// TestAQuoteThatBlocksHoldsUpNothing lets an agent not answer for 20 minutes: gates open,
// call and close and intervals are settled at their times. What comes after a gate is
// left out, and who makes the driver is told how many that were, once, when the next gate closes.
func TestAQuoteThatBlocksHoldsUpNothing(t *testing.T) {
	plain := undisturbed(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(working(t))
		d.agents.held = make(chan struct{})
		d.run(t, span)
		for _, kind := range []string{"open", "call", "close", "settle"} {
			if got, want := d.said(kind), plain.said(kind); !slices.Equal(got, want) {
				t.Errorf("with an agent that does not answer: %v, want %v", got, want)
			}
		}
		if got := d.said("order"); len(got) != 0 {
			t.Errorf("orders of agents that have not answered: %v", got)
		}
		close(d.agents.held)
		synctest.Wait()
		orders := len(d.said("order"))
		d.run(t, 15*time.Minute)
		late := 0
		if len(d.late) == 1 {
			late = d.late[0].quotes
		}
		// The one that blocked was planned before its gate closed: the market answers it.
		if quotes := len(plain.said("order")); late == 0 || orders == 0 || orders >= quotes || late+orders != quotes || d.late[0].last.Minutes == 0 {
			t.Errorf("told was %+v, and %d orders came in time, %d are due\n%s", d.late, orders, quotes, d.text.String())
		}
	})
}

// TestWhatFailsComesAgain lets the settlement of the first interval fail twice, and the
// second one find for a minute that readings are missing: the first comes again 90 seconds
// after each failure, the second at once.
func TestWhatFailsComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(working(t))
		var first grid.Interval
		tries := 0
		d.ledger.wants = func(a community.Action) (bool, error) {
			switch {
			case tries == 0 || a.Product.Interval == first:
				first = a.Product.Interval
				tries++
				if tries < 3 {
					return false, errors.New("the ledger is away")
				}
				return true, nil
			case a.Product.Interval == first.Shift(1):
				return a.Final, nil
			default:
				return true, nil
			}
		}
		d.run(t, span)
		seconds := map[string][]time.Duration{}
		for _, text := range d.said("settle") {
			when, of, _ := strings.Cut(text, " settle ")
			after, err := time.ParseDuration(when)
			if err != nil {
				t.Fatal(err)
			}
			seconds[of] = append(seconds[of], after)
		}
		got := seconds[at(first)]
		if len(got) != 3 || got[1]-got[0] != 91*time.Second || got[2]-got[1] != 91*time.Second { // told at the next second
			t.Errorf("a settlement that failed was tried at %v", got)
		}
		if got := seconds[at(first.Shift(1))]; len(got) != 61 {
			t.Errorf("one without its readings was tried %d times, want every second of its minute", len(got))
		}
		if n := strings.Count(d.text.String(), "will try again"); n != 2 {
			t.Errorf("the log tells of %d failures\n%s", n, d.text.String())
		}
	})
}

// TestWhatIsPlannedForAHomeThatIsGoneIsTakenBack lets bob's meter be removed while his agent plans: what it orders then
// does not stay in the market.
func TestWhatIsPlannedForAHomeThatIsGoneIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(working(t))
		d.agents.leaves = "bob"
		d.run(t, 4*time.Minute)
		if ann, bob := d.waiting("ann"), d.waiting("bob"); ann == 0 || bob != 0 || !strings.Contains(strings.Join(d.said("order"), "\n"), "bob") {
			t.Errorf("of ann wait %d orders, of bob %d, of %v", ann, bob, d.said("order"))
		}
	})
}

// TestOneQuoteThatFailsHoldsUpNoOther lets bob's agent fail, and cy's orders be refused.
func TestOneQuoteThatFailsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(working(t))
		for _, member := range []string{"cy", "away"} {
			d.life.Join(member)
		}
		d.agents.fail = map[string]error{"bob": errors.New("no telemetry")}
		d.run(t, 10*time.Minute)
		if ann, bob := strings.Count(strings.Join(d.said("order"), "\n"), "ann"), strings.Count(strings.Join(d.said("order"), "\n"), "bob"); ann == 0 || bob != 0 {
			t.Errorf("ann placed %d orders, bob, whose agent failed, %d", ann, bob)
		}
		for _, want := range []string{`msg="no order" member=bob error="metering point bob: no telemetry"`, `msg="order refused" order=o reason="the price is negative"`} {
			if !strings.Contains(d.text.String(), want) {
				t.Errorf("the log lacks %s\n%s", want, d.text.String())
			}
		}
		if strings.Contains(d.text.String(), "away") {
			t.Errorf("who trades with a program outside was asked for orders\n%s", d.text.String())
		}
	})
}

// TestInPlace carries out all in the order of the actions, and nothing after a failure.
func TestInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		executor := &InPlace{}
		d := newDriven(executor)
		d.ledger.wants = func(community.Action) (bool, error) {
			if len(d.said("settle")) == 2 {
				return false, errors.New("the second one fails")
			}
			return true, nil
		}
		d.run(t, span)
		if err := executor.Err(); err == nil || !strings.Contains(err.Error(), "the second one fails") || !strings.Contains(err.Error(), "settle ") {
			t.Errorf("error %v, want that of the settlement", err)
		}
		if got := d.said("settle"); len(got) != 2 {
			t.Errorf("after a failure the rest was done: %v", got)
		}
	})
}

// TestAMarketThatTakesNothingEndsIt, and after the end of the context nothing is begun.
func TestAMarketThatTakesNothingEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriven(&InPlace{})
		d.full = errors.New("the disk is full")
		if err := d.driver.Advance(t.Context(), time.Now()); !errors.Is(err, d.full) {
			t.Errorf("error %v, want that of the market", err)
		}
		d = newDriven(&InPlace{})
		ended, end := context.WithCancel(t.Context())
		end()
		for range 60 * 20 {
			if err := d.driver.Advance(ended, time.Now()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if len(d.said("close")) == 0 || len(d.said("order")) != 0 || len(d.said("settle")) != 0 {
			t.Errorf("after the end: %v", d.done)
		}
	})
}

// TestAWorkerStops with what it does, leaves the rest, and takes tasks before it runs.
func TestAWorkerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorker()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var done []int
		for k := range 4 {
			w.add(func(ctx context.Context) error {
				if k == 2 {
					stop()
				}
				done = append(done, k)
				return ctx.Err()
			})
		}
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(done, []int{0, 1, 2}) {
			t.Errorf("tasks %v were carried out, want those before it was stopped", done)
		}
	})
}

// TestARefusedOrderIsLoggedOnceADay has the market refuse the same again and again: the log, as
// it stands without -v, tells it once a day with how many there were since, and another reason
// at once.
func TestARefusedOrderIsLoggedOnceADay(t *testing.T) {
	var text strings.Builder
	r := refusals{log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn})), last: map[string]refusal{}}
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	see := func(point, reason string, after time.Duration) {
		r.see(t.Context(), community.Action{Member: "ann"}, point, grid.Order{ID: "o", Side: grid.Offer, Energy: 5}, reason, begin.Add(after))
	}
	for k := range 100 {
		see("roof", "too dear", time.Duration(k)*15*time.Minute)
	}
	see("flat", "too dear", 0)
	see("roof", "too much", 25*time.Hour)
	told := strings.Split(strings.TrimSpace(text.String()), "\n")
	for k, want := range []string{"metering_point=roof", "more_since_last_told=95", "metering_point=flat", `reason="too much"`} {
		if len(told) != 4 || !strings.Contains(told[k], want) || !strings.Contains(told[k], "side=offer energy=5") {
			t.Fatalf("the log, want %s:\n%s", want, text.String())
		}
	}
}
