package hub

import (
	"context"
	"slices"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/settlement/purse"
)

// openPurse opens the members' money, with what keeps prepaid balances in the market. It does
// so also where nobody is prepaid any more, so that who was is not bounded.
func openPurse(m *market, b *bus.Bus) *purse.Purse {
	s, r := m.site, m.records
	p := purse.New(purse.Options{Ledger: r.ledger, Community: s.plan.Community, Currency: s.plan.Tariff.Currency, Zone: zoneOf(s.plan), Clock: s.clock, Points: r.metering.Points})
	p.Keeper = &prepaid.Keeper{
		Members: func() []string { return membersOf(r.metering.All()) }, Prepaid: s.plan.Fund.IsPrepaid, Market: m.host, Ledger: p, Clock: s.clock, Log: m.log,
		Points: prepaid.Draws{
			Minutes: s.plan.Market.Minutes, Zone: zoneOf(s.plan), Rates: m.tariffs, Dear: s.plan.Money.Extremes.RetailHigh, Points: r.metering.Points,
			Limits: func(member string) []grid.Power { return limitsOf(s, r, member) },
		},
		Unposted: func(ctx context.Context) (int, error) {
			frozen, err := b.Count(ctx, bus.Settlement, drive.AllRuns(s.plan.Community))
			if err != nil {
				return 0, err
			}
			closed, err := r.ledger.ClosedRuns(ctx)
			return len(m.host.Unsettled()) + max(int(frozen)-int(closed), 0), err
		},
	}
	return p
}

// limitsOf returns what each of a member's connection meters carries at most: its
// import_limit, or else what the meter is believed at most.
func limitsOf(s *site, r *records, member string) (limits []grid.Power) {
	given := map[string]*grid.Power{}
	for _, p := range s.points() {
		given[p.MeteringPoint] = p.Import
	}
	for _, m := range r.metering.All() {
		if m.Member != member {
			continue
		}
		power := meters.Bound(s.planned(m.ID).Ratings()...)
		if limit := given[m.MeteringPoint]; limit != nil {
			power = *limit
		}
		limits = append(limits, power)
	}
	return limits
}

// membersOf returns whose devices are, each once and sorted.
func membersOf(devices []grid.Device) []string {
	var names []string
	for _, d := range devices {
		names = append(names, d.Member)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
