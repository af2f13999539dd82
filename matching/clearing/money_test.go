package clearing

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// auctionOf is a case at one place with a utility.
func auctionOf(retail, feedIn grid.Price, limit grid.Energy, orders ...Order) Case {
	return Case{Mechanism: Uniform, Utility: &Utility{Retail: retail, FeedIn: feedIn, Limit: &limit}, Orders: orders}
}

func wanted(id string, energy grid.Energy, price grid.Price, node string) Order {
	return Order{ID: id, Member: id, Side: grid.Bid, Energy: energy, Price: price, Node: node}
}

func offered(id string, energy grid.Energy, price grid.Price, node string) Order {
	o := wanted(id, energy, price, node)
	o.Side = grid.Offer
	return o
}

// TestAUtilityAtItsLimitLeavesRent reckons by hand: members pay the price of what is scarce,
// the utility gets and asks its own, and the difference is rent, on either side and whoever
// else trades.
func TestAUtilityAtItsLimitLeavesRent(t *testing.T) {
	for name, c := range map[string]struct {
		Case

		rent  grid.Money
		price grid.Price
	}{
		// 100 Wh that cost 0.10 are paid with 0.30.
		"it cannot sell enough": {auctionOf(100_000, 60_000, 100, wanted("b", 150, 300_000, "")), 20_000, 300_000},
		// 100 Wh that it pays 0.06 for are offered at 0.01.
		"it cannot buy enough": {auctionOf(100_000, 60_000, 100, offered("o", 150, 10_000, "")), 5_000, 10_000},
		// 30 Wh of a neighbour cost the members 0.30 as well, and that is no rent.
		"beside a neighbour": {auctionOf(100_000, 60_000, 100, wanted("b", 150, 300_000, ""), offered("o", 30, 90_000, "")), 20_000, 300_000},
		// Whoever wants the last Wh sets the price, which its limit does not.
		"it can do all": {auctionOf(100_000, 60_000, 200, wanted("b", 150, 300_000, "")), 0, 100_000},
		// Nothing is left to be had at all.
		"it does nothing": {auctionOf(100_000, 60_000, 0, wanted("b", 150, 300_000, "")), 0, 0},
	} {
		r, err := c.Clear()
		if err != nil {
			t.Fatal(err)
		}
		var price grid.Price
		if r.ClearingPrice != nil {
			price = *r.ClearingPrice
		}
		if r.CongestionRent != c.rent || price != c.price || r.BudgetSurplus != 0 {
			t.Errorf("%s: rent %d, price %d, surplus %d, want rent %d, price %d", name, r.CongestionRent, price, r.BudgetSurplus, c.rent, c.price)
		}
	}
}

// TestARequiredSourceLeavesTheSameRent clears the same with a bid that only takes the sun's
// energy beside, so that each source has its own price.
func TestARequiredSourceLeavesTheSameRent(t *testing.T) {
	text := `{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform",
"utility": {"retail": 100000, "feed_in": 60000, "limit": 100}, "orders": [
{"id": "b", "member": "b", "side": "bid", "energy": 150, "price": 300000},
{"id": "s", "member": "s", "side": "bid", "energy": 10, "price": 200000, "requires": {"source": ["solar"]}},
{"id": "w", "member": "w", "side": "offer", "energy": 20, "price": 80000, "source": "wind"},
{"id": "p", "member": "p", "side": "offer", "energy": 10, "price": 90000, "source": "solar"}]}`
	c, err := Parse([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Clear()
	if err != nil {
		t.Fatal(err)
	}
	if r.CongestionRent != 20_000 || r.BudgetSurplus != 0 || r.Utility.Import != 100 {
		t.Errorf("rent %d, surplus %d, %+v", r.CongestionRent, r.BudgetSurplus, r.Utility)
	}
}

// star is a root with lines of a fee to so many nodes.
func star(nodes int, fee grid.Price, limit *grid.Energy) *grid.Feeder {
	f := grid.Feeder{Nodes: []grid.Node{{ID: "root"}}}
	for n := range nodes {
		f.Nodes = append(f.Nodes, grid.Node{ID: fmt.Sprint("n", n), Parent: "root", Fee: fee, ImportLimit: limit})
	}
	return &f
}

// TestEverySumIsChecked lets each sum of the result leave 64 bits: the case is refused, and
// the refusal names the field.
func TestEverySumIsChecked(t *testing.T) {
	const much, dear = 1 << 40, 1 << 40
	fees := Case{Mechanism: Uniform, Feeder: star(8, dear/4, nil)}
	rents := Case{Mechanism: Uniform, Feeder: star(20, 0, new(grid.Energy(much/2)))}
	for n := range 20 {
		if n < 8 {
			fees.Orders = append(fees.Orders, offered(fmt.Sprint("s", n), much/16, -dear, ""), wanted(fmt.Sprint("b", n), much/16, dear, fmt.Sprint("n", n)))
		}
		rents.Orders = append(rents.Orders, offered(fmt.Sprint("s", n), much/64, -dear, ""), wanted(fmt.Sprint("b", n), much/64+1, dear, fmt.Sprint("n", n)))
	}
	rents.Feeder = star(20, 0, new(grid.Energy(much/64)))
	payments := Case{Mechanism: "vickrey"}
	for n := range 16 {
		payments.Orders = append(payments.Orders, offered(fmt.Sprint("s", n), much/64, -dear, ""), wanted(fmt.Sprint("b", n), much/64, dear, ""))
	}
	for want, c := range map[string]Case{
		"fee: grid_fees, of the lines up to here":  fees,
		"congestion_rent, of the lines up to here": rents,
		"feeder.nodes[1025].fee: the fees of all":  {Mechanism: Uniform, Feeder: star(1<<10+2, dear, nil)},
		"congestion_rent: the rents":               auctionOf(-dear, -dear, much, wanted("b", much, dear, ""), wanted("c", much, dear, "")),
		"budget_surplus":                           payments,
	} {
		if r, err := c.Clear(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v with fees %d, rent %d, surplus %d, want %s", err, r.GridFees, r.CongestionRent, r.BudgetSurplus, want)
		}
	}
}

// TestWhatStaysWithItsMemberIsNoTrade has a roof and a flat of one member on two lines, and
// a neighbour. The dearest use of the roof is the flat: it is taken out, and said.
func TestWhatStaysWithItsMemberIsNoTrade(t *testing.T) {
	c := Case{Mechanism: Uniform, Feeder: star(2, 10_000, nil), Orders: []Order{
		wanted("flat", 1000, 250_000, "n0"), offered("roof", 1200, 100_000, "n1"), wanted("bob", 300, 200_000, "n0"),
	}}
	c.Orders[0].Member, c.Orders[1].Member = "ann", "ann"
	r, err := c.Clear()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r.Own)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != `[{"order":"flat","energy":1000},{"order":"roof","energy":1000}]` {
		t.Errorf("own energy %s", b)
	}
	if len(r.Trades) != 1 || r.Trades[0].Bid != "bob" || r.Trades[0].Energy != 200 || r.Volume != 200 || r.GridFees != 4_000 || r.BudgetSurplus != 0 {
		t.Errorf("the neighbour has the rest: %+v", r)
	}
}

// TestAFieldOfACaseIsGivenOnce refuses a case of which two readers could make two.
func TestAFieldOfACaseIsGivenOnce(t *testing.T) {
	text := `{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform",
 "orders": [{"id": "b", "member": "m", "side": "bid", "energy": 1, "energy": 500, "price": 1}]}`
	if _, err := Parse([]byte(text), ""); err == nil || !strings.Contains(err.Error(), "line 2, column 76: orders[0].energy: is given twice") {
		t.Error(err)
	}
}
