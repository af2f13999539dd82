package metering

import (
	"context"
	"errors"
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// substituteDays is how many days before an interval its forecast is made from.
const substituteDays = 8

// mostWeeks is how far back a value of the same time is looked for.
const mostWeeks = 8

// substitute returns the energy that is settled for good where a meter did not tell in
// time: of what was forecast and what was metered at the same time a week before (or
// more weeks, where it was silent then too) the dearer for the member, and never what is
// cheaper than what was read of it. So it does not pay to cut a meter off. A direction that
// is known stays as it was read.
func (m *Meters) substitute(ctx context.Context, meter grid.Device, i grid.Interval, read energy) (grid.Flow, error) {
	candidates := []grid.Flow{read.flow}
	for week := 1; week <= mostWeeks && len(candidates) == 1; week++ {
		ago := i.Weeks(-week)
		then, _ := m.measured(meter.MeteringPoint, ago)
		before, err := m.energy(ctx, then, ago)
		if err == nil && before.complete() {
			candidates = append(candidates, before.flow)
		} else if err != nil && !errors.Is(err, errNewcomer) {
			return read.flow, err
		}
	}
	n := substituteDays * 24 * 60 / i.Minutes
	history, err := History{Meters: m}.counted(ctx, meter, i.Shift(-n), n)
	if err != nil {
		return read.flow, err
	}
	mean, known, err := m.Forecast(i.Shift(-n), history)
	if err != nil {
		return read.flow, err
	}
	if known {
		net := grid.Energy(math.Round(mean))
		candidates = append(candidates, grid.Flow{Import: max(net, 0), Export: max(-net, 0)})
	}
	for k := range candidates {
		if read.whole[imports] {
			candidates[k].Import = read.flow.Import
		}
		if read.whole[exports] {
			candidates[k].Export = read.flow.Export
		}
	}
	return m.Dearest(meter.MeteringPoint, i, candidates...)
}

// Dearest returns the flow that costs most at a metering point, by the rates that count there
// in an interval.
func (m *Meters) Dearest(point string, i grid.Interval, flows ...grid.Flow) (worst grid.Flow, err error) {
	counts := m.Tariff
	if m.Rates != nil {
		r, err := m.Rates.Rates(point, i)
		if err != nil {
			return worst, err
		}
		counts = tariff.Tariff{Retail: r.Retail, FeedIn: r.FeedIn}
	}
	var least grid.Money
	for k, f := range flows {
		value, err := counts.Value(f)
		if err != nil {
			return f, err
		}
		if k == 0 || value < least {
			worst, least = f, value
		}
	}
	return worst, nil
}
