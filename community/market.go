package community

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Point is a metering point that trades.
type Point struct {
	MeteringPoint string
	Member        string
	Node          string     // of the feeder; empty: its root
	Import        grid.Power // what it can take at most, W; 0: not limited
	Export        grid.Power // what it can give at most, W
}

// The market's price steps and collar, unless the operator says otherwise.
const (
	DefaultTick    grid.Price = 100        // 0.01 ct/kWh
	DefaultFloor   grid.Price = -1_000_000 // −1 currency unit per kWh
	DefaultCeiling grid.Price = 5_000_000
)

// Market joins the engine with the calendar and with names: it is the whole
// state of a community's market as a function of the commands applied. It is
// not safe for concurrent use.
type Market struct {
	config   Config
	rules    matching.Config
	tariff   tariff.Tariff
	engine   *matching.Engine
	life     *Lifecycle
	points   []Point           // by account
	accounts map[string]uint32 // by metering point
	members  map[string]uint32
	orders   map[uint64]*Order
	clients  map[clientKey]uint64       // order numbers
	next     uint64                     // order number
	numbers  map[grid.Interval][]uint64 // of orders, by their (first) interval
	trades   map[grid.Interval][]grid.Trade
	counts   Counts
	gates    map[grid.Interval]gate // of products that were opened
	events   []Event                // of the last command
}

// gate is that of a product.
type gate struct{ closed bool }

// Counts are totals since the community began.
type Counts struct {
	Orders  int64 // accepted
	Trades  int64
	Cleared int64 // intervals
}

// NewMarket returns the market of a community on a feeder.
func NewMarket(c Config, feeder grid.Feeder, tariff tariff.Tariff) (*Market, error) {
	if err := tariff.Validate(); err != nil {
		return nil, err
	}
	zones := map[string]bool{}
	for _, z := range feeder.Zones() {
		zones[z] = true
	}
	if len(zones) == 1 {
		c.CallEvery = 0 // continuous trade leaves nothing to a call
	}
	m := &Market{
		config: c, tariff: tariff,
		rules: matching.Config{
			Market: fmt.Sprintf("%s, intervals of %d minutes", c.Community, c.Minutes), Feeder: feeder, Tick: cmp.Or(c.Tick, DefaultTick), Floor: cmp.Or(c.Floor, DefaultFloor),
			Ceiling: cmp.Or(c.Ceiling, DefaultCeiling),
		},
	}
	m.empty()
	var err error
	if m.engine, err = matching.New(m.rules); err != nil {
		return nil, fmt.Errorf("market of %s: %w", c.Community, err)
	}
	return m, nil
}

// empty forgets everything but the rules.
func (m *Market) empty() {
	m.life, m.points, m.next, m.counts = New(m.config), make([]Point, 1), 1, Counts{}
	m.gates = map[grid.Interval]gate{}
	m.accounts, m.members, m.orders = map[string]uint32{}, map[string]uint32{}, map[uint64]*Order{}
	m.clients, m.numbers, m.trades = map[clientKey]uint64{}, map[grid.Interval][]uint64{}, map[grid.Interval][]grid.Trade{}
}

// label is the engine's number of an interval's product.
func (m *Market) label(i grid.Interval) uint32 { return uint32(i.Start / int64(m.config.Minutes*60)) }

func (m *Market) product(label uint32) grid.Product {
	return grid.Product{
		Community: m.config.Community,
		Interval:  grid.Interval{Start: int64(label) * int64(m.config.Minutes*60), Minutes: m.config.Minutes},
	}
}

// Counts returns the totals.
func (m *Market) Counts() Counts { return m.counts }

// Advance returns what is due by now.
func (m *Market) Advance(now time.Time) []Action { return m.life.Advance(now) }

// Begun tells that an action is being carried out (Lifecycle.Begun).
func (m *Market) Begun(a Action) { m.life.Begun(a) }

// Failed tells that an action came to nothing (Lifecycle.Failed).
func (m *Market) Failed(a Action, retryAt time.Time) { m.life.Failed(a, retryAt) }

// Join lets the agent of one more member quote: its metering point was admitted.
func (m *Market) Join(member string) { m.life.Join(member) }

// Command returns the engine's command for an Open, Call or Close action.
func (m *Market) Command(a Action) matching.Command {
	kind := matching.Open
	switch a.Step { //nolint:exhaustive // the others are no commands
	case Call:
		kind = matching.Call
	case Close:
		kind = matching.Close
	}
	return matching.Command{Kind: kind, Time: a.Time.UnixMilli(), Product: m.label(a.Product.Interval)}
}

// Begin returns the command that begins a log. The market rejects it, and what
// follows cannot be trusted, when it was begun under other rules.
func (m *Market) Begin(now time.Time) matching.Command {
	return matching.Command{Kind: matching.Begin, Time: now.UnixMilli(), Name: m.rules.Digest()}
}

// Admissions returns the commands that admit the metering points which are not
// part of the market yet. It fails when a known one has another member now.
func (m *Market) Admissions(points []Point, now time.Time) ([]matching.Command, error) {
	var commands []matching.Command
	account, members := uint32(len(m.points)), maps.Clone(m.members)
	for _, p := range points {
		if n := m.accounts[p.MeteringPoint]; n != 0 {
			if m.points[n].Member != p.Member {
				return nil, fmt.Errorf("metering point %s: belongs to member %s, not %s: give it another name", p.MeteringPoint, m.points[n].Member, p.Member)
			}
			if node := cmp.Or(p.Node, m.rules.Feeder.Root()); m.points[n].Node != node {
				return nil, fmt.Errorf("metering point %s: is at node %s, not %s: give it another name", p.MeteringPoint, m.points[n].Node, node)
			}
			commands = append(commands, m.limits(n, p, m.points[n], now)...)
			continue
		}
		node := slices.IndexFunc(m.rules.Feeder.Nodes, func(n grid.Node) bool {
			return n.ID == cmp.Or(p.Node, m.rules.Feeder.Root())
		})
		if node < 0 {
			return nil, fmt.Errorf("metering point %s: the feeder has no node %q", p.MeteringPoint, p.Node)
		}
		if members[p.Member] == 0 {
			members[p.Member] = uint32(len(members)) + 1
		}
		commands = append(commands, matching.Command{
			Kind: matching.Admit, Time: now.UnixMilli(), Account: account, Member: members[p.Member], Node: uint32(node),
			Name: p.MeteringPoint + "\n" + p.Member,
		})
		commands = append(commands, m.limits(account, p, Point{}, now)...)
		account++
	}
	return commands, nil
}

// limits returns the commands that bring a metering point's limits from what
// they were to what they shall be.
func (m *Market) limits(account uint32, p, was Point, now time.Time) (commands []matching.Command) {
	for _, l := range []struct {
		side    grid.Side
		to, was grid.Power
	}{{grid.Bid, p.Import, was.Import}, {grid.Offer, p.Export, was.Export}} {
		if l.to != l.was {
			commands = append(commands, matching.Command{
				Kind: matching.Limit, Time: now.UnixMilli(), Account: account, Side: l.side, Energy: m.carries(l.to), Name: strconv.FormatInt(int64(l.to), 10),
			})
		}
	}
	return commands
}

// carries is the energy of an interval at a power; 0 W stands for no limit.
func (m *Market) carries(p grid.Power) grid.Energy {
	if p == 0 {
		return math.MaxInt64
	}
	return grid.Energy(int64(p) * int64(m.config.Minutes) / 60)
}

// Apply carries out a command, of the calendar, of an agent, or replayed from
// the journal; Events tells the same in names.
func (m *Market) Apply(c *matching.Command) []matching.Event {
	at := time.UnixMilli(c.Time).UTC()
	switch c.Kind {
	case matching.Submit:
		m.known(c)
	case matching.Admit:
		point, member, _ := strings.Cut(c.Name, "\n")
		if int(c.Account) == len(m.points) && int(c.Node) < len(m.rules.Feeder.Nodes) {
			m.points = append(m.points, Point{MeteringPoint: point, Member: member, Node: m.rules.Feeder.Nodes[c.Node].ID})
			m.accounts[point], m.members[member] = c.Account, c.Member
		}
	default:
	}
	m.events = m.events[:0]
	events := m.engine.Apply(c)
	if c.Kind == matching.Limit && events[0].Kind == matching.Done {
		power, _ := strconv.ParseInt(c.Name, 10, 64) // written by limits
		if p := &m.points[c.Account]; c.Side == grid.Bid {
			p.Import = grid.Power(power)
		} else {
			p.Export = grid.Power(power)
		}
	}
	for i := range events {
		m.follow(&events[i])
		if ev, known := m.name(&events[i], at); known {
			m.see(ev)
			m.events = append(m.events, ev)
		}
	}
	return events
}

// Events returns those of the last command in names. They stay valid.
func (m *Market) Events() []Event { return slices.Clone(m.events) }

// known remembers the order of a command from the journal; one that was
// prepared here is known already.
func (m *Market) known(c *matching.Command) {
	if m.orders[c.Order] != nil || int(c.Account) >= len(m.points) {
		return
	}
	p := m.points[c.Account]
	m.enter(Order{
		Number: c.Order, ClientID: c.Name, Member: p.Member, MeteringPoint: p.MeteringPoint, Product: m.product(c.Product), Side: c.Side,
		Energy: c.Energy, Price: c.Price, Limit: c.Price, Validity: c.Validity, Periods: c.Periods, Status: Pending,
	})
}

func (m *Market) see(ev Event) {
	i := ev.Product.Interval
	switch ev.Kind {
	case Opened:
		m.gates[i] = gate{}
		m.life.Opened(i)
	case Accepted:
		m.counts.Orders++
	case Traded:
		m.counts.Trades++
		m.trades[i] = append(m.trades[i], *ev.Trade)
	case Cleared:
		m.counts.Cleared++
		m.gates[i] = gate{closed: true}
		m.life.Closed(i)
		m.forget(i)
	case Rejected, Replaced, Cancelled, Expired, Called:
	}
}

// Trades returns those of the intervals that are not settled for good, by
// interval.
func (m *Market) Trades() []grid.Trade {
	var all []grid.Trade
	for _, i := range slices.SortedFunc(maps.Keys(m.trades), grid.Interval.Compare) {
		all = append(all, m.trades[i]...)
	}
	return all
}

// Unsettled returns the intervals whose gate has closed and of which no run is
// known, by time.
func (m *Market) Unsettled() []grid.Interval {
	var intervals []grid.Interval
	for i, x := range m.life.live {
		if x.closed && x.run == 0 {
			intervals = append(intervals, i)
		}
	}
	slices.SortFunc(intervals, grid.Interval.Compare)
	return intervals
}

// Settle makes a run of the interval from what was metered. previous are the
// earlier runs of the interval: from the first come tariff, trades, feeder, members
// and rules, whatever they are by now.
func (m *Market) Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	in, err := m.Input(i, run, metered, root, previous)
	if err != nil {
		return settlement.Run{}, err
	}
	return settlement.Settle(in)
}

// Input returns what Settle makes a run of. It shares nothing with the market that changes.
func (m *Market) Input(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Input, error) {
	in := settlement.Input{
		Community: m.config.Community, Interval: i, Run: run, Tariff: m.tariff,
		Trades: slices.Clone(m.trades[i]), Metered: metered, ReadingRoot: root, Feeder: m.rules.Feeder, Points: map[string]settlement.Point{}, Rules: m.config.Rules,
	}
	for _, x := range metered {
		if m.accounts[x.MeteringPoint] == 0 && len(previous) > 0 {
			continue // an account of the first run, whose member was erased
		}
		p, err := m.place(x.MeteringPoint)
		if err != nil {
			return in, err
		}
		in.Points[x.MeteringPoint] = p
	}
	if m.config.Names != nil && in.Rules != nil {
		var err error
		if in.Salt, err = m.config.Names.Blind(communitysOwn, i.String()); err != nil {
			return in, err
		}
	}
	for k, p := range previous {
		if k == 0 {
			in.Tariff, in.First = p.Tariff, &p.Basis
		}
		in.Previous = append(in.Previous, p.Postings()...)
	}
	return in, nil
}

// communitysOwn stands for a member where something is the community's own secret.
const communitysOwn = "/community"

// place says where a metering point stands and what it is called on the ledger.
func (m *Market) place(point string) (p settlement.Point, err error) {
	at := m.points[m.accounts[point]]
	p.Node, p.Member, p.Apart = at.Node, at.Member, m.config.Apart[point]
	if m.config.Names == nil {
		return p, nil
	}
	if p.Account, err = m.config.Names.Account(at.Member, point); err != nil {
		return p, err
	}
	p.Member, err = m.config.Names.Member(at.Member)
	return p, err
}

// Position returns what a metering point bought less what it sold for an interval,
// Wh, and whether it traded at all.
func (m *Market) Position(i grid.Interval, meteringPoint string) (net grid.Energy, traded bool) {
	for _, t := range m.trades[i] {
		if t.Buyer == meteringPoint {
			net, traded = net+t.Energy, true
		}
		if t.Seller == meteringPoint {
			net, traded = net-t.Energy, true
		}
	}
	return net, traded
}

// Point returns a metering point, empty when it is not known.
func (m *Market) Point(name string) Point { return m.points[m.accounts[name]] }

// Owner returns the member of a metering point, empty when it is not known.
func (m *Market) Owner(point string) string { return m.points[m.accounts[point]].Member }

// Traders returns the metering points with trades in the interval, sorted.
func (m *Market) Traders(i grid.Interval) []string {
	seen := map[string]bool{}
	for _, t := range m.trades[i] {
		seen[t.Buyer], seen[t.Seller] = true, true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Settled tells that a run is frozen. A run with substituted values is tried
// again when the readings may have come.
func (m *Market) Settled(i grid.Interval, run int, substituted bool, now time.Time) {
	m.life.Settled(i, run, substituted, now)
	if !substituted {
		delete(m.trades, i)
	}
}

// OnTick moves an order to the nearest price that the market knows: not
// above the limit of a bid, not below that of an offer.
func (m *Market) OnTick(o grid.Order) grid.Order {
	off := (o.Price%m.rules.Tick + m.rules.Tick) % m.rules.Tick
	switch {
	case off == 0:
	case o.Side == grid.Bid:
		o.Price -= off
	default:
		o.Price += m.rules.Tick - off
	}
	return o
}
