package hub

import (
	"context"
	"log/slog"
	"time"

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
