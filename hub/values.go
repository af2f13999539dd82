package hub

import (
	"context"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/corrections"
)

// openCorrections opens the grid operator's values, and has the settler go by them where they
// bill.
func openCorrections(ctx context.Context, dir *disk.Dir, m *market) (*corrections.Runner, error) {
	a, err := archive.Open(ctx, dir.File(corrections.File))
	if err != nil {
		return nil, err
	}
	bills := m.site.plan.Market.OfficialBills
	if bills {
		m.settle.Official = corrections.Values{Archive: a}
	}
	return corrections.New(corrections.Options{
		Archive: a, Record: m.records.ledger.RecordOfficial, Settler: m.settle, Workers: m.workers, Bills: bills, Clock: m.site.clock, Log: m.log,
	}), nil
}

// valuesDesk makes where the operator imports and compares them.
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
