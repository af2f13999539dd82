package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
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
// agent quotes or plans anew at a time; Refit, Add, Remove, Homes, Members, Points, Devices, Intent, Planned and
// Skill are safe beside it.
type Traders struct {
	minutes   int // of a delivery interval
	prices    Prices
	seats     *seats
	memories  *memories
	batteries *batteries
	outlooks  *outlooks
	planning  *planning
	bidder    bidder
	plans     *plans
}

// NewTraders returns the agents of the homes that the devices belong to: each metering point
// of a home is forecast and traded by itself, as it is metered.
func NewTraders(o Options) *Traders {
	site := site{minutes: o.Minutes, zone: o.Zone, Place: o.Place}
	if site.zone == nil {
		site.zone = time.UTC
	}
	seats := &seats{strategy: o.Strategy, seed: o.Seed, points: map[string]seat{}, sources: map[string]string{}}
	memories := &memories{telemetry: o.Telemetry, minutes: o.Minutes, of: map[string]*memory{}}
	ratings := ratings(o.Rating)
	batteries := &batteries{telemetry: o.Telemetry, ratings: ratings, memories: memories, inPlace: o.FitInPlace}
	outlooks := &outlooks{
		site: site, ratings: ratings, memories: memories, inPlace: o.FitInPlace, of: map[string]*expected{},
		models: models{site: site, ratings: ratings, kept: o.Kept, of: map[series]fitted{}},
	}
	plans := &plans{of: map[string]Planned{}}
	planning := &planning{
		site: site, telemetry: o.Telemetry, prices: o.Prices, limits: o.Limits, position: o.Position, noPool: o.NoPool, currency: o.Currency,
		ratings: ratings, memories: memories, presences: presences{telemetry: o.Telemetry, of: map[string]*presence{}}, batteries: batteries, outlooks: outlooks,
		neighbours: &neighbours{
			minutes: o.Minutes, seats: seats, batteries: batteries, outlooks: outlooks, charging: map[string]charging{}, warming: map[string]charging{},
		},
		plans: plans,
	}
	t := &Traders{
		minutes: o.Minutes, prices: o.Prices, seats: seats, memories: memories, batteries: batteries, outlooks: outlooks, planning: planning,
		bidder: bidder{position: o.Position, noPool: o.NoPool, ahead: o.Ahead, planner: &planning.planner}, plans: plans,
	}
	for _, dev := range o.Devices {
		t.Add(dev)
	}
	return t
}

// Add takes in one more device, in place of the one with its id if there is one: a connection meter
// gives its metering point an agent, and an inverter gives the agent of its metering point a source.
func (t *Traders) Add(dev grid.Device) { t.seats.add(dev) }

// Remove lets go of a device. A home without its connection meter trades no more.
func (t *Traders) Remove(dev grid.Device) {
	t.seats.remove(dev)
	if _, trades := t.seats.at(dev.MeteringPoint); !trades {
		t.plans.forget(dev.MeteringPoint)
	}
}

// Homes returns how many homes trade: a member with several metering points is one.
func (t *Traders) Homes() int { return len(t.seats.members()) }

// Members returns the members that have a connection meter, sorted.
func (t *Traders) Members() []string { return t.seats.members() }

// Points returns the metering points that a member trades for, sorted.
func (t *Traders) Points(member string) (points []string) {
	for _, at := range t.seats.trading() {
		if at.home.Member == member {
			points = append(points, at.home.MeteringPoint)
		}
	}
	return points
}

// Devices returns the devices of a member that the agents know, by metering point and as they
// came.
func (t *Traders) Devices(member string) []grid.Device { return t.seats.devices(member) }

// Quote lets the agent of a metering point plan a delivery interval at the prices that the
// utility has for the point then. Errors: forecast.ErrNoHistory, those of the telemetry, and
// beside a plan without orders *NoPriceError.
func (t *Traders) Quote(ctx context.Context, point string, i grid.Interval, now time.Time) (Plan, error) {
	at, trades := t.seats.at(point)
	if !trades {
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
	history, err := t.memories.history(ctx, at.meter, now)
	if err != nil {
		return Plan{}, err
	}
	rates, unknown := t.prices.Rates(point, i)
	plan, err := at.agent.Plan(View{Interval: i, History: history, Retail: rates.Avoided(), FeedIn: rates.FeedIn})
	if err == nil && unknown != nil {
		plan.Orders, err = nil, &NoPriceError{unknown}
	}
	return plan, err
}

// quote plans a metering point, keeps the plan, and makes orders of it.
func (t *Traders) quote(ctx context.Context, at seat, i grid.Interval, now time.Time) (Plan, error) {
	k, p, err := t.planning.plan(ctx, at, i, now)
	if err != nil {
		return Plan{}, err
	}
	t.plans.keep(t.planning.tell(k, p))
	return Plan{
		Orders: t.bidder.orders(k, p, k.at, i, ""), Later: t.bidder.later(k, p),
		Expected: forecast.Point{Interval: i, Mean: p.Steps[k.at].Net.Mean},
	}, nil
}

// Replan plans anew for every metering point of which something changed at once since its last
// plan: a car came or left, an appliance was loaded or done, a battery's charge jumped, the homeowner set other limits, a device
// came or went or is made for something else; or of which there is no plan. What was ordered stays as it is until the next quote.
func (t *Traders) Replan(ctx context.Context, now time.Time) error {
	for _, at := range t.seats.planners() {
		p, known := t.plans.last(at.home.MeteringPoint)
		seen, err := t.planning.look(ctx, at, now)
		if err != nil {
			return err
		}
		if known && !p.seen.differs(seen) {
			continue
		}
		k, made, err := t.planning.plan(ctx, at, grid.IntervalAt(now, t.minutes).Shift(1), now)
		if noHistory(err) || isNoPrice(err) {
			continue
		}
		if err != nil {
			return err
		}
		t.plans.keep(t.planning.tell(k, made))
	}
	return nil
}

// Refit fits the models that want it of one metering point: the first, by name, that has any, or looks again
// at what one of its batteries is. did is false where none has. It is safe beside everything else, and is meant to be called
// again and again by one worker at a low rate; with FitInPlace nobody needs to.
func (t *Traders) Refit(ctx context.Context, now time.Time) (did bool, err error) {
	for _, at := range t.seats.planners() {
		if err := t.memories.recollect(ctx, at, now); err != nil {
			return true, fmt.Errorf("metering point %s: %w", at.home.MeteringPoint, err)
		}
		if did, err := t.batteries.restudy(ctx, at, now); did {
			return true, err
		}
		if did, err := t.outlooks.refit(ctx, at, now); did {
			return true, err
		}
	}
	return false, nil
}

// Planned returns what the agent of a metering point last decided; known is false where it
// has not planned yet, and for those that only trade.
func (t *Traders) Planned(point string) (p Planned, known bool) { return t.plans.last(point) }

// Intent returns what the plan of a metering point wants of its devices in a delivery interval;
// known is false where there is none for it: then they follow their own logic.
func (t *Traders) Intent(point string, i grid.Interval) (in hold.Intent, known bool) {
	return t.plans.intent(point, i)
}
