package matching_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// feeder has two zones: the street is behind a line with a fee and a limit,
// the house on it is not.
func feeder() grid.Feeder {
	return grid.Feeder{Nodes: []grid.Node{
		{ID: "root"},
		{ID: "street", Parent: "root", Fee: 30, ExportLimit: new(grid.Energy(60)), ImportLimit: new(grid.Energy(40))},
		{ID: "house", Parent: "street"},
	}}
}

func rules() matching.Config {
	return matching.Config{Feeder: feeder(), Tick: 10, Floor: -100, Ceiling: 700}
}

func newEngine(t testing.TB, c matching.Config) *matching.Engine {
	t.Helper()
	e, err := matching.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// randomCommand is mostly sensible.
func randomCommand(r *rand.Rand, k int) matching.Command {
	c := matching.Command{
		Kind: matching.Submit, Side: grid.Side(1 + r.IntN(2)), Product: 1_000_000 + r.Uint32N(6), Account: 1 + r.Uint32N(8), Time: int64(k),
		Order: uint64(k), Price: grid.Price(10 * (r.IntN(30) - 3)), Energy: grid.Energy(1 + r.IntN(50)),
	}
	earlier := uint64(max(0, k-r.IntN(60)))
	switch p := r.IntN(100); {
	case k < 12: // metering points 1 to 12 of members 1 to 6
		c.Kind, c.Account, c.Member, c.Node = matching.Admit, uint32(k)+1, uint32(k)/2+1, uint32(k)%3
	case p < 6:
		c.Kind = matching.Open
	case p < 8:
		c.Kind = []matching.Kind{matching.Close, matching.Call}[k%2]
	case p < 9:
		c.Kind = matching.Release
	case p < 11:
		c.Kind, c.Energy = matching.Limit, grid.Energy(r.IntN(400))
	case p < 14:
		c.Kind, c.Member, c.Money, c.Price = matching.Fund, r.Uint32N(8), grid.Money(r.IntN(60)), grid.Price(300+100*(k/700))
	case p < 15:
		c.Kind, c.Name = matching.Begin, "other rules"
		if k%2 == 0 {
			c.Name = rules().Digest()
		}
	case p < 26:
		c.Kind, c.Order = matching.Cancel, earlier
		if k%4 == 0 {
			c.Account = 0
		}
	case p < 36:
		c.Kind, c.Order = matching.Replace, earlier
	case p < 44:
		c.Validity = matching.ImmediateOrCancel
	case p < 50:
		c.Validity = matching.FillOrKill
	case p < 58:
		c.Periods, c.Validity = uint8(2+r.IntN(3)), matching.Validity(r.IntN(2))
	case p < 60:
		c.Order = earlier // often a duplicate
	case p < 62: // one field out of range
		switch r.IntN(4) {
		case 0:
			c.Validity += 3
		case 1:
			c.Price++
		case 2:
			c.Price += 700
		default:
			c.Energy -= 50
		}
	case p < 63: // other price steps, some of them impossible
		all := []string{"10 -100 700", "20 -200 400", "5 -10 90", "1 -1000 70000", "10 -95 700", "10 -100 +700", ""}
		c.Kind, c.Name = matching.Requote, all[r.IntN(len(all))]
	case p < 64 && k%3 == 0: // for some products only calls, for some continuous trade too
		c.Kind, c.Name = matching.Arrange, []string{"calls", "continuous", "calls ", ""}[r.IntN(4)]
	case p < 64: // nonsense
		c = matching.Command{
			Kind: matching.Kind(r.IntN(15)), Side: grid.Side(r.IntN(4)), Validity: matching.Validity(r.IntN(5)), Periods: uint8(r.IntN(256)),
			Product: r.Uint32(), Account: r.Uint32N(20), Member: r.Uint32N(20), Node: r.Uint32N(5), Order: r.Uint64N(uint64(k)),
			Price: grid.Price(r.IntN(2000) - 1000), Energy: grid.Energy(r.Int64() - r.Int64()), Money: grid.Money(r.IntN(100) - 50),
		}
	}
	return c
}

// TestMetamorphic drives the engine, the naive reference and an engine that is
// fed from encoded commands and now and then restored from a snapshot with the
// same random commands: they must agree on every event.
func TestMetamorphic(t *testing.T) {
	kinds, reasons := map[matching.EventKind]int{}, map[matching.Reason]int{}
	for seed := range uint64(80) {
		r, rules := rand.New(rand.NewPCG(seed, 7)), rules()
		if seed%4 == 0 {
			rules.Feeder.Nodes = rules.Feeder.Nodes[:1]
		}
		e, reference, replayed := newEngine(t, rules), newNaive(rules), newEngine(t, rules)
		for k := range 1500 {
			c := randomCommand(r, k)
			events := e.Apply(&c)
			if want := reference.Apply(&c); !slices.Equal(events, want) {
				t.Fatalf("seed %d, command %d: %+v gave\n%+v, want\n%+v", seed, k, c, events, want)
			}
			if r.IntN(100) == 0 {
				replayed = restored(t, rules, replayed)
			}
			if again := replayed.Apply(recoded(t, c)); !slices.Equal(events, again) {
				t.Fatalf("seed %d, command %d: %+v gave\n%+v, replayed\n%+v", seed, k, c, events, again)
			}
			for _, ev := range events {
				kinds[ev.Kind]++
				reasons[ev.Reason]++
			}
		}
	}
	for kind := matching.Done; kind <= matching.Called; kind++ {
		if kinds[kind] < 50 {
			t.Errorf("event kind %d came only %d times", kind, kinds[kind])
		}
	}
	for why := matching.NoReason; why <= matching.WrongTrading; why++ {
		if reasons[why] == 0 && why != matching.BlocksFull && (why < matching.OtherVersion || why > matching.TotalReached) { // TestBlocksAreBounded; those of Amend are the market's
			t.Errorf("reason %q never came", why)
		}
	}
}

// restored sends an engine through its snapshot, which must be the same again.
func restored(t *testing.T, c matching.Config, e *matching.Engine) *matching.Engine {
	t.Helper()
	state, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again, err := matching.Restore(c, state)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := again.Snapshot(); err != nil || !bytes.Equal(state, second) {
		t.Fatalf("a restored engine saves other bytes (%v)", err)
	}
	return again
}

// recoded sends a command through its encoding.
func recoded(t *testing.T, c matching.Command) *matching.Command {
	t.Helper()
	b, err := c.AppendBinary([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := matching.DecodeCommand(b[len("before"):])
	if err != nil || len(rest) != 0 || got != c {
		t.Fatalf("%+v became %+v, %d bytes are left, %v", c, got, len(rest), err)
	}
	return &got
}

// FuzzCommands reads commands from bytes, eleven each, and compares the engine
// with the reference.
func FuzzCommands(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		b := make([]byte, 330)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, reference := newEngine(t, rules()), newNaive(rules())
		apply := func(c matching.Command) {
			if got, want := e.Apply(&c), reference.Apply(&c); !slices.Equal(got, want) {
				t.Fatalf("%+v gave\n%+v, want\n%+v", c, got, want)
			}
		}
		for k := range uint32(6) {
			apply(matching.Command{Kind: matching.Admit, Account: k + 1, Member: k/2 + 1, Node: k % 3})
			apply(matching.Command{Kind: matching.Open, Product: k})
		}
		for k := uint64(0); len(b) >= 11 && k < 200; k, b = k+1, b[11:] {
			apply(matching.Command{
				Kind: matching.Kind(b[0] % 15), Side: grid.Side(b[1] % 4), Validity: matching.Validity(b[2] % 4), Periods: b[3] % 5,
				Product: uint32(b[4] % 8), Account: uint32(b[5] % 9), Member: uint32(b[6] % 6), Node: uint32(b[7] % 4), Order: uint64(b[8]),
				Price: grid.Price(b[9])*10 - 500, Name: []string{"", "20 -200 400", "1 -1000 70000", "calls", "continuous"}[b[3]%5], Energy: grid.Energy(b[10]), Money: grid.Money(b[10]) * 3,
			})
		}
	})
}

func TestBlocksAreBounded(t *testing.T) {
	e := newEngine(t, rules())
	e.Apply(&matching.Command{Kind: matching.Admit, Account: 1, Member: 1})
	for product := range uint32(2) {
		e.Apply(&matching.Command{Kind: matching.Open, Product: product})
	}
	block := matching.Command{Kind: matching.Submit, Account: 1, Side: grid.Bid, Periods: 2, Energy: 1, Price: 10}
	for ; block.Order < 64; block.Order++ {
		if events := e.Apply(&block); events[0].Kind != matching.Accepted {
			t.Fatalf("block %d: %v", block.Order, events)
		}
	}
	if events := e.Apply(&block); events[0].Reason != matching.BlocksFull {
		t.Errorf("one block too many: %+v", events)
	}
}

// TestApplyAllocatesNothing drives a market that has reached its size: orders
// come, trade and are cancelled, with and without limits.
func TestApplyAllocatesNothing(t *testing.T) {
	e := newEngine(t, matching.Config{Feeder: grid.SingleNode(), Tick: 1, Floor: 0, Ceiling: 10_000})
	const accounts = 50
	for k := range uint32(accounts) {
		e.Apply(&matching.Command{Kind: matching.Admit, Account: k + 1, Member: k + 1})
		if k%2 == 0 {
			e.Apply(&matching.Command{Kind: matching.Limit, Account: k + 1, Side: grid.Offer, Energy: 1 << 40})
		}
	}
	e.Apply(&matching.Command{Kind: matching.Open, Product: 1})
	r := rand.New(rand.NewPCG(1, 1))
	var c, cancel matching.Command
	cancel.Kind = matching.Cancel
	step := func() {
		c.Order++
		c.Kind, c.Product, c.Account, c.Side = matching.Submit, 1, 1+r.Uint32N(accounts), grid.Side(1+r.IntN(2))
		c.Price, c.Energy = grid.Price(4900+r.IntN(200)), grid.Energy(1+r.IntN(50))
		e.Apply(&c)
		if live := c.Order; live > 2000 {
			cancel.Order = live - 2000
			e.Apply(&cancel)
		}
	}
	for range 100_000 {
		step()
	}
	if n := testing.AllocsPerRun(50_000, step); n != 0 {
		t.Errorf("%g allocations a command", n)
	}
}

// TestAnAmendIsAReplaceByTheRest drives two engines at random: where one is given the total of
// an order and what was filled of it, the other is given what is left of the total. They say
// the same.
func TestAnAmendIsAReplaceByTheRest(t *testing.T) {
	changed := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 31))
		a, b := newEngine(t, rules()), newEngine(t, rules())
		filled := map[uint64]grid.Energy{}
		for k := range 3000 {
			c := randomCommand(r, k)
			if c.Kind != matching.Replace {
				got := slices.Clone(a.Apply(&c))
				if want := b.Apply(&c); !slices.Equal(got, want) {
					t.Fatalf("seed %d, command %d: %+v and %+v", seed, k, got, want)
				}
				noteFills(filled, got)
				continue
			}
			rest := c
			c.Kind, c.Energy, c.Node = matching.Amend, c.Energy+filled[c.Order], 7
			got := slices.Clone(a.Amend(&c, filled[c.Order], 7))
			want := b.Apply(&rest)
			if got[0].Kind == matching.Rejected {
				got[0].Energy = rest.Energy // what was asked for is said as it was asked for
			}
			if changed += len(got); !slices.Equal(got, want) {
				t.Fatalf("seed %d, amend %d: %+v and %+v", seed, k, got, want)
			}
			noteFills(filled, got)
		}
	}
	if changed < 1000 {
		t.Errorf("only %d events of changes", changed)
	}
}

func noteFills(filled map[uint64]grid.Energy, events []matching.Event) {
	for _, ev := range events {
		if ev.Kind == matching.Traded {
			filled[ev.Order] += ev.Energy
			filled[ev.Maker] += ev.Energy
		}
	}
}
