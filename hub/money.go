package hub

import (
	"context"
	"errors"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/purse"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// money is what becomes of settled intervals: runs are posted on the ledger and noted in the
// book of statements, from which months are guaranteed and billed; official values correct
// them.
type money struct {
	corrections *corrections.Runner
	values      *corrections.Desk
	poster      *ledger.Poster
	purse       *purse.Purse
	book        *statements.Book
	follower    *statements.Follower // adds the frozen runs to the book
	months      *monthly.Runner      // nil: no month is guaranteed
	desk        *desk.Desk           // the bills
}

// open opens all of it, for a market that is open. recorded is told of runs that the ledger
// has. What it opened when it fails, close closes.
func (m *money) open(ctx context.Context, at *market, b *bus.Bus, dir *disk.Dir, recorded func(grid.Interval, int)) (err error) {
	s, r := at.site, at.records
	if m.corrections, err = openCorrections(ctx, dir, at); err != nil {
		return err
	}
	m.values = valuesDesk(at, m.corrections)
	m.poster = &ledger.Poster{
		Ledger: r.ledger, Frozen: b, Stream: bus.Settlement, Subject: drive.AllRuns(s.plan.Community), Clock: s.clock, Log: at.log, Recorded: recorded,
	}
	m.purse = openPurse(at, b)
	if err := m.poster.Open(ctx); err != nil {
		return err
	}
	if err := m.openBook(ctx, at, b, dir); err != nil {
		return err
	}
	m.values.Held = heldIn(m.book)
	if m.months, err = openGuarantee(at, m.book, m.purse, b, dir); err != nil {
		return err
	}
	m.desk, err = openDesk(ctx, dir, r, m.book)
	return err
}

// openBook opens the book of statements.
func (m *money) openBook(ctx context.Context, at *market, b *bus.Bus, dir *disk.Dir) (err error) {
	if m.book, err = statements.Open(ctx, dir.File(statements.File)); err != nil {
		return err
	}
	community, names := at.site.plan.Community, at.records.ledger.Names
	m.follower = &statements.Follower{
		Book: m.book, Frozen: b, Community: community, Stream: bus.Settlement, Subject: drive.AllRuns(community), Log: at.log,
		Owner: func(point string) (string, string, error) {
			member := at.host.Owner(point)
			if names.Known(member) == nil {
				return "", "", nil
			}
			its, err := names.Account(member, point)
			return member, its, err
		},
	}
	return m.follower.Open(ctx)
}

func (m *money) close() error {
	var problems []error
	if m.desk != nil {
		problems = append(problems, m.desk.Close())
	}
	if m.book != nil {
		problems = append(problems, m.book.Close())
	}
	if m.corrections != nil {
		problems = append(problems, m.corrections.Archive.Close())
	}
	return errors.Join(problems...)
}
