package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// guaranteeSince is where a data directory keeps the first month that the fund guarantees: that
// in which it was switched on.
const guaranteeSince = "guarantee.since"

// graceAfter is for how long after the correction deadline of a month's last interval its
// last runs may take, world time.
const graceAfter = 24 * time.Hour

// openGuarantee makes what guarantees months; nil where nothing does.
func openGuarantee(s *site, r *records, p *purse, b *bus.Bus, dir *disk.Dir, log *slog.Logger) (*monthly.Runner, error) {
	from, err := guaranteedFrom(dir.File(guaranteeSince), s.plan.Fund.Guarantee != "", s.clock().In(zoneOf(s.plan)))
	if err != nil || from == "" {
		return nil, err
	}
	on := guaranteeLedger{r.ledger}
	return &monthly.Runner{
		Community: s.plan.Community, Minutes: s.plan.Market.Minutes, Zone: zoneOf(s.plan), From: from, Deadline: community.CorrectionDeadline() + graceAfter,
		Clock: s.clock, Book: r.account.book, Runs: closedRuns{r, drive.FrozenRuns{Community: s.plan.Community, Stream: bus.Settlement, In: b}}, Ledger: on,
		Kept: audit.KeptGuarantees{Dir: dir.File(audit.GuaranteeDir)}, Available: p.available, Log: log,
		Blind: r.blind,
	}, nil
}

// guaranteedFrom returns the first month that is guaranteed, which the file keeps as long as
// the guarantee is on; empty when it is off.
func guaranteedFrom(file string, on bool, now time.Time) (month string, err error) {
	if !on {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("guarantee: %w", err)
		}
		return "", nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		month = now.Format("2006-01")
		return month, disk.Replace(file, []byte(month+"\n"), disk.Private)
	}
	if err != nil {
		return "", fmt.Errorf("guarantee: %w", err)
	}
	month = strings.TrimSpace(string(text))
	if _, err := time.Parse("2006-01", month); err != nil {
		return "", disk.Mismatch(file, fmt.Sprintf("says no month (%v)", err))
	}
	return month, nil
}

// guaranteeLedger implements monthly.Ledger.
type guaranteeLedger struct{ on *ledger.Ledger }

func (g guaranteeLedger) Month(ctx context.Context, month string) (root string, err error) {
	found, err := g.on.As(g.on.People.Operator).Guarantee.Get(ctx, month)
	if ledger.Refused(err, chaincode.CodeMissing) {
		return "", nil
	}
	return found.Root, err
}

func (g guaranteeLedger) Record(ctx context.Context, t chaincode.TopUps) error {
	return g.on.As(g.on.People.Operator).Guarantee.Record(ctx, t)
}

// closedRuns makes runs anew from how they came about. It implements monthly.Runs.
type closedRuns struct {
	records *records
	frozen  drive.FrozenRuns
}

func (c closedRuns) Run(ctx context.Context, i grid.Interval, run int) (settlement.Run, error) {
	frozen, err := c.frozen.Frozen(ctx, i, run)
	if err != nil {
		return settlement.Run{}, err
	}
	if frozen == nil || !c.records.ledger.IsClosed(frozen.Manifest) {
		return settlement.Run{}, monthly.ErrNotYet
	}
	text, err := c.records.evidence.Working(ctx, i.String(), run, frozen.Manifest.ReadingRoot)
	if err == nil && text == nil {
		err = errors.New("how it came about is not kept: restore the data directory from a copy that has it")
	}
	if err != nil {
		return settlement.Run{}, err
	}
	return audit.Resettle(text)
}
