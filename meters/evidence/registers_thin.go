package evidence

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/disk"
)

// registersFor is for how long registers are kept: a value that is substituted is looked for
// up to eight weeks back.
const registersFor = 9 * 7 * 24 * time.Hour

// thin leaves of the registers of before whole, of each stretch of five minutes, the first
// and the last ones, of either direction and of both together, and those beside a step: so
// much as the energy of an interval is made of. What is older than any run can need is
// forgotten.
func (r registers) thin(ctx context.Context, whole time.Time) error {
	until := whole.UnixMilli() / raster * raster
	sources, err := disk.Column[int64](ctx, r.db, `SELECT id FROM sources`)
	if err != nil {
		return err
	}
	for _, source := range sources {
		for more := true; more; {
			if more, err = r.thinSome(ctx, source, until); err != nil {
				return err
			}
		}
	}
	_, err = r.db.ExecContext(ctx, `DELETE FROM registers WHERE time < ?`, whole.Add(-registersFor).UnixMilli())
	return err
}

// thinAtOnce is the span of registers that one transaction thins out.
const thinAtOnce = 12 * raster

// thinSome thins out the oldest registers of a device that were not looked at yet, and tells
// whether there may be more.
func (r registers) thinSome(ctx context.Context, source, until int64) (more bool, err error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	var from, oldest int64
	const next = `SELECT thinned, COALESCE((SELECT MIN(time) FROM registers WHERE source = ?1 AND time >= thinned), ?2) FROM sources WHERE id = ?1`
	if err := tx.QueryRowContext(ctx, next, source, until).Scan(&from, &oldest); err != nil {
		return false, err
	}
	from = max(from, oldest/raster*raster)
	end := min(from+thinAtOnce, until)
	if end <= from {
		return false, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT time, import, export, estimated FROM registers WHERE source = ? AND time >= ? AND time < ? ORDER BY time`, source, from, end)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var all []instant
	for rows.Next() {
		var one instant
		if err := rows.Scan(&one.at, &one.values[0], &one.values[1], &one.estimated); err != nil {
			return false, err
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	keep := needed(all)
	for _, one := range all {
		if keep[one.at] {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM registers WHERE source = ? AND time = ?`, source, one.at); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE sources SET thinned = ? WHERE id = ?`, end, source); err != nil {
		return false, err
	}
	return end < until, tx.Commit()
}

// instant is what registers were then: import, export.
type instant struct {
	at        int64 // unix ms
	values    [2]*int64
	estimated bool
}

// needed returns the times of the instants that stay.
func needed(all []instant) map[int64]bool {
	keep := map[int64]bool{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].at/raster == all[0].at/raster {
			n++
		}
		stretch := all[:n]
		all = all[n:]
		for _, fits := range []func(instant) bool{
			func(one instant) bool { return one.values[0] != nil },
			func(one instant) bool { return one.values[1] != nil },
			func(one instant) bool { return one.values[0] != nil && !one.estimated },
			func(one instant) bool { return one.values[1] != nil && !one.estimated },
			func(one instant) bool { return one.values[0] != nil && one.values[1] != nil && !one.estimated },
		} {
			endsOf(stretch, fits, keep)
		}
		for k := range 2 {
			besideSteps(stretch, k, keep)
		}
	}
	return keep
}

// endsOf keeps the first and the last instant that fit.
func endsOf(stretch []instant, fits func(instant) bool, keep map[int64]bool) {
	first := true
	last := int64(0)
	for _, one := range stretch {
		if !fits(one) {
			continue
		}
		if first {
			keep[one.at] = true
		}
		first, last = false, one.at
	}
	if !first {
		keep[last] = true
	}
}

// besideSteps keeps what is beside the largest step upwards of a register, and beside all
// steps downwards.
func besideSteps(stretch []instant, k int, keep map[int64]bool) {
	var last *instant
	var largest uint64
	var beside [2]int64
	for n := range stretch {
		one := &stretch[n]
		if one.values[k] == nil {
			continue
		}
		if last != nil && *one.values[k] < *last.values[k] {
			keep[last.at], keep[one.at] = true, true
		} else if last != nil {
			if step := uint64(*one.values[k]) - uint64(*last.values[k]); step > largest {
				largest, beside = step, [2]int64{last.at, one.at}
			}
		}
		last = one
	}
	if largest > 0 {
		keep[beside[0]], keep[beside[1]] = true, true
	}
}
