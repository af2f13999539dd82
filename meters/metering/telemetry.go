package metering

import (
	"context"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// Telemetry answers from the store what agents ask of the past of a meter.
type Telemetry struct{ Store store.Store }

// Energies returns the net energy in Wh (+ import) of n intervals from first on, NaN where
// it is not known. It takes the registers at the ends of the intervals from what was read
// last before: for a forecast that is exact enough, and it is one query.
func (t Telemetry) Energies(ctx context.Context, meter string, first grid.Interval, n int) ([]float64, error) {
	readings, err := t.Store.Range(ctx, meter, first.Shift(-1).Begin(), first.Shift(n).Begin(), store.Step(first.Length()))
	if err != nil {
		return nil, err
	}
	at := map[int64]grid.Reading{}
	for _, r := range readings {
		if r.Import != nil && r.Export != nil {
			at[r.Time.Unix()] = r
		}
	}
	energies := make([]float64, n)
	for k := range energies {
		before, known1 := at[first.Shift(k-1).Start]
		after, known2 := at[first.Shift(k).Start]
		energies[k] = math.NaN()
		if known1 && known2 && *after.Import >= *before.Import && *after.Export >= *before.Export {
			energies[k] = float64(*after.Import - *before.Import - *after.Export + *before.Export)
		}
	}
	return energies, nil
}

// MeanPower returns the mean of what was read in [from, to), nil when nothing was.
func (t Telemetry) MeanPower(ctx context.Context, meter string, from, to time.Time) (*grid.Power, error) {
	readings, err := t.Store.Range(ctx, meter, from, to, store.Raw)
	if err != nil {
		return nil, err
	}
	var sum, n grid.Power
	for _, r := range readings {
		if r.Power != nil {
			sum += *r.Power
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return new(sum / n), nil
}
