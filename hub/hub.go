// Package hub composes the process of a community from its stages: it opens what a plan
// names, in the order of the data, runs the roles, and stops them in reverse order. It
// decides nothing itself. Readers, market, records, rewards and pages have a file each;
// hub.go puts them together.
package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/members/consent"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/intake"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/signwatch"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/stages"
	"github.com/commonwatt/commonwatt/tariff/shelf"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Options are what a Hub works by.
type Options struct {
	Plan    config.Plan
	Terms   *config.Terms // to be kept in the data directory; nil: none
	Standby bool          // wait until the process that runs the market is gone
	Version string        // of the program
	Program string        // its file, which replays are begun with; empty: none are
	Log     *slog.Logger

	Clock func() time.Time // of real devices; nil: time.Now
}

// Hub is the process of a community. Who opens one runs it, once, and closes it.
type Hub struct {
	Options
	machine

	bus     *bus.Bus
	lease   *bus.Held
	site    *site
	tariffs *shelf.Shelf
	fleet   *meters.Fleet
	records *records
	market  *market
	moved   *steer.Devices
	rewards *rewarding
	pages   *pages
	signs   *signwatch.Watch
	money   *money
	lab     *laboratory
	own     own

	closers []func() error // in order of opening
}

// Open opens the stages in the order of the data; on an error it closes what it opened.
func Open(ctx context.Context, o Options) (*Hub, error) {
	h := &Hub{Options: o, money: &money{}, pages: &pages{version: o.Version, log: o.Log}}
	if h.Clock == nil {
		h.Clock = time.Now
	}
	for _, open := range []func(context.Context) error{
		h.openDir, h.openBus, h.openSite, h.openTariffs, h.openRecords, h.openMarket, h.openOwn, h.openRewards, h.openPages,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	return h, nil
}

// Close closes what Open opened, in reverse order.
func (h *Hub) Close() error {
	var problems []error
	for _, c := range slices.Backward(h.closers) {
		problems = append(problems, c())
	}
	h.closers = nil
	return errors.Join(problems...)
}

func (h *Hub) openDir(context.Context) error {
	h.closers = append(h.closers, h.machine.close)
	return h.machine.open(h.Plan.Data, h.Terms, h.Log)
}

// openBus opens the bus, and takes the market's lease and the address of the pages.
func (h *Hub) openBus(ctx context.Context) (err error) {
	if h.bus, err = openBus(ctx, h.Plan, h.dir, h.space); err != nil {
		return err
	}
	h.closers = append(h.closers, func() error { h.bus.Close(); return nil })
	if err := noteStreams(h.dir, h.Plan.Bus.URL); err != nil {
		return err
	}
	if h.Standby && h.Plan.Bus.OrderLog {
		h.Log.WarnContext(ctx, "standing by: this process goes on when the one that runs the market is gone")
	}
	if h.lease, err = openLease(ctx, h.bus, h.Plan, h.Standby); err != nil {
		return err
	}
	h.closers = append(h.closers, h.lease.Close, h.pages.close)
	if err := h.pages.listen(ctx, h.Plan.Listen); err != nil {
		return err
	}
	if files := h.Plan.Access.TLS; files.Cert != "" {
		if h.pages.certificate, err = web.ReadCertificate(files.Cert, files.Key); err != nil {
			return usage.Mark(err)
		}
	}
	h.closers = append(h.closers, func() error { return forgetDoor(h.dir) })
	return noteDoor(h.dir, h.pages.listener.Addr(), h.pages.certificate.Now())
}

// renew shows a certificate that was renewed, and notes it for who asks on this machine.
func (h *Hub) renew(ctx context.Context) error {
	return h.pages.certificate.Run(ctx, func(c *tls.Certificate) error {
		h.Log.InfoContext(ctx, "the certificate of the pages was renewed", slog.Time("until", c.Leaf.NotAfter))
		return noteDoor(h.dir, h.pages.listener.Addr(), c)
	}, func(err error) {
		h.Log.ErrorContext(ctx, "the certificate of the pages is not renewed", slog.String("error", err.Error()))
	})
}

func (h *Hub) openSite(ctx context.Context) (err error) {
	if h.Plan.Simulation == nil {
		h.judge = clock.NewJudge(h.Clock, h.Plan.Speed, func(text string) { h.Log.ErrorContext(ctx, text) })
		h.Clock = h.judge.Now
	}
	if h.site, err = openSite(ctx, h.Plan, h.Clock); err != nil {
		return err
	}
	h.closers = append(h.closers, h.site.close)
	h.signs = signwatch.New(h.site.devices)
	return nil
}

// openTariffs finds what energy costs, and has the plan know what the usual tariff comes to
// now.
func (h *Hub) openTariffs(context.Context) (err error) {
	now, money := h.site.clock(), h.Plan.Money
	if h.tariffs, err = shelf.Open(h.dir, shelf.Options{Given: h.site.given(), Minutes: h.Plan.Market.Minutes, Zone: money.Zone, Before: h.before}, now); err != nil {
		return err
	}
	if t, err := h.tariffs.Default(grid.IntervalAt(now, h.Plan.Market.Minutes)); err == nil {
		h.Plan.Tariff, h.site.plan.Tariff = t, t
	}
	return nil
}

func (h *Hub) openRecords(ctx context.Context) (err error) {
	h.records = &records{site: h.site, tariffs: h.tariffs, bus: h.bus, log: h.Log}
	h.closers = append(h.closers, h.records.close)
	if err = h.records.open(ctx, h.dir, intake.Watch{Readings: h.arrived}); err != nil {
		return err
	}
	h.fleet = &meters.Fleet{
		Clock: h.site.clock, Sink: h.records.signer, Log: h.Log, Every: h.site.period(), Together: intake.Together(h.Plan.Speed, h.site.deadline(), meters.Period/2), Heard: h.heard,
	}
	o := steer.Options{
		Homes: h.site.homes(), Speed: h.Plan.Speed, Minutes: h.Plan.Market.Minutes, Every: h.site.period(), Clock: h.site.clock, Log: h.Log, Conn: h.fleet.Conn,
		Position: func(i grid.Interval, point string) (grid.Energy, bool) { return h.market.host.Position(i, point) },
		Intent:   func(point string, i grid.Interval) (hold.Intent, bool) { return h.market.traders.Intent(point, i) },
		Owner:    func(point string) string { return h.market.host.Owner(point) },
	}
	if h.site.sim != nil {
		o.Known = h.site.sim.Alone
	}
	h.moved, err = steer.Open(o)
	return err
}

// heard steers by what this process read, and shows it, as it comes: only what counts
// for money waits until it is signed and durable.
func (h *Hub) heard(r grid.Reading) {
	h.moved.Hear(r)
	h.records.intake.Answered(r.Device)
	h.pages.live.ShowReadings(h.records.intake.Member(r.Device), []grid.Reading{r})
}

// arrived shows what other machines read, and looks for a meter that is mounted the wrong
// way round.
func (h *Hub) arrived(ctx context.Context, member string, readings []grid.Reading, elsewhere bool) {
	if elsewhere {
		h.pages.live.ShowReadings(member, readings)
		for _, r := range readings {
			h.moved.Hear(r)
		}
	}
	for _, c := range h.signs.See(readings) {
		tellSign(ctx, h.pages.live, h.Log, c)
	}
}

// openMarket opens the market, what it moves and what shows it.
func (h *Hub) openMarket(ctx context.Context) (err error) {
	h.pages.site, h.pages.records, h.pages.alarms, h.pages.room = h.site, h.records, h.alarms, h.space.Room
	h.market = &market{site: h.site, tariffs: h.tariffs, records: h.records, room: h.space.Room, log: h.Log}
	h.pages.market, h.pages.money = h.market, h.money
	if err := h.pages.open(); err != nil {
		return err
	}
	h.pages.tally = tallyOf(h.site, h.Log)
	h.market.watch = marketWatch{h.pages.see, h.pages.live.ShowExpected, h.pages.settled}
	h.closers = append(h.closers, h.market.close)
	if err := h.market.open(ctx, h.bus, h.dir, h.moved); err != nil {
		return err
	}
	if h.judge != nil {
		h.judge.NotBefore(h.market.host.Latest())
	}
	h.closers = append(h.closers, h.money.close)
	return h.money.open(ctx, h.market, h.bus, h.dir, h.pages.live.ShowRecorded)
}

// openOwn opens what homeowners are shown of their own homes, and what they decide there.
func (h *Hub) openOwn(ctx context.Context) (err error) {
	if h.own.past, err = openPast(ctx, h.dir, h.market, h.money); err != nil {
		return err
	}
	h.closers = append(h.closers, h.own.past.Close)
	if h.own.consents, err = consent.Open(h.dir); err != nil {
		return err
	}
	h.pages.live.Share(func(home string) bool { return h.own.consents.Allows(home, consent.Sums) })
	if h.own.telling, err = openTelling(ctx, h.dir, h.market, h.money.desk, h.pages.live, h.pages.listener.Addr()); err != nil {
		return err
	}
	h.closers = append(h.closers, h.own.telling.book.Close)
	h.pages.own = h.own
	return nil
}

func (h *Hub) openRewards(ctx context.Context) error {
	h.rewards = &rewarding{
		site: h.site, tariffs: h.tariffs, moved: h.moved, ledger: h.records.ledger, evidence: h.records.evidence, log: h.Log, tell: h.pages.live.ShowChallenge,
	}
	h.money.desk.Rewards = h.rewards
	past, err := pairing.Open(h.dir.Path, nil, nil).Past()
	if err != nil {
		return err
	}
	return h.rewards.open(ctx, past)
}

func (h *Hub) openPages(ctx context.Context) error {
	a := &adoption{site: h.site, records: h.records, market: h.market, moved: h.moved, rewards: h.rewards, fleet: h.fleet, live: h.pages.live, signs: h.signs, log: h.Log}
	installer, err := a.installer(h.dir)
	if err != nil {
		return err
	}
	h.closers = append(h.closers, func() error { return h.pages.people.close() })
	h.lab = &laboratory{}
	if err := h.lab.open(h.dir, h.Program, h.Version, h.space.Room, h.Log); err != nil {
		return err
	}
	h.pages.machine, h.pages.research = &h.machine, h.lab
	if err = h.pages.answer(ctx, h.dir, h.rewards.runner, installer); err != nil {
		return err
	}
	h.own.telling.account, h.own.telling.programs = h.pages.people.book.People.Account, h.pages.people.book.Keys.Of
	return h.dir.NoteParts() // all of them are there now
}

// State is what a Hub says of itself.
type State struct {
	api.Status

	Devices      int
	Simulated    bool
	Address      string // of the pages, with http:// or https://
	InstallerKey string // file
	ViewerKey    string // file; empty: the pages are open
	FirstLink    string // by which the operator of a new community gets an account; empty: there is one, or none is wanted
}

// State returns what there is now.
func (h *Hub) State(ctx context.Context) State {
	s := State{
		Status: h.pages.status(ctx), Devices: h.pages.live.Devices(), Simulated: h.site.sim != nil,
		Address: "http://" + h.pages.listener.Addr().String(), InstallerKey: h.dir.File(InstallerKeyFile),
	}
	if h.Plan.Access.Certificate != nil {
		s.Address = "https://" + h.pages.listener.Addr().String()
	}
	if !s.Simulated || !h.Plan.Access.Open {
		s.ViewerKey = h.dir.File(ViewerKeyFile)
	}
	if h.pages.people.first != "" {
		s.FirstLink = s.Address + web.FirstPage(h.pages.people.first)
	}
	return s
}

const (
	readyWithin = 15 * time.Second
	drainWithin = 10 * time.Second
)

// Run runs until ctx ends, the duration (0: for ever) passes after readiness, or a stage
// fails. It is told of the beginning and of the end. It stops in the order of the data:
// the market, the world, the readers, what consumes their readings, the pages.
func (h *Hub) Run(ctx context.Context, duration time.Duration, began, ending func(State)) error {
	s := stages.New(ctx)
	defer s.Stop()
	h.startRecords(s)
	if err := h.startReaders(ctx, s); err != nil {
		return err
	}
	if err := h.startMarket(ctx, s); err != nil {
		return err
	}
	h.pages.ready.Store(true)
	began(h.State(ctx))
	s.Start(h.site.runOutages)
	var over <-chan time.Time
	if duration > 0 {
		over = time.After(duration)
	}
	select {
	case <-ctx.Done():
	case <-over:
	case err := <-s.Failed():
		return err
	}
	ending(h.State(context.WithoutCancel(ctx)))
	return nil
}

// startRecords starts what readings and runs come to, and what shows them.
func (h *Hub) startRecords(s *stages.Stages) {
	s.Start(h.lease.Run)
	s.Start(h.market.host.Run)
	s.Start(func(ctx context.Context) error {
		return web.Serve(ctx, h.pages.listener, h.pages.certificate, h.Plan.Access.Proxies, h.pages.handler)
	})
	if h.pages.certificate != nil {
		s.Start(h.renew)
	}
	s.Start(h.pages.live.Run)
	s.Start(h.pages.people.run)
	s.Start(func(ctx context.Context) error { return h.pages.follow(ctx, h.bus) })
	s.Start(func(ctx context.Context) error { return store.Run(ctx, h.records.store) })
	s.Start(h.records.intake.Run)
	s.Start(h.own.past.Run)
	s.Start(h.own.telling.runner.Run)
	s.Start(h.money.poster.Run)
	s.Start(h.money.follower.Run)
	s.Start(func(ctx context.Context) error { // gateways ask for the time
		return h.bus.Serve(ctx, clock.Subject(h.Plan.Community), func([]byte) []byte { return clock.Answer(h.site.clock()) })
	})
	for _, g := range h.Plan.Gateways { // and what became of their readings
		s.Start(func(ctx context.Context) error {
			return h.bus.Serve(ctx, proof.ReceiptSubject(h.Plan.Community, g.ID), func(q []byte) []byte { return h.records.intake.Receipt(ctx, g.ID, q) })
		})
	}
	s.Start(h.records.registerNewKeys)
	s.Start(h.money.poster.Fold)
	s.Start(func(ctx context.Context) error { return h.records.maintain(ctx, h.market.host.Unsettled) })
	s.Then(h.drain)
}

// startReaders starts the readers, the world that they read, and what moves the
// batteries, and waits until the devices were asked: nothing is settled before. After a
// long stop their registers say what flowed meanwhile.
func (h *Hub) startReaders(ctx context.Context, s *stages.Stages) error {
	s.Start(func(ctx context.Context) error {
		return errors.Join(h.fleet.Run(ctx, h.site.targets, h.records.evidence), h.records.signer.Close(context.WithoutCancel(ctx)))
	})
	if h.site.sim != nil {
		s.Then(func() { time.Sleep(h.moved.Every + meters.Period/2) }) // each device is read once more, at rest
		due := clock.Fast(h.site.sim.Now(), h.Plan.Speed)
		s.Start(func(ctx context.Context) error { return h.site.sim.Run(ctx, due) })
		s.Start(func(ctx context.Context) error {
			return pace{h.Plan.Speed, h.Log}.follow(ctx, h.site.sim.Now, due, func() bool { return h.space.Room() != nil })
		})
	}
	s.Start(func(ctx context.Context) error { return h.moved.Run(ctx, h.rewards.challenge) })
	for _, g := range h.Plan.Gateways { // ask what is wanted of the devices that they read
		s.Start(func(ctx context.Context) error {
			return h.bus.Serve(ctx, control.OrdersSubject(h.Plan.Community, g.ID), func([]byte) []byte { return h.moved.Orders(g.ID).Encode() })
		})
	}
	return h.waitReady(ctx, s.Failed())
}

// startMarket opens products before anybody hears of it, and starts what is due later.
func (h *Hub) startMarket(ctx context.Context, s *stages.Stages) error {
	h.market.settle.Begun = h.site.clock()
	s.Start(h.market.workers.Settlements.Run)
	s.Start(h.market.workers.Quotes.Run)
	s.Start(h.market.planner.refit)
	if err := h.money.purse.Keeper.Step(ctx); err != nil { // before anybody orders
		return fmt.Errorf("prepaid balances: %w", err)
	}
	s.Start(h.money.corrections.Run)
	if err := h.market.tick(ctx); err != nil {
		return err
	}
	s.Start(h.market.run)
	s.Start(h.lab.run)
	s.Start(h.pages.runner.Run)
	s.Start(h.rewards.run)
	s.Start(h.money.purse.Keeper.Run)
	if h.money.months != nil {
		s.Start(h.money.months.Run)
	}
	return nil
}

// waitReady waits until every device was heard, not for ever.
func (h *Hub) waitReady(ctx context.Context, failed <-chan error) error {
	deadline := time.After(readyWithin)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		silent := h.records.intake.Silent()
		if len(silent) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-deadline:
			h.Log.WarnContext(ctx, "not every device has answered", slog.Int("silent", len(silent)), slog.String("first", silent[0]))
			return nil
		case <-ticker.C:
		}
	}
}

// drain lets the consumers finish what is on the bus.
func (h *Hub) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	for stream, consumer := range map[string]string{bus.Readings: h.records.intake.Consumer(), bus.Settlement: h.money.poster.Consumer()} {
		for {
			left, err := h.bus.Pending(ctx, stream, consumer)
			if err != nil {
				h.Log.WarnContext(ctx, "stopping with messages on the bus; the next start takes them", slog.String("error", err.Error()))
				break
			}
			if left == 0 || !pause(ctx, tickEvery/2) {
				break
			}
		}
	}
}
