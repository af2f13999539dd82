package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// Reckoned is what a time came to for a home, with the standing charges and the VAT of its bill.
// Amounts are in millionths of the currency unit.
type Reckoned struct {
	Period    billing.Period
	Intervals int // of its metering points that are settled
	Estimated int // of these, whose value was not measured

	Earned   grid.Money // by energy that it gave, + receives
	Spent    grid.Money // on energy that it used and on fees, + pays
	Standing grid.Money // + pays
	VAT      grid.Money // that is added, + pays

	Net              grid.Money // what the bill compares as itself, + receives: Earned − Spent − Standing − VAT
	Without          grid.Money // what the bill compares as without the community, + receives
	WithoutEstimated bool
	Method           string // how Without is reckoned, in words

	// Stored is what the home's batteries took more than they gave, Wh: it is in what was paid, and
	// is worth something later. Nil: the home has none, or not all of it is known.
	Stored *grid.Energy
}

// Savings is by how much the home is better off than without the community, + better.
func (r Reckoned) Savings() grid.Money { return r.Net - r.Without }

// Formula says how the savings come about, in a whole sentence with amounts in a currency.
func (r Reckoned) Formula(currency string) string {
	if r.Intervals == 0 {
		return "Nothing of this time is settled."
	}
	of := func(m grid.Money) string { return m.Text() + " " + currency }
	text := fmt.Sprintf("Earned %s by what you gave, less %s for what you used and for fees", of(r.Earned), of(r.Spent))
	if r.Standing != 0 {
		text += fmt.Sprintf(", less %s standing charges", of(r.Standing))
	}
	if r.VAT != 0 {
		text += fmt.Sprintf(", less %s VAT", of(r.VAT))
	}
	word, savings := "better", r.Savings()
	if savings < 0 {
		word, savings = "worse", -savings
	}
	return fmt.Sprintf("%s: %s. Without the community %s: you are %s off by %s.", text, of(r.Net), of(r.Without), word, of(savings))
}

// Reckonings are what today, this month and the month before came to.
type Reckonings struct {
	Today, Month, LastMonth Reckoned
	SettledUntil            time.Time // end of the last settled interval of the home; zero: none
}

// reckons are reckonings as of a place in the book.
type reckons struct {
	place int64
	day   time.Time
	all   Reckonings
}

// Reckon returns what the days and months around now came to for a home, by the same reckoning
// as its bills: of a month that is over and billed the figures are those that the bill compares.
func (k *Keeper) Reckon(ctx context.Context, member string) (Reckonings, error) {
	place, err := k.Book.Last(ctx)
	if err != nil {
		return Reckonings{}, err
	}
	day := k.day(k.Clock())
	k.mu.Lock()
	last, is := k.reckons[member]
	k.mu.Unlock()
	if is && last.place == place && last.day.Equal(day) {
		return last.all, nil
	}
	all, err := k.reckon(ctx, member, day)
	if err != nil {
		return all, fmt.Errorf("money of a home: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reckons[member] = reckons{place, day, all}
	return all, nil
}

func (k *Keeper) reckon(ctx context.Context, member string, day time.Time) (all Reckonings, err error) {
	month := begin(day, Month)
	before := month.AddDate(0, -1, 0)
	periods := []billing.Period{
		{Name: day.Format(time.DateOnly), From: day, To: next(day, Day)},
		{Name: month.Format("2006-01"), From: month, To: next(month, Month)},
		{Name: before.Format("2006-01"), From: before, To: month},
	}
	drafters := make([]*billing.Drafter, len(periods))
	for n, p := range periods {
		if drafters[n], err = k.drafter(p); err != nil {
			return all, err
		}
	}
	err = k.Book.EachOf(ctx, member, before, periods[1].To, func(i *statements.Interval) error {
		start := i.Interval.Begin()
		if len(i.Points) > 0 {
			all.SettledUntil = i.Interval.End()
		}
		for n, p := range periods {
			if !start.Before(p.From) && start.Before(p.To) {
				if err := drafters[n].Interval(i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return all, err
	}
	for n, to := range []*Reckoned{&all.Today, &all.Month, &all.LastMonth} {
		bills, err := drafters[n].Bills()
		if err != nil {
			return all, err
		}
		to.Period = periods[n]
		if len(bills) > 0 {
			*to = reckoned(&bills[0])
		}
		if to.Stored, err = k.stored(ctx, member, periods[n].From, minTime(periods[n].To, all.SettledUntil)); err != nil {
			return all, err
		}
	}
	return all, nil
}

// stored returns what a home's batteries took in [from, to) more than they gave, Wh.
func (k *Keeper) stored(ctx context.Context, member string, from, to time.Time) (*grid.Energy, error) {
	if !from.Before(to) {
		return nil, nil //nolint:nilnil // nothing of it is settled, which is no error
	}
	cells, err := k.cells(ctx, member, from, to, to, k.Minutes)
	if err != nil {
		return nil, err
	}
	p := cells.points([]time.Time{from, to}, to, k.Minutes)[0]
	in, is := p.Behind[BatteryIn]
	if !is || slices.Contains(p.Lacking, BatteryIn) {
		return nil, nil //nolint:nilnil // not known, or there is no battery, which is no error
	}
	return new(in - p.Behind[BatteryOut]), nil
}

// drafter makes the bill of a period so far.
func (k *Keeper) drafter(p billing.Period) (*billing.Drafter, error) {
	return billing.NewDrafter(billing.Options{
		Community: k.Community, Currency: k.Currency, Digits: k.Digits, Zone: k.Zone, Period: p,
		Cut: billing.Cut{Place: statements.Always}, Tariffs: alone{k.Tariffs},
	})
}

// alone are tariffs beside which there are no others to compare with.
type alone struct{ billing.Tariffs }

// Others implements billing.Tariffs.
func (alone) Others(billing.Period) ([]billing.Other, error) { return nil, nil }

// reckoned is what a bill says of its period.
func reckoned(b *billing.Bill) Reckoned {
	r := Reckoned{Period: b.Period}
	for _, p := range b.Points {
		r.Intervals, r.Estimated = r.Intervals+p.Intervals, r.Estimated+p.Estimated
		for _, l := range p.Lines {
			if billing.EntryOf(l.Kind).Section == billing.Given {
				r.Earned += l.Amount // summed up before
			} else {
				r.Spent -= l.Amount
			}
		}
	}
	for _, s := range b.Standing {
		r.Standing -= s.Amount
	}
	for _, a := range b.Compared {
		switch a.Name {
		case billing.This:
			r.Net = a.Amount
		case billing.Alone:
			r.Without, r.WithoutEstimated, r.Method = a.Amount, a.Estimated, a.Method
		}
	}
	r.VAT = r.Earned - r.Spent - r.Standing - r.Net
	return r
}
