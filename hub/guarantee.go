package hub

import (
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
	"github.com/commonwatt/commonwatt/settlement/purse"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// graceAfter is for how long after the correction deadline of a month's last interval its
// last runs may take, world time.
const graceAfter = 24 * time.Hour

// openGuarantee makes what guarantees months from a statement book; nil where nothing does. It is
// for a market that is open.
func openGuarantee(at *market, book *statements.Book, p *purse.Purse, b *bus.Bus, dir *disk.Dir) (*monthly.Runner, error) {
	s, r := at.site, at.records
	from, err := monthly.From(dir.File(monthly.SinceFile), s.plan.Fund.Guarantee != "", s.clock().In(zoneOf(s.plan)))
	if err != nil || from == "" {
		return nil, err
	}
	return &monthly.Runner{
		Community: s.plan.Community, Minutes: s.plan.Market.Minutes, Zone: zoneOf(s.plan), From: from, Deadline: community.CorrectionDeadline() + graceAfter,
		Clock: s.clock, Book: book, Runs: monthly.ClosedRuns{
			On: r.ledger, Frozen: drive.FrozenRuns{Community: s.plan.Community, Stream: bus.Settlement, In: b}, Workings: r.evidence,
		}, Ledger: monthly.OnLedger{On: r.ledger},
		Kept: audit.KeptGuarantees{Dir: dir.File(audit.GuaranteeDir)}, Available: p.Available, Log: at.log,
		Blind: r.blind,
	}, nil
}
