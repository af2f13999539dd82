package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// Prices are what energy costs the homes. Errors: what makes that no price is known, such as
// *tariff.MissingPriceError.
type Prices interface {
	Rates(point string, i grid.Interval) (tariff.Rates, error)
}

// NoPriceError says that a home orders nothing, since nobody knows what energy costs it.
type NoPriceError struct{ Err error }

func (e *NoPriceError) Error() string { return "no order: " + e.Err.Error() }

func (e *NoPriceError) Unwrap() error { return e.Err }

func isNoPrice(err error) bool {
	unknown := (*NoPriceError)(nil)
	return errors.As(err, &unknown)
}

// Traders are the agents of a community, by the metering points that they trade for. One
// agent quotes or plans anew at a time; Refit, Add, Homes, Points, Devices, Intent, Planned and
// Skill are safe beside it.
type Traders struct {
	Options

	recalls   sync.Mutex         // guards known
	known     map[string]*memory // by device
	presences presences
	bodies    bodies
	models    models
	expects   map[string]*expected // by metering point
	charging  map[string]charging  // by metering point
	warming   map[string]charging  // what heats, alike
	days      drawn
	street    *street
	planner   plan.Planner

	mu      sync.Mutex        // guards all below
	seats   map[string]seat   // by metering point
	sources map[string]string // metering point → what it produces with
	planned map[string]Planned
}

// seat is an agent, and the metering point of a home that it trades for.
type seat struct {
	agent    Agent // nil: the home does not trade
	home     Home
	strategy Strategy
	meter    string // connection meter
	devices  []grid.Device
}

// NewTraders returns the agents of the homes that the devices belong to: each metering point
// of a home is forecast and traded by itself, as it is metered.
func NewTraders(o Options) *Traders {
	t := &Traders{
		Options: o, known: map[string]*memory{}, expects: map[string]*expected{}, charging: map[string]charging{}, warming: map[string]charging{},
		seats: map[string]seat{}, sources: map[string]string{}, planned: map[string]Planned{},
	}
	for _, dev := range o.Devices {
		t.Add(dev)
	}
	return t
}

// solar is the source of a home with an inverter.
const solar = "solar"

// Add takes in one more device, in place of the one with its id if there is one: a connection meter
// gives its metering point an agent, and an inverter gives the agent of its metering point a source.
func (t *Traders) Add(dev grid.Device) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.seats[dev.MeteringPoint]
	at.devices = append(at.without(dev.ID), dev)
	switch dev.Kind {
	case grid.Meter:
		at.meter, at.home = dev.ID, Home{Member: dev.Member, MeteringPoint: dev.MeteringPoint}
	case grid.Inverter:
		t.sources[dev.MeteringPoint] = solar
	case grid.Battery, grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance:
	}
	if at.meter != "" {
		at.home.Source = t.sources[dev.MeteringPoint]
		at.strategy = ByPlanner
		if t.Strategy != nil {
			at.strategy = t.Strategy(at.home.Member)
		}
		at.agent = at.strategy.agent(at.home, t.Seed)
	}
	t.seats[dev.MeteringPoint] = at
}

// Remove lets go of a device. A home without its connection meter trades no more.
func (t *Traders) Remove(dev grid.Device) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, seated := t.seats[dev.MeteringPoint]
	if !seated {
		return
	}
	at.devices = at.without(dev.ID)
	if dev.Kind == grid.Inverter && !at.has(grid.Inverter) {
		delete(t.sources, dev.MeteringPoint)
		at.home.Source = ""
		if at.agent != nil {
			at.agent = at.strategy.agent(at.home, t.Seed)
		}
	}
	if at.meter == dev.ID {
		at.meter, at.agent = "", nil
		delete(t.planned, dev.MeteringPoint)
	}
	t.seats[dev.MeteringPoint] = at
}

// without returns the devices of a seat but one, in a list of their own.
func (at seat) without(device string) []grid.Device {
	return slices.DeleteFunc(slices.Clone(at.devices), func(d grid.Device) bool { return d.ID == device })
}

// Homes returns how many homes trade: a member with several metering points is one.
func (t *Traders) Homes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	members := map[string]bool{}
	for _, at := range t.seats {
		if at.meter != "" {
			members[at.home.Member] = true
		}
	}
	return len(members)
}

// Points returns the metering points that a member trades for, sorted.
func (t *Traders) Points(member string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var points []string
	for point, at := range t.seats {
		if at.meter != "" && at.home.Member == member {
			points = append(points, point)
		}
	}
	slices.Sort(points)
	return points
}

// Quote lets the agent of a metering point plan a delivery interval at the prices that the
// utility has for the point then. Errors: forecast.ErrNoHistory, those of the telemetry, and
// beside a plan without orders *NoPriceError.
func (t *Traders) Quote(ctx context.Context, point string, i grid.Interval, now time.Time) (Plan, error) {
	t.mu.Lock()
	at, seated := t.seats[point]
	t.mu.Unlock()
	if !seated || at.meter == "" {
		return Plan{}, fmt.Errorf("quote: no agent for metering point %q", point)
	}
	if at.agent == nil {
		return Plan{Silent: true}, nil
	}
	if at.strategy == ByPlanner {
		p, err := t.quote(ctx, at, i, now)
		if !noHistory(err) {
			return p, err
		}
	}
	history, err := t.history(ctx, at.meter, now)
	if err != nil {
		return Plan{}, err
	}
	rates, unknown := t.Prices.Rates(point, i)
	plan, err := at.agent.Plan(View{Interval: i, History: history, Retail: rates.Avoided(), FeedIn: rates.FeedIn})
	if err == nil && unknown != nil {
		plan.Orders, err = nil, &NoPriceError{unknown}
	}
	return plan, err
}

// quote plans a metering point, keeps the plan, and makes orders of it.
func (t *Traders) quote(ctx context.Context, at seat, i grid.Interval, now time.Time) (Plan, error) {
	k, p, err := t.plan(ctx, at, i, now)
	if err != nil {
		return Plan{}, err
	}
	t.keep(t.tell(k, p))
	return Plan{Orders: t.orders(k, p, k.at, i, ""), Later: t.later(k, p), Expected: forecast.Point{Interval: i, Mean: p.Steps[k.at].Net.Mean}}, nil
}

// allCharge is a full battery.
const allCharge grid.PerMille = 1000

func (t *Traders) keep(p Planned) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.planned[p.MeteringPoint] = p
}

// Planned returns what the agent of a metering point last decided; known is false where it
// has not planned yet, and for those that only trade.
func (t *Traders) Planned(point string) (p Planned, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, known = t.planned[point]
	return p, known
}

// Intent returns what the plan of a metering point wants of its devices in a delivery interval;
// known is false where there is none for it: then they follow their own logic.
func (t *Traders) Intent(point string, i grid.Interval) (in hold.Intent, known bool) {
	p, known := t.Planned(point)
	switch {
	case !known || i.Begin().Sub(p.Intent.Interval.Begin()) > planHolds:
		return in, false
	case p.Running != nil && p.Running.Interval == i:
		return *p.Running, true
	case p.Intent.Interval.Compare(i) > 0:
		return in, false
	}
	in = p.Intent
	if in.Interval != i { // no newer plan came: what depends on the interval is left out
		in.Interval, in.Net, in.Powers = i, nil, nil
	}
	return in, true
}

// planHolds is for how long after the interval that it was made for a plan is followed where
// no newer one comes.
const planHolds = time.Hour
