package scenarios

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// deadlines counts the times by which cars were to be charged within the intervals of a replay.
func (r *Result) deadlines() (count readiness.Count) {
	if len(r.Intervals) == 0 {
		return count
	}
	from, to := r.Intervals[0].Interval.Begin(), r.Intervals[len(r.Intervals)-1].Interval.End()
	followers := map[string]*readiness.Follower{}
	for _, c := range r.chargers {
		followers[c.ID] = readiness.New(c, r.ready)
	}
	for _, x := range r.Readings {
		f := followers[x.Device]
		if f == nil {
			continue
		}
		if d, some := f.See(x.Time, x.Charge); some && within(d.At, from, to) {
			count = count.Add(d)
		}
	}
	return count
}

// within tells whether a time lies in [from, to).
func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// longStay is how long before a time a car may have come whose deadline lies in it.
const longStay = 48 * time.Hour

// cars counts the times by which cars were to be charged in [from, to), by what the chargers of a simulated community
// showed and by what homeowners have set there.
func (s Street) cars(ctx context.Context, readings store.Store, from, to time.Time) (*readiness.Count, error) {
	spec, err := s.spec(ctx)
	if err != nil {
		return nil, err
	}
	set, err := kept.Read(s.Dir)
	if err != nil {
		return nil, err
	}
	count := &readiness.Count{}
	for _, h := range spec.Homes {
		if h.Charger == 0 {
			continue
		}
		charger := readiness.Charger{ID: deviceOf(h, grid.Charger), Power: h.Charger, Capacity: h.CarCapacity()}
		f := readiness.New(charger, func(id string, after time.Time) (time.Time, grid.PerMille, bool) {
			return set[h.ID].Ready(id, after, s.Zone)
		})
		all, err := readings.Range(ctx, charger.ID, from.Add(-longStay), to, store.Minute)
		if err != nil {
			return nil, err
		}
		for _, x := range all {
			if d, some := f.See(x.Time, x.Charge); some && within(d.At, from, to) {
				*count = count.Add(d)
			}
		}
	}
	return count, nil
}

// printCars writes what became of the deadlines as people read it.
func (g Gained) printCars(out io.Writer) error {
	if g.Cars == nil {
		return nil
	}
	_, err := fmt.Fprintf(out, "  cars not charged in time    %d of %d that could be\n", g.Cars.Missed, g.Cars.Feasible)
	return err
}

// Print writes deviations as people read them, in a currency.
func (d *Deviations) Print(out io.Writer, currency string) error {
	if _, err := fmt.Fprintf(out, "What single members would have gained by other orders, all else as it was, %s to %s (%d intervals cleared and settled anew):\n", d.From.Format(time.RFC3339), d.To.Format(time.RFC3339), d.Intervals); err != nil {
		return err
	}
	for _, m := range d.Members {
		if _, err := fmt.Fprintf(out, "  %-20s %+9.4f %s   %s\n", m.Member, money(m.Gain), currency, m.How); err != nil {
			return err
		}
	}
	return nil
}
