package statements

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Always is a place after every row.
const Always int64 = math.MaxInt64

// Each shows what every interval that begins in [from, to) meant after all its runs, in
// order of time. What see is shown it must not keep: the memory is used again.
func (b *Book) Each(ctx context.Context, from, to time.Time, see func(*Interval) error) error {
	return b.EachAt(ctx, from, to, Always, see)
}

// EachAt is Each as it was when the book had come to a place: later rows do not count.
func (b *Book) EachAt(ctx context.Context, from, to time.Time, place int64, see func(*Interval) error) error {
	return b.read(ctx, see, "", true, `SELECT start, minutes, run, place, row FROM runs WHERE start >= ? AND start < ? AND place <= ? ORDER BY start, minutes, run`,
		from.Unix(), to.Unix(), place)
}

// EachOf is Each of the metering points that were a member's in the interval alone, and of no
// other account: what the others had is passed over. Intervals in which the member had none
// are shown without any.
func (b *Book) EachOf(ctx context.Context, member string, from, to time.Time, see func(*Interval) error) error {
	if member == "" { // of metering points that were forgotten
		return nil
	}
	return b.read(ctx, see, member, true, `SELECT start, minutes, run, place, row FROM runs WHERE start >= ? AND start < ? ORDER BY start, minutes, run`, from.Unix(), to.Unix())
}

// Runs shows every run of the intervals that begin in [from, to) by itself, whose sums are
// those of its own postings, in order of time and number.
func (b *Book) Runs(ctx context.Context, from, to time.Time, see func(*Interval) error) error {
	return b.read(ctx, see, "", false, `SELECT start, minutes, run, place, row FROM runs WHERE start >= ? AND start < ? ORDER BY start, minutes, run`, from.Unix(), to.Unix())
}

// Since shows the runs whose place is in (after, upTo], each by itself as in Runs, in order
// of their places.
func (b *Book) Since(ctx context.Context, after, upTo int64, see func(*Interval) error) error {
	return b.read(ctx, see, "", false, `SELECT start, minutes, run, place, row FROM runs WHERE place > ? AND place <= ? ORDER BY place`, after, upTo)
}

// Before shows the runs whose place is in (after, upTo] of the intervals that begin before a
// time, each by itself as in Runs, in order of their places.
func (b *Book) Before(ctx context.Context, before time.Time, after, upTo int64, see func(*Interval) error) error {
	return b.read(ctx, see, "", false, `SELECT start, minutes, run, place, row FROM runs WHERE start < ? AND place > ? AND place <= ? ORDER BY place`, before.Unix(), after, upTo)
}

// At returns what an interval meant when the book had come to a place, nil where it was not
// settled.
func (b *Book) At(ctx context.Context, i grid.Interval, place int64) (found *Interval, err error) {
	err = b.read(ctx, func(one *Interval) error { found = one.clone(); return nil }, "", true,
		`SELECT start, minutes, run, place, row FROM runs WHERE start = ? AND minutes = ? AND place <= ? ORDER BY run`, i.Start, i.Minutes, place)
	return found, err
}

// clone returns a copy that may be kept.
func (i *Interval) clone() *Interval {
	c := *i
	c.Points, c.Others = slices.Clone(i.Points), slices.Clone(i.Others)
	for k := range c.Points {
		c.Points[k].Sums = slices.Clone(c.Points[k].Sums)
	}
	for k := range c.Others {
		c.Others[k].Sums = slices.Clone(c.Others[k].Sums)
	}
	return &c
}

// read shows rows, of one member where one is named; together, those of one interval, which follow each other, as one.
func (b *Book) read(ctx context.Context, see func(*Interval) error, member string, together bool, query string, args ...any) error {
	rows, err := b.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("statement book: %w", err)
	}
	defer rows.Close()
	now, before := &Interval{}, &Interval{}
	some := false
	for rows.Next() {
		var packed sql.RawBytes
		var i grid.Interval
		var run int
		var place int64
		if err := rows.Scan(&i.Start, &i.Minutes, &run, &place, &packed); err != nil {
			return fmt.Errorf("statement book: %w", err)
		}
		same := some && together && now.Interval == i
		if some && !same {
			if err := see(now); err != nil {
				return err
			}
		}
		now, before, some = before, now, true
		now.Interval, now.Run, now.Place = i, run, place
		if err := b.unpack(packed, now, member); err != nil {
			return fmt.Errorf("statement book: %w", err)
		}
		if same {
			if err := now.addSums(before); err != nil {
				return fmt.Errorf("statement book: %s: %w", i, err)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("statement book: %w", err)
	}
	if some {
		return see(now)
	}
	return nil
}

// addSums adds the sums of the runs before. What the last run says nothing of any more, an
// account that was forgotten in between, stays with its sums among the others.
func (i *Interval) addSums(before *Interval) error {
	at := map[string]int{}
	for k, p := range i.Points {
		if p.Account != "" {
			at[p.Account] = k
		}
	}
	for _, p := range before.Points {
		for _, s := range p.Sums {
			if err := add(i.sumsOf(p.Account, at), s); err != nil {
				return err
			}
		}
	}
	for _, a := range before.Others {
		for _, s := range a.Sums {
			if err := add(i.sumsOf(a.Name, at), s); err != nil {
				return err
			}
		}
	}
	return nil
}
