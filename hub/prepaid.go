package hub

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/tariff/shelf"
)

// openPrepaid makes what keeps prepaid balances in the market. It does so also where nobody
// is prepaid any more, so that who was is not bounded.
func openPrepaid(s *site, r *records, m *market, p *purse, b *bus.Bus, log *slog.Logger) *prepaid.Keeper {
	return &prepaid.Keeper{
		Members: func() []string { return membersOf(r.metering.All()) }, Prepaid: s.plan.Fund.IsPrepaid, Market: m.host, Ledger: postedTo{r.ledger, p, s.plan.Community}, Points: draws{s, r, m.tariffs}, Clock: s.clock, Log: log,
		Unposted: func(ctx context.Context) (int, error) {
			frozen, err := b.Count(ctx, bus.Settlement, drive.AllRuns(s.plan.Community))
			if err != nil {
				return 0, err
			}
			closed, err := r.ledger.ClosedRuns(ctx)
			return len(m.host.Unsettled()) + max(int(frozen)-int(closed), 0), err //nolint:gosec // counts of runs
		},
	}
}

// postedTo is what the ledger has. It implements prepaid.Ledger.
type postedTo struct {
	ledger    *ledger.Ledger
	purse     *purse
	community string
}

func (p postedTo) Held(ctx context.Context, member string) (grid.Money, error) {
	return p.purse.held(ctx, member)
}

func (p postedTo) Has(i grid.Interval) bool {
	return p.ledger.IsClosed(record.Manifest{Community: p.community, Interval: i.String(), Run: 1})
}

func (p postedTo) State(ctx context.Context) (string, error) {
	_, root, err := p.ledger.Head(ctx)
	return root, err
}

// draws is what members may come to draw. It implements prepaid.Point.
type draws struct {
	site    *site
	records *records
	tariffs *shelf.Shelf
}

// Carries implements prepaid.Point: of a metering point without an import_limit it is what
// its connection meter is believed at most.
func (d draws) Carries(member string) (sum grid.Energy) {
	limits := map[string]*grid.Power{}
	for _, p := range d.site.points() {
		limits[p.MeteringPoint] = p.Import
	}
	for _, m := range d.records.metering.All() {
		if m.Member != member {
			continue
		}
		power := meters.Bound(d.site.planned(m.ID).Ratings()...)
		if limit := limits[m.MeteringPoint]; limit != nil {
			power = *limit
		}
		sum += grid.Energy(int64(power) * int64(d.site.plan.Market.Minutes) / 60) //nolint:mnd // minutes an hour
	}
	return sum
}

// Dearest implements prepaid.Point. Where a price is not known yet, the dearest of the tariffs
// stands for it.
func (d draws) Dearest(member string, day time.Time) (most grid.Price, err error) {
	local := day.In(d.site.plan.Money.Zone)
	begin := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())
	some := false
	for _, point := range d.records.metering.Points(member) {
		for i := grid.IntervalAt(begin, d.site.plan.Market.Minutes); i.Begin().Before(begin.AddDate(0, 0, 1)); i = i.Shift(1) {
			price := d.site.plan.Money.Extremes.RetailHigh
			if r, err := d.tariffs.Rates(point, i); err == nil {
				price = r.Retail
			}
			if !some || price > most {
				most, some = price, true
			}
		}
	}
	if !some {
		return 0, fmt.Errorf("has no metering point")
	}
	return most, nil
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
