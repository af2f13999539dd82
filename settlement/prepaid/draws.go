package prepaid

import (
	"errors"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// Draws tells what members may come to draw, by their connections and their tariffs. It
// implements Point.
type Draws struct {
	Minutes int            // of a delivery interval
	Zone    *time.Location // of the days
	Rates   Rates
	Dear    grid.Price                       // what stands for a retail price that is not known yet
	Points  func(member string) []string     // metering points
	Limits  func(member string) []grid.Power // what each connection meter of the member's carries at most
}

// Rates tells what energy costs.
type Rates interface {
	Rates(point string, i grid.Interval) (tariff.Rates, error)
}

// Carries implements Point.
func (d Draws) Carries(member string) (sum grid.Energy) {
	for _, power := range d.Limits(member) {
		sum += grid.Energy(int64(power) * int64(d.Minutes) / 60) //nolint:mnd // minutes an hour
	}
	return sum
}

// Dearest implements Point.
func (d Draws) Dearest(member string, day time.Time) (most grid.Price, err error) {
	local := day.In(d.Zone)
	begin := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, d.Zone)
	some := false
	for _, point := range d.Points(member) {
		for i := grid.IntervalAt(begin, d.Minutes); i.Begin().Before(begin.AddDate(0, 0, 1)); i = i.Shift(1) {
			price := d.Dear
			if r, err := d.Rates.Rates(point, i); err == nil {
				price = r.Retail
			}
			if !some || price > most {
				most, some = price, true
			}
		}
	}
	if !some {
		return 0, errors.New("has no metering point")
	}
	return most, nil
}
