package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/signwatch"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// node is one process of a community: all stages and the wires between them.
type node struct {
	config   config
	log      *slog.Logger
	dir      *disk.Dir
	listener net.Listener
	sim      *sim.Neighbourhood // nil with real devices
	clock    func() time.Time   // world time
	targets  []meters.Target    // at the start; what is paired later, adopt hands out
	fleet    *meters.Fleet
	devices  []grid.Device // at the start
	tariff   tariff.Tariff

	bus   *bus.Bus
	lease *bus.Lease // nil: the order log is a file

	leaseLost chan error
	store     store.Store
	heard     gatewaysHeard // what the gateways on other machines sent
	evidence  *evidence.Log
	signer    *meters.Signer
	readBy    *readers
	signs     *signwatch.Watch
	batteries *batteries
	rewards   *rewards.Desk // nil: no programme
	ledger    *ledger.Ledger
	market    *host.Host
	settle    *settler
	desk      *agent.Desk
	live      *web.Live

	failing  map[grid.Interval]time.Time // settlements that failed, and when to try again (wall)
	readings atomic.Int64
	refused  atomic.Int64 // batches of readings that are no evidence
	settled  atomic.Int64

	keysChanged atomic.Bool    // a gateway has announced another key
	closers     []func() error // in order of opening
}

// The durable consumers and subjects of this community: several may share a
// bus.
func (n *node) storeConsumer() string { return "store-" + n.config.Community }

func (n *node) ledgerConsumer() string { return "ledger-" + n.config.Community }

// openNode opens everything; on an error it closes what it opened.
func openNode(ctx context.Context, c config, log *slog.Logger) (*node, error) {
	n := &node{config: c, log: log, failing: map[grid.Interval]time.Time{}}
	n.fleet = &meters.Fleet{Clock: func() time.Time { return n.clock() }, Log: log}
	for _, open := range []func(context.Context) error{
		n.openDir, n.openBus, n.openLease, n.openListener, n.openDevices, n.openStore, n.openReadings, n.openLedger, n.openMarket, n.openRewards,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	return n, nil
}

func (n *node) close() error {
	var problems []error
	for _, c := range slices.Backward(n.closers) {
		problems = append(problems, c())
	}
	n.closers = nil
	return errors.Join(problems...)
}

func (n *node) openListener(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.config.Listen)
	if err != nil {
		return usage.Errorf("listen on %s: %w: choose another address with --listen", n.config.Listen, err)
	}
	n.listener = l
	n.closers = append(n.closers, func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (n *node) openDir(context.Context) (err error) {
	if n.dir, err = disk.OpenDir(n.config.Data); err != nil {
		return err
	}
	n.closers = append(n.closers, n.dir.Close)
	if n.config.keepTerms {
		if err := n.config.terms().keep(n.dir); err != nil {
			return err
		}
	}
	n.tariff, err = n.config.tariff()
	return err
}

func (n *node) openDevices(ctx context.Context) error {
	profiles, err := n.config.profiles()
	if err != nil {
		return usage.Mark(err)
	}
	if n.config.Simulation != nil {
		return n.openSimulation(ctx, profiles)
	}
	n.clock = n.config.clock
	if n.clock == nil {
		n.clock = time.Now
	}
	for i, d := range n.config.Devices {
		if d.Gateway != "" {
			n.devices = append(n.devices, d.bound(profiles))
			continue
		}
		target, err := d.target(profiles)
		if err != nil {
			return usage.Errorf("devices[%d]: %w", i, err)
		}
		n.add(target)
	}
	return nil
}

// bound says what the device is and where it belongs.
func (d device) bound(profiles *profile.Set) grid.Device {
	return grid.Device{ID: d.ID, Kind: d.kind(profiles.Get(d.Profile)), Member: d.Member, MeteringPoint: d.MeteringPoint, Serial: d.Serial}
}

// target says how the device is read.
func (d device) target(profiles *profile.Set) (t meters.Target, err error) {
	p := profiles.Get(d.Profile)
	t = meters.Target{
		Device: d.bound(profiles),
		Unit:   cmp.Or(d.Unit, p.Transport.Unit, 1), Profile: p, Inverted: d.Inverted,
	}
	if t.Endpoint, err = modbus.ParseEndpoint(d.Address); err != nil {
		return t, fmt.Errorf("address: %w", err)
	}
	if d.Rated.text != "" {
		t.Rated, err = d.Rated.power("rated")
	}
	return t, err
}

func (n *node) add(t meters.Target) {
	n.devices = append(n.devices, t.Device)
	n.targets = append(n.targets, t)
}

func (n *node) openSimulation(ctx context.Context, profiles *profile.Set) error {
	s := n.config.Simulation
	faults := map[string][]sim.Fault{}
	for _, f := range s.Faults {
		faults[f.Device] = append(faults[f.Device], sim.Fault(f.Fault)) // checked with the configuration
	}
	neighbourhood, err := sim.Open(ctx, n.dir.Path, world.Spec{
		Seed: s.Seed, Start: s.Start.UTC(), Latitude: s.Latitude, Longitude: s.Longitude, Homes: world.Neighbourhood(s.Homes, s.Seed),
	}, faults)
	if other := (*sim.OtherSpecError)(nil); errors.As(err, &other) {
		return usage.Mark(err)
	}
	if err != nil {
		return err
	}
	n.sim, n.clock = neighbourhood, neighbourhood.Now
	n.fleet.Every = simulatedPeriod(n.config.Speed)
	n.closers = append(n.closers, neighbourhood.Close)
	for _, d := range neighbourhood.Devices() {
		endpoint, err := modbus.ParseEndpoint(d.Address())
		if err != nil {
			return err
		}
		n.add(meters.Target{Device: d.Device, Endpoint: endpoint, Unit: 1, Profile: profiles.Get(d.Profile)})
	}
	for i, o := range s.Outages {
		if n.simulated(o.Device) == nil {
			return usage.Errorf("simulation.outages[%d].device: there is no simulated device %q", i, o.Device)
		}
	}
	for i, f := range s.Faults {
		if n.simulated(f.Device) == nil {
			return usage.Errorf("simulation.faults[%d].device: there is no simulated device %q", i, f.Device)
		}
		if _, err := world.ParseCheat(f.Fault); err == nil && n.simulated(f.Device).Kind != grid.Battery {
			return usage.Errorf("simulation.faults[%d].device: %q is not a battery: only batteries cheat", i, f.Device)
		}
	}
	return nil
}

// simulatedPeriod is how often simulated devices are read, in wall time: once a second
// of their own time, but not more than ten times a second.
func simulatedPeriod(speed float64) time.Duration {
	return min(max(time.Duration(float64(meters.Period)/speed), sim.Tick), meters.Period)
}

func (n *node) simulated(id string) *sim.Device {
	for _, d := range n.sim.Devices() {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (n *node) openBus(ctx context.Context) (err error) {
	leafs, err := n.config.leafs()
	if err != nil {
		return usage.Mark(err)
	}
	n.bus, err = bus.Open(ctx, bus.Config{URL: n.config.Bus.URL, Replicas: n.config.Bus.Replicas, Dir: n.dir.File("bus"), Leafs: leafs})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { n.bus.Close(); return nil })
	return nil
}

// telemetryFile is the embedded store of readings.
const telemetryFile = "telemetry.db"

func (n *node) openStore(ctx context.Context) (err error) {
	if n.config.Store.Kind == "influxdb" {
		n.store, err = n.openInflux(ctx)
	} else {
		n.store, err = store.OpenSQLite(ctx, n.dir.File(telemetryFile))
	}
	if err != nil {
		return err
	}
	n.closers = append(n.closers, n.store.Close)
	count, err := n.store.Count(ctx)
	n.readings.Store(count)
	return err
}

func (n *node) openInflux(ctx context.Context) (store.Store, error) {
	c := n.config.Store
	var token []byte
	if c.TokenFile != "" {
		var err error
		if token, err = os.ReadFile(c.TokenFile); err != nil {
			return nil, usage.Errorf("store.token_file: %w", err)
		}
	}
	influx, keep := store.InfluxConfig{URL: c.URL, Org: c.Org, Bucket: c.Bucket, Token: strings.TrimSpace(string(token))}, c.keep()
	if n.sim != nil {
		keep = store.Keep{} // for good: a server would drop the readings of another time
	}
	made, err := store.SetUpInflux(ctx, influx, keep)
	for _, what := range made {
		n.log.InfoContext(ctx, "InfluxDB: "+what)
	}
	if err != nil {
		return nil, err
	}
	return store.OpenInflux(ctx, influx)
}

func (n *node) openLedger(ctx context.Context) (err error) {
	if n.ledger, err = n.config.openLedger(ctx, n.dir, n.log); err != nil {
		return err
	}
	n.closers = append(n.closers, n.ledger.Close)
	if err := n.register(ctx); err != nil {
		return err
	}
	count, err := n.ledger.Intervals(ctx)
	if err != nil {
		return err
	}
	n.settled.Store(count)
	return n.registerGateways(ctx)
}

// register puts the devices on the ledger, all at once; one that is refused is
// named.
func (n *node) register(ctx context.Context) error {
	err := n.ledger.Register(ctx, n.devices...)
	refused := (*ledger.ContractError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	for _, d := range n.devices {
		if err := n.ledger.Register(ctx, d); errors.As(err, &refused) {
			return usage.Errorf("the ledger refuses device %s: %w: a device or metering point that changed needs a new id", d.ID, err)
		}
	}
	return err
}

// registerGateways puts the keys that sign readings on the ledger, and what the
// configuration revokes.
func (n *node) registerGateways(ctx context.Context) error {
	keys, err := n.evidence.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		err := n.ledger.RegisterGateway(ctx, k.Gateway, k.Key)
		if ledger.Refused(err, chaincode.CodeConflict) {
			n.log.WarnContext(ctx, "the ledger refuses a gateway's key", slog.String("gateway", k.Gateway), slog.String("error", err.Error()))
			continue
		}
		if err != nil {
			return err
		}
	}
	for _, g := range n.config.Gateways {
		if g.Revoked.IsZero() {
			continue
		}
		err := n.ledger.RevokeGateway(ctx, g.ID, g.Revoked)
		if ledger.Refused(err, chaincode.CodeConflict) { // it was revoked before, from another time on: that holds
			n.log.WarnContext(ctx, "the ledger has revoked the gateway otherwise", slog.String("gateway", g.ID), slog.String("error", err.Error()))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// foldAfter is how long after a day (world time) its balances are folded: most of
// its late readings have come by then.
const foldAfter = 6 * time.Hour

// foldBalances folds the balances of each day that is over.
func (n *node) foldBalances(ctx context.Context) error {
	folded := ""
	for pause(ctx, time.Second) {
		day := n.clock().Add(-foldAfter).AddDate(0, 0, -1)
		if name := day.UTC().Format(time.DateOnly); name != folded {
			if err := n.ledger.Fold(ctx, day); err != nil && ctx.Err() == nil {
				n.log.WarnContext(ctx, "balances not folded, will try again", slog.String("day", name), slog.String("error", err.Error()))
				pause(ctx, settleAgainAfter)
				continue
			}
			folded = name
		}
	}
	return nil
}

// registerNewKeys registers the keys to which gateways change, while it runs.
func (n *node) registerNewKeys(ctx context.Context) error {
	for pause(ctx, time.Second) {
		if !n.keysChanged.Swap(false) {
			continue
		}
		if err := n.registerGateways(ctx); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "a gateway's key is not registered yet", slog.String("error", err.Error()))
			n.keysChanged.Store(true)
			pause(ctx, settleAgainAfter)
		}
	}
	return nil
}

func (n *node) openMarket(ctx context.Context) (err error) {
	if n.live, err = web.NewLive(n.config.Community, n.tariff, n.devices, n.ledger.Names.Account, n.clock, n.status); err != nil {
		return err
	}
	n.signs = signwatch.New(n.devices)
	var members []string
	var points []community.Point
	var connectionMeters []grid.Device
	for _, d := range n.devices {
		if d.Kind == grid.Meter {
			members, connectionMeters = append(members, d.Member), append(connectionMeters, d)
			points = append(points, n.point(d, len(points)))
		}
	}
	feeder, err := n.config.feeder()
	if err != nil {
		return usage.Mark(err)
	}
	rules, err := n.config.Rules()
	if err != nil {
		return usage.Mark(err)
	}
	n.live.Apart(n.config.apart())
	if rules.Pool == settlement.Midpoint {
		n.live.SharePool((n.tariff.Retail + n.tariff.FeedIn) / 2) //nolint:mnd // the middle
	}
	deadline := n.deadline()
	m, err := community.NewMarket(community.Config{
		Community: n.config.Community, Minutes: n.config.Interval, GateClosure: n.config.GateClosure,
		Deadline: deadline, Ahead: community.DefaultAhead, CallEvery: n.config.CallEvery, Members: members,
		Names: n.ledger.Names, Rules: &rules, Apart: n.config.apart(),
	}, feeder, n.tariff)
	if err != nil {
		return err
	}
	n.market, err = host.Open(ctx, host.Options{
		Community: n.config.Community, Market: m, Points: points, Bus: n.bus, Stream: bus.Market, Clock: n.clock, Log: n.log, Open: n.openLog(ctx), See: n.seeEvents,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, n.market.Close)
	n.desk = agent.NewDesk(n.devices, n.tariff.Retail, n.tariff.FeedIn, n.seed(), n.config.Of, telemetry{n.store})
	n.settle = &settler{community: n.config.Community, market: n.market, store: n.store, evidence: n.evidence, names: n.ledger.Names, bus: n.bus, meters: connectionMeters, deadline: deadline, log: n.log, seen: n.seeSettled, tariff: n.tariff, tell: n.tellWithout}
	for _, d := range n.config.Devices {
		n.settle.came(d.ID, d.since)
	}
	if err := n.settle.restore(ctx, n.clock()); err != nil {
		return err
	}
	if n.batteries, err = n.newBatteries(); err != nil {
		return err
	}
	n.fleet.Heard = n.hear
	return n.resubmit(ctx)
}

// leastDeadline is the wall time that readings of a simulation get at least, however fast
// it runs: this machine may be busy.
const leastDeadline = 5 * time.Second

// deadline is for how long after an interval its readings are waited for, world time.
func (n *node) deadline() time.Duration {
	if n.sim == nil {
		return n.config.Deadline
	}
	return max(n.config.Deadline, time.Duration(float64(leastDeadline)*n.config.Speed))
}

// fuse is what a simulated home's connection carries.
const fuse grid.Power = 22_000

// point returns the metering point of a connection meter, the k-th of all. What
// a simulated home can give is what its panels and battery are rated for.
func (n *node) point(meter grid.Device, k int) community.Point {
	p := community.Point{MeteringPoint: meter.MeteringPoint, Member: meter.Member}
	if s := n.config.Simulation; s != nil {
		home := world.Neighbourhood(s.Homes, s.Seed)[k]
		p.Import, p.Export = fuse, min(max(home.PV.Peak+home.Battery.Power, 1), fuse) // 0 would be no limit
		if len(s.Nodes) > 0 {
			p.Node = s.Nodes[k%len(s.Nodes)]
		}
		return p
	}
	for _, d := range n.config.Devices {
		if d.ID == meter.ID {
			p.Node = d.Node
			p.Import, p.Export, _ = d.limits("") // checked with the configuration
		}
	}
	return p
}

// openLog returns how to open the order log: a file, or a stream on the bus that
// another process can go on with.
func (n *node) openLog(ctx context.Context) host.OpenLog {
	return func(m journal.Machine) (host.Log, journal.Recovery, error) {
		if !n.config.Bus.OrderLog {
			return journal.Open(n.dir.File("orders"), journal.DefaultSegment, m)
		}
		log, err := n.bus.OpenLog(ctx, n.config.Community, n.config.Bus.Replicas)
		if err != nil {
			return nil, journal.Recovery{}, err
		}
		return journal.OpenRemote(ctx, log, m)
	}
}

// openLease makes this the one process that runs the community's market, if
// the order log is on the bus. A standby waits for its turn.
func (n *node) openLease(ctx context.Context) (err error) {
	if !n.config.Bus.OrderLog {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if n.config.standby {
		n.log.WarnContext(ctx, "standing by: this process goes on when the one that runs the market is gone")
	}
	n.lease, err = n.bus.Acquire(ctx, "market."+n.config.Community, fmt.Sprintf("%s:%d", host, os.Getpid()), n.config.Bus.Replicas, n.config.standby)
	if errors.Is(err, bus.ErrHeld) {
		return usage.Errorf("the market of %q runs in another process: stop that one, wait %s after a crash, or stand by with --standby", n.config.Community, bus.LeaseFor)
	}
	if err != nil {
		return err
	}
	// It is renewed from now on, while the rest opens.
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.leaseLost = make(chan error, 1)
	go func() {
		n.leaseLost <- n.lease.Keep(keep)
		close(n.leaseLost)
	}()
	n.closers = append(n.closers, func() error {
		stop()
		for range n.leaseLost { // it is given up
		}
		return nil
	})
	return nil
}

// keepLease returns when the lease is lost, or ctx ends.
func (n *node) keepLease(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.leaseLost: // never without a lease
		return err
	}
}

// resubmit hands every frozen run to the ledger again when it lacks any, as
// after it was restored from a copy.
func (n *node) resubmit(ctx context.Context) error {
	frozen, err := n.bus.Count(ctx, bus.Settlement, n.settle.allSubjects())
	if err != nil {
		return err
	}
	closed, err := n.ledger.ClosedRuns(ctx)
	if err != nil || uint64(closed) >= frozen {
		return err
	}
	return n.bus.Rewind(ctx, bus.Settlement, n.ledgerConsumer())
}

func (n *node) seed() uint64 {
	if n.config.Simulation != nil {
		return n.config.Simulation.Seed
	}
	return 1
}

// seeSettled shows a run, which is provisional until the ledger has it.
func (n *node) seeSettled(i grid.Interval, run settlement.Run) {
	if n.ledger.IsClosed(run.Manifest) {
		n.live.SeeRecorded(i, run.Manifest.Run)
	}
	n.live.SeeSettled(i, run)
}

// seeEvents shows what the market decided.
func (n *node) seeEvents(events []community.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case community.Traded:
			n.live.SeeTrade(*ev.Trade)
		case community.Cleared:
			n.live.SeeCleared(ev.Product.Interval)
		case community.Opened, community.Accepted, community.Rejected, community.Replaced, community.Cancelled, community.Expired, community.Called:
		}
	}
}

// status is what /api/v1/status says.
func (n *node) status(ctx context.Context) api.Status {
	counts := n.market.Counts()
	height, root, err := n.ledger.Head(ctx)
	if err != nil {
		n.log.ErrorContext(ctx, "ledger", slog.String("error", err.Error()))
	}
	return api.Status{
		Version: version(), Speed: n.config.Speed, WorldTime: n.clock().UTC(), Homes: n.desk.Homes(),
		DevicesOnline: n.live.DevicesOnline(), ReadingsTotal: n.readings.Load(), OrdersTotal: counts.Orders,
		TradesTotal: counts.Trades, IntervalsCleared: counts.Cleared, IntervalsSettled: n.settled.Load(),
		Ledger:   api.LedgerStatus{Kind: n.ledger.Kind(), Height: height, Root: root},
		Store:    api.StoreStatus{Kind: n.store.Kind()},
		Gateways: n.heard.status(n.config.Gateways),
	}
}

// post submits frozen runs to the ledger. One that fails does not hold up the
// others; all come again, which changes nothing for those that are recorded.
func (n *node) post(ctx context.Context, messages [][]byte) error {
	var problems []error
	for _, m := range messages {
		var run settlement.Run
		if err := json.Unmarshal(m, &run); err != nil {
			problems = append(problems, fmt.Errorf("frozen run: %w", err))
			continue
		}
		if err := n.submit(ctx, run); err != nil {
			problems = append(problems, err)
		}
	}
	if count, err := n.ledger.Intervals(ctx); err != nil {
		problems = append(problems, err)
	} else {
		n.settled.Store(count)
	}
	if err := n.ledger.Cosign(ctx); err != nil {
		n.log.ErrorContext(ctx, "the utility's witness does not cosign", slog.String("error", err.Error()))
	}
	return errors.Join(problems...)
}

func (n *node) submit(ctx context.Context, run settlement.Run) error {
	i, err := grid.ParseInterval(run.Manifest.Interval)
	if err != nil {
		return fmt.Errorf("frozen run: %w", err)
	}
	if err := n.ledger.SubmitRun(ctx, run); err != nil {
		return err
	}
	n.live.SeeRecorded(i, run.Manifest.Run)
	return nil
}

// settleAgainAfter is the wall time before a settlement that failed is tried
// again.
const settleAgainAfter = 5 * time.Second

// tick carries out what is due in the life of the intervals. Only a journal
// that takes no commands is an error; what else fails is logged, and comes
// again or, a quote, is left out.
func (n *node) tick(ctx context.Context) error {
	now := n.clock()
	for _, a := range n.market.Advance(now) {
		if ctx.Err() != nil && a.Step != community.Open && a.Step != community.Call && a.Step != community.Close {
			continue // stopping: what is left out comes again
		}
		switch a.Step {
		case community.Open, community.Call, community.Close:
			if err := n.market.Command(a); err != nil {
				return err
			}
		case community.Quote:
			if n.tradesOutside(a.Member, now) {
				continue
			}
			if err := n.quote(ctx, a, now); err != nil && ctx.Err() == nil {
				n.log.ErrorContext(ctx, "no order", slog.String("member", a.Member), slog.String("error", err.Error()))
			}
		case community.Settle:
			i := a.Product.Interval
			if time.Now().Before(n.failing[i]) {
				continue
			}
			delete(n.failing, i)
			if err := n.settle.settle(ctx, a, now); err != nil && ctx.Err() == nil {
				n.failing[i] = time.Now().Add(settleAgainAfter)
				n.log.ErrorContext(ctx, "interval not settled, will try again", slog.String("interval", i.String()), slog.String("error", err.Error()))
			}
		}
	}
	if err := n.market.Publish(ctx); err != nil && ctx.Err() == nil {
		n.log.WarnContext(ctx, "events wait for the bus", slog.String("error", err.Error()))
	}
	return nil
}

// outsideFor is for how long (world time) a member's built-in agent leaves the
// trade to a program outside that has sent an order.
const outsideFor = 2 * time.Hour

// tradesOutside tells whether a program outside trades for the member: one that
// is configured, or that has sent orders lately.
func (n *node) tradesOutside(member string, now time.Time) bool {
	configured := slices.ContainsFunc(n.config.Agents, func(a agentConfig) bool { return a.Member == member })
	return configured || now.Sub(n.market.HeardOutside(member)) < outsideFor
}

const tickEvery = 100 * time.Millisecond

func (n *node) runMarket(ctx context.Context) error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := n.tick(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("market: %w", err)
			}
		}
	}
}

// defaultRate is how many orders an agent may send in a second.
const defaultRate = 50

// traders returns the agents outside by their keys. A simulated neighbourhood
// without any gets one, for its first home, whose key is in the data directory.
func (n *node) traders() (map[string]web.Trader, error) {
	agents := n.config.Agents
	if n.config.Simulation != nil && len(agents) == 0 {
		if _, err := n.dir.Secret(agentKeyFile); err != nil {
			return nil, err
		}
		agents = []agentConfig{{Name: "demo", Member: "home-01", KeyFile: n.dir.File(agentKeyFile)}}
	}
	traders := map[string]web.Trader{}
	for _, a := range agents {
		key, err := a.key()
		if err != nil {
			return nil, fmt.Errorf("agent %s: %w", a.Name, err)
		}
		traders[key] = web.Trader{Name: a.Name, Member: a.Member, Points: func() []string { return n.settle.pointsOf(a.Member) }, Rate: cmp.Or(a.Rate, defaultRate)}
	}
	return traders, nil
}

// agentKeyFile is where a simulated neighbourhood keeps the key of its first
// home.
const agentKeyFile = "agent.key"

func (n *node) runWeb(ctx context.Context, ready func() bool) error {
	traders, err := n.traders()
	if err != nil {
		return err
	}
	desk, err := web.NewOrderEntry(n.config.Community, orderEntry{host.Outside{Host: n.market}}, n.clock, traders, n.log)
	if err != nil {
		return err
	}
	installer, err := n.installer()
	if err != nil {
		return err
	}
	handler, err := web.NewServer(n.live, books{n}, desk, installer, ready, metrics(n.status), n.log).Handler()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(bounded); err != nil {
			_ = server.Close() // a stalled client does not hold the program up
		}
	})
	if err := server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", n.config.Listen, err)
	}
	stopping.Wait()
	return nil
}

func (n *node) seeEventsMessage(data []byte) {
	var events []community.Event
	if err := json.Unmarshal(data, &events); err != nil {
		n.log.Error("market events", slog.String("error", err.Error()))
		return
	}
	n.seeEvents(events)
}
