package hub

import (
	"context"
	"path/filepath"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/web/api"
)

// openCorrections opens the grid operator's values, and has the settler go by them where they
// bill, and else by those alone that accepted objections of members became.
func openCorrections(ctx context.Context, dir *disk.Dir, m *market) (*corrections.Runner, error) {
	a, err := archive.Open(ctx, dir.File(corrections.File))
	if err != nil {
		return nil, err
	}
	r := corrections.New(corrections.Options{
		Archive: a, Record: m.records.ledger.RecordOfficial, Settler: m.settle, Workers: m.workers, Bills: m.site.plan.Market.OfficialBills, Clock: m.site.clock, Log: m.log,
	})
	m.settle.Official = corrections.Values{Archive: a, Which: r.Billing()}
	return r, nil
}

// heldIn finds in the book of statements what counts of an interval at a member's metering points.
func heldIn(book *statements.Book) corrections.Held {
	return func(ctx context.Context, member string, i grid.Interval) (held map[string]corrections.Counted, err error) {
		err = book.EachOf(ctx, member, i.Begin(), i.End(), func(one *statements.Interval) error {
			if one.Interval != i {
				return nil
			}
			held = map[string]corrections.Counted{}
			for _, p := range one.Points {
				held[p.MeteringPoint] = corrections.Counted{Flow: p.Metered, Quality: p.Quality}
			}
			return nil
		})
		return held, err
	}
}

// valuesDesk makes where the operator imports and compares them, and members object to what was
// metered.
func valuesDesk(m *market, r *corrections.Runner) *corrections.Desk {
	return &corrections.Desk{
		Runner: r, Compare: m.settle, Minutes: m.site.plan.Market.Minutes, Zone: m.site.plan.Money.Zone, Owner: m.host.Owner, Replaced: m.records.metering.Replaced,
		Points: func() (points []string) {
			for _, d := range m.records.metering.All() {
				points = append(points, d.MeteringPoint)
			}
			return points
		},
		Blind: m.records.blind,
	}
}

// ObjectionsIn returns what members object to, in one state where one is named, as it stands in a
// data directory on which no community runs.
func ObjectionsIn(ctx context.Context, data, state string) ([]api.Objection, error) {
	return shown.ObjectionsIn(ctx, filepath.Join(data, corrections.File), state)
}
