package scenarios

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
)

const (
	percent   = 100
	kilo      = 1000 // Wh in a kWh
	millionth = 1e6  // of the currency unit
	ofPercent = 10   // per mille in a percent
)

// Print writes the summary of a result, which was written to a directory, as people read it, and
// what the storage rewards paid.
func (r *Result) Print(out io.Writer, k Summary, dir string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `%s, seed %d: %d intervals, %d orders, %d trades, %d postings
  consumed %.2f kWh, produced %.2f kWh, traded %.2f kWh
  self-sufficiency %.1f %%, self-consumption %.1f %%, import covered by neighbours %.1f %%
  all members together %+.2f %s, without the community %+.2f %s (+ received)
  %s; %s%d of %d homes worse off; trades moved %.0f %% of what could be shared
  results in %s
`, k.Scenario, k.Seed, k.Intervals, k.Orders, k.Trades, k.Postings,
		float64(k.Consumed)/kilo, float64(k.Produced)/kilo, float64(k.Traded)/kilo,
		float64(k.SelfSufficiency)/ofPercent, float64(k.SelfConsumption)/ofPercent, float64(k.LocalShare)/ofPercent,
		float64(k.Net)/millionth, k.Currency, float64(k.Without.Net)/millionth, k.Currency,
		k.perfect(), k.possible(), k.WorseOff, k.Homes, percent*float64(k.Delivered)/max(float64(k.Shareable), 1), dir)
	for _, reason := range slices.Sorted(maps.Keys(r.Refused)) {
		fmt.Fprintf(&b, "  %d orders of agents were refused: %s\n", r.Refused[reason], reason)
	}
	if why := r.why(k); why != "" {
		fmt.Fprintln(&b, " ", why)
	}
	if d := k.Deviation; d != nil {
		d.print(&b, k.Currency)
	}
	for _, e := range r.Epochs {
		printEpoch(&b, e)
	}
	_, err := b.WriteTo(out)
	return err
}

// possible says how much of what was possible the agents reached.
func (s Summary) possible() (text string) {
	if s.Welfare != nil {
		text += fmt.Sprintf("%.1f %% of the orders' welfare; ", float64(*s.Welfare)/ofPercent)
	}
	if s.Foresight != nil {
		text += fmt.Sprintf("%.1f %% of the gain of perfect foresight; ", float64(*s.Foresight)/ofPercent)
	}
	return text
}

// print says what trading otherwise gained whom most.
func (d *Deviations) print(out io.Writer, currency string) {
	if d.Best.Gain <= 0 {
		fmt.Fprintf(out, "  %s gained nothing by trading otherwise, in the ways that were tried\n", grid.Number(int64(len(d.Members)), "home"))
		return
	}
	fmt.Fprintf(out, "  %s would gain %.2f %s by trading otherwise (%s), the most of %s and the ways that were tried\n",
		d.Best.Member, money(d.Best.Gain), currency, d.Best.How, grid.Number(int64(len(d.Members)), "home"))
}

// why says why nothing was traded; empty where something was.
func (r *Result) why(k Summary) string {
	var offered, wanted grid.Energy
	for _, i := range r.Intervals {
		offered, wanted = offered+i.Offered, wanted+i.Wanted
	}
	switch {
	case k.Sharing != nil:
		return fmt.Sprintf("no trades: shared by an allocation key, %.2f kWh", float64(k.KeyEnergy)/kilo)
	case k.Trades > 0:
		return ""
	case k.Intervals == 0:
		return "no trades: no interval was cleared and delivered within the days of the scenario"
	case k.Orders == 0:
		return fmt.Sprintf("no trades: no home sent an order; strategy %s, and an agent knows nothing of its home in the first hours", k.Strategy)
	case offered == 0:
		return "no trades: no home offered anything, be it that it has no sun or that its battery takes all"
	case wanted == 0:
		return "no trades: no home wanted anything"
	default:
		return "no trades: no bid was as high as an offer, after the fees of the lines between"
	}
}

// perfect says how near the result came to perfect sharing.
func (s Summary) perfect() string {
	if s.PerfectSharing == nil {
		return "nothing could be shared"
	}
	return fmt.Sprintf("%.1f %% of what perfect sharing is worth", float64(*s.PerfectSharing)/ofPercent)
}

// printEpoch writes what the storage rewards of an epoch paid, by batteries.
func printEpoch(out io.Writer, e chaincode.EpochClosing) {
	fmt.Fprintf(out, "\nstorage rewards of %s: %d tokens of the schedule, %d carried over, %d slashed, %d granted; %d paid, %d left\n",
		e.Epoch, e.Budget, e.Carried, e.Slashed, e.Granted, e.Paid, e.Left)
	fmt.Fprintf(out, "  %-20s %8s %10s %15s %12s %8s %11s\n", "BATTERY", "TOKENS", "AVAILABLE", "CHALLENGES MET", "AT PEAKS", "SLASHED", "REPUTATION")
	rewards := slices.Clone(e.Rewards)
	slices.SortFunc(rewards, func(a, b chaincode.Reward) int { return cmp.Compare(a.Battery, b.Battery) })
	for _, r := range rewards {
		fmt.Fprintf(out, "  %-20s %8d %10d %15s %9d Wh %8d %9.1f %%\n", r.Battery, r.Tokens, r.Intervals,
			fmt.Sprintf("%d of %d", r.Met, r.Challenged), r.Delivered, r.Slashed, float64(r.Reputation)/ofPercent)
	}
}
