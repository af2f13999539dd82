package scenarios_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
)

// TestPrintedSummary prints a summary whose figures were made up, with the batteries of
// an epoch in the order of their names.
func TestPrintedSummary(t *testing.T) {
	k := scenarios.Summary{
		Replayed: scenarios.Replayed{Scenario: "day", Seed: 7}, Intervals: 95, Orders: 4, Trades: 3, Postings: 2, Currency: "EUR", Homes: 12,
		KPIs: scenarios.KPIs{Consumed: 12_340, Produced: 5678, SelfSufficiency: 456, SelfConsumption: 789, Net: -1_500_000},
	}
	k.WorseOff, k.Traded, k.Shareable, k.Delivered, k.LocalShare = 1, 1500, 2000, 1000, 123
	k.Without.Net = -2_250_000
	r := scenarios.Result{Epochs: []chaincode.EpochClosing{{
		Epoch: "2026-06-01", Budget: 10, Carried: 1, Slashed: 2, Granted: 3, Paid: 4, Left: 6,
		Rewards: []chaincode.Reward{{Battery: "b", Tokens: 1}, {Battery: "a", Tokens: 3, Intervals: 90, Met: 4, Challenged: 5, Delivered: 600, Slashed: 2, Reputation: 987}},
	}}}
	const want = `day, seed 7: 95 intervals, 4 orders, 3 trades, 2 postings
  consumed 12.34 kWh, produced 5.68 kWh, traded 1.50 kWh
  self-sufficiency 45.6 %, self-consumption 78.9 %, import covered by neighbours 12.3 %
  all members together -1.50 EUR, without the community -2.25 EUR (+ received)
  nothing could be shared; 1 of 12 homes worse off; trades moved 50 % of what could be shared
  results in out

storage rewards of 2026-06-01: 10 tokens of the schedule, 1 carried over, 2 slashed, 3 granted; 4 paid, 6 left
  BATTERY                TOKENS  AVAILABLE  CHALLENGES MET     AT PEAKS  SLASHED  REPUTATION
  a                           3         90          4 of 5       600 Wh        2      98.7 %
  b                           1          0          0 of 0         0 Wh        0       0.0 %
`
	out := &bytes.Buffer{}
	refused := scenarios.Result{Refused: map[string]int{"price: too high": 3}}
	if err := refused.Print(out, k, "out"); err != nil || !strings.Contains(out.String(), "  3 orders of agents were refused: price: too high\n") {
		t.Errorf("%v\n%s", err, out)
	}
	out.Reset()
	if err := r.Print(out, k, "out"); err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out)
	}
	k.PerfectSharing = new(int64(905))
	out.Reset()
	if err := r.Print(out, k, "out"); err != nil || !bytes.Contains(out.Bytes(), []byte("90.5 % of what perfect sharing is worth; 1 of")) {
		t.Errorf("%v\n%s", err, out)
	}
	for gain, want := range map[grid.Money]string{
		120_000: "  home-03 would gain 0.12 EUR by trading otherwise (no orders), the most of 2 homes",
		-1:      "  2 homes gained nothing by trading otherwise",
	} {
		k.Deviation = &scenarios.Deviations{Best: &scenarios.Deviated{Member: "home-03", How: "no orders", Gain: gain}, Members: make([]scenarios.Deviating, 2)}
		out.Reset()
		if err := r.Print(out, k, "out"); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestWithoutTradesTheSummarySaysWhy prints results in which nothing was traded.
func TestWithoutTradesTheSummarySaysWhy(t *testing.T) {
	for want, c := range map[string]struct {
		k    scenarios.Summary
		open scenarios.Interval
	}{
		"no interval was cleared":  {},
		"no home sent an order":    {k: scenarios.Summary{Intervals: 1}},
		"no home offered anything": {scenarios.Summary{Intervals: 1, Orders: 1}, scenarios.Interval{Wanted: 1}},
		"no home wanted anything":  {scenarios.Summary{Intervals: 1, Orders: 1}, scenarios.Interval{Offered: 1}},
		"no bid was as high":       {scenarios.Summary{Intervals: 1, Orders: 1}, scenarios.Interval{Offered: 1, Wanted: 1}},
		"results in":               {scenarios.Summary{Intervals: 1, Orders: 2, Trades: 1}, scenarios.Interval{Offered: 1, Wanted: 1}},
	} {
		out := &bytes.Buffer{}
		r := scenarios.Result{Intervals: []scenarios.Interval{c.open}}
		if err := r.Print(out, c.k, "out"); err != nil || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "no trades") != (c.k.Trades == 0) {
			t.Errorf("%v\n%s, want %q", err, out, want)
		}
	}
}
