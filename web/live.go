package web

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// Live is what the dashboard shows, kept current by what happens: readings,
// trades, clearings, settlements. It is safe for concurrent use.
//
// The lock of the sockets is taken before mu.
type Live struct {
	clock   func() time.Time // world time
	status  statusSource
	account func(member, point string) (string, error)
	says    *sayer
	shares  func(home string) bool // whether a home is part of the sums; nil: each is

	community string
	tariff    api.Tariff

	mu      sync.Mutex // guards homes, trading and summed
	homes   homes
	trading trading
	summed  summed

	sockets sockets
}

// summed are the sums as they were a moment ago: who comes then need not add them up again.
type summed struct {
	at   time.Time // wall time; zero: they were not added up
	sums *api.Sums
}

// statusSource fills the totals.
type statusSource func(context.Context) api.Status

// statusWithin bounds how long a message to the pages waits for the status.
const statusWithin = time.Second

// soon returns the status, after statusWithin at the latest if who answers keeps to the
// context.
func (s statusSource) soon(ctx context.Context) api.Status {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	return s(ctx)
}

// NewLive returns the dashboard of a community's devices. status fills the
// totals, account tells the ledger's account of a member's metering point.
func NewLive(community string, tariff tariff.Tariff, devices []grid.Device, account func(member, point string) (string, error), clock func() time.Time, status func(context.Context) api.Status) (*Live, error) {
	says, err := newSayer()
	if err != nil {
		return nil, err
	}
	l := &Live{
		clock: clock, says: says, status: says.status(status), account: account, community: community,
		tariff: api.Tariff{Version: tariff.Version, Currency: tariff.Currency, Retail: int64(tariff.Retail), FeedIn: int64(tariff.FeedIn)},
		homes:  newHomes(), trading: newTrading(), sockets: newSockets(),
	}
	for _, d := range devices {
		if err := l.Add(d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Run pushes deltas until ctx ends, then closes all sockets.
func (l *Live) Run(ctx context.Context) error { return l.sockets.run(ctx, l) }

// Doubt has the WebSockets of who has signed in with an account check whether they may still
// see what they see, and end where they may not: a session has ended, or a role or a member has
// changed. An empty account means everybody.
func (l *Live) Doubt(account string) { l.sockets.doubt(account) }

// Watching counts the WebSockets that are open.
func (l *Live) Watching() int { return l.sockets.count() }

// Add shows one more device, and its home if that is new.
func (l *Live) Add(d grid.Device) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.homes.add(d, l.account)
}

// Remove shows a device no more. Its home stays, with what it traded.
func (l *Live) Remove(d grid.Device) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.remove(d)
}

// Reading returns what a device said last, nil when nothing; online tells whether that was lately, in
// wall time.
func (l *Live) Reading(device string) (last *grid.Reading, online bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, heard := l.homes.devices.last[device]; heard {
		last = &r
	}
	return last, l.homes.devices.online(device)
}

// ShowReadings shows what a member's devices said.
func (l *Live) ShowReadings(member string, readings []grid.Reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.read(member, readings)
}

// Warn shows what the installer should look at; an empty text takes it back.
func (l *Live) Warn(device, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.warn(device, text, l.says.of(&text))
}

// Warning returns what the installer should look at, empty when there is nothing.
func (l *Live) Warning(device string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.homes.devices.warning(device)
}

// Devices counts the devices that are shown.
func (l *Live) Devices() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.homes.devices.shown)
}

// DevicesOnline counts the devices that were heard lately.
func (l *Live) DevicesOnline() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.homes.devices.count()
}

// ShowTrade shows a trade.
func (l *Live) ShowTrade(t grid.Trade) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pays, err := t.BidPrice.Cost(t.Energy)
	if err != nil {
		return // settlement will name it
	}
	gets, err := t.OfferPrice.Cost(t.Energy)
	if err != nil {
		return
	}
	now := l.clock()
	l.homes.agree(t.Buyer, t.Product.Interval, now, api.Contract{Bought: int64(t.Energy), Paid: int64(pays)})
	l.homes.agree(t.Seller, t.Product.Interval, now, api.Contract{Sold: int64(t.Energy), Received: int64(gets)})
	l.trading.trade(t, l.homes.name(t.Buyer), l.homes.name(t.Seller))
	l.homes.traded(t.Buyer)
	l.homes.traded(t.Seller)
}

// ShowCleared shows that an interval's gate has closed.
func (l *Live) ShowCleared(i grid.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trading.clearing(i)
}

// ShowSettled shows what a run came to; a later run of an interval replaces an
// earlier one.
func (l *Live) ShowSettled(i grid.Interval, run settlement.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trading.settle(i, run.Manifest.Run, run.Manifest.Estimated) {
		l.homes.settle(i, l.clock(), run.Statements)
	}
}

// ShowRecorded shows that the ledger has a run of an interval.
func (l *Live) ShowRecorded(i grid.Interval, run int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trading.note(i, runs{recorded: run})
}

// ShowExpected shows how much energy a metering point is expected to take from the grid
// in an interval, net: once that is delivered.
func (l *Live) ShowExpected(point string, i grid.Interval, net grid.Energy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.expect(point, i, l.clock(), net)
}

// ShowChallenge shows the storage challenge that a member's battery answers, nil
// when there is none any more.
func (l *Live) ShowChallenge(member string, c *api.Challenge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c != nil {
		c = new(*c) // the caller may change its own
	}
	l.homes.challenge(member, c)
}

// SharePool tells the price at which what no trade covers is shared after delivery.
func (l *Live) SharePool(p grid.Price) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.outlooks.pool = &p
}

// ShareHalfWay tells that the price at which a home shares after delivery is half way between
// its feed-in price and what energy of neighbours saves it, by its own tariff.
func (l *Live) ShareHalfWay() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.outlooks.halfWay = true
}

// Apart tells which metering points share nothing after delivery, neither with others
// nor with the member's own.
func (l *Live) Apart(points map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.outlooks.apart = maps.Clone(points)
}

// Share has the sums leave out the homes that share nothing with the community: ask tells
// whether one does. It must be fast and never ask the dashboard.
func (l *Live) Share(ask func(home string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shares, l.summed = ask, summed{}
}

// Joined returns a copy of everything, with the accounts that the homes have on the ledger:
// by them all postings of a home can be told, which is no stranger's business.
func (l *Live) Joined(ctx context.Context) api.State {
	return l.look(sight{extent: allHomes, joined: true}, l.status.soon(ctx))
}

// State returns a copy of everything that strangers may see in a demonstration.
func (l *Live) State(ctx context.Context) api.State {
	return l.look(sight{extent: allHomes}, l.status.soon(ctx))
}

// look returns a copy of what a sight sees, with this status.
func (l *Live) look(s sight, status api.Status) api.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	l.homes.follow(now, status.Speed)
	state := api.State{
		Community: l.community, Tariff: l.homes.prices.usual(l.tariff, l.homes.prices.interval(now)), Status: s.status(status),
		Homes: []api.Home{}, Trades: []api.Trade{}, Intervals: []api.Clearing{},
	}
	if s.extent != allDevices {
		state.Intervals, state.Sums = slices.Clone(l.trading.intervals), l.sums()
	}
	switch s.extent {
	case allHomes:
		state.Homes, state.Trades = l.homes.since(0, now, l.tariff), l.trading.shown()
	case allDevices:
		state.Homes = l.homes.since(0, now, l.tariff)
	case ownHome:
		if at, known := l.homes.member[s.home]; known {
			state.Homes, state.Trades = []api.Home{l.own(at, now)}, l.trading.of(s.home)
		}
	case communityIs:
	}
	l.dress(s, state.Homes)
	return state
}

// dress takes from homes what a sight does not see of them, and adds what it sees beside.
func (l *Live) dress(s sight, homes []api.Home) {
	for k := range homes {
		switch {
		case s.extent == allDevices:
			homes[k] = withoutMoney(homes[k])
		case s.joined:
			homes[k].Account = l.homes.ledger[l.homes.member[homes[k].Id]]
		}
	}
}

// own returns a copy of a home as its homeowner sees it, with its account on the ledger.
func (l *Live) own(at int, now time.Time) api.Home {
	h := l.homes.home(at, now, l.tariff)
	h.Account = l.homes.ledger[at]
	return h
}

// sums are those of the homes that were heard lately; nil when they are too few.
func (l *Live) sums() *api.Sums {
	if !l.summed.at.IsZero() && time.Since(l.summed.at) < pushEvery {
		return l.summed.sums
	}
	var flows []*api.Flow
	for at := range l.homes.all {
		if l.shares == nil || l.shares(l.homes.all[at].Id) {
			if f := l.homes.flow(at); f != nil {
				flows = append(flows, f)
			}
		}
	}
	l.summed = summed{time.Now(), sumsOf(flows)}
	return l.summed.sums
}

// follow goes on with the clock, and notes the devices that fell silent.
func (l *Live) follow(status api.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.follow(l.clock(), status.Speed)
	l.homes.fallSilent()
}

// now returns where the changes stand, for who is told what comes from now on.
func (l *Live) now() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut()
}

// cut returns where the changes stand: what comes later is marked with a higher number. l.mu is
// held.
func (l *Live) cut() (now uint64) {
	now = l.homes.changes
	l.homes.changes++
	l.trading.changes = l.homes.changes
	return now
}

// delta returns what a sight sees of what changed since a cut, and the next cut.
func (l *Live) delta(s sight, since uint64, status api.Status) (api.Delta, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := api.Delta{Status: s.status(status), Homes: l.homes.since(since, l.clock(), l.tariff)}
	l.dress(s, d.Homes)
	if s.extent == allHomes {
		d.Trades, d.Intervals = l.trading.tradesSince(since), l.trading.intervalsSince(since)
	}
	return d, l.cut()
}

// news returns what changed of the community since a cut, and the next cut.
func (l *Live) news(since uint64, status api.Status) (api.CommunityNews, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return api.CommunityNews{Status: sight{extent: communityIs}.status(status), Sums: l.sums(), Intervals: l.trading.intervalsSince(since)}, l.cut()
}

// newsOf returns what changed of a home since a cut, and the next cut; nil when nothing did.
func (l *Live) newsOf(home string, since uint64) (*api.HomeNews, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.homes.member[home]
	if !known || l.homes.marked[at] <= since {
		return nil, since
	}
	return &api.HomeNews{Home: l.own(at, l.clock()), Trades: l.trading.ofSince(home, since)}, l.cut()
}
