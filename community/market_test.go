package community_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/tariff"
)

var first = grid.IntervalAt(start, 15).Shift(1)

func newMarket(t testing.TB) *community.Market {
	t.Helper()
	m, err := community.NewMarket(config("ann", "bob", "cy"), grid.SingleNode(), tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// openMarket has members with a metering point each and the first product open.
// Cy can export 4 kW, which are 1000 Wh in 15 minutes.
func openMarket(t testing.TB) *community.Market {
	t.Helper()
	m := newMarket(t)
	commands, err := m.Admissions([]community.Point{
		{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}, {MeteringPoint: "mp-cy", Member: "cy", Export: new(grid.Power(4000))},
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, append(commands, m.Command(community.Action{Step: community.Open, Time: start, Product: product(0)})))
	return m
}

func product(n int) grid.Product { return grid.Product{Community: "c", Interval: first.Shift(n)} }

func apply(m *community.Market, commands []matching.Command) (events []community.Event) {
	for i := range commands {
		m.Apply(&commands[i])
		events = append(events, m.Events()...)
	}
	return events
}

func order(client, member string, side grid.Side, energy grid.Energy, price grid.Price) community.Submission {
	return community.Submission{Product: product(0), Time: start, Order: grid.Order{
		ID: client, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: energy, Price: price,
	}}
}

// submit enters a submission and returns where it stands.
func submit(t testing.TB, m *community.Market, s community.Submission) community.Order {
	t.Helper()
	number, commands, err := m.Submit(s)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, commands)
	o, known := m.Order(number)
	if !known {
		t.Fatalf("order %d is not known", number)
	}
	return o
}

// BenchmarkOrder enters an offer and the bid that takes it: two orders and a trade.
func BenchmarkOrder(b *testing.B) {
	m, n := openMarket(b), 0
	for b.Loop() {
		n++
		for _, s := range []community.Submission{
			order(fmt.Sprint("o", n), "ann", grid.Offer, 500, 100_000), order(fmt.Sprint("b", n), "bob", grid.Bid, 500, 120_000),
		} {
			if o := submit(b, m, s); o.Reason != "" {
				b.Fatalf("%+v", o)
			}
		}
	}
}

func change(m *community.Market, c community.Change) ([]matching.Command, error) {
	_, commands, err := m.Change(c)
	return commands, err
}

func TestOrdersStandWhereTheyStand(t *testing.T) {
	m := openMarket(t)
	if o := submit(t, m, order("o1", "ann", grid.Offer, 500, 100_000)); o.Status != community.Waiting || o.Left != 500 || o.Number != 1 {
		t.Errorf("offered: %+v", o)
	}
	if o := submit(t, m, order("b1", "bob", grid.Bid, 300, 120_000)); o.Status != community.Filled || o.Filled != 300 || o.Left != 0 {
		t.Errorf("bought: %+v", o)
	}
	if o, _ := m.Find("ann", "o1"); o.Status != community.Waiting || o.Filled != 300 || o.Left != 200 {
		t.Errorf("partly sold: %+v", o)
	}
	if o := submit(t, m, order("o2", "cy", grid.Offer, 1001, 100_000)); o.Status != community.IsRejected || !strings.Contains(o.Reason, "more than the metering point can carry") {
		t.Errorf("sold more than the roof makes: %+v", o)
	}
	ioc := order("b2", "bob", grid.Bid, 400, 100_000)
	ioc.Validity = matching.ImmediateOrCancel
	if o := submit(t, m, ioc); o.Status != community.IsCancelled || o.Filled != 200 || o.Left != 0 {
		t.Errorf("immediate or cancel: %+v", o)
	}
	o3 := submit(t, m, order("o3", "ann", grid.Offer, 50, 200_000))
	replace, err := change(m, community.Change{Member: "ann", ClientID: "o3", Energy: 70, Price: 210_000, Time: start})
	if err != nil {
		t.Fatal(err)
	}
	apply(m, replace)
	if o, _ := m.Order(o3.Number); o.Status != community.Waiting || o.Left != 70 || o.Limit != 210_000 || o.Price != 200_000 {
		t.Errorf("replaced: %+v", o)
	}
	if _, err := change(m, community.Change{Member: "bob", ClientID: "o3", Cancel: true}); !errors.Is(err, community.ErrNoOrder) {
		t.Errorf("bob cancelled ann's order: %v", err)
	}
	cancel, err := change(m, community.Change{Member: "ann", ClientID: "o3", Cancel: true, Time: start})
	if err != nil {
		t.Fatal(err)
	}
	if events := apply(m, cancel); len(events) != 1 || events[0].Kind != community.Cancelled || events[0].ClientID != "o3" || events[0].Order.Energy != 70 {
		t.Errorf("events %+v", events)
	}
	// What is cancelled has nothing to be cancelled, and nobody can make the log grow by asking.
	if again, err := change(m, community.Change{Member: "ann", ClientID: "o3", Cancel: true}); err != nil || len(again) != 0 {
		t.Errorf("cancelled twice: %+v, %v", again, err)
	}
	// What is refused changes nothing but to be told, and can be told.
	for _, c := range []community.Change{{Member: "ann", ClientID: "o3", Energy: 5, Price: 100}} {
		again, err := change(m, c)
		if err != nil {
			t.Fatal(err)
		}
		events := apply(m, again)
		if b, err := json.Marshal(events); err != nil || len(events) != 1 || events[0].Kind != community.Rejected || events[0].Product != product(0) {
			t.Errorf("%s, %v", b, err)
		}
		if o, _ := m.Order(o3.Number); o.Status != community.IsCancelled || o.Reason != "by the member" {
			t.Errorf("after a refused change: %+v", o)
		}
	}
	b3 := submit(t, m, order("b3", "bob", grid.Bid, 10, 100))
	apply(m, []matching.Command{m.Command(community.Action{Step: community.Close, Time: start, Product: product(0)})})
	if o, _ := m.Order(b3.Number); o.Status != community.IsExpired {
		t.Errorf("after the gate: %+v", o)
	}
}

func TestSubmittingAgainChangesNothing(t *testing.T) {
	m := openMarket(t)
	s := order("mine", "ann", grid.Offer, 500, 100_000)
	number, commands, err := m.Submit(s)
	if err != nil || len(commands) != 1 {
		t.Fatal(commands, err)
	}
	if again, none, err := m.Submit(s); again != number || len(none) != 0 || err != nil {
		t.Errorf("again, before it was applied: %d, %v, %v", again, none, err)
	}
	apply(m, commands)
	replace, err := change(m, community.Change{Member: "ann", ClientID: "mine", Energy: 400, Price: 90_000, Time: start})
	if err != nil {
		t.Fatal(err)
	}
	apply(m, replace)
	if again, none, err := m.Submit(s); again != number || len(none) != 0 || err != nil {
		t.Errorf("again, after a replacement: %d, %v, %v", again, none, err)
	}
	other := s
	other.Order.Energy = 501
	for want, s := range map[string]community.Submission{
		`client_id: "mine" is the id of another order`:            other,
		`client_id: "" : use`:                                     order("", "ann", grid.Offer, 1, 1),
		`metering_point: "mp-zed" is not part`:                    order("z", "zed", grid.Offer, 1, 1),
		`metering_point: "mp-ann" does not belong to member`:      {Product: product(0), Order: grid.Order{ID: "x", Member: "bob", MeteringPoint: "mp-ann"}},
		`product.community: this is the market of "c"`:            {Order: grid.Order{ID: "x", Member: "bob", MeteringPoint: "mp-bob"}},
		`interval: 1970-01-01T00:00:00Z/1: delivery intervals of`: {Product: grid.Product{Community: "c", Interval: grid.Interval{Minutes: 1}}, Order: grid.Order{ID: "x", Member: "bob", MeteringPoint: "mp-bob"}},
	} {
		_, _, err := m.Submit(s)
		if !errors.As(err, new(*community.RefusedError)) || !strings.Contains(strings.ReplaceAll(err.Error(), `"": `, `"" : `), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if o := submit(t, m, order("mine", "bob", grid.Offer, 1, 100_000)); o.Number == number {
		t.Error("two members share an id")
	}
}

// TestSnapshotAndReplayAgree drives a market at random, and two others by its
// commands: one from the start, one restored again and again. All must agree on
// every event, and on what they save.
func TestSnapshotAndReplayAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	m, replayed, restored := openMarket(t), openMarket(t), openMarket(t)
	near := func(k int) grid.Product { return product(k/20 + r.IntN(3)) } // later and later
	for k := range 3000 {
		var commands []matching.Command
		var err error
		members := []string{"ann", "bob", "cy"}
		switch now := start.Add(time.Duration(k) * 20 * time.Second); r.IntN(8) {
		case 0:
			commands, err = change(m, community.Change{Member: members[r.IntN(3)], ClientID: fmt.Sprint("n", k-r.IntN(30)), Cancel: true, Time: now})
		case 1:
			step := community.Open
			if r.IntN(2) == 0 {
				step = community.Close
			}
			commands = []matching.Command{m.Command(community.Action{Step: step, Time: now, Product: near(k)})}
		case 2:
			commands, err = change(m, community.Change{
				Member: members[r.IntN(3)], ClientID: fmt.Sprint("n", k-r.IntN(30)), Energy: grid.Energy(1 + r.IntN(60)), Price: grid.Price(100 * r.IntN(20)), Time: now,
				Version: r.Uint32N(3),
			})
		case 3:
			if _, commands = m.Withdraw(community.Withdrawal{Member: members[r.IntN(3)], Time: now}); k%9 > 0 {
				commands = nil
			}
		default:
			s := order(fmt.Sprint("n", k-r.IntN(2)), members[r.IntN(3)], grid.Side(1+r.IntN(2)), grid.Energy(1+r.IntN(60)), grid.Price(100*r.IntN(20)))
			s.Product, s.Time, s.Periods = near(k), now, uint8(r.IntN(3))
			_, commands, err = m.Submit(s)
		}
		if err != nil && !errors.As(err, new(*community.RefusedError)) && !errors.Is(err, community.ErrNoOrder) {
			t.Fatal(err)
		}
		if r.IntN(20) == 0 {
			state, err := restored.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			restored = newMarket(t)
			if err := restored.Restore(state); err != nil {
				t.Fatal(err)
			}
		}
		want := apply(m, commands)
		if got := apply(replayed, commands); !reflect.DeepEqual(got, want) {
			t.Fatalf("command %d: replayed\n%+v, want\n%+v", k, got, want)
		}
		if got := apply(restored, commands); !reflect.DeepEqual(got, want) {
			t.Fatalf("command %d: restored\n%+v, want\n%+v", k, got, want)
		}
	}
	want, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*community.Market{replayed, restored} {
		if got, err := other.Snapshot(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("another snapshot (%v):\n%s\nwant\n%s", err, got, want)
		}
	}
	if m.Counts().Trades < 20 || m.Counts().Cleared < 5 {
		t.Errorf("too little happened: %+v", m.Counts())
	}
}

func TestOrdersAreForgottenAfterADay(t *testing.T) {
	m := openMarket(t)
	o := submit(t, m, order("old", "ann", grid.Offer, 10, 1000))
	for n := range 98 {
		if _, known := m.Order(o.Number); !known {
			t.Fatalf("forgotten after %d intervals", n)
		}
		apply(m, []matching.Command{
			m.Command(community.Action{Step: community.Open, Time: start, Product: product(n)}),
			m.Command(community.Action{Step: community.Close, Time: start, Product: product(n)}),
		})
	}
	if _, known := m.Find("ann", "old"); known {
		t.Error("an order of the day before is remembered")
	}
}

func TestAdmissions(t *testing.T) {
	m := openMarket(t)
	known := []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}}
	if commands, err := m.Admissions(known, start); err != nil || len(commands) != 0 {
		t.Errorf("admitted twice: %v, %v", commands, err)
	}
	more := []community.Point{{MeteringPoint: "mp-cy", Member: "cy", Export: new(grid.Power(8000))}}
	if commands, err := m.Admissions(more, start); err != nil || len(commands) != 1 || commands[0].Energy != 2000 || commands[0].Side != grid.Offer {
		t.Errorf("another limit: %v, %v", commands, err)
	} else {
		apply(m, commands)
	}
	if o := submit(t, m, order("bigger", "cy", grid.Offer, 2000, 100_000)); o.Status != community.Waiting {
		t.Errorf("within the new limit: %+v", o)
	}
	if _, err := m.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "bob"}}, start); err == nil || !strings.Contains(err.Error(), "belongs to member ann") {
		t.Errorf("a metering point changed hands: %v", err)
	}
	if _, err := m.Admissions([]community.Point{{MeteringPoint: "new", Member: "bob", Node: "nowhere"}}, start); err == nil || !strings.Contains(err.Error(), `no node "nowhere"`) {
		t.Errorf("an unknown node: %v", err)
	}
}

func TestOnTick(t *testing.T) {
	m := newMarket(t)
	for _, c := range []struct {
		side        grid.Side
		price, want grid.Price
	}{
		{grid.Bid, 12_345, 12_300}, {grid.Offer, 12_345, 12_400}, {grid.Bid, -12_345, -12_400}, {grid.Offer, -12_345, -12_300}, {grid.Bid, 500, 500},
	} {
		if got := m.OnTick(grid.Interval{Start: 0, Minutes: 15}, grid.Order{Side: c.side, Price: c.price}).Price; got != c.want {
			t.Errorf("%v at %d became %d, want %d", c.side, c.price, got, c.want)
		}
	}
}

// TestTradeOverALine: two homes on a street and one at the root. On the street
// trade is continuous; over its line, which has a fee and a limit, the call
// auction trades, at gate closure or before, and settlement pays grid operator and
// fund. What was called before fills the line: the calls after it add nothing.
func TestTradeOverALine(t *testing.T) {
	for _, steps := range [][]community.Step{{community.Close}, {community.Call, community.Call, community.Close}} {
		t.Run(fmt.Sprint(len(steps), " steps"), func(t *testing.T) { tradeOverALine(t, steps) })
	}
}

func tradeOverALine(t *testing.T, steps []community.Step) {
	feeder := grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: 20_000, ImportLimit: new(grid.Energy(300))}}}
	m, err := community.NewMarket(config("ann", "bob", "cy"), feeder, tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := m.Admissions([]community.Point{
		{MeteringPoint: "mp-ann", Member: "ann", Node: "street"}, {MeteringPoint: "mp-bob", Member: "bob", Node: "street"}, {MeteringPoint: "mp-cy", Member: "cy"},
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, append(commands, m.Command(community.Action{Step: community.Open, Time: start, Product: product(0)})))
	if o := submit(t, m, order("o1", "cy", grid.Offer, 500, 100_000)); o.Status != community.Waiting {
		t.Errorf("%+v", o)
	}
	if o := submit(t, m, order("b1", "ann", grid.Bid, 700, 250_000)); o.Filled != 0 {
		t.Errorf("traded over the line at once: %+v", o)
	}
	if o := submit(t, m, order("o2", "bob", grid.Offer, 200, 200_000)); o.Filled != 200 {
		t.Errorf("no trade on the street: %+v", o)
	}
	for _, step := range steps {
		apply(m, []matching.Command{m.Command(community.Action{Step: step, Time: start, Product: product(0)})})
		o, _ := m.Find("ann", "b1")
		if open := step == community.Call; o.Filled != 500 || open != (o.Status == community.Waiting) {
			t.Errorf("over the line: %+v", o)
		}
	}
	flow := func(imported, exported grid.Energy) grid.Flow { return grid.Flow{Import: imported, Export: exported} }
	run, err := m.Settle(first, 1, []record.Metered{
		{MeteringPoint: "mp-ann", Flow: flow(500, 0)}, {MeteringPoint: "mp-bob", Flow: flow(0, 200)}, {MeteringPoint: "mp-cy", Flow: flow(0, 300)},
	}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	balance := map[string]grid.Money{}
	for _, p := range run.Postings() {
		balance[p.Debit] -= p.Amount
		balance[p.Credit] += p.Amount
	}
	// Bob's 200 Wh at ann's limit, which waited: 50,000. Over the full line 300 Wh
	// at ann's limit, 75,000, of which cy gets 30,000 at its own, the grid operator 6,000.
	want := map[string]grid.Money{"mp-ann": -125_000, "mp-bob": 50_000, "mp-cy": 30_000, "grid": 6_000, "fund": 39_000}
	if !reflect.DeepEqual(balance, want) {
		t.Errorf("balances %v, want %v", balance, want)
	}
}

// TestZeroIsALimit has a metering point that may give nothing, one that may take nothing, and
// takes both limits away again: a limit of 0 W is one, no limit is none, and what was saved
// before that could be said counts as it did.
func TestZeroIsALimit(t *testing.T) {
	m := openMarket(t)
	limited := func(imports, exports *grid.Power) {
		commands, err := m.Admissions([]community.Point{{MeteringPoint: "mp-zoe", Member: "zoe", Import: imports, Export: exports}}, start)
		if err != nil {
			t.Fatal(err)
		}
		apply(m, commands)
	}
	try := func(id string, side grid.Side, taken bool) {
		t.Helper()
		o := submit(t, m, order(id, "zoe", side, 1, 100))
		if (o.Status != community.IsRejected) != taken || !taken && !strings.Contains(o.Reason, "can carry") {
			t.Errorf("%s of %s: %+v, want it taken: %t", id, side, o, taken)
		}
	}
	limited(nil, nil)
	try("0", grid.Offer, true) // before any limit
	limited(nil, new(grid.Power(0)))
	try("1", grid.Offer, false)
	try("2", grid.Bid, true)
	limited(new(grid.Power(0)), nil)
	try("3", grid.Offer, true)
	try("4", grid.Bid, false)
	state, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if m = newMarket(t); m.Restore(state) != nil {
		t.Fatal("the market is not restored")
	}
	if p := m.Point("mp-zoe"); *p.Import != 0 || p.Export != nil || *m.Point("mp-cy").Export != 4000 {
		t.Errorf("restored: %+v, %+v", p, m.Point("mp-cy"))
	}
	before := bytes.Replace(state, []byte(`"MeteringPoint":"mp-zoe","Member":"zoe","Node":"root","Takes":0`), []byte(`"MeteringPoint":"mp-zoe","Member":"zoe","Node":"root","Import":0,"Export":7000`), 1)
	if m = newMarket(t); bytes.Equal(before, state) || m.Restore(before) != nil {
		t.Fatalf("an older state is not restored: %s", before)
	}
	if p := m.Point("mp-zoe"); p.Import != nil || *p.Export != 7000 {
		t.Errorf("restored from an older state: %+v", p)
	}
}
