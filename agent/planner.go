package agent

import (
	"context"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// planning makes plans of metering points, one at a time.
type planning struct {
	site

	telemetry Telemetry
	prices    Prices
	limits    func(member string) limits.Limits // of the homeowner; nil: none
	position  func(i grid.Interval, point string) (net grid.Energy, traded bool)
	noPool    bool
	currency  string // of the prices, ISO 4217

	ratings    ratings
	memories   *memories
	presences  presences
	batteries  *batteries
	outlooks   *outlooks
	neighbours *neighbours
	planner    plan.Planner
	plans      *plans // that were made before
}

// fresh is for how long a forecast is as good as a new one.
const fresh = 4 * time.Minute

// plan plans a metering point from now on. Errors: forecast.ErrNoHistory, *NoPriceError and
// those of the telemetry.
func (p *planning) plan(ctx context.Context, at seat, i grid.Interval, now time.Time) (*task, *plan.Plan, error) {
	k := &task{seat: at, now: now, quoted: i}
	var err error
	if k.seen, err = p.look(ctx, at, now); err != nil {
		return nil, nil, err
	}
	k.limits = k.seen.limits
	x := p.outlooks.of[at.home.MeteringPoint]
	if x == nil || x.made.Add(fresh).Before(now) || !maps.Equal(x.of, k.seen.made) {
		if x, err = p.outlooks.expect(ctx, at, now); err != nil {
			return nil, nil, err
		}
		p.outlooks.of[at.home.MeteringPoint] = x
	}
	if k.st, err = p.neighbours.lookAround(ctx, now); err != nil {
		return nil, nil, err
	}
	if err := p.outlooks.draw(ctx, at, x, p.neighbours.days, now); err != nil {
		return nil, nil, err
	}
	k.x, k.own = x, p.neighbours.charging[at.home.MeteringPoint]
	k.steps(now)
	if err := k.price(p.prices); err != nil {
		return nil, nil, err
	}
	if err := p.devices(ctx, k); err != nil {
		return nil, nil, err
	}
	k.courses()
	k.bind(p.position)
	made, err := p.planner.Plan(&k.in)
	if err != nil {
		return nil, nil, fmt.Errorf("metering point %s: %w", at.home.MeteringPoint, err)
	}
	return k, made, nil
}

// devices tells the plan what can be moved.
func (p *planning) devices(ctx context.Context, k *task) error {
	k.cars = map[string]need{}
	for _, d := range k.seat.devices {
		switch d.Kind {
		case grid.Battery:
			b, ok, err := p.batteries.now(ctx, d.ID, k.now)
			if err != nil {
				return err
			}
			if ok {
				k.in.Batteries = append(k.in.Batteries, p.ratings.planned(d.ID, b, k.limits.Reserve))
			}
		case grid.Charger:
			if err := p.car(ctx, k, d.ID); err != nil {
				return err
			}
		case grid.HeatPump, grid.HeatingRod:
			if err := p.warmth(ctx, k, d); err != nil {
				return err
			}
		case grid.Appliance:
			if err := p.appliance(ctx, k, d); err != nil {
				return err
			}
		case grid.Meter, grid.Inverter:
		}
	}
	return nil
}

// worthWaiting says that a car waits for what saves a twelfth of what lies between the utility's two
// prices, and not for less. Where it waited for anything, it let the sun of the afternoon go for a
// night that would cost the same by the forecast, and did not.
const worthWaiting = 12

// car tells the plan of the car at a charger, where one is there that says what it holds.
func (p *planning) car(ctx context.Context, k *task, charger string) error {
	of := p.ratings.of(charger)
	last, err := p.telemetry.Last(ctx, charger)
	if err != nil || last == nil || last.Charge == nil || !of.Controlled || of.Power == 0 || of.Capacity == 0 {
		return err
	}
	c := need{capacity: float64(of.Capacity), held: float64(of.Capacity) * float64(*last.Charge) / float64(allCharge), target: allCharge}
	by, target, said := k.limits.Ready(charger, k.now, p.zone)
	if c.said = said; said {
		c.by, c.target = by, target
	} else {
		past, err := p.presences.recall(ctx, charger, grid.IntervalAt(k.now, p.minutes))
		if err != nil {
			return err
		}
		c.by = leaves(past.days(midnight(k.now.In(p.zone))), k.now, p.zone)
	}
	k.cars[charger] = c
	k.in.Cars = append(k.in.Cars, plan.Car{
		ID: charger, Capacity: c.capacity, Held: math.Min(c.held, c.capacity), Most: c.target,
		Power: plan.Powers{Least: of.Least, Most: of.Power}, Into: 1, Waits: max(k.rates[k.at].Retail-k.rates[k.at].FeedIn, 0) / worthWaiting,
		Trips: []plan.Trip{{Leave: c.by, Return: k.in.Steps[len(k.in.Steps)-1].End(), Ready: c.target}},
	})
	return nil
}
