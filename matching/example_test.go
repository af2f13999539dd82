package matching_test

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Two metering points of two members trade in one delivery interval: the bid meets the
// offer that waits, at the offer's price, and what is left of it expires at the gate.
func Example() {
	engine, err := matching.New(matching.Config{
		Feeder: grid.Feeder{Nodes: []grid.Node{{ID: "street"}}}, Tick: 1_000, Floor: 0, Ceiling: 400_000,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const noon = 1_000_000 // the product of an interval
	for _, c := range []matching.Command{
		{Kind: matching.Admit, Account: 1, Member: 1},
		{Kind: matching.Admit, Account: 2, Member: 2},
		{Kind: matching.Open, Product: noon},
		{Kind: matching.Submit, Product: noon, Account: 1, Order: 1, Side: grid.Offer, Energy: 300, Price: 150_000},
		{Kind: matching.Submit, Product: noon, Account: 2, Order: 2, Side: grid.Bid, Energy: 500, Price: 200_000},
		{Kind: matching.Close, Product: noon},
	} {
		for _, e := range engine.Apply(&c) { // what is to be kept of them is copied before the next Apply
			switch e.Kind {
			case matching.Traded:
				fmt.Printf("order %d buys %d Wh of order %d at %d per kWh\n", e.Order, e.Energy, e.Maker, e.Price)
			case matching.Expired:
				fmt.Printf("%d Wh of order %d expire\n", e.Energy, e.Order)
			case matching.Rejected:
				fmt.Println(e.Reason)
			default:
			}
		}
	}
	// Output:
	// order 2 buys 300 Wh of order 1 at 150000 per kWh
	// 200 Wh of order 2 expire
}
