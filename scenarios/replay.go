package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
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
	Height     int64  // of the ledger
	Root       string // hash of its last block
}

// Statement is what an interval means for one metering point of the replay.
type Statement struct {
	settlement.Statement

	Member, Node string
	Apart        grid.Flow // what would have been metered without the community
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

// step is how often devices are read and the calendar is consulted.
const step = time.Minute

// Replay runs the scenario. progress is called with the share done, 0 to 1.
func Replay(ctx context.Context, s Scenario, l *ledger.Ledger, progress func(float64)) (*Result, error) {
	r, err := newReplay(ctx, s, l)
	if err != nil {
		return nil, err
	}
	end := s.Start.Add(time.Duration(s.Days) * 24 * time.Hour)
	// The last interval is settled after its end.
	for now := s.Start; now.Before(end.Add(s.Deadline + step)); now = now.Add(step) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.world.Advance(now)
		r.recorder.read(r.world)
		if err := r.reward(ctx, now); err != nil {
			return nil, fmt.Errorf("replay at %s: storage rewards: %w", now.Format(time.RFC3339), err)
		}
		if err := r.advance(ctx, now, end); err != nil {
			return nil, fmt.Errorf("replay at %s: %w", now.Format(time.RFC3339), err)
		}
		progress(float64(now.Sub(s.Start)) / float64(end.Sub(s.Start)))
	}
	if err := r.closeRewards(ctx, s, end); err != nil {
		return nil, fmt.Errorf("storage rewards: %w", err)
	}
	r.result.Readings = r.recorder.all
	r.result.Orders = r.market.Counts().Orders
	r.result.Height, r.result.Root, err = l.Head(ctx)
	return &r.result, err
}

type replay struct {
	world    *world.World
	recorder *recorder
	desk     *agent.Traders
	market   *community.Market
	ledger   *ledger.Ledger
	rewards  *rewards.Runner   // nil: no programme
	meters   map[string]string // connection meters by metering point
	open     map[grid.Interval]*Interval
	result   Result
}

func newReplay(ctx context.Context, s Scenario, l *ledger.Ledger) (*replay, error) {
	tariff, err := s.Tariff.Tariff()
	if err != nil {
		return nil, err
	}
	rules, err := s.Rules()
	if err != nil {
		return nil, err
	}
	spec := world.Spec{Seed: s.Seed, Start: s.Start.UTC(), Latitude: s.Latitude, Longitude: s.Longitude, Homes: world.Neighbourhood(s.Homes, s.Seed)}
	r := &replay{
		world: world.New(spec), recorder: newRecorder(spec, s.Cheats), ledger: l, open: map[grid.Interval]*Interval{}, meters: map[string]string{},
		result: Result{Scenario: s, Tariff: tariff, Feeder: grid.SingleNode()},
	}
	devices := r.recorder.grid()
	r.desk = agent.NewTraders(devices, tariff.Retail, tariff.FeedIn, s.Seed, s.Of, r.recorder)
	var members []string
	var points []community.Point
	if err := l.Register(ctx, devices...); err != nil {
		return nil, err
	}
	if err := r.openRewards(ctx, s); err != nil {
		return nil, err
	}
	for _, d := range devices {
		if d.Kind == grid.Meter {
			r.meters[d.MeteringPoint] = d.ID
			members = append(members, d.Member)
			points = append(points, community.Point{MeteringPoint: d.MeteringPoint, Member: d.Member})
		}
	}
	r.market, err = community.NewMarket(community.Config{
		Community: Community, Minutes: s.Interval, GateClosure: s.GateClosure, Deadline: s.Deadline,
		Ahead: community.DefaultAhead, Members: members, Names: l.Names, Rules: &rules,
	}, r.result.Feeder, tariff)
	if err != nil {
		return nil, err
	}
	admissions, err := r.market.Admissions(points, s.Start)
	if err != nil {
		return nil, err
	}
	for _, c := range admissions {
		r.apply(c)
	}
	return r, nil
}

// advance carries out what is due. Intervals that end after the scenario are
// left alone.
func (r *replay) advance(ctx context.Context, now, end time.Time) error {
	for _, a := range r.market.Advance(now) {
		if a.Product.Interval.End().After(end) {
			continue
		}
		var err error
		switch a.Step {
		case community.Open, community.Call, community.Close:
			r.apply(r.market.Command(a))
		case community.Quote:
			err = r.quote(ctx, a, now)
		case community.Settle:
			err = r.settle(ctx, a, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apply carries out a command and notes what it did.
func (r *replay) apply(c matching.Command) {
	r.market.Apply(&c)
	for _, ev := range r.market.Events() {
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

func (r *replay) quote(ctx context.Context, a community.Action, now time.Time) error {
	for _, point := range r.desk.Points(a.Member) {
		if err := r.quotePoint(ctx, a, point, now); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) quotePoint(ctx context.Context, a community.Action, point string, now time.Time) error {
	plan, err := r.desk.Quote(ctx, point, a.Product.Interval, now)
	if errors.Is(err, forecast.ErrNoHistory) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range plan.Orders {
		_, commands, err := r.market.Submit(community.Submission{Product: a.Product, Order: r.market.OnTick(o), Time: now})
		if err != nil {
			return fmt.Errorf("order of %s: %w", a.Member, err)
		}
		for _, c := range commands {
			r.apply(c)
		}
	}
	return nil
}

func (r *replay) settle(ctx context.Context, a community.Action, now time.Time) error {
	i := a.Product.Interval
	var metered []record.Metered
	var records [][]byte
	for _, d := range r.recorder.devices {
		if d.Kind != grid.Meter {
			continue
		}
		flow, known := r.recorder.energy(d.ID, i)
		if !known {
			return fmt.Errorf("settle %s: %s was not read", i, d.ID)
		}
		m := record.Metered{MeteringPoint: d.MeteringPoint, Flow: flow, Quality: grid.Good}
		record, err := json.Marshal(m) // of a simulated home: nobody's secret
		if err != nil {
			return fmt.Errorf("reading root: %w", err)
		}
		metered, records = append(metered, m), append(records, record)
	}
	root, err := proof.Root(records)
	if err != nil {
		return err
	}
	run, err := r.market.Settle(i, a.Run, metered, root, nil)
	if err != nil {
		return err
	}
	if err := r.ledger.SubmitRun(ctx, run.Record()); err != nil {
		return err
	}
	r.market.Settled(i, a.Run, false, now)
	done := r.open[i]
	delete(r.open, i)
	done.Postings = len(run.Postings())
	r.result.Intervals = append(r.result.Intervals, *done)
	return r.state(run)
}

// state keeps the statements of a run, with what the homes would have got without the
// community: the same sun, loads and cars, settled at the tariff.
func (r *replay) state(run settlement.Run) error {
	for _, s := range run.Statements {
		p := r.market.Point(s.MeteringPoint)
		x := Statement{Statement: s, Member: p.Member, Node: p.Node}
		x.Apart, _ = between(r.recorder.alone[r.meters[s.MeteringPoint]], s.Interval)
		without, err := run.Tariff.Value(x.Apart)
		if err != nil {
			return fmt.Errorf("settle %s: %s: %w", s.Interval, s.MeteringPoint, err)
		}
		x.Without = &without
		r.result.Statements = append(r.result.Statements, x)
	}
	return nil
}
