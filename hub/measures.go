package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/measured"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// tallyOf returns what counts how well the community does.
func tallyOf(s *site, log *slog.Logger) *measured.Tally {
	nodes := map[string]string{}
	for _, p := range s.points() {
		nodes[p.MeteringPoint] = p.Node
	}
	return measured.New(log, s.plan.Market.Feeder, func(point string) string { return nodes[point] })
}

// responseOf finds what single members would have gained by other orders.
func responseOf(s *site, r *records, book *statements.Book, dir *disk.Dir) *measured.Response {
	switch {
	case s.plan.Market.Rules.Key != nil:
		return &measured.Response{Why: "Nothing is traded in this community: an allocation key shares."}
	case s.plan.Bus.OrderLog:
		return &measured.Response{Why: "The order log is on the bus (bus.order_log), where it is not cleared anew."}
	}
	const members = 3 // a sample
	recorded := scenarios.Recorded{Orders: dir.File(OrdersDir), Workings: r.evidence.WorkingsOf, Book: book}
	return &measured.Response{Ask: func(ctx context.Context, from, to time.Time) (grid.Money, time.Time, error) {
		d, err := recorded.Deviate(ctx, from, to, members)
		if err != nil {
			return 0, time.Time{}, err
		}
		return d.Best.Gain, d.To, nil
	}}
}

// carsOf follows the cars at the chargers that there are.
func carsOf(m *market) *measured.Cars {
	return &measured.Cars{
		Chargers: func() (all []readiness.Charger) {
			for _, member := range m.traders.Members() {
				for _, d := range m.traders.Devices(member) {
					if d.Kind == grid.Charger {
						of := m.site.rating(d.ID)
						all = append(all, readiness.Charger{ID: d.ID, Power: of.Power, Capacity: of.Capacity})
					}
				}
			}
			return all
		},
		Readings: func(ctx context.Context, device string, from, to time.Time) ([]grid.Reading, error) {
			return m.records.store.Range(ctx, device, from, to, store.Minute)
		},
		Wanted: func(charger string, after time.Time) (time.Time, grid.PerMille, bool) {
			return m.limits.Limits(m.records.intake.Member(charger)).Ready(charger, after, zoneOf(m.site.plan))
		},
	}
}

// measuring makes what finds measures while nobody waits for them.
func measuring(m *market, book *statements.Book, dir *disk.Dir) *measured.Runner {
	return &measured.Runner{
		Cars: carsOf(m), Response: responseOf(m.site, m.records, book, dir),
		Settled: func(ctx context.Context) (time.Time, error) {
			_, until, err := book.Span(ctx)
			return until, err
		},
		Clock: m.site.clock, Log: m.log,
	}
}

// foresightOf compares a day of a simulation with perfect foresight; nil with real devices.
func foresightOf(s *site, readings store.Store, book *statements.Book) measured.Foresight {
	if s.sim == nil {
		return nil
	}
	const week = 7 * 24 * time.Hour
	street := scenarios.Street{Dir: s.plan.Data, Telemetry: TelemetryFile, Currency: s.plan.Tariff.Currency, Zone: zoneOf(s.plan)}
	return func(ctx context.Context, from, to time.Time) (*int64, error) {
		g, err := street.GainOf(ctx, readings, book, from, to, week)
		return g.Optimum.Gain, err
	}
}
