package metering

import (
	"context"
	"errors"
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// substituteDays is how many days before an interval its forecast is made from.
const substituteDays = 8

// mostWeeks is how far back a value of the same time is looked for.
const mostWeeks = 8

// substitute returns the energy that is settled for good where a meter did not tell in
// time: of what was forecast and what was metered at the same time a week before (or
// more weeks, where it was silent then too) the dearer for the member, and never what is
// cheaper than what was read of it. So it does not pay to cut a meter off.
func (m *Meters) substitute(ctx context.Context, meter grid.Device, i grid.Interval, read grid.Flow) (grid.Flow, error) {
	candidates := []grid.Flow{read}
	for week := 1; week <= mostWeeks && len(candidates) == 1; week++ {
		before, _, err := store.Energy(ctx, m.Store, meter.ID, i.Weeks(-week))
		if err == nil {
			candidates = append(candidates, before)
		} else if !errors.Is(err, store.ErrIncomplete) {
			return read, err
		}
	}
	n := substituteDays * 24 * 60 / i.Minutes
	history, err := Telemetry{m.Store}.Energies(ctx, meter.ID, i.Shift(-n), n)
	if err != nil {
		return read, err
	}
	mean, known, err := m.Forecast(i.Shift(-n), history)
	if err != nil {
		return read, err
	}
	if known {
		net := grid.Energy(math.Round(mean))
		candidates = append(candidates, grid.Flow{Import: max(net, 0), Export: max(-net, 0)})
	}
	return m.Dearest(candidates...)
}

// Dearest returns the flow that costs most at the tariff.
func (m *Meters) Dearest(flows ...grid.Flow) (worst grid.Flow, err error) {
	var least grid.Money
	for k, f := range flows {
		value, err := m.Tariff.Value(f)
		if err != nil {
			return f, err
		}
		if k == 0 || value < least {
			worst, least = f, value
		}
	}
	return worst, nil
}
