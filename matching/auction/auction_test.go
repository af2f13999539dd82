package auction_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
)

func bid(id string, energy grid.Energy, price grid.Price) grid.Order {
	return grid.Order{ID: id, Member: "m-" + id, Side: grid.Bid, Energy: energy, Price: price}
}

func offer(id string, energy grid.Energy, price grid.Price) grid.Order {
	o := bid(id, energy, price)
	o.Side = grid.Offer
	return o
}

func run(t testing.TB, m auction.Mechanism, c auction.Case) auction.Result {
	t.Helper()
	r, err := m(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func show(r auction.Result) string {
	var s strings.Builder
	for _, t := range r.Trades {
		fmt.Fprintf(&s, "%s<%s %d@%d/%d ", t.Bid, t.Offer, t.Energy, t.BidPrice, t.OfferPrice)
	}
	for _, f := range r.Import {
		fmt.Fprintf(&s, "%s<utility %d@%d ", f.Order, f.Energy, f.Price)
	}
	for _, f := range r.Export {
		fmt.Fprintf(&s, "utility<%s %d@%d ", f.Order, f.Energy, f.Price)
	}
	return strings.TrimSpace(s.String())
}

// TestWorked are cases computed by hand from the papers' rules.
func TestWorked(t *testing.T) {
	backed := &auction.Utility{Retail: 30, FeedIn: 6, Limit: 100}
	for _, c := range []struct {
		name      string
		mechanism auction.Mechanism
		in        auction.Case
		want      string
	}{
		{"pay-as-bid: best with best, the marginal offer in part", auction.PayAsBid, auction.Case{K: auction.Half, Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 5, 20), offer("o1", 8, 10), offer("o2", 10, 16),
		}}, "b1<o1 8@20/20 b1<o2 2@23/23 b2<o2 5@18/18"},
		{"pay-as-bid: the lowest offers sell, not all that could", auction.PayAsBid, auction.Case{K: 0, Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 10, 12), offer("o1", 10, 10), offer("o2", 10, 25),
		}}, "b1<o1 10@10/10"},
		{"pay-as-bid: nobody pays more than retail", auction.PayAsBid, auction.Case{K: auction.One, Utility: backed, Orders: []grid.Order{
			bid("b1", 10, 50), offer("o1", 4, 10), offer("o2", 4, 40), offer("o3", 3, 1),
		}}, "b1<o1 4@30/30 b1<o3 3@30/30 b1<utility 3@30"},
		// Of 110 Wh b2 gets 100. Without it b1 would get 90 more, and the utility
		// keep its 10; without b1 it would keep them too. Without o1, b1 would lose
		// its 10 and b2 90.
		{"vickrey: the utility's limit binds", auction.Vickrey, auction.Case{Utility: &auction.Utility{Retail: 20, FeedIn: 6, Limit: 10}, Orders: []grid.Order{
			bid("b1", 100, 25), bid("b2", 100, 30), offer("o1", 100, 10),
		}}, "b2<o1 10@25/25 b2<o1 80@25/30 b2<o1 10@20/30 b1<utility 10@20"},
		// Without b1 the offer would serve b2, without the offer nobody.
		{"vickrey: a buyer pays whom it displaces", auction.Vickrey, auction.Case{Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 10, 20), offer("o1", 10, 5), offer("o2", 10, 25),
		}}, "b1<o1 10@20/25"},
		// b1's 10 Wh displace 4 Wh of b2 and 6 Wh that would not be made. Without
		// o1, o3 would sell 4 Wh; without o2 b1 would lose 2 Wh besides.
		{"vickrey: one order, two prices", auction.Vickrey, auction.Case{Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 4, 20), offer("o1", 4, 5), offer("o2", 6, 7), offer("o3", 4, 25),
		}}, "b1<o1 4@20/25 b1<o2 4@7/25 b1<o2 2@7/30"},
		// McAfee: the third limits' middle, 7, lies between the second ones.
		{"mcafee: all trade at the middle of the next", auction.McAfee, auction.Case{Orders: []grid.Order{
			bid("b1", 1, 10), bid("b2", 1, 8), bid("b3", 1, 6), offer("o1", 1, 1), offer("o2", 1, 5), offer("o3", 1, 8),
		}}, "b1<o1 1@7/7 b2<o2 1@7/7"},
		{"mcafee: reduction when the middle is refused", auction.McAfee, auction.Case{Orders: []grid.Order{
			bid("b1", 1, 10), bid("b2", 1, 6), bid("b3", 1, 1), offer("o1", 1, 1), offer("o2", 1, 5), offer("o3", 1, 6),
		}}, "b1<o1 1@6/5"},
		// b2 and o2 are marginal; of b1's 10 only 6 can be had.
		{"huang: the marginal pair sets the prices", auction.Huang, auction.Case{Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 10, 20), offer("o1", 6, 5), offer("o2", 20, 15),
		}}, "b1<o1 6@20/15"},
		{"huang: the excess is shared equally", auction.Huang, auction.Case{Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 3, 29), bid("b3", 1, 28), bid("b4", 9, 20), offer("o1", 8, 5), offer("o2", 20, 15),
		}}, "b1<o1 7@20/15 b2<o1 1@20/15"}, // of 6 Wh each gives up 2 but b3, which has 1; the last is b1's
		{"midpoint: the longer side is rationed", auction.Midpoint, auction.Case{Utility: backed, Orders: []grid.Order{
			bid("b1", 10, 30), bid("b2", 20, 18), bid("b3", 5, 17), offer("o1", 9, 5), offer("o2", 4, 20),
		}}, "b1<o1 3@18/18 b2<o1 6@18/18 b1<utility 7@30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(run(t, c.mechanism, c.in)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// random makes a market: with one order a member, or with members who only buy
// or only sell; for mcafee with single units.
func random(r *rand.Rand, onePerMember, oneSided, units bool) auction.Case {
	c := auction.Case{K: int64(r.IntN(auction.One + 1)), Seed: r.Uint64()}
	if r.IntN(2) == 0 {
		feedIn := grid.Price(r.IntN(20))
		c.Utility = &auction.Utility{FeedIn: feedIn, Retail: feedIn + grid.Price(r.IntN(30)), Limit: 1_000_000}
		if r.IntN(2) == 0 {
			c.Utility.Limit = grid.Energy(1 + r.IntN(40))
		}
	}
	for i := range 1 + r.IntN(14) {
		o := bid(fmt.Sprintf("o%02d", i), 1+grid.Energy(r.IntN(20)), grid.Price(r.IntN(45)-3))
		if r.IntN(2) == 0 {
			o.Side = grid.Offer
		}
		switch {
		case onePerMember:
		case oneSided:
			o.Member = fmt.Sprintf("%s%d", o.Side, r.IntN(4))
		default:
			o.Member = fmt.Sprintf("m%d", r.IntN(7))
		}
		if units {
			o.Energy = 7
		}
		c.Orders = append(c.Orders, o)
	}
	return c
}

// gains are what each member's trades are worth to it, price × energy, at the
// given limits, and what the auction keeps.
func gains(c auction.Case, r auction.Result) (byMember map[string]int64, surplus int64) {
	byMember = map[string]int64{}
	orders := map[string]grid.Order{}
	for _, o := range c.Orders {
		orders[o.ID] = o
	}
	for _, t := range r.Trades {
		b, o := orders[t.Bid], orders[t.Offer]
		byMember[b.Member] += int64(b.Price-t.BidPrice) * int64(t.Energy)
		byMember[o.Member] += int64(t.OfferPrice-o.Price) * int64(t.Energy)
		surplus += int64(t.BidPrice-t.OfferPrice) * int64(t.Energy)
	}
	for _, f := range r.Import {
		byMember[orders[f.Order].Member] += int64(orders[f.Order].Price-f.Price) * int64(f.Energy)
	}
	for _, f := range r.Export {
		byMember[orders[f.Order].Member] += int64(f.Price-orders[f.Order].Price) * int64(f.Energy)
	}
	return byMember, surplus
}

func welfare(c auction.Case, r auction.Result) int64 {
	byMember, sum := gains(c, r)
	sum += utilityGain(c, r)
	for _, g := range byMember {
		sum += g
	}
	return sum
}

// optimum is the largest welfare, by the network's clearing, which a linear
// programme checks.
func optimum(t *testing.T, c auction.Case) (welfare int64) {
	t.Helper()
	got, err := network.Clear(network.Case{Feeder: grid.SingleNode(), Utility: c.Utility, Orders: c.Orders, K: network.Half})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range c.Orders {
		value := int64(o.Price) * int64(got.Fills[o.ID])
		if o.Side == grid.Offer {
			value = -value
		}
		welfare += value
	}
	if c.Utility != nil {
		welfare += int64(c.Utility.FeedIn)*int64(got.Export) - int64(c.Utility.Retail)*int64(got.Import)
	}
	return welfare
}

type property struct {
	mechanism              auction.Mechanism
	onePerMember, units    bool
	efficient              bool
	balanced, neverDeficit bool
	truthful               bool
	needsUtility           bool
}

func properties() map[string]property {
	return map[string]property{
		"pay-as-bid": {mechanism: auction.PayAsBid, efficient: true, balanced: true, neverDeficit: true},
		"vickrey":    {mechanism: auction.Vickrey, efficient: true, truthful: true},
		"mcafee":     {mechanism: auction.McAfee, onePerMember: true, units: true, neverDeficit: true, truthful: true},
		"huang":      {mechanism: auction.Huang, onePerMember: true, neverDeficit: true, truthful: true},
		"muda":       {mechanism: auction.MUDA, balanced: true, neverDeficit: true, truthful: true},
		"midpoint":   {mechanism: auction.Midpoint, balanced: true, neverDeficit: true, needsUtility: true},
	}
}

func TestEveryMechanismHasItsProperties(t *testing.T) {
	for name := range auction.Mechanisms() {
		if _, known := properties()[name]; !known {
			t.Errorf("%s: no properties", name)
		}
	}
	for name, p := range properties() {
		t.Run(name, func(t *testing.T) {
			traded := 0
			for seed := range uint64(3000) {
				r := rand.New(rand.NewPCG(seed, 5))
				c := random(r, p.onePerMember, seed%2 == 0, p.units)
				if p.needsUtility && c.Utility == nil {
					continue
				}
				got := run(t, p.mechanism, c)
				traded += len(got.Trades)
				sane(t, seed, c, got)
				_, surplus := gains(c, got)
				best := optimum(t, c)
				switch w := welfare(c, got); {
				case p.efficient && w != best:
					t.Fatalf("seed %d: welfare %d of %d: %s of %+v", seed, w, best, show(got), c.Orders)
				case w > best:
					t.Fatalf("seed %d: welfare %d is more than the optimum %d", seed, w, best)
				case p.balanced && surplus != 0, p.neverDeficit && surplus < 0:
					t.Fatalf("seed %d: surplus %d: %s", seed, surplus, show(got))
				case name == "vickrey" && surplus+utilityGain(c, got) > 0 && !tight(c):
					t.Fatalf("seed %d: vickrey has a surplus of %d: %s", seed, surplus, show(got))
				}
				if again := run(t, p.mechanism, shuffled(r, c)); !reflect.DeepEqual(again, got) {
					t.Fatalf("seed %d: the order of the input matters: %s, then %s", seed, show(got), show(again))
				}
				// A member on both sides uses its own energy first, which is worth
				// something that gains does not see.
				if p.truthful && (p.onePerMember || seed%2 == 0) && (name == "vickrey" || !tight(c)) {
					deviate(t, r, seed, p, c, got)
				}
			}
			if traded < 1000 {
				t.Errorf("only %d trades", traded)
			}
		})
	}
}

// tight tells whether the utility's limit can bind.
func tight(c auction.Case) bool { return c.Utility != nil && c.Utility.Limit < 1000 }

func shuffled(r *rand.Rand, c auction.Case) auction.Case {
	c.Orders = append([]grid.Order(nil), c.Orders...)
	r.Shuffle(len(c.Orders), func(i, j int) { c.Orders[i], c.Orders[j] = c.Orders[j], c.Orders[i] })
	return c
}

// sane checks what every mechanism owes: individual rationality for each unit
// but in vickrey for each order, energy, no trade with oneself.
func sane(t *testing.T, seed uint64, c auction.Case, r auction.Result) {
	t.Helper()
	orders, filled := map[string]grid.Order{}, map[string]grid.Energy{}
	for _, o := range c.Orders {
		orders[o.ID] = o
	}
	check := func(id string, side grid.Side, energy grid.Energy, price grid.Price) {
		o := orders[id]
		filled[id] += energy
		if o.Side != side || energy <= 0 || filled[id] > o.Energy || side == grid.Bid && price > o.Price || side == grid.Offer && price < o.Price {
			t.Fatalf("seed %d: %d Wh at %d for %+v: %s", seed, energy, price, o, show(r))
		}
	}
	for _, x := range r.Trades {
		check(x.Bid, grid.Bid, x.Energy, x.BidPrice)
		check(x.Offer, grid.Offer, x.Energy, x.OfferPrice)
		if orders[x.Bid].Member == orders[x.Offer].Member {
			t.Fatalf("seed %d: %s trades with itself: %s", seed, orders[x.Bid].Member, show(r))
		}
	}
	for _, f := range r.Import {
		check(f.Order, grid.Bid, f.Energy, f.Price)
	}
	for _, f := range r.Export {
		check(f.Order, grid.Offer, f.Energy, f.Price)
	}
}

// deviate lets a member lie about its limits: it must not gain by its true ones.
func deviate(t *testing.T, r *rand.Rand, seed uint64, p property, c auction.Case, honest auction.Result) {
	t.Helper()
	member := c.Orders[r.IntN(len(c.Orders))].Member
	before, _ := gains(c, honest)
	lie := c
	lie.Orders = append([]grid.Order(nil), c.Orders...)
	for i := range lie.Orders {
		if lie.Orders[i].Member == member {
			lie.Orders[i].Price += grid.Price(r.IntN(21) - 10)
		}
	}
	after, _ := gains(c, run(t, p.mechanism, lie)) // valued at the true limits
	if after[member] > before[member] {
		t.Fatalf("seed %d: %s gains %d by lying, %d honestly: %+v as %+v: %s, honestly %s", seed, member, after[member], before[member],
			c.Orders, lie.Orders, show(run(t, p.mechanism, lie)), show(honest))
	}
}

// TestReductionIsSmall compares the volumes of mcafee with the efficient ones.
func TestReductionIsSmall(t *testing.T) {
	for seed := range uint64(1000) {
		c := random(rand.New(rand.NewPCG(seed, 6)), true, false, true)
		c.Utility = nil
		best, err := network.Clear(network.Case{Feeder: grid.SingleNode(), Orders: c.Orders, K: network.Half})
		if err != nil {
			t.Fatal(err)
		}
		var units int
		for _, o := range c.Orders {
			if o.Side == grid.Bid && best.Fills[o.ID] > 0 {
				units += int(best.Fills[o.ID])
			}
		}
		if got := len(run(t, auction.McAfee, c).Trades); got < units/7-1 {
			t.Fatalf("seed %d: %d trades of %d efficient ones", seed, got, units/7)
		}
	}
}

// TestMUDANearsTheOptimum grows a market: the two halves then have more and
// more the same price and balance.
func TestMUDANearsTheOptimum(t *testing.T) {
	share := func(members int) float64 {
		r := rand.New(rand.NewPCG(1, 1))
		var got, best int64
		for seed := range uint64(10) {
			c := auction.Case{K: auction.Half, Seed: seed}
			for i := range members {
				o := bid(fmt.Sprintf("o%04d", i), 1+grid.Energy(r.IntN(20)), grid.Price(r.IntN(30_000)))
				if i%2 == 0 {
					o.Side = grid.Offer
				}
				c.Orders = append(c.Orders, o)
			}
			got += welfare(c, run(t, auction.MUDA, c))
			best += optimum(t, c)
		}
		return float64(got) / float64(best)
	}
	small, medium, large := share(40), share(400), share(4000)
	if !(small < medium && medium < large && large > 0.93 && large < 1) {
		t.Errorf("shares of the optimum with 40, 400 and 4000 members: %.3f, %.3f, %.3f", small, medium, large)
	}
}

func TestRefusals(t *testing.T) {
	twice := []grid.Order{bid("b1", 5, 10), bid("b2", 5, 10), offer("o1", 5, 1)}
	twice[1].Member = twice[0].Member
	uneven := []grid.Order{bid("b1", 5, 10), offer("o1", 6, 1)}
	for want, err := range map[string]error{
		`orders[1].member: "m-b1" has several orders: mcafee`: second(auction.McAfee(auction.Case{Orders: twice})),
		`orders[1].member: "m-b1" has several orders: huang`:  second(auction.Huang(auction.Case{Orders: twice})),
		"orders[1].energy: 6 Wh: orders: mcafee allows":       second(auction.McAfee(auction.Case{Orders: uneven})),
		"utility: missing": second(auction.Midpoint(auction.Case{Orders: uneven})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func second(_ auction.Result, err error) error { return err }

// TestPreferencesBreakTies lets a bid prefer one of two equal offers.
func TestPreferencesBreakTies(t *testing.T) {
	orders := []grid.Order{bid("b1", 5, 20), bid("b2", 5, 20), offer("o1", 5, 10), offer("o2", 5, 10)}
	for _, m := range []auction.Mechanism{auction.PayAsBid, auction.Vickrey} {
		got := run(t, m, auction.Case{K: auction.Half, Orders: orders, Prefers: func(b, o grid.Order) bool { return b.ID == "b1" && o.ID == "o2" }})
		if s := show(got); !strings.HasPrefix(s, "b1<o2 5") || !strings.Contains(s, "b2<o1 5") {
			t.Errorf("got %s", s)
		}
	}
}

func TestAllocationKeys(t *testing.T) {
	consumers := []auction.Consumer{
		{ID: "a", Consumption: 300, Share: 500, Rank: 2}, {ID: "b", Consumption: 100, Share: 300, Rank: 1}, {ID: "c", Consumption: 0, Share: 100, Rank: 0},
	}
	for _, c := range []struct {
		key        auction.Key
		generation grid.Energy
		want       []grid.Energy
	}{
		{auction.Static, 200, []grid.Energy{100, 60, 0}},
		{auction.Static, 1000, []grid.Energy{300, 100, 0}}, // capped at consumption
		{auction.Dynamic, 200, []grid.Energy{150, 50, 0}},
		{auction.Dynamic, 1000, []grid.Energy{300, 100, 0}},
		{auction.Priority, 200, []grid.Energy{100, 100, 0}},
		{auction.Priority, 50, []grid.Energy{0, 50, 0}},
	} {
		if got, err := auction.Allocate(c.key, c.generation, consumers); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s of %d Wh: %v, %v, want %v", c.key, c.generation, got, err, c.want)
		}
	}
	for want, call := range map[string]func() error{
		`key: "lottery"`:    func() error { return failed(auction.Allocate("lottery", 1, consumers)) },
		"share: 1100 ‰":     func() error { return failed(auction.Allocate(auction.Static, 1, []auction.Consumer{{Share: 1100}})) },
		"generation: -1 Wh": func() error { return failed(auction.Allocate(auction.Dynamic, -1, nil)) },
		"consumers[0]: consum": func() error {
			return failed(auction.Allocate(auction.Dynamic, 1, []auction.Consumer{{Consumption: -1}}))
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func failed(_ []grid.Energy, err error) error { return err }

// TestAllocationsAddUp draws random metered energies: nobody gets more than it
// consumed, and dynamic and priority give all that can be used.
func TestAllocationsAddUp(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 8))
		var consumers []auction.Consumer
		var consumed grid.Energy
		for i := range 1 + r.IntN(8) {
			c := auction.Consumer{ID: fmt.Sprint(i), Consumption: grid.Energy(r.IntN(50)), Share: grid.PerMille(r.IntN(125)), Rank: r.IntN(3)}
			consumers = append(consumers, c)
			consumed += c.Consumption
		}
		generation := grid.Energy(r.IntN(300))
		for _, k := range []auction.Key{auction.Static, auction.Dynamic, auction.Priority} {
			parts, err := auction.Allocate(k, generation, consumers)
			if err != nil {
				t.Fatal(err)
			}
			var sum grid.Energy
			for i, part := range parts {
				if sum += part; part < 0 || part > consumers[i].Consumption {
					t.Fatalf("seed %d, %s: %d Wh of %+v", seed, k, part, consumers[i])
				}
			}
			if sum > generation || k != auction.Static && sum != min(generation, consumed) {
				t.Fatalf("seed %d, %s: %d Wh of %d generated and %d consumed", seed, k, sum, generation, consumed)
			}
		}
	}
}
