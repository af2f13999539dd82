package hub

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/measured"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// pages serves the API and the pages.
type pages struct {
	site        *site
	records     *records
	market      *market
	money       *money
	own         own
	tally       *measured.Tally
	runner      *measured.Runner
	live        *web.Live
	people      people
	certificate *web.Certificate // nil: no TLS
	version     string
	log         *slog.Logger
	listener    net.Listener
	handler     http.Handler
	ready       atomic.Bool // the devices were asked and products are open
	alarms      func() (all []string, ready bool)
	room        func() error
	machine     *machine
	research    *laboratory
}

// listen takes the address of the pages.
func (p *pages) listen(ctx context.Context, address string) (err error) {
	if p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err != nil {
		return usage.Errorf("listen on %s: %w: choose another address with --listen", address, err)
	}
	return nil
}

func (p *pages) close() error {
	if p.listener == nil {
		return nil
	}
	if err := p.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// open makes the dashboard.
func (p *pages) open() (err error) {
	plan := p.site.plan
	p.live, err = web.NewLive(plan.Community, plan.Tariff, p.site.devices, p.records.ledger.Names.Account, p.site.clock, p.status)
	if err != nil {
		return err
	}
	p.live.Apart(plan.Market.Apart)
	p.live.PricedBy(p.market.tariffs, plan.Market.Minutes)
	if price, some := sharedAt(plan); some {
		p.live.SharePool(price)
	}
	if key := plan.Market.Rules.Key; key == nil || key.Price.By == settlement.ByMidpoint {
		p.live.ShareHalfWay()
	}
	return nil
}

// sharedAt is the price of what is shared after delivery, where it is known before: by the
// pool, or by an allocation key.
func sharedAt(plan config.Plan) (price grid.Price, some bool) {
	middle := (plan.Tariff.Retail + plan.Tariff.FeedIn) / 2 //nolint:mnd // the middle
	key := plan.Market.Rules.Key
	switch {
	case key == nil:
		return middle, plan.Market.Rules.Pool == settlement.Midpoint
	case key.Price.By == settlement.ByMidpoint:
		return middle, true
	default:
		return key.Price.Fixed, true
	}
}

// follow keeps the dashboard and the measures current from the bus until ctx ends.
func (p *pages) follow(ctx context.Context, b *bus.Bus) error {
	return p.market.host.Follow(ctx, b, p.see)
}

// see takes in what the market decided.
func (p *pages) see(events []community.Event) {
	p.live.ShowEvents(events)
	p.tally.See(events)
}

// settled shows a run, which is provisional until the ledger has it.
func (p *pages) settled(i grid.Interval, run settlement.Run) {
	if p.records.ledger.IsClosed(run.Manifest) {
		p.live.ShowRecorded(i, run.Manifest.Run)
	}
	p.live.ShowSettled(i, run)
}

// status is what /api/v1/status says.
func (p *pages) status(ctx context.Context) api.Status {
	counts := p.market.host.Counts()
	height, root, err := p.records.ledger.Head(ctx)
	if err != nil {
		p.log.ErrorContext(ctx, "ledger", slog.String("error", err.Error()))
	}
	alarms, _ := p.alarms()
	return api.Status{
		Alarms: alarms, Version: p.version, Speed: p.site.plan.Speed, WorldTime: p.site.clock().UTC(), Homes: p.market.traders.Homes(),
		DevicesOnline: p.live.DevicesOnline(), ReadingsTotal: p.records.intake.Stored(), OrdersTotal: counts.Orders,
		TradesTotal: counts.Trades, IntervalsCleared: counts.Cleared, IntervalsSettled: p.money.poster.Settled(),
		Ledger:   api.LedgerStatus{Kind: p.records.ledger.Kind(), Height: height, Root: root},
		Store:    p.store(),
		Gateways: p.gateways(), Simulation: p.site.simulation(),
	}
}

// store returns what is known of where telemetry is kept.
func (p *pages) store() api.StoreStatus {
	s, w := api.StoreStatus{Kind: p.records.store.Kind()}, store.Waits(p.records.store)
	if w.Waiting > 0 {
		s.Waiting = &w.Waiting
	}
	if w.Problem != "" {
		s.AwaySince, s.Problem = new(w.Since.UTC()), &w.Problem
	}
	return s
}

// gatewaySilent is how long a gateway may be silent before it is offline.
const gatewaySilent = time.Minute

// gateways returns what is known of those on other machines, nil when there are none.
func (p *pages) gateways() *[]api.GatewayStatus {
	plan := p.site.plan
	if len(plan.Gateways) == 0 {
		return nil
	}
	all := make([]api.GatewayStatus, len(plan.Gateways))
	for i, g := range plan.Gateways {
		heard := p.records.intake.Heard(g.ID)
		all[i] = api.GatewayStatus{Id: g.ID, Online: !heard.At.IsZero() && time.Since(heard.At) < gatewaySilent}
		if !heard.Last.IsZero() {
			all[i].LastReading = new(heard.Last.UTC())
		}
		if heard.Ahead.Abs() > proof.MostSkew {
			all[i].AheadMs = new(heard.Ahead.Milliseconds())
		}
		if refused := p.records.intake.RefusedOf(g.ID); refused.Count > 0 {
			all[i].Refused, all[i].Refusal = &refused.Count, &refused.Reason
		}
	}
	return &all
}

// agentKeyFile is where a simulated neighbourhood keeps the key of its first home.
const agentKeyFile = "agent.key"

// traders returns the agents outside by their keys. A simulated neighbourhood
// without any gets one, for its first home, whose key is in the data directory.
func (p *pages) traders(dir *disk.Dir) (map[string]web.Trader, error) {
	agents := p.site.plan.Agents
	if p.site.sim != nil && len(agents) == 0 {
		key, err := dir.Secret(agentKeyFile)
		if err != nil {
			return nil, err
		}
		agents = []config.Agent{{Name: "demo", Member: "home-01", Key: key, Rate: config.DefaultRate}}
	}
	traders := map[string]web.Trader{}
	for _, a := range agents {
		traders[a.Key] = web.Trader{
			Name: a.Name, Member: a.Member, Points: func() []string { return p.records.metering.Points(a.Member) }, Rate: a.Rate,
		}
	}
	return traders, nil
}

// ViewerKeyFile holds the key that opens what the pages show.
const ViewerKeyFile = "viewer.key"

// answer makes the API of what the program is, which handler serves from now on.
func (p *pages) answer(ctx context.Context, dir *disk.Dir, runner *rewards.Runner, installer *web.Installer) error {
	traders, err := p.traders(dir)
	if err != nil {
		return err
	}
	orders, err := web.NewOrderEntry(p.site.plan.Community, orderEntry{host.Outside{Host: p.market.host}}, p.site.clock, traders, p.log)
	if err != nil {
		return err
	}
	books := shown.Books{Chain: p.records.ledger, Runner: runner, Clock: p.site.clock}
	viewer, err := dir.Secret(ViewerKeyFile)
	if err != nil {
		return err
	}
	operator, err := office{p.site, p.market, p.money, p.version, operation{p.site, p.machine, p.status, p.live.Devices, time.Now()}}.operator(dir)
	if err != nil {
		return err
	}
	prices, err := p.prices(dir)
	if err != nil {
		return err
	}
	p.runner = measuring(p.market, p.money.book, dir)
	at, planning := p.site.plan.Access, p.planning()
	closed, address := p.site.closed(), publicAddress(at, p.listener.Addr())
	if p.people, err = openPeople(ctx, dir, mailer(p.site.plan.Billing), closed, p.log); err != nil {
		return err
	}
	if address == "" && (p.people.post != nil || at.OIDC != nil) {
		p.log.WarnContext(ctx, addressWanted)
	}
	member := func(name string) bool { return len(p.records.metering.Points(name)) > 0 }
	orders.Lend(p.records.metering.Points, config.DefaultRate)
	p.handler, err = web.NewServer(p.live, books, orders, installer, p.ready.Load, web.Metrics(p.status, planning.Measures), p.log).Behind(web.Access{
		Site:   web.Site{Community: p.site.plan.Community, DisplayName: at.DisplayName, Zone: zoneOf(p.site.plan).String(), Currency: p.site.plan.Tariff.Currency, Language: at.Language, Address: address},
		Closed: closed, ViewerKey: viewer, Secure: at.Certificate != nil || len(at.Proxies) > 0, Hosts: at.Hosts, Proxies: at.Proxies,
		Trouble: p.trouble, Room: p.room,
	}).Peopled(p.people.served(cmp.Or(at.DisplayName, p.site.plan.Community), at.OIDC, member)).Operated(operator).Planned(planning).Researched(p.research.shown()).Owned(p.owned(prices.Secret)).Cleared(prices).Audited(p.audit(dir)).Disputed(p.disputes(runner)).Handler()
	return err
}

// pseudonymsFile holds the secret by which orders get their pseudonyms in the records of intervals.
const pseudonymsFile = "pseudonyms.key"

// prices is what the API shows of the call auctions.
func (p *pages) prices(dir *disk.Dir) (shown.Prices, error) {
	secret, err := dir.Secret(pseudonymsFile)
	return shown.Prices{Calls: p.market.host, Points: p.records.metering.Points, Secret: []byte(secret)}, err
}

// planning is what the API shows of the homes' agents.
func (p *pages) planning() web.Planning {
	m := p.market
	homes := shown.Homes{
		Kept: m.limits, Traders: m.traders, Strategy: m.site.plan.Strategy, Clock: m.site.clock, Zone: zoneOf(m.site.plan), Currency: m.site.plan.Tariff.Currency,
	}
	return web.Planning{Wishes: homes, Plans: homes, Measures: p.tally.Beside(&shown.Measures{Book: p.money.book, Traders: m.traders, Clock: m.site.clock}, measured.Beyond{
		Foresee: foresightOf(m.site, p.records.store, p.money.book), Cars: p.runner.Cars, Response: p.runner.Response,
	})}
}

// audit is what the API shows of the ledger to those who audit it.
func (p *pages) audit(dir *disk.Dir) shown.Audit {
	l, plan := p.records.ledger, p.site.plan
	return shown.Audit{
		Chain: l, Zone: zoneOf(plan), Currency: plan.Tariff.Currency,
		Export: audit.Export{
			Program: p.version, Signer: l.People.Signer, Workings: p.records.evidence.Workings, Months: audit.KeptGuarantees{Dir: dir.File(audit.GuaranteeDir)},
		},
	}
}

// disputes are what the API shows of what is contested.
func (p *pages) disputes(runner *rewards.Runner) shown.Disputes {
	d := shown.Disputes{Objected: p.money.values, Index: func(ctx context.Context) (shown.Contests, error) { return p.records.ledger.Index(ctx) }, Clock: p.site.clock}
	if runner != nil {
		d.Rewards = runner
	}
	return d
}

// owned is what the API shows homeowners of their own.
func (p *pages) owned(secret []byte) web.Own {
	past := shown.Past{Keeper: p.own.past, Desk: p.money.desk}
	devices, clock := p.market.devices, p.site.clock
	return web.Own{
		Past: past, Bills: shown.Bills{Desk: p.money.desk},
		Told:     shown.Told{Devices: devices, Evidence: p.records.evidence, Store: p.records.store, Clock: clock},
		Consents: shown.Consents{Kept: p.own.consents, Devices: devices, Clock: clock}, Notices: p.own.telling.shown(),
		Objections: shown.Objections{Desk: p.money.values},
		Consented:  shown.Consented{Past: past, Kept: p.own.consents, Secret: secret},
	}
}

// trouble says why this process is not ready although it has begun, nothing when it is.
func (p *pages) trouble() string {
	if all, ready := p.alarms(); !ready {
		return strings.Join(all, "; ")
	}
	return ""
}

// orderEntry is where agents outside enter orders. It implements web.Orders.
type orderEntry struct{ host.Outside }

// Rules implements web.Orders.
func (e orderEntry) Rules() api.MarketRules {
	rules, calendar, first, last, some := e.Outside.Rules()
	r := api.MarketRules{
		Minutes: calendar.Minutes, GateClosure: int(calendar.GateClosure.Seconds()),
		Tick: int64(rules.Tick), Floor: int64(rules.Floor), Ceiling: int64(rules.Ceiling),
		Trading: new(api.MarketRulesTrading(calendar.Trading.String())),
	}
	if some {
		r.First, r.Last = new(first.String()), new(last.String())
	}
	return r
}
