package desk

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// Posting is one on the ledger, with its place in the log, by which it is proven.
type Posting struct {
	record.Posting

	Leaf int64 `json:"leaf"`
}

// Opened is what one interval adds to a line of a bill.
type Opened struct {
	Interval grid.Interval `json:"interval"`
	Run      int           `json:"run"` // the last one that counts on the bill; of a correction the one that it is
	Quality  grid.Quality  `json:"quality"`
	Energy   grid.Energy   `json:"energy"`
	Amount   grid.Money    `json:"amount"`
}

// Line names a line of a bill. Correction: of earlier months.
type Line struct {
	Point      string
	Kind       billing.Kind
	Correction bool
}

// Open returns the intervals of a line of a bill, in order of time: their energies and amounts
// sum up to the line's.
func (d *Desk) Open(ctx context.Context, id string, l Line) (all []Opened, err error) {
	r, err := d.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &r.Bill
	sign := grid.Money(1)
	if r.CreditOf != "" {
		sign = -1
	}
	var items []billing.Item
	add := func(i *statements.Interval, of func(*statements.Point, []billing.Item) []billing.Item) {
		for k := range i.Points {
			p := &i.Points[k]
			if p.Member != b.Member || p.MeteringPoint != l.Point {
				continue
			}
			items = of(p, items)
			for _, item := range items {
				if item.Kind == l.Kind {
					all = append(all, Opened{i.Interval, i.Run, p.Quality, item.Energy, sign * item.Amount})
				}
			}
		}
	}
	if !l.Correction {
		err = d.Book.EachAt(ctx, b.Period.From, b.Period.To, b.Cut.Place, func(i *statements.Interval) error { add(i, billing.ItemsOf); return nil })
	} else {
		through, err := d.through(ctx, r)
		if err != nil {
			return nil, err
		}
		since := b.After.Place
		if through.Before(b.Period.From) {
			since = 0
		}
		err = d.Book.Before(ctx, b.Period.From, since, b.Cut.Place, func(i *statements.Interval) error {
			start := i.Interval.Begin()
			if !start.Before(b.Period.From) || i.Place <= b.After.Place && start.Before(through) {
				return nil
			}
			add(i, billing.ChangesOf)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if err == nil && len(all) == 0 {
		err = &RefusedError{Missing: true, Reason: "bill " + id + " has no line " + string(l.Kind) + " of metering point " + l.Point + ": commonwatt bill show " + id + " lists them"}
	}
	slices.SortStableFunc(all, func(a, c Opened) int { return a.Interval.Compare(c.Interval) })
	return all, err
}

// through returns where the period of the bill before one ended; zero: there was none.
func (d *Desk) through(ctx context.Context, r Record) (time.Time, error) {
	if r.Bill.Previous == "" {
		return time.Time{}, nil
	}
	before, err := d.Get(ctx, r.Bill.Previous)
	return before.Bill.Period.To, err
}

// Postings returns the postings of a bill's metering point in an interval, as the ledger has
// them now.
func (d *Desk) Postings(ctx context.Context, id, point string, i grid.Interval) ([]Posting, error) {
	r, err := d.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, p := range r.Bill.Points {
		if p.Point == point {
			return d.Ledger.Of(ctx, p.Account, i.String())
		}
	}
	return nil, &RefusedError{Missing: true, Reason: "bill " + id + " has no metering point " + point}
}
