package history

import (
	"context"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// fresh is how long before the end of an interval its last registers may have been read: of a
// device that fell silent earlier the energy of the interval is not known.
const fresh = 3 * time.Minute

// counted returns what a device took and gave in the intervals of a length that lie in
// [from, to), as telemetry has it, in order of time: by the last registers of each, or by its
// mean power where the device has no registers. Intervals of which that is not known are left
// out. Registers were read last up to a poll before an interval's end, so that what they show
// may be late by as much; what bills comes from the book.
func (k *Keeper) counted(ctx context.Context, device string, from, to time.Time, minutes int) (row, error) {
	step := store.Minute
	since := from.Add(-time.Duration(minutes) * time.Minute)
	readings, err := k.Telemetry.Range(ctx, device, since, to, step)
	if err == nil && len(readings) == 0 && minutes%15 == 0 { // so old that it is kept by the quarter-hour
		step = store.Quarter
		readings, err = k.Telemetry.Range(ctx, device, since, to, step)
	}
	if err != nil {
		return nil, err
	}
	var all row
	var before, now told
	for n := range readings {
		i := grid.IntervalAt(readings[n].Time, minutes)
		if i != now.interval {
			all = now.after(before, all, from)
			before, now = now, told{interval: i}
		}
		now.add(&readings[n], time.Duration(step))
	}
	return now.after(before, all, from), nil
}

// told is what the readings of an interval say.
type told struct {
	interval         grid.Interval
	imports, exports *grid.Energy // the last registers
	until            time.Time    // end of the step in which something was read last
	power            float64      // the sum of the powers
	powers           int
}

func (t *told) add(r *grid.Reading, step time.Duration) {
	t.until = r.Time.Add(step)
	if r.Import != nil {
		t.imports = r.Import
	}
	if r.Export != nil {
		t.exports = r.Export
	}
	if r.Power != nil {
		t.power += float64(*r.Power)
		t.powers++
	}
}

// after appends what flowed in the interval, as far as it follows on the one before.
func (t *told) after(before told, all row, from time.Time) row {
	if t.interval.Minutes == 0 || t.interval.Begin().Before(from) || t.until.Before(t.interval.End().Add(-fresh)) {
		return all
	}
	c := cell{interval: t.interval}
	follows := before.interval == t.interval.Shift(-1) && !before.until.Before(before.interval.End().Add(-fresh))
	switch {
	case t.imports == nil && t.exports == nil:
		if t.powers == 0 {
			return all
		}
		mean := int64(math.Round(t.power / float64(t.powers) * t.interval.Length().Hours()))
		c.numbers[taken], c.numbers[given] = max(mean, 0), max(-mean, 0)
	case !follows || !gained(before.imports, t.imports, &c.numbers[taken]) || !gained(before.exports, t.exports, &c.numbers[given]):
		return all
	}
	return append(all, c)
}

// gained sets by how much a register grew, and tells whether that is known. A register that a
// device does not have gains nothing; one that lost value was replaced.
func gained(before, after *grid.Energy, by *int64) bool {
	if before == nil && after == nil {
		return true
	}
	if before == nil || after == nil || *after < *before {
		return false
	}
	*by = int64(*after - *before)
	return true
}
