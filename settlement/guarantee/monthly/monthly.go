// Package monthly has the fund guarantee one local month after the other: it reckons a month
// when its corrections are over, keeps how, and records it on the ledger.
//
// Who makes a Runner runs it (Run) until its context ends. It may be stopped anywhere: a month
// that is not on the ledger is reckoned again, and one that is stays as it is.
package monthly

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// Book tells which runs there are, in the order in which they came.
type Book interface {
	Last(ctx context.Context) (place int64, err error)
	EachAt(ctx context.Context, from, to time.Time, place int64, see func(*statements.Interval) error) error
	Since(ctx context.Context, after, upTo int64, see func(*statements.Interval) error) error
}

// Runs makes runs anew.
type Runs interface {
	// Run returns a run that the ledger has closed, its metering points named by their
	// accounts. Errors: ErrNotYet.
	Run(ctx context.Context, i grid.Interval, run int) (settlement.Run, error)
}

// ErrNotYet reports that the ledger does not have a run yet.
var ErrNotYet = errors.New("the ledger does not have all runs yet")

// Ledger has the months that are recorded.
type Ledger interface {
	// Month returns the root of a recorded month, empty when it is not.
	Month(ctx context.Context, month string) (root string, err error)
	Record(ctx context.Context, t chaincode.TopUps) error
}

// Kept keeps how months were reckoned.
type Kept interface {
	Keep(month, root string, w guarantee.Working) error
	// Guarantee returns a month's working by its root, nil when it is not kept.
	Guarantee(month, root string) ([]byte, error)
}

// Runner guarantees the months of a community.
type Runner struct {
	Community string
	Minutes   int            // of a delivery interval
	Zone      *time.Location // of the months
	From      string         // the first month
	Deadline  time.Duration  // after a month's end, for corrections
	Clock     func() time.Time
	Book      Book
	Runs      Runs
	Ledger    Ledger
	Kept      Kept
	Available func(ctx context.Context) (grid.Money, error) // what the fund can give now
	Blind     func(what string) (string, error)             // makes unguessable
	Log       *slog.Logger

	done string // the last month that is recorded, or had nothing; empty: it is not known
}

// everyLook is how often, in wall time, it is looked whether a month is due.
const everyLook = 5 * time.Second

// Run guarantees months until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	for {
		month, err := r.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to stop
		case errors.Is(err, ErrNotYet):
		case err != nil:
			r.Log.ErrorContext(ctx, "a month is not guaranteed, will try again", slog.String("month", month), slog.String("error", err.Error()))
		case month != "":
			continue // perhaps the next one is due too
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(everyLook):
		}
	}
}

// Step guarantees the next month that is due, and returns its name; empty when none is.
func (r *Runner) Step(ctx context.Context) (month string, err error) {
	month = r.From
	if r.done != "" {
		month = next(r.done)
	}
	from, to, err := r.bounds(month)
	if err != nil {
		return month, err
	}
	if r.Clock().Before(to.Add(r.Deadline)) {
		return "", nil
	}
	root, err := r.Ledger.Month(ctx, month)
	if err == nil && root == "" {
		err = r.guarantee(ctx, month, from, to)
	}
	if err == nil {
		r.done = month
	}
	return month, err
}

const monthLayout = "2006-01"

// bounds returns the local month's begin and end.
func (r *Runner) bounds(month string) (from, to time.Time, err error) {
	first, err := time.ParseInLocation(monthLayout, month, r.Zone)
	if err != nil {
		return from, to, fmt.Errorf("month %q: %w", month, err)
	}
	return first, first.AddDate(0, 1, 0), nil
}

// next returns the month after, which parsed before.
func next(month string) string {
	first, _ := time.Parse(monthLayout, month)
	return first.AddDate(0, 1, 0).Format(monthLayout)
}

// reckoning gathers what a month is reckoned from.
type reckoning struct {
	*Runner

	head     guarantee.Head
	tally    guarantee.Tally
	accounts map[string]string // by member, the least
}

func (r *Runner) guarantee(ctx context.Context, month string, from, to time.Time) error {
	x := &reckoning{Runner: r, tally: guarantee.Tally{}, accounts: map[string]string{}}
	x.head = guarantee.Head{Community: r.Community, Month: month, Minutes: r.Minutes, Time: r.Clock().UTC().Truncate(time.Second).Format(time.RFC3339)}
	var err error
	if x.head.Place, err = r.Book.Last(ctx); err != nil {
		return err
	}
	own, err := x.own(ctx, from, to)
	if err != nil || len(own) == 0 {
		return err // nothing was settled
	}
	before, err := x.before(ctx, month)
	if err != nil {
		return err
	}
	if x.head.Corrections, err = x.corrections(ctx, before); err != nil {
		return err
	}
	if err := x.addUp(ctx); err != nil {
		return err
	}
	if x.head.Available, err = r.Available(ctx); err != nil {
		return err
	}
	w, err := guarantee.Reckon(x.head, guarantee.Inputs{Sums: x.tally, Accounts: x.accounts}, func(member string) (string, error) {
		return r.Blind("guarantee/" + month + "/" + member)
	})
	if err != nil {
		return err
	}
	return x.record(ctx, w)
}

// own notes the intervals of the month and their last runs.
func (x *reckoning) own(ctx context.Context, from, to time.Time) (runs map[grid.Interval]int, err error) {
	runs = map[grid.Interval]int{}
	var first, last grid.Interval
	err = x.Book.EachAt(ctx, from, to, x.head.Place, func(i *statements.Interval) error {
		if i.Interval.Minutes != x.Minutes {
			return fmt.Errorf("interval %s: the community's have %d minutes: a month is reckoned of one length", i.Interval, x.Minutes)
		}
		if len(runs) == 0 {
			first = i.Interval
		}
		last, runs[i.Interval] = i.Interval, i.Run
		return nil
	})
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	x.head.Begin, x.head.End = first.Begin().UTC().Format(time.RFC3339), last.End().UTC().Format(time.RFC3339)
	x.head.Runs = map[string]int{}
	for i := first; i.Compare(last) <= 0; i = i.Shift(1) {
		if run := runs[i]; run != 1 {
			x.head.Runs[i.String()] = run
		}
	}
	return runs, nil
}

// before reads the months that were recorded before, in order.
func (x *reckoning) before(ctx context.Context, month string) (all []guarantee.Month, err error) {
	for m := x.From; m < month; m = next(m) {
		root, err := x.Ledger.Month(ctx, m)
		if err != nil {
			return nil, err
		}
		if root == "" {
			continue
		}
		text, err := x.Kept.Guarantee(m, root)
		if err != nil {
			return nil, err
		}
		if text == nil {
			return nil, fmt.Errorf("how %s was reckoned is not here: restore the folder guarantee of the data directory from a copy", m)
		}
		var w guarantee.Working
		if err := json.Unmarshal(text, &w); err != nil {
			return nil, fmt.Errorf("how %s was reckoned: %w", m, err)
		}
		read, err := w.Read()
		if err != nil {
			return nil, fmt.Errorf("how %s was reckoned: %w", m, err)
		}
		all = append(all, read)
	}
	return all, nil
}

// corrections are the runs that came since the last month was recorded, of intervals of
// months before.
func (x *reckoning) corrections(ctx context.Context, before []guarantee.Month) (all []guarantee.Correction, err error) {
	if len(before) == 0 {
		return nil, nil
	}
	latest := map[grid.Interval]int{}
	err = x.Book.Since(ctx, before[len(before)-1].Place, x.head.Place, func(i *statements.Interval) error {
		local := i.Interval.Begin().In(x.Zone).Format(monthLayout)
		if slices.ContainsFunc(before, func(m guarantee.Month) bool { return m.Head.Month == local }) {
			latest[i.Interval] = max(latest[i.Interval], i.Run)
		}
		return nil
	})
	for _, i := range slices.SortedFunc(maps.Keys(latest), grid.Interval.Compare) {
		if c := (guarantee.Correction{Interval: i.String(), From: counted(before, i), To: latest[i]}); c.From < c.To {
			all = append(all, c)
		}
	}
	return all, err
}

// counted returns the run of an interval that counted last, 0 where none did.
func counted(before []guarantee.Month, i grid.Interval) (run int) {
	name := i.String()
	for _, m := range before {
		if m.Covers(i) {
			run = m.RunOf(i)
		}
		for _, c := range m.Corrections {
			if c.Interval == name {
				run = c.To
			}
		}
	}
	return run
}

// addUp reckons what the runs came to.
func (x *reckoning) addUp(ctx context.Context) error {
	uses, err := x.head.Uses()
	if err != nil {
		return err
	}
	for _, u := range uses {
		run, err := x.Runs.Run(ctx, u.Interval, u.Run)
		if err != nil {
			return fmt.Errorf("%s run %d: %w", u.Interval, u.Run, err)
		}
		of, err := guarantee.Of(run)
		if err != nil {
			return fmt.Errorf("%s run %d: %w", u.Interval, u.Run, err)
		}
		if err := x.tally.Take(of, u.Sign); err != nil {
			return err
		}
		for account, who := range run.Basis.Members {
			if _, counts := of[who]; counts && (x.accounts[who] == "" || account < x.accounts[who]) {
				x.accounts[who] = account
			}
		}
	}
	return nil
}

// record keeps the working before the ledger commits to it.
func (x *reckoning) record(ctx context.Context, w guarantee.Working) error {
	m, err := w.Read()
	if err != nil {
		return err
	}
	t := chaincode.TopUps{Community: x.Community, Month: m.Head.Month, Time: m.Time, Payments: []chaincode.TopUp{}}
	if t.Root, err = w.Root(); err != nil {
		return err
	}
	for _, l := range m.Leaves {
		if l.Paid > 0 {
			t.Payments = append(t.Payments, chaincode.TopUp{Account: l.Account, Amount: int64(l.Paid)})
		}
	}
	slices.SortFunc(t.Payments, func(a, b chaincode.TopUp) int { return cmp.Compare(a.Account, b.Account) })
	if err := x.Kept.Keep(m.Head.Month, t.Root, w); err != nil {
		return err
	}
	if err := x.Ledger.Record(ctx, t); err != nil {
		return err
	}
	x.Log.InfoContext(ctx, "a month is guaranteed", slog.String("month", m.Head.Month), slog.Int("members", len(t.Payments)))
	return nil
}
