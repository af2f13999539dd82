package grid_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// TestRegistersAreInterpolatedWithoutOverflow compares with arithmetic that has no bounds,
// between registers as far apart as there are, a month of milliseconds.
func TestRegistersAreInterpolatedWithoutOverflow(t *testing.T) {
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, to := range []grid.Energy{7, 1 << 40, grid.MostTotal, math.MaxInt64} {
		for _, from := range []grid.Energy{0, 3, -5, math.MinInt64} {
			for _, part := range []time.Duration{0, time.Millisecond, 11*24*time.Hour + 7*time.Millisecond, 30 * 24 * time.Hour} {
				const span = 30 * 24 * time.Hour
				a, b := grid.Registers{Time: begin, Import: from}, grid.Registers{Time: begin.Add(span), Import: to}
				at, err := grid.At(a, b, begin.Add(part))
				if err != nil {
					t.Fatal(err)
				}
				// from + (to − from) × part / span, half up
				want := new(big.Int).Sub(big.NewInt(int64(to)), big.NewInt(int64(from)))
				want.Mul(want, big.NewInt(2*part.Milliseconds())).Add(want, big.NewInt(span.Milliseconds()))
				want.Div(want, big.NewInt(2*span.Milliseconds())).Add(want, big.NewInt(int64(from)))
				if want.Cmp(big.NewInt(int64(at.Import))) != 0 {
					t.Errorf("from %d to %d, after %s: %d, want %s", from, to, part, at.Import, want)
				}
			}
		}
	}
}

// TestMostGain bounds what a register can have moved: 10 kW make 2.78 Wh in a second.
func TestMostGain(t *testing.T) {
	for _, c := range []struct {
		most    grid.Power
		elapsed time.Duration
		step    grid.Energy
		want    grid.Energy
	}{
		{10_000, 30 * time.Second, 1, 168},           // of a minute: 166.7
		{10_000, 30 * time.Second, 1000, 1167},       // a register in kWh
		{10_000, -24 * time.Hour, 0, 85},             // the clock was put back
		{-5, time.Hour, 1, 1},                        // nothing flows
		{math.MaxInt64, math.MaxInt64, 1, 1<<53 + 1}, // what no register shows
		{1, 0, math.MaxInt64, 1<<53 + 1},
	} {
		if got := grid.MostGain(c.most, c.elapsed, c.step); got != c.want {
			t.Errorf("%d W for %s in steps of %d Wh: %d Wh, want %d", c.most, c.elapsed, c.step, got, c.want)
		}
	}
}
