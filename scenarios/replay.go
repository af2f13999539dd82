package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/tariff"
)

// Result is what a replay came to.
type Result struct {
	Scenario   Scenario
	Tariff     tariff.Tariff
	Feeder     grid.Feeder
	Trades     []grid.Trade
	Intervals  []Interval
	Statements []Statement
	Readings   []grid.Reading
	Epochs     []chaincode.EpochClosing // of the storage rewards, by devices' names
	Orders     int64
	Refused    map[string]int // orders that the market did not take, by the reason
	Height     int64          // of the ledger
	Root       string         // hash of its last block
	Welfare    community.Welfare
	Skill      []HomesSkill // of what was forecast
	Deviations *Deviations  // what members would have gained by trading otherwise; nil: nobody tried

	watch      *foresight.Watch       // nil: nobody watched
	capacities map[string]grid.Energy // of batteries, by device
	chargers   []readiness.Charger
	ready      readiness.Wanted
}

// Statement is what an interval means for one metering point of the replay.
type Statement struct {
	settlement.Statement

	Member, Node string
	Counted      tariff.Rates // by which it was settled
	Apart        grid.Flow    // what would have been metered without the community
}

// Interval is what happened in one delivery interval.
type Interval struct {
	Interval grid.Interval
	Offered  grid.Energy // sum of the offers accepted
	Wanted   grid.Energy // sum of the bids accepted
	Traded   grid.Energy
	Auction  *grid.Price // of the call auction; nil when nothing crossed there
	Postings int
}

// Community names the replayed community on the ledger.
const Community = "replay"

// step is how often devices are read and the calendar is consulted, and holdEvery how often
// the batteries are held to what their homes traded: as often as the devices of a simulation
// at speed 60 are read.
const (
	step      = time.Minute
	holdEvery = hold.Quiet / 2
)

// Replay runs the scenario. progress is called with the share done, 0 to 1.
func Replay(ctx context.Context, s Scenario, l *ledger.Ledger, progress func(float64)) (*Result, error) {
	return play(ctx, s, l, nil, progress)
}

// play runs the scenario with a member that deviates; nil: none does.
func play(ctx context.Context, s Scenario, l *ledger.Ledger, d *deviant, progress func(float64)) (*Result, error) {
	r, err := newReplay(ctx, s, l, d)
	if err != nil {
		return nil, err
	}
	end := r.end
	// The last interval is settled after its end.
	for now := s.Start; now.Before(end.Add(s.Deadline + step)); now = now.Add(step) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.move(now)
		r.recorder.read(r.world)
		r.result.watch.See(r.world.State())
		if err := r.reward(ctx, now); err != nil {
			return nil, fmt.Errorf("replay at %s: storage rewards: %w", now.Format(time.RFC3339), err)
		}
		if err := r.advance(ctx, now); err != nil {
			return nil, fmt.Errorf("replay at %s: %w", now.Format(time.RFC3339), err)
		}
		r.hold(now)
		progress(float64(now.Sub(s.Start)) / float64(end.Sub(s.Start)))
	}
	if err := r.closeRewards(ctx, s, end); err != nil {
		return nil, fmt.Errorf("storage rewards: %w", err)
	}
	r.result.Readings, r.result.Skill = r.recorder.all, r.skill()
	r.result.Orders = r.market.Counts().Orders
	r.result.Height, r.result.Root, err = l.Head(ctx)
	return &r.result, err
}

// replay is a community in motion. It implements what its driver asks for: see driven.go.
type replay struct {
	world    *world.World
	recorder *recorder
	held     *held
	desk     *agent.Traders
	prices   agent.Prices
	market   *community.Market
	driver   *drive.Driver
	inPlace  drive.InPlace
	ledger   *ledger.Ledger
	deviant  *deviant          // nil: no member deviates
	rewards  *rewards.Runner   // nil: no programme
	meters   map[string]string // connection meters by metering point
	open     map[grid.Interval]*Interval
	begin    time.Time // of the first interval that is traded: until then every device is left to its own logic, as without the community
	end      time.Time // intervals that end later are left alone
	declared *community.Declarations
	failed   error // of what was declared
	result   Result
}

// move lets the world go on up to now. On the way the batteries follow.
func (r *replay) move(now time.Time) {
	for at := r.world.Now().Add(holdEvery); at.Before(now); at = at.Add(holdEvery) {
		r.world.Advance(at)
		r.hold(at)
	}
	r.world.Advance(now)
}

// terms are what a scenario trades and settles by.
type terms struct {
	money   config.Money
	prices  community.Tariffs
	usual   tariff.Tariff // the default one; of one of components what it comes to at the start
	rules   settlement.Rules
	trading matching.Trading
	limits  map[string]limits.Limits // of the homeowners, by member
}

func (s Scenario) terms() (t terms, err error) {
	if t.money, err = s.Money(s.Tariff, s.Interval); err != nil {
		return t, err
	}
	book, err := s.book(t.money)
	if err != nil {
		return t, err
	}
	if t.prices = book; s.Rates != nil {
		t.prices = s.Rates
	}
	t.usual = t.money.Flat
	if usual, err := book.Default(grid.IntervalAt(s.Start, s.Interval)); err == nil {
		t.usual = usual
	}
	if t.rules, err = s.Rules(t.usual.Currency, s.Interval); err != nil {
		return t, err
	}
	if t.trading, err = s.Way(); err != nil {
		return t, err
	}
	t.limits, err = s.Limits(t.usual.Currency)
	return t, err
}

// ready is when the car at a charger is to be charged next, as its homeowner said.
func (t terms) ready(charger string, after time.Time) (by time.Time, target grid.PerMille, some bool) {
	member, _, _ := strings.Cut(charger, "/") // as the recorder names devices
	return t.limits[member].Ready(charger, after, t.money.Zone)
}

func newReplay(ctx context.Context, s Scenario, l *ledger.Ledger, d *deviant) (*replay, error) {
	t, err := s.terms()
	if err != nil {
		return nil, err
	}
	spec := s.World()
	r := &replay{
		world: world.New(spec), recorder: newRecorder(spec, s.Cheats), ledger: l, deviant: d, open: map[grid.Interval]*Interval{}, meters: map[string]string{},
		begin:  grid.IntervalAt(s.Start.Add(s.GateClosure), s.Interval).Shift(1).Begin(),
		end:    s.Start.Add(time.Duration(s.Days) * 24 * time.Hour),
		result: Result{Scenario: s, Tariff: t.usual, Feeder: grid.SingleNode(), Refused: map[string]int{}},
	}
	r.recorder.past = r.recorder.remember(spec, s.History, s.Interval)
	r.held = newHeld(r.recorder)
	r.result.watch, r.result.capacities = foresight.New(spec, s.Interval), r.recorder.capacities()
	r.result.chargers, r.result.ready = r.recorder.chargers(), t.ready
	r.declared = community.NewDeclarations(r.result.Feeder, func(point string) string { return r.market.Point(point).Node })
	devices := r.recorder.grid()
	r.prices, r.desk = t.prices, agent.NewTraders(r.agents(devices, t))
	if err := l.Register(ctx, devices...); err != nil {
		return nil, err
	}
	if err := r.openRewards(ctx, s); err != nil {
		return nil, err
	}
	if err := r.openMarket(devices, spec, t); err != nil {
		return nil, err
	}
	r.newDriver(s.Deadline)
	return r, nil
}

// agents says what the homes' agents work with.
func (r *replay) agents(devices []grid.Device, t terms) agent.Options {
	s := r.result.Scenario
	return agent.Options{
		Devices: devices, Prices: t.prices, Telemetry: r.recorder, Seed: s.Seed, Minutes: s.Interval, Rating: r.recorder.rating,
		Strategy: func(member string) agent.Strategy { return r.deviant.of(s, member) },
		Place:    agent.Place{Latitude: s.Latitude, Longitude: s.Longitude}, FitInPlace: true,
		Limits: func(member string) limits.Limits { return t.limits[member] }, Zone: t.money.Zone,
		Ahead: t.trading == matching.Calls, NoPool: t.rules.Pool == settlement.Off,
		Position: func(i grid.Interval, point string) (grid.Energy, bool) { return r.market.Position(i, point) },
	}
}

// openMarket opens the market, and admits the homes.
func (r *replay) openMarket(devices []grid.Device, spec world.Spec, t terms) (err error) {
	s := r.result.Scenario
	members, points := r.points(devices, spec)
	r.market, err = community.NewMarket(community.Config{
		Community: Community, Minutes: s.Interval, GateClosure: s.GateClosure, Deadline: s.Deadline,
		Ahead: community.DefaultAhead, Members: members, Names: r.ledger.Names, Rules: &t.rules,
		Tariffs: t.prices, Extremes: &t.money.Extremes, Collar: t.money.Collar, Trading: t.trading, CallEvery: s.CallEvery,
	}, r.result.Feeder, t.usual)
	if err != nil {
		return err
	}
	admissions, err := r.market.Admissions(points, s.Start)
	if err != nil {
		return err
	}
	for _, c := range append(admissions, r.market.Reprice(s.Start)...) {
		r.apply(c)
	}
	return nil
}

// points returns the members and their metering points, with what their connections carry,
// and remembers the meters.
func (r *replay) points(devices []grid.Device, spec world.Spec) (members []string, points []community.Point) {
	for _, d := range devices {
		if d.Kind == grid.Meter {
			r.meters[d.MeteringPoint] = d.ID
			members = append(members, d.Member)
			p := community.Point{MeteringPoint: d.MeteringPoint, Member: d.Member}
			imports, exports := spec.Homes[len(points)].Connection()
			p.Import, p.Export = &imports, &exports
			points = append(points, p)
		}
	}
	return members, points
}

// advance carries out what is due.
func (r *replay) advance(ctx context.Context, now time.Time) error {
	if err := r.driver.Advance(ctx, now); err != nil {
		return err
	}
	if err := errors.Join(r.inPlace.Err(), r.failed); err != nil || !r.market.HasMarket() {
		return err
	}
	return r.desk.Replan(ctx, now)
}

// apply carries out a command and notes what it did.
func (r *replay) apply(c matching.Command) {
	r.market.Apply(&c)
	for _, ev := range r.market.Events() {
		r.declare(ev)
		i := r.open[ev.Product.Interval]
		if i == nil {
			i = &Interval{Interval: ev.Product.Interval}
			r.open[ev.Product.Interval] = i
		}
		switch ev.Kind {
		case community.Accepted:
			if ev.Order.Side == grid.Bid {
				i.Wanted += ev.Order.Energy
			} else {
				i.Offered += ev.Order.Energy
			}
		case community.Traded:
			i.Traded += ev.Trade.Energy
			r.result.Trades = append(r.result.Trades, *ev.Trade)
		case community.Cleared:
			i.Auction = ev.Price
		case community.Opened, community.Rejected, community.Replaced, community.Cancelled, community.Expired, community.Called:
		}
	}
}
