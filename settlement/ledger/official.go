package ledger

import (
	"context"

	"github.com/commonwatt/commonwatt/chaincode"
)

// RecordOfficial records a file of the grid operator's values, before anything is settled by
// it. The same one again changes nothing.
func (l *Ledger) RecordOfficial(ctx context.Context, f chaincode.OfficialFile) error {
	f.Community = l.community
	if err := l.As(l.People.Operator).Official.RecordFile(ctx, f); err != nil {
		return err
	}
	l.announce()
	return nil
}
