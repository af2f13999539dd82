package metering

import (
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// BenchmarkEnergies meters an interval of twenty homes whose meters are read once a second,
// after an hour and after two days of which all but the last hour was thinned out.
func BenchmarkEnergies(b *testing.B) {
	const homes = 20
	for _, lasted := range []time.Duration{time.Hour, 48 * time.Hour} {
		b.Run(lasted.String(), func(b *testing.B) {
			c := newCounting(b)
			i := grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
			c.Evidence.Meters = func(string) bool { return true }
			for home := range homes {
				d := c.meter(fmt.Sprint("home-", home), time.Time{})
				var readings []grid.Reading
				add := func(at time.Time) {
					wh := grid.Energy(at.Sub(i.Begin().Add(-lasted)).Seconds()) / 2
					readings = append(readings, grid.Reading{Device: d.ID, Time: at, Import: &wh, Export: new(grid.Energy), Quality: grid.Good})
				}
				for at := i.Begin().Add(-lasted); at.Before(i.Begin().Add(-time.Hour)); at = at.Add(150 * time.Second) {
					add(at)
				}
				for at := i.Begin().Add(-time.Hour); !at.After(i.End().Add(time.Minute)); at = at.Add(time.Second) {
					add(at)
				}
				c.says(d.Member, 1000, readings...)
			}
			for b.Loop() {
				metered, complete, err := c.Energies(b.Context(), i, false)
				if err != nil || !complete || len(metered) != homes || metered[0].Quality != grid.Good {
					b.Fatal(complete, err, metered[0])
				}
			}
		})
	}
}
