package settlement_test

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// ExampleSettle is the interval that docs/settlement.md computes by hand.
func ExampleSettle() {
	rules := settlement.DefaultRules()
	run, err := settlement.Settle(settlement.Input{
		Community: "street", Interval: interval, Run: 1, Rules: &rules, ReadingRoot: "r",
		Tariff: tariff.Tariff{Version: "2026", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Trades: []grid.Trade{trade(1, "ann", "bob", 300, 200_000)},
		Metered: []record.Metered{
			metered("ann", 500, 0), metered("bob", 0, 250), metered("cy", 0, 400), metered("dee", 100, 0),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range run.Statements {
		fmt.Printf("%-4s %+.3f EUR, at the tariff alone %+.3f\n", s.MeteringPoint, float64(s.Net)/1e6, float64(s.RetailOnly)/1e6)
	}
	// Output:
	// ann  -0.096 EUR, at the tariff alone -0.150
	// bob  +0.051 EUR, at the tariff alone +0.015
	// cy   +0.066 EUR, at the tariff alone +0.024
	// dee  -0.018 EUR, at the tariff alone -0.030
}
