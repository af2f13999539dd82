package agent

import (
	"context"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// task is a plan in the making.
type task struct {
	seat

	now        time.Time
	quoted     grid.Interval // for which orders are wanted
	x          *expected
	st         *street
	limits     limits.Limits
	in         plan.Input
	at         int             // the step of the quoted interval: before it is what is left of the one that runs
	rates      []tariff.Rates  // by step
	cars       map[string]need // by charger
	appliances []errand        // of the appliances that the plan starts
	flows      []float64       // what they would take
	own        charging        // what they take by the last plan, as the street reckons
	seen       sight

	buy, sell []float64 // by step, what the pool is expected to make of a kWh, millionths
}

// fresh is for how long a forecast is as good as a new one.
const fresh = 4 * time.Minute

// need is what the car at a charger lacks, and by when.
type need struct {
	capacity, held float64 // Wh
	by             time.Time
	target         grid.PerMille
	said           bool // by its owner
}

// plan plans a metering point from now on. Errors: forecast.ErrNoHistory, *NoPriceError and
// those of the telemetry.
func (t *Traders) plan(ctx context.Context, at seat, i grid.Interval, now time.Time) (*task, *plan.Plan, error) {
	k := &task{seat: at, now: now, quoted: i}
	var err error
	if k.seen, err = t.look(ctx, at, now); err != nil {
		return nil, nil, err
	}
	k.limits = k.seen.limits
	x := t.expects[at.home.MeteringPoint]
	if x == nil || x.made.Add(fresh).Before(now) || !maps.Equal(x.of, k.seen.made) {
		if x, err = t.expect(ctx, at, now); err != nil {
			return nil, nil, err
		}
		t.expects[at.home.MeteringPoint] = x
	}
	if k.st, err = t.lookAround(ctx, now); err != nil {
		return nil, nil, err
	}
	if err := t.draw(ctx, at, x, t.days, now); err != nil {
		return nil, nil, err
	}
	k.x, k.own = x, t.charging[at.home.MeteringPoint]
	k.steps(now)
	if err := t.price(k); err != nil {
		return nil, nil, err
	}
	if err := t.devices(ctx, k); err != nil {
		return nil, nil, err
	}
	t.courses(k)
	t.bind(k)
	p, err := t.planner.Plan(&k.in)
	if err != nil {
		return nil, nil, fmt.Errorf("metering point %s: %w", at.home.MeteringPoint, err)
	}
	return k, p, nil
}

// steps are what is left of the interval that runs, and the intervals from the quoted one on.
func (k *task) steps(now time.Time) {
	runs := grid.IntervalAt(now, k.quoted.Minutes)
	if left := int(runs.End().Sub(now).Minutes()); left > 0 && runs.Shift(1) == k.quoted {
		k.in.Steps = append(k.in.Steps, grid.Interval{Start: runs.End().Unix() - int64(left)*60, Minutes: left})
		k.at = 1
	}
	k.in.Steps = append(k.in.Steps, plan.Horizon(k.quoted, horizon-2*time.Hour)...)
}

// price finds what energy costs the home in each step. What is not known yet is what it was a
// day before.
func (t *Traders) price(k *task) error {
	k.rates = make([]tariff.Rates, len(k.in.Steps))
	for n, i := range k.in.Steps {
		r, err := t.Prices.Rates(k.home.MeteringPoint, grid.IntervalAt(i.Begin(), k.quoted.Minutes))
		switch {
		case err == nil:
			k.rates[n] = r
		case n == k.at:
			return &NoPriceError{err}
		case n < k.at:
		default:
			k.rates[n] = k.rates[n-1]
			for m := n - 1; m >= k.at; m-- {
				if i.Begin().Sub(k.in.Steps[m].Begin()) >= 24*time.Hour {
					k.rates[n] = k.rates[m]
					break
				}
			}
		}
	}
	if k.at == 1 && k.rates[0] == (tariff.Rates{}) {
		k.rates[0] = k.rates[1]
	}
	return nil
}

// courses makes the scenarios: what the home takes without what is planned, and prices.
func (t *Traders) courses(k *task) {
	begins, minutes := k.x.begins(), k.quoted.Minutes
	k.buy, k.sell = make([]float64, len(k.in.Steps)), make([]float64, len(k.in.Steps))
	drawn := min(len(k.x.net), len(k.st.short))
	for s := range drawn {
		n := len(k.in.Steps)
		c := plan.Scenario{Weight: 1, Net: make([]float64, n), Buy: make([]float64, n), Sell: make([]float64, n)}
		if len(k.in.Cars) > 0 {
			c.Room, c.Beyond = make([]float64, n), make([]float64, n)
		}
		for step, i := range k.in.Steps {
			from := grid.IntervalAt(i.Begin(), minutes)
			parts := max(i.Minutes/minutes, 1)
			for part := range parts {
				at := min(max(between(begins, from)+part, 0), len(k.x.net[s])-1)
				wh := k.x.net[s][at] + k.later(s, at, i) + k.unmoved(s, at) + k.chores(s, at, i)
				if i.Minutes < minutes {
					wh *= float64(i.Minutes) / float64(minutes)
				}
				c.Net[step] += wh
				on := min(max(between(k.st.first, from)+part, 0), len(k.st.short[s])-1)
				buy, sell := k.st.prices(s, on, k.rates[step])
				c.Buy[step] += buy / float64(parts)
				c.Sell[step] += sell / float64(parts)
				if len(k.in.Cars) > 0 {
					c.Room[step] += k.room(s, on, from.Shift(part)) * min(float64(i.Minutes)/float64(minutes), 1)
					c.Beyond[step] += float64(k.rates[step].Retail) / float64(parts)
				}
				buy, sell = k.st.pooled(s, on, k.rates[step])
				k.buy[step] += buy / float64(parts*drawn)
				k.sell[step] += sell / float64(parts*drawn)
			}
			c.Sell[step], c.Buy[step] = preferred(k.limits, c.Sell[step], c.Buy[step], k.rates[step])
		}
		k.in.Scenarios = append(k.in.Scenarios, c)
	}
}

// room is how much the home's cars can take of an interval before the utility gives the community some of it:
// what all could take more, with what the street reckons these cars to take already.
func (k *task) room(s, on int, i grid.Interval) float64 {
	at := min(max(between(k.x.begins(), i), 0), len(k.x.cars[s])-1)
	return math.Max(k.st.room[s][on]+k.own.or(i, k.x.cars[s][at]), 0)
}

// later returns what the home's cars will take that is not planned: as on the day that the
// scenario is of, from when the car that is here has left.
func (k *task) later(s, at int, i grid.Interval) float64 {
	for _, c := range k.cars {
		if i.Begin().Before(c.by) {
			return 0
		}
	}
	return k.x.cars[s][at]
}

// devices tells the plan what can be moved.
func (t *Traders) devices(ctx context.Context, k *task) error {
	k.cars = map[string]need{}
	for _, d := range k.seat.devices {
		switch d.Kind {
		case grid.Battery:
			b, ok, err := t.battery(ctx, d.ID, k.now)
			if err != nil {
				return err
			}
			if ok {
				k.in.Batteries = append(k.in.Batteries, t.asPlanned(d.ID, b, k.limits.Reserve))
			}
		case grid.Charger:
			if err := t.car(ctx, k, d.ID); err != nil {
				return err
			}
		case grid.HeatPump, grid.HeatingRod:
			if err := t.warmth(ctx, k, d); err != nil {
				return err
			}
		case grid.Appliance:
			if err := t.appliance(ctx, k, d); err != nil {
				return err
			}
		case grid.Meter, grid.Inverter:
		}
	}
	return nil
}

// asPlanned is a battery as a plan sees it.
func (t *Traders) asPlanned(id string, b storage, reserve grid.PerMille) plan.Battery {
	of := t.rating(id)
	power := plan.Powers{Most: of.Power}
	return plan.Battery{
		ID: id, Capacity: b.capacity, Held: math.Min(b.held, b.capacity), Charge: power, Out: power, Into: b.each, OutOf: b.each,
		Reserve: reserve, Wear: of.Wear,
	}
}

// worthWaiting says that a car waits for what saves a twelfth of what lies between the utility's two
// prices, and not for less. Where it waited for anything, it let the sun of the afternoon go for a
// night that would cost the same by the forecast, and did not.
const worthWaiting = 12

// car tells the plan of the car at a charger, where one is there that says what it holds.
func (t *Traders) car(ctx context.Context, k *task, charger string) error {
	of := t.rating(charger)
	last, err := t.Telemetry.Last(ctx, charger)
	if err != nil || last == nil || last.Charge == nil || !of.Controlled || of.Power == 0 || of.Capacity == 0 {
		return err
	}
	c := need{capacity: float64(of.Capacity), held: float64(of.Capacity) * float64(*last.Charge) / float64(allCharge), target: allCharge}
	by, target, said := k.limits.Ready(charger, k.now, t.zone())
	if c.said = said; said {
		c.by, c.target = by, target
	} else {
		past, err := t.presences.recall(ctx, t.Telemetry, charger, grid.IntervalAt(k.now, t.Minutes))
		if err != nil {
			return err
		}
		c.by = leaves(past.days(midnight(k.now.In(t.zone()))), k.now, t.zone())
	}
	k.cars[charger] = c
	k.in.Cars = append(k.in.Cars, plan.Car{
		ID: charger, Capacity: c.capacity, Held: math.Min(c.held, c.capacity), Most: c.target,
		Power: plan.Powers{Least: of.Least, Most: of.Power}, Into: 1, Waits: max(k.rates[k.at].Retail-k.rates[k.at].FeedIn, 0) / worthWaiting,
		Trips: []plan.Trip{{Leave: c.by, Return: k.in.Steps[len(k.in.Steps)-1].End(), Ready: c.target}},
	})
	return nil
}

// bind has the plan keep to what the homeowner wants, and to what was traded.
func (t *Traders) bind(k *task) {
	l := k.limits
	k.in.Limits = plan.Limits{ZeroExport: l.ZeroExport, Floor: l.Floor, Ceiling: l.Ceiling}
	if l.AwayUntil != nil {
		k.in.Limits.Away = *l.AwayUntil
	}
	if t.Position == nil {
		return
	}
	k.in.Traded = make([]float64, len(k.in.Steps))
	for n, i := range k.in.Steps {
		if i.Minutes != k.quoted.Minutes {
			continue
		}
		if net, traded := t.Position(i, k.home.MeteringPoint); traded {
			k.in.Traded[n] = float64(net)
		}
	}
}

// middle is the price at which neighbours share.
func middle(r tariff.Rates) float64 { return float64(r.FeedIn+r.Avoided()) / 2 } //nolint:mnd // half each

// intent makes of a step of a plan what whoever moves the devices needs.
func (t *Traders) intent(k *task, p *plan.Plan, step int) hold.Intent {
	in := hold.Intent{Interval: grid.IntervalAt(k.in.Steps[step].Begin(), k.quoted.Minutes), GiveTo: allCharge, Reserve: k.limits.Reserve}
	r := k.rates[step]
	if l := k.limits; l.ZeroExport {
		in.Export = new(grid.Power(0))
	}
	if len(k.in.Batteries) > 0 {
		in.GiveTo = t.planner.GiveTo(step, middle(r)+(float64(r.Retail)-middle(r))*common)
		in.TakeTo = t.planner.TakeTo(step, middle(r)+(float64(r.FeedIn)-middle(r))*common)
		l := t.planner.Levels(0, step, float64(r.Retail), float64(r.FeedIn))
		in.Reserve = max(in.Reserve, l.ForHome)
		b := k.in.Batteries[0]
		if held := b.Held / b.Capacity * float64(allCharge); held < float64(l.FromGrid)-1 && step == k.at {
			in.Net = new(rounded(p.Steps[step].Net.Mean))
		}
	}
	if t.NoPool {
		in.Apart, in.GiveTo, in.TakeTo = true, 0, allCharge
	}
	in.Powers = k.starts(p, step)
	if len(k.in.Cars)+len(k.in.Heats) == 0 {
		return in
	}
	if in.Powers == nil {
		in.Powers = map[string]grid.Power{}
	}
	x, hours := p.Steps[step], k.in.Steps[step].Length().Hours()
	k.flows = t.planner.React(k.flows, step, k.mean(step), x.Buy, x.Sell)
	for n, c := range k.in.Cars {
		in.Powers[c.ID] = grid.Power(math.Round(k.flows[len(k.in.Batteries)+n] / hours))
	}
	for n, h := range k.in.Heats {
		if h.Held > 0 {
			in.Powers[h.ID] = grid.Power(math.Round(k.flows[len(k.in.Batteries)+len(k.in.Cars)+n] / hours))
		}
	}
	return in
}

// mean returns what the home is expected to take in a step without what is planned, Wh.
func (k *task) mean(step int) (sum float64) {
	for _, c := range k.in.Scenarios {
		sum += c.Net[step] / float64(len(k.in.Scenarios))
	}
	return sum
}

// tell keeps a plan for pages and API.
func (t *Traders) tell(k *task, p *plan.Plan) Planned {
	out := Planned{MeteringPoint: k.home.MeteringPoint, Member: k.home.Member, Strategy: k.strategy, Made: k.now, Intent: t.intent(k, p, k.at)}
	if k.at > 0 {
		out.Running = new(t.intent(k, p, 0))
		t.goOn(k, out.Running)
	}
	out.seen = k.seen
	own, warm := charging{first: k.quoted}, charging{first: k.quoted}
	for n, s := range p.Steps[k.at:] {
		step := Step{
			Interval: s.Interval, Forecast: k.band(n + k.at), Net: bandOf(s.Net), Devices: map[string]grid.Energy{},
			Buy: grid.Price(math.Round(s.Buy)), Sell: grid.Price(math.Round(s.Sell)),
		}
		cars, heat := 0.0, 0.0
		for d := range p.Devices {
			x := &p.Devices[d]
			wh := x.Power[n+k.at] * s.Interval.Length().Hours()
			step.Devices[x.ID] += rounded(wh) // an appliance may run today and tomorrow
			if x.Kind == plan.Vehicle {
				cars += wh
			}
			if x.Kind == plan.Warmth || x.Kind == plan.Waiting {
				heat += wh
			}
			if x.Kind == plan.Stationary && step.Charge == nil {
				step.Charge = new(bandOf(x.Charge[n+k.at]))
			}
		}
		if s.Interval.Minutes == k.quoted.Minutes && k.plansCars(s.Interval) {
			own.wh = append(own.wh, cars)
		}
		if s.Interval.Minutes == k.quoted.Minutes && k.plansWarmth() {
			warm.wh = append(warm.wh, heat+k.meanChores(s.Interval))
		}
		out.Steps = append(out.Steps, step)
	}
	k.st.moves(k.x, t.charging[k.home.MeteringPoint], own)
	k.st.turns(k.x, t.warming[k.home.MeteringPoint], warm, k.x.warming)
	t.charging[k.home.MeteringPoint], t.warming[k.home.MeteringPoint] = own, warm
	for _, u := range p.Unmet {
		if c, charges := k.cars[u.Device]; charges && !c.said {
			continue // nobody said when it leaves: it is not promised by then
		}
		out.Unmet = append(out.Unmet, spoken(u.In(t.zone()), p.Devices))
	}
	out.Why = spoken(t.planner.Why(t.zone()), p.Devices)
	return out
}

// goOn has the cars go on in the interval that runs as it was planned before it began, where they are the same: what is
// decided anew for the rest of it no other home hears of, and all would take the same room in it.
func (t *Traders) goOn(k *task, in *hold.Intent) {
	before, planned := t.Intent(k.home.MeteringPoint, in.Interval)
	p, _ := t.Planned(k.home.MeteringPoint)
	if !planned || before.Powers == nil || !p.seen.limits.Equal(k.limits) {
		return
	}
	for _, c := range k.in.Cars {
		if power, told := before.Powers[c.ID]; told && p.seen.plugged[c.ID] {
			in.Powers[c.ID] = power
		}
	}
}

// plansCars tells whether what the cars take in an interval is the plan's to say.
func (k *task) plansCars(i grid.Interval) bool {
	for _, c := range k.cars {
		if i.Begin().Before(c.by) {
			return true
		}
	}
	return false
}

func bandOf(b plan.Band) Band { return Band{Low: b.Low, Mean: b.Mean, High: b.High} }

// band returns what the scenarios say of a step.
func (k *task) band(step int) Band {
	values := make([]float64, 0, len(k.in.Scenarios))
	for _, c := range k.in.Scenarios {
		values = append(values, c.Net[step])
	}
	return bandFrom(values)
}
