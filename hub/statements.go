package hub

import (
	"context"
	"errors"
	"log/slog"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// account is the book of what every settled interval meant, and what adds the frozen runs
// to it.
type account struct {
	book     *statements.Book
	follower *statements.Follower
	desk     *desk.Desk // the bills
}

// open opens the book in a file. owner says whose a metering point is now.
func (a *account) open(ctx context.Context, path, community string, b *bus.Bus, names *ledger.Names, owner func(point string) string, log *slog.Logger) (err error) {
	if a.book, err = statements.Open(ctx, path); err != nil {
		return err
	}
	a.follower = &statements.Follower{
		Book: a.book, Frozen: b, Community: community, Stream: bus.Settlement, Subject: drive.AllRuns(community), Log: log,
		Owner: func(point string) (string, string, error) {
			member := owner(point)
			if names.Known(member) == nil {
				return "", "", nil
			}
			its, err := names.Account(member, point)
			return member, its, err
		},
	}
	return a.follower.Open(ctx)
}

func (a *account) close() error {
	var problems []error
	if a.desk != nil {
		problems = append(problems, a.desk.Close())
	}
	if a.book != nil {
		problems = append(problems, a.book.Close())
	}
	return errors.Join(problems...)
}
