package ledger

import (
	"context"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Erase forgets who a member was: its personal record is purged from the private
// collection, what readings forgets is forgotten, and then its salt, without which none of
// this could be found again. Its postings stay, under accounts that are nobody's any more.
// say is told of each step after it was done; when one fails, the same call goes on with
// what is left.
func (l *Ledger) Erase(ctx context.Context, member string, readings func(ctx context.Context, member string) error, say func(step string)) error {
	id, err := l.Names.Member(member)
	if err != nil {
		return err
	}
	err = l.As(l.People.Operator).Registry.EraseMember(ctx, id)
	switch {
	case Refused(err, chaincode.CodeMissing):
		say("the ledger has no personal record of it")
	case err != nil:
		return err
	default:
		say("purged from the ledger's private collection what it had of the member's person")
	}
	if err := readings(ctx, member); err != nil {
		return err
	}
	say("deleted its signed readings")
	return l.Names.Erase(member)
}
