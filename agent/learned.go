package agent

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Skill returns how well each method did on the past of a metering point, by what is forecast of
// it; nothing before the first fit.
func (t *Traders) Skill(point string) []Skills { return t.outlooks.models.skill(point) }

// Pinball returns the error of the bands by which all homes are forecast, relative to what is forecast: the mean over
// all series. known is false where no method was tried on the past of any yet.
func (t *Traders) Pinball() (mean float64, known bool) {
	n := 0
	for _, member := range t.Members() {
		for _, point := range t.Points(member) {
			for _, s := range t.Skill(point) {
				for _, method := range s.Skills {
					if method.Method == s.Chosen && !math.IsNaN(method.RPinball) && !math.IsInf(method.RPinball, 0) {
						mean, n = mean+method.RPinball, n+1
					}
				}
			}
		}
	}
	return mean / float64(max(n, 1)), n > 0
}

// Cycles returns how often the batteries were emptied in the last day between two times, or between both where that is less:
// what they gave by what they are rated to hold, the mean over all of which that is known. known is false where it is of none.
// Errors: those of the telemetry.
func (t *Traders) Cycles(ctx context.Context, from, until time.Time) (mean float64, known bool, err error) {
	day := int(24*time.Hour/time.Minute) / t.minutes
	n := min(day, int(until.Sub(from)/time.Minute)/t.minutes)
	if n == 0 {
		return 0, false, nil
	}
	first := grid.IntervalAt(until, t.minutes).Shift(-n)
	counted := 0
	for _, member := range t.Members() {
		for _, d := range t.Devices(member) {
			capacity := float64(t.batteries.ratings.of(d.ID).Capacity)
			if d.Kind != grid.Battery || capacity <= 0 {
				continue
			}
			energies, err := t.batteries.telemetry.Energies(ctx, d.ID, first, n)
			if err != nil {
				return 0, false, fmt.Errorf("cycles of %s: %w", d.ID, err)
			}
			energies = slices.DeleteFunc(energies, math.IsNaN)
			if len(energies) == 0 {
				continue
			}
			for _, wh := range energies {
				mean += max(-wh, 0) / capacity
			}
			counted++
		}
	}
	return mean / float64(max(counted, 1)), counted > 0, nil
}
