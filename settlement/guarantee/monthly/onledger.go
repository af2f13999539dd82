package monthly

import (
	"context"
	"errors"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// OnLedger implements Ledger, as the operator.
type OnLedger struct{ On *ledger.Ledger }

// Month implements Ledger.
func (o OnLedger) Month(ctx context.Context, month string) (root string, err error) {
	found, err := o.On.As(o.On.People.Operator).Guarantee.Get(ctx, month)
	if ledger.Refused(err, chaincode.CodeMissing) {
		return "", nil
	}
	return found.Root, err
}

// Record implements Ledger.
func (o OnLedger) Record(ctx context.Context, t chaincode.TopUps) error {
	return o.On.As(o.On.People.Operator).Guarantee.Record(ctx, t)
}

// ClosedRuns makes runs anew from how they came about. It implements Runs.
type ClosedRuns struct {
	On       *ledger.Ledger
	Frozen   drive.FrozenRuns
	Workings Workings
}

// Workings keeps how runs came about.
type Workings interface {
	// Working returns that of a run, nil when it is not kept.
	Working(ctx context.Context, interval string, run int, root string) ([]byte, error)
}

// Run implements Runs.
func (c ClosedRuns) Run(ctx context.Context, i grid.Interval, run int) (settlement.Run, error) {
	frozen, err := c.Frozen.Frozen(ctx, i, run)
	if err != nil {
		return settlement.Run{}, err
	}
	if frozen == nil || !c.On.IsClosed(frozen.Manifest) {
		return settlement.Run{}, ErrNotYet
	}
	text, err := c.Workings.Working(ctx, i.String(), run, frozen.Manifest.ReadingRoot)
	if err == nil && text == nil {
		err = errors.New("how it came about is not kept: restore the data directory from a copy that has it")
	}
	if err != nil {
		return settlement.Run{}, err
	}
	return audit.Resettle(text)
}
