package network_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

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

func TestOneNodeWorked(t *testing.T) {
	for _, c := range []struct {
		name   string
		orders []grid.Order
		k      int64
		price  grid.Price
		volume grid.Energy
	}{
		{"gap between the marginal orders", []grid.Order{bid("b", 10, 300), offer("o", 10, 100)}, network.Half, 200, 10},
		{"the marginal bid's price under excess demand", []grid.Order{bid("b", 20, 300), offer("o", 10, 100)}, network.Half, 300, 10},
		{"the marginal offer's price under excess supply", []grid.Order{bid("b", 10, 300), offer("o", 20, 100)}, network.Half, 100, 10},
		{"a refused bid lifts the price", []grid.Order{bid("b1", 10, 300), bid("b2", 10, 250), offer("o", 10, 100)}, 0, 250, 10},
		{"a refused offer bounds the price", []grid.Order{bid("b", 10, 300), offer("o1", 10, 100), offer("o2", 10, 150)}, network.One, 150, 10},
		{"equal prices trade", []grid.Order{bid("b", 10, 100), offer("o", 10, 100)}, network.Half, 100, 10},
		{"nothing crosses", []grid.Order{bid("b", 10, 90), offer("o", 10, 100)}, network.Half, 95, 0},
		{"negative prices, rounded down", []grid.Order{bid("b", 10, -50), offer("o", 10, -91)}, network.Half, -71, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := solve(t, network.Case{Feeder: grid.SingleNode(), Orders: c.orders, K: c.k})
			if p := got.Prices["root"]; p == nil || *p != c.price || got.Fills["b"]+got.Fills["b1"]+got.Fills["b2"] != c.volume {
				t.Errorf("price %v, fills %v, want %d Wh at %d", p, got.Fills, c.volume, c.price)
			}
		})
	}
}

func TestMarginIsRationedProRata(t *testing.T) {
	got := solve(t, network.Case{Feeder: grid.SingleNode(), K: network.Half, Orders: []grid.Order{
		bid("b", 10, 300), offer("o1", 5, 100), offer("o3", 20, 200), offer("o2", 10, 200),
	}})
	// 5 Wh are left for o2 and o3 at 1 : 2: 1.67 and 3.33.
	for id, want := range map[string]grid.Energy{"b": 10, "o1": 5, "o2": 2, "o3": 3} {
		if got.Fills[id] != want {
			t.Errorf("%s got %d Wh, want %d", id, got.Fills[id], want)
		}
	}
}

// TestFormatsExample is the example of the file format: 300 Wh of the bid stay
// unfilled, so it sets the price of its node.
func TestFormatsExample(t *testing.T) {
	limit := grid.Energy(2500)
	b1, o1 := bid("b1", 1200, 280_000), offer("o1", 900, 90_000)
	b1.Node = "street-1"
	got := solve(t, network.Case{
		Feeder:  grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street-1", Parent: "root", ExportLimit: &limit, ImportLimit: &limit, Fee: 20_000}}},
		Utility: &network.Utility{Retail: 300_000, FeedIn: 60_000, Limit: 1_000_000}, Orders: []grid.Order{b1, o1}, K: network.Half,
	})
	if *got.Prices["root"] != 260_000 || *got.Prices["street-1"] != 280_000 || got.Fills["b1"] != 900 || got.Fills["o1"] != 900 || got.Flows["street-1"] != -900 {
		t.Errorf("%d and %d, fills %v, flow %d", *got.Prices["root"], *got.Prices["street-1"], got.Fills, got.Flows["street-1"])
	}
}

func solve(t testing.TB, c network.Case) network.Clearing {
	t.Helper()
	got, err := network.Clear(c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// random makes a feeder of up to five nodes with fees and tight limits, and
// orders with few price levels, so that ties, full lines and dead bands are
// frequent.
func random(r *rand.Rand) network.Case {
	c := network.Case{K: int64(r.IntN(network.One + 1))}
	nodes := 1 + r.IntN(5)
	for i := range nodes {
		n := grid.Node{ID: fmt.Sprintf("n%d", i)}
		if i > 0 {
			n.Parent = fmt.Sprintf("n%d", r.IntN(i))
			n.Fee = grid.Price(r.IntN(4))
			if r.IntN(2) == 0 {
				n.ExportLimit = new(grid.Energy(r.IntN(25)))
			}
			if r.IntN(2) == 0 {
				n.ImportLimit = new(grid.Energy(r.IntN(25)))
			}
		}
		c.Feeder.Nodes = append(c.Feeder.Nodes, n)
	}
	if r.IntN(2) == 0 {
		feedIn := grid.Price(r.IntN(8))
		c.Utility = &network.Utility{FeedIn: feedIn, Retail: feedIn + grid.Price(r.IntN(12)), Limit: grid.Energy(r.IntN(60))}
	}
	for i := range 1 + r.IntN(12) {
		o := bid(fmt.Sprintf("o%02d", i), 1+grid.Energy(r.IntN(20)), grid.Price(r.IntN(20)-2))
		if r.IntN(2) == 0 {
			o.Side = grid.Offer
		}
		o.Node = fmt.Sprintf("n%d", r.IntN(nodes))
		c.Orders = append(c.Orders, o)
	}
	return c
}

// welfare of a clearing, in millionths × Wh / kWh, exact on these sizes.
func welfare(c network.Case, got network.Clearing) int64 {
	var sum int64
	for _, o := range c.Orders {
		value := int64(got.Fills[o.ID]) * int64(o.Price)
		if o.Side == grid.Offer {
			value = -value
		}
		sum += value
	}
	for _, n := range c.Feeder.Nodes {
		f := int64(c.Committed[n.ID])
		sum -= int64(n.Fee) * (abs(int64(got.Flows[n.ID])+f) - abs(f))
	}
	if u := c.Utility; u != nil {
		sum += int64(got.Export)*int64(u.FeedIn) - int64(got.Import)*int64(u.Retail)
	}
	return sum
}

func abs(v int64) int64 { return max(v, -v) }

// TestDuality checks on random feeders what the package promises: primal
// feasibility, prices that every order and line agrees with, and the dual
// value, which equals the welfare only at an optimum.
func TestDuality(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 26))
	for n := range 20_000 {
		c := random(r)
		if n%2 == 0 {
			commit(r, &c)
		}
		got := solve(t, c)
		balance := map[string]int64{}
		var dual int64
		for _, o := range c.Orders {
			fill, price := got.Fills[o.ID], *got.Prices[o.Node]
			surplus := int64(o.Price - price)
			if o.Side == grid.Offer {
				surplus = -surplus
				balance[o.Node] += int64(fill)
			} else {
				balance[o.Node] -= int64(fill)
			}
			if fill > o.Energy || surplus < 0 && fill > 0 || surplus > 0 && fill < o.Energy {
				t.Fatalf("case %d: %+v got %d Wh at %d", n, o, fill, price)
			}
			dual += max(surplus, 0) * int64(o.Energy)
		}
		for _, node := range c.Feeder.Nodes {
			if node.Parent == "" {
				balance[node.ID] += int64(got.Import - got.Export)
				continue
			}
			flow := int64(got.Flows[node.ID])
			balance[node.ID] -= flow
			balance[node.Parent] += flow
			dual += checkLine(t, n, node, flow, int64(c.Committed[node.ID]), got)
		}
		for id, b := range balance {
			if b != 0 {
				t.Fatalf("case %d: node %s is %d Wh out of balance", n, id, b)
			}
		}
		if u := c.Utility; u != nil && got.Prices["n0"] != nil {
			price := *got.Prices["n0"]
			dual += int64(u.Limit) * (max(int64(price-u.Retail), 0) + max(int64(u.FeedIn-price), 0))
		}
		if w := welfare(c, got); w != dual {
			t.Fatalf("case %d: welfare %d, dual value %d\n%+v\n%+v", n, w, dual, c, got)
		}
	}
}

// commit lets earlier auctions have used the lines.
func commit(r *rand.Rand, c *network.Case) {
	c.Committed = map[string]grid.Energy{}
	for _, n := range c.Feeder.Nodes {
		low, high := grid.Energy(-30), grid.Energy(30)
		if n.ImportLimit != nil {
			low = -*n.ImportLimit
		}
		if n.ExportLimit != nil {
			high = *n.ExportLimit
		}
		c.Committed[n.ID] = low + grid.Energy(r.IntN(int(high-low)+1))
	}
}

// checkLine checks a line's flow against the prices at its ends and returns
// its part of the dual value: rent, and what relieving the committed flow is
// worth.
func checkLine(t *testing.T, n int, node grid.Node, flow, committed int64, got network.Clearing) int64 {
	t.Helper()
	more := flow
	flow += committed
	exports, imports := int64(1<<50), int64(1<<50)
	if node.ExportLimit != nil {
		exports = int64(*node.ExportLimit)
	}
	if node.ImportLimit != nil {
		imports = int64(*node.ImportLimit)
	}
	if flow > exports || flow < -imports {
		t.Fatalf("case %d: line %s carries %d of %d and %d", n, node.ID, flow, exports, imports)
	}
	child, parent := got.Prices[node.ID], got.Prices[node.Parent]
	if child == nil || parent == nil {
		if more != 0 {
			t.Fatalf("case %d: flow %d without a price", n, more)
		}
		return 0
	}
	out, in := int64(*parent-*child-node.Fee), int64(*child-*parent-node.Fee) // gain of exporting and importing a Wh
	switch {
	case out > 0 && flow < exports, in > 0 && flow > -imports, out < 0 && flow > 0, in < 0 && flow < 0:
		t.Fatalf("case %d: line %s at prices %d and %d with fee %d carries %d", n, node.ID, *child, *parent, node.Fee, flow)
	}
	rent := int64(node.Fee)*abs(committed) - int64(*parent-*child)*committed
	if out > 0 {
		rent += out * exports
	}
	if in > 0 {
		rent += in * imports
	}
	return rent
}

// TestAgainstSimplex compares the welfare with gonum's simplex on small cases.
func TestAgainstSimplex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	compared := 0
	defer func() {
		if compared < 250 {
			t.Errorf("the simplex solved only %d of 300 cases", compared)
		}
	}()
	for n := range 300 {
		c := random(r)
		want, ok := simplex(c)
		if !ok {
			continue
		}
		compared++
		got := welfare(c, solve(t, c))
		if diff := float64(got) - want; diff > 1e-6 || diff < -1e-6 {
			t.Fatalf("case %d: welfare %d, simplex %g\n%+v", n, got, want, c)
		}
	}
}

// simplex solves the same case as a linear programme in standard form: a
// variable for each order, each direction of each line and of the utility, and
// a slack for each bound. gonum's simplex gives up on some degenerate cases.
func simplex(c network.Case) (welfare float64, ok bool) {
	type variable struct {
		cost  float64
		bound float64
		at    map[string]float64 // into the balance of a node
	}
	var vars []variable
	for _, o := range c.Orders {
		v := variable{cost: -float64(o.Price), bound: float64(o.Energy), at: map[string]float64{o.Node: -1}}
		if o.Side == grid.Offer {
			v.cost, v.at[o.Node] = -v.cost, 1
		}
		vars = append(vars, v)
	}
	const far = 1000
	for _, n := range c.Feeder.Nodes {
		if n.Parent == "" {
			continue
		}
		exports, imports := float64(far), float64(far)
		if n.ExportLimit != nil {
			exports = float64(*n.ExportLimit)
		}
		if n.ImportLimit != nil {
			imports = float64(*n.ImportLimit)
		}
		vars = append(vars,
			variable{float64(n.Fee), exports, map[string]float64{n.ID: -1, n.Parent: 1}},
			variable{float64(n.Fee), imports, map[string]float64{n.ID: 1, n.Parent: -1}})
	}
	if u := c.Utility; u != nil {
		vars = append(vars,
			variable{float64(u.Retail), float64(u.Limit), map[string]float64{"n0": 1}},
			variable{-float64(u.FeedIn), float64(u.Limit), map[string]float64{"n0": -1}})
	}
	rows := len(c.Feeder.Nodes) + len(vars)
	a, b, cost := mat.NewDense(rows, 2*len(vars), nil), make([]float64, rows), make([]float64, 2*len(vars))
	for i, v := range vars {
		cost[i] = v.cost
		for k, n := range c.Feeder.Nodes {
			a.Set(k, i, v.at[n.ID])
		}
		row := len(c.Feeder.Nodes) + i
		a.Set(row, i, 1)
		a.Set(row, len(vars)+i, 1)
		b[row] = v.bound
	}
	value, _, err := lp.Simplex(cost, a, b, 1e-10, nil)
	return -value, err == nil
}

// TestOrdersThatCannotBeAddedUp has so many orders of the most energy that their sum would leave
// the range in which they are reckoned with.
func TestOrdersThatCannotBeAddedUp(t *testing.T) {
	c := network.Case{Feeder: grid.SingleNode(), Orders: make([]grid.Order, 1<<20+1)}
	for k := range c.Orders {
		c.Orders[k] = bid(strconv.Itoa(k), 1<<40, 1)
	}
	if _, err := network.Clear(c); err == nil || !strings.Contains(err.Error(), "orders[1048576].energy: the orders up to here") {
		t.Errorf("%v", err)
	}
}

func TestPairsAreOfDifferentMembers(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for n := range 3000 {
		c := random(r)
		for i := range c.Orders {
			c.Orders[i].Member = fmt.Sprint(r.IntN(4))
		}
		c.Utility = nil
		got := solve(t, c)
		paired := map[string]grid.Energy{}
		byID := map[string]grid.Order{}
		for _, o := range c.Orders {
			byID[o.ID] = o
		}
		for _, p := range auction.Pairs(c.Orders, got.Fills, auction.DifferentMembers) {
			if byID[p.Bid].Member == byID[p.Offer].Member || p.Energy <= 0 {
				t.Fatalf("case %d: pair %+v", n, p)
			}
			paired[p.Bid] += p.Energy
			paired[p.Offer] += p.Energy
		}
		bought, sold, total, missing := map[string]grid.Energy{}, map[string]grid.Energy{}, grid.Energy(0), grid.Energy(0)
		for id, fill := range got.Fills {
			if paired[id] > fill {
				t.Fatalf("case %d: %s paired %d of %d", n, id, paired[id], fill)
			}
			if byID[id].Side == grid.Bid {
				bought[byID[id].Member] += fill
				total += fill
				missing += fill - paired[id]
			} else {
				sold[byID[id].Member] += fill
			}
		}
		// What cannot be paired is what a member buys and sells beyond the rest.
		var unavoidable grid.Energy
		for m, b := range bought {
			unavoidable = max(unavoidable, b+sold[m]-total)
		}
		if missing != unavoidable {
			t.Fatalf("case %d: %d Wh without a pair, %d unavoidable", n, missing, unavoidable)
		}
	}
}

func BenchmarkClear100kOrders1000Nodes(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	c := network.Case{K: network.Half, Utility: &network.Utility{Retail: 300_000, FeedIn: 60_000, Limit: 1 << 30}}
	for i := range 1000 {
		n := grid.Node{ID: fmt.Sprintf("n%d", i)}
		if i > 0 {
			n.Parent, n.Fee = fmt.Sprintf("n%d", (i-1)/3), 5000
			n.ExportLimit, n.ImportLimit = new(grid.Energy(50_000)), new(grid.Energy(50_000))
		}
		c.Feeder.Nodes = append(c.Feeder.Nodes, n)
	}
	for i := range 100_000 {
		o := bid(fmt.Sprintf("o%06d", i), 1+grid.Energy(r.IntN(1000)), grid.Price(r.IntN(360_000)))
		if i%2 == 0 {
			o.Side = grid.Offer
		}
		o.Node = fmt.Sprintf("n%d", r.IntN(1000))
		c.Orders = append(c.Orders, o)
	}
	for b.Loop() {
		solve(b, c)
	}
}
