package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Quality says how far a step is known.
type Quality string

// The qualities of a step, the best first.
const (
	Measured    Quality = "measured"    // all of it is settled, of measured values
	Estimated   Quality = "estimated"   // all of it is settled, of values that were put in the place of others too
	Provisional Quality = "provisional" // some of it was read and is not settled yet
	Partial     Quality = "partial"     // some of it is not known
	Missing     Quality = "missing"     // nothing of it is known
)

// Series is what flowed behind the connection meter.
type Series string

// The series. Home is what everything else in the home used.
const (
	Solar      Series = "solar"
	BatteryIn  Series = "battery_in"
	BatteryOut Series = "battery_out"
	Charger    Series = "charger"
	Heat       Series = "heat"
	HomeUse    Series = "home"
)

// Point is what a step came to.
type Point struct {
	Start, End time.Time
	Quality    Quality
	Intervals  int // that are known
	Expected   int // that began in it up to now
	Settled    int // of the known ones

	Flow                         *Flow  // nil: nothing is known
	Money                        *Money // nil: nothing of it is settled
	Behind                       map[Series]grid.Energy
	Lacking                      []Series // of which some intervals are not known
	FromNeighbours, ToNeighbours grid.Energy
}

// Flow is the energy at the connection meter, Wh.
type Flow = grid.Flow

// Money is what settled intervals came to, without standing charges and VAT.
type Money struct {
	Cost             grid.Money // + pays
	Earned           grid.Money // + receives
	Without          grid.Money // without the community, + receives
	WithoutEstimated bool
	Import, Export   grid.Energy // of these intervals
}

// Savings is by how much the home is better off than without the community, + better.
func (m Money) Savings() grid.Money { return m.Earned - m.Cost - m.Without }

// Prices returns what a kWh that was drawn cost, and what one that was given earned, in the
// mean; nil without energy.
func (m Money) Prices() (paid, got *grid.Price) {
	return mean(m.Cost, m.Import), mean(m.Earned, m.Export)
}

// mean returns millionths per kWh, rounded half away from zero.
func mean(m grid.Money, e grid.Energy) *grid.Price {
	const whPerKWh = 1000
	if e <= 0 || m > maxMean || m < -maxMean {
		return nil
	}
	half := int64(e) / 2 //nolint:mnd // to round
	if m < 0 {
		half = -half
	}
	return new(grid.Price((int64(m)*whPerKWh + half) / int64(e)))
}

// maxMean bounds an amount of which a mean can be reckoned: nine million million units.
const maxMean = 9_000_000_000_000_000

// Of returns what a home had in [from, to), by steps, of which those are left out that have not
// begun. Errors: *RangeError.
func (k *Keeper) Of(ctx context.Context, member string, from, to time.Time, s Step) ([]Point, error) {
	if err := k.check(from, to, s); err != nil {
		return nil, err
	}
	now := k.Clock()
	ends := bounds(from, to, s, k.Zone)
	for len(ends) > 1 && ends[len(ends)-2].After(now) {
		ends = ends[:len(ends)-1]
	}
	if len(ends) < 2 || ends[0].After(now) { //nolint:mnd // a beginning and an end
		return nil, nil
	}
	minutes := k.Minutes
	if s == FiveMinutes {
		minutes = FiveMinutes.minutes()
	}
	cells, err := k.cells(ctx, member, ends[0], ends[len(ends)-1], now, minutes)
	if err != nil {
		return nil, fmt.Errorf("past of a home: %w", err)
	}
	return cells.points(ends, now, minutes), nil
}

// known is what is known of a home: its own cells, and those of its devices.
type known struct {
	home    row
	devices []series
}

// series is what a device counted.
type series struct {
	kind  grid.DeviceKind
	cells row
	at    int // the first one that is not looked at yet
}

// cells returns what is known of a home in [from, to).
func (k *Keeper) cells(ctx context.Context, member string, from, to, now time.Time, minutes int) (all known, err error) {
	var own []grid.Device
	for _, d := range k.Devices() {
		if d.Member == member {
			own = append(own, d)
		}
	}
	told := from // from when on telemetry is asked
	if minutes == k.Minutes {
		if all.home, err = k.kept(ctx, member, home, from, to); err != nil {
			return all, err
		}
		told = maxTime(from, grid.IntervalAt(now, minutes).Begin().Add(-unsettled))
		if n := len(all.home); n > 0 {
			told = maxTime(told, all.home[n-1].interval.End())
		}
	}
	for _, d := range own {
		s := series{kind: d.Kind}
		if d.Kind == grid.HeatingRod {
			s.kind = grid.HeatPump // both heat
		}
		if minutes == k.Minutes && d.Kind != grid.Meter {
			if s.cells, err = k.kept(ctx, member, d.ID, from, to); err != nil {
				return all, err
			}
		}
		if end := minTime(to, now); told.Before(end) {
			more, err := k.counted(ctx, d.ID, told, end, minutes)
			if err != nil {
				return all, err
			}
			for _, c := range more {
				if !c.interval.End().After(now) { // it is over
					s.cells = s.cells.put(c)
				}
			}
		}
		if d.Kind == grid.Meter {
			all.home = all.home.with(s.cells)
			continue
		}
		all.devices = append(all.devices, s)
	}
	return all, nil
}

// unsettled is for how long intervals are shown as telemetry has them that are not settled.
const unsettled = 6 * time.Hour

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// with adds what a connection meter counted and is not settled.
func (r row) with(cells row) row {
	for _, c := range cells {
		c.flags = provisional
		if at, found := slices.BinarySearchFunc(r, c.interval, func(a cell, i grid.Interval) int { return a.interval.Compare(i) }); found {
			if r[at].flags&provisional == 0 {
				continue // it is settled
			}
			c.numbers[imported] += r[at].numbers[imported]
			c.numbers[exported] += r[at].numbers[exported]
		}
		r = r.put(c)
	}
	return r
}

// kept returns the cells of a home, or of a device, that begin in [from, to).
func (k *Keeper) kept(ctx context.Context, member, device string, from, to time.Time) (all row, err error) {
	rows, err := k.db.QueryContext(ctx, `SELECT day, row FROM days WHERE member = ? AND device = ? AND day >= ? AND day < ? ORDER BY day`, member, device, k.day(from).Unix(), to.Unix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var day int64
		var packed []byte
		if err := rows.Scan(&day, &packed); err != nil {
			return nil, err
		}
		if all, err = all.unpack(packed, time.Unix(day, 0)); err != nil {
			return nil, err
		}
	}
	first, _ := slices.BinarySearchFunc(all, from.Unix(), func(c cell, start int64) int { return int(c.interval.Start - start) })
	end, _ := slices.BinarySearchFunc(all, to.Unix(), func(c cell, start int64) int { return int(c.interval.Start - start) })
	return all[first:end], rows.Err()
}
