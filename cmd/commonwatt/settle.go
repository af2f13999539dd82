package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/metering"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
)

// openDriver makes what carries out the life of the intervals.
func (n *node) openDriver(ctx context.Context, deadline time.Duration) error {
	n.metering = metering.New(metering.Options{Store: n.store, Evidence: n.evidence, Tariff: n.tariff, Forecast: forecastNext})
	since := map[string]time.Time{}
	for _, d := range n.config.Devices {
		since[d.ID] = d.since
	}
	for _, d := range n.devices {
		if d.Kind == grid.Meter {
			n.metering.Add(d, since[d.ID])
		}
	}
	n.desk = agent.NewDesk(n.devices, n.tariff.Retail, n.tariff.FeedIn, n.seed(), n.config.Of, metering.Telemetry{Store: n.store})
	n.settle = &drive.Settler{
		Trades: n.market, Meters: n.metering, Evidence: n.metering, Names: n.ledger.Names, Runs: frozenRuns{n.config.Community, n.bus},
		Workings: audit.Workings{In: n.evidence}, Alone: n, Seen: n.seeSettled, Deadline: deadline, Log: n.log,
	}
	n.workers = drive.NewWorkers()
	n.driver = drive.New(drive.Options{
		Market: n.market, Agents: ownAgents{n.desk, n.market, n.live, n.tradesOutside, n.log}, Settlements: n.settle, Executor: n.workers,
		Again: time.Duration(float64(settleAgainAfter) * max(n.config.Speed, 1)), Log: n.log,
	})
	return n.settle.Restore(ctx, n.clock())
}

// forecastNext is what the interval after a history is forecast to be.
func forecastNext(first grid.Interval, history []float64) (net float64, known bool, err error) {
	points, err := forecast.Blend{}.Forecast(forecast.Series{First: first, Values: history}, 1)
	if errors.Is(err, forecast.ErrNoHistory) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return points[0].Mean, true, nil
}

// freezer keeps the first message of a subject for good.
type freezer interface {
	// Freeze returns what the subject holds: data, or what was frozen before.
	Freeze(ctx context.Context, stream, subject string, data []byte) ([]byte, error)
	// Frozen returns what the subject holds, nil when that is nothing.
	Frozen(ctx context.Context, stream, subject string) ([]byte, error)
}

// frozenRuns keeps the runs of a community on the bus. It implements drive.Runs.
type frozenRuns struct {
	community string
	bus       freezer
}

// allRuns matches the subjects of the community's runs.
func (n *node) allRuns() string { return "settlement." + n.config.Community + ".>" }

func (f frozenRuns) subject(i grid.Interval, run int) string {
	return fmt.Sprintf("settlement.%s.%s.%d", f.community, i, run)
}

// Freeze implements drive.Runs.
func (f frozenRuns) Freeze(ctx context.Context, i grid.Interval, run settlement.Run) (held settlement.Run, err error) {
	data, err := json.Marshal(run)
	if err != nil {
		return held, fmt.Errorf("freeze %s: %w", i, err)
	}
	frozen, err := f.bus.Freeze(ctx, bus.Settlement, f.subject(i, run.Manifest.Run), data)
	if err != nil {
		return held, err
	}
	if err := json.Unmarshal(frozen, &held); err != nil {
		return held, fmt.Errorf("freeze %s: %w", i, err)
	}
	return held, nil
}

// Frozen implements drive.Runs.
func (f frozenRuns) Frozen(ctx context.Context, i grid.Interval, run int) (*settlement.Run, error) {
	data, err := f.bus.Frozen(ctx, bus.Settlement, f.subject(i, run))
	if err != nil || data == nil {
		return nil, err
	}
	r := &settlement.Run{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("frozen run %d of %s: %w", run, i, err)
	}
	return r, nil
}
