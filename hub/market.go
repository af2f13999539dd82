package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/tariff/shelf"
)

// market is the community's market, its agents, and what carries out the life of the
// intervals.
type market struct {
	site    *site
	tariffs *shelf.Shelf
	records *records
	room    func() error // why nothing can be kept
	log     *slog.Logger
	watch   marketWatch

	host    *host.Host
	traders *agent.Traders
	planner *planning
	limits  *kept.Kept
	settle  *drive.Settler
	driver  *drive.Driver
	workers drive.Workers
}

// marketWatch is told what happens.
type marketWatch struct {
	events   func([]community.Event)
	expected func(point string, i grid.Interval, net grid.Energy)
	settled  func(i grid.Interval, run settlement.Run)
}

// open replays the order log. alone says what the homes would have done without the
// community.
func (m *market) open(ctx context.Context, b *bus.Bus, dir *disk.Dir, alone drive.Alone) error {
	plan, points := m.site.plan, m.site.points()
	members := make([]string, len(points))
	for k, p := range points {
		members[k] = p.Member
	}
	rules := plan.Market.Rules
	trading, err := community.NewMarket(community.Config{
		Community: plan.Community, Minutes: plan.Market.Minutes, GateClosure: plan.Market.GateClosure,
		Deadline: m.site.deadline(), Ahead: community.DefaultAhead, CallEvery: plan.Market.CallEvery, Trading: plan.Market.Trading, Members: members,
		Names: m.records.ledger.Names, Rules: &rules, Apart: plan.Market.Apart,
		Tariffs: m.tariffs, Extremes: new(m.tariffs.Extremes(plan.Money.Extremes, m.site.clock())), Collar: plan.Money.Collar,
	}, plan.Market.Feeder, plan.Tariff)
	if err != nil {
		return err
	}
	m.host, err = host.Open(ctx, host.Options{
		Community: plan.Community, Market: trading, Points: points, Bus: b, Stream: bus.Market, Clock: m.site.clock, Log: m.log,
		Open: openLog(ctx, plan, b, dir), See: m.watch.events,
	})
	if err != nil {
		return err
	}
	if m.limits, err = openLimits(m.site, dir); err != nil {
		return err
	}
	m.traders = agent.NewTraders(agent.Options{
		Devices: m.site.devices, Prices: m.tariffs, Telemetry: m.records.history(), Seed: m.site.seed(),
		Minutes: plan.Market.Minutes, Zone: plan.Money.Zone, Currency: plan.Tariff.Currency, Strategy: plan.Strategy, Rating: m.site.rating, Limits: m.limits.Limits,
		Place: m.site.place(), Position: m.host.Position, Kept: keptModels{dir}, Ahead: plan.Market.Trading == matching.Calls,
		NoPool: plan.Market.Rules.Pool == settlement.Off,
	})
	m.drive(b, alone)
	return m.settle.Restore(ctx, m.site.clock())
}

// reprice returns what has the price rules of the market follow tariffs whose prices changed
// while it runs; nil where the configuration gives the rules.
func (m *market) reprice() func(tariff.Extremes) error {
	if m.site.plan.Money.Collar != nil {
		return nil
	}
	return func(e tariff.Extremes) error {
		collar, err := community.CollarFor(e)
		if err != nil {
			m.log.Warn("prices of a tariff are beyond what the market can trade at: who has it does not trade at them", slog.String("error", err.Error()))
		}
		return m.host.Reprice(func(market *community.Market) { market.Want(collar, e) }, m.site.clock())
	}
}

func (m *market) close() error {
	if m.host == nil {
		return nil
	}
	return m.host.Close()
}

// drive makes what carries out the life of the intervals.
func (m *market) drive(b *bus.Bus, alone drive.Alone) {
	plan := m.site.plan
	m.settle = &drive.Settler{
		Trades: m.host, Meters: m.records.metering, Evidence: m.records.metering, Names: m.records.ledger.Names, Runs: drive.FrozenRuns{Community: plan.Community, Stream: bus.Settlement, In: b},
		Workings: audit.Workings{In: m.records.evidence}, Alone: alone, Seen: m.watch.settled, Deadline: m.site.deadline(), Log: m.log,
	}
	m.workers = drive.NewWorkers()
	m.planner = &planning{traders: m.traders, quotes: m.workers, clock: m.site.clock, log: m.log}
	m.driver = drive.New(drive.Options{
		Market: m.host, Agents: m, Settlements: m.settle, Executor: m.workers,
		Again: time.Duration(float64(settleAgainAfter) * max(plan.Speed, 1)), Log: m.log, Late: pace{plan.Speed, m.log}.late,
	})
}

// openLog returns how to open the order log: a file, or a stream on the bus that
// another process can go on with.
func openLog(ctx context.Context, plan config.Plan, b *bus.Bus, dir *disk.Dir) host.OpenLog {
	return func(m journal.Machine) (host.Log, journal.Recovery, error) {
		if !plan.Bus.OrderLog {
			return journal.Open(dir.File(OrdersDir), journal.DefaultSegment, m)
		}
		log, err := b.OpenLog(ctx, plan.Community, plan.Bus.Replicas)
		if err != nil {
			return nil, journal.Recovery{}, err
		}
		return journal.OpenRemote(ctx, log, m)
	}
}

// settleAgainAfter is the wall time before a settlement that failed is tried again.
const settleAgainAfter = 5 * time.Second

const tickEvery = 100 * time.Millisecond

// run carries out what is due until ctx ends.
func (m *market) run(ctx context.Context) error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := m.tick(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// tick carries out what is due in the life of the intervals. Only a journal that takes no
// commands is an error.
func (m *market) tick(ctx context.Context) error {
	if m.room() != nil {
		return nil //nolint:nilerr // what is due waits: the disk's alarm was told
	}
	if err := m.tariffs.Day(m.site.clock()); err != nil && !disk.IsFull(err) {
		return err
	}
	if err := m.driver.Advance(ctx, m.site.clock()); err != nil && !disk.IsFull(err) {
		return fmt.Errorf("market: %w", err)
	}
	if m.site.plan.Market.Rules.Key == nil {
		m.planner.look(ctx)
	}
	if err := m.host.Publish(ctx); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "events wait for the bus", slog.String("error", err.Error()))
	}
	return nil
}

// Points implements drive.Agents: the agents of a member for whom a program outside
// trades, one that is configured or that has sent orders lately, quote for none.
func (m *market) Points(member string, now time.Time) []string {
	if m.site.plan.Market.Rules.Key != nil {
		return nil // nothing is traded
	}
	configured := slices.ContainsFunc(m.site.plan.Agents, func(a config.Agent) bool { return a.Member == member })
	if configured || now.Sub(m.host.HeardOutside(member)) < host.OutsideFor {
		return nil
	}
	return m.traders.Points(member)
}

// Plan implements drive.Agents.
func (m *market) Plan(ctx context.Context, point string, i grid.Interval, now time.Time) ([]drive.Bids, error) {
	plan, err := m.traders.Quote(ctx, point, i, now)
	if errors.Is(err, forecast.ErrNoHistory) {
		m.log.InfoContext(ctx, "no order: nothing is known of the metering point yet", slog.String("member", m.host.Owner(point)), slog.String("metering_point", point))
		return nil, nil
	}
	if unknown := (*agent.NoPriceError)(nil); errors.As(err, &unknown) {
		m.log.WarnContext(ctx, err.Error(), slog.String("metering_point", point), slog.String("interval", i.String()))
	} else if err != nil {
		return nil, err
	}
	if plan.Silent || !slices.Contains(m.Points(m.host.Owner(point), now), point) { // a program outside may have begun meanwhile
		return nil, nil
	}
	m.watch.expected(point, i, grid.Energy(math.Round(plan.Expected.Mean)))
	all := []drive.Bids{{Interval: i, Orders: plan.Orders}}
	for _, later := range plan.Later {
		all = append(all, drive.Bids(later))
	}
	return all, nil
}
