package agent

import (
	"math"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// tell keeps a plan for pages and API.
func (p *planning) tell(k *task, made *plan.Plan) Planned {
	out := Planned{MeteringPoint: k.home.MeteringPoint, Member: k.home.Member, Strategy: k.strategy, Made: k.now, Intent: p.intent(k, made, k.at)}
	if k.at > 0 {
		out.Running = new(p.intent(k, made, 0))
		p.goOn(k, out.Running)
	}
	out.seen = k.seen
	own, warm := charging{first: k.quoted}, charging{first: k.quoted}
	for n, s := range made.Steps[k.at:] {
		step := Step{
			Interval: s.Interval, Forecast: k.band(n + k.at), Net: bandOf(s.Net), Devices: map[string]grid.Energy{},
			Buy: grid.Price(math.Round(s.Buy)), Sell: grid.Price(math.Round(s.Sell)),
		}
		cars, heat := 0.0, 0.0
		for d := range made.Devices {
			x := &made.Devices[d]
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
	p.neighbours.decided(k.home.MeteringPoint, k.x, own, warm)
	for _, u := range made.Unmet {
		if c, charges := k.cars[u.Device]; charges && !c.said {
			continue // nobody said when it leaves: it is not promised by then
		}
		out.Unmet = append(out.Unmet, spoken(u.In(p.zone), made.Devices))
	}
	out.Why = spoken(p.planner.Why(plan.Words{Zone: p.zone, Currency: p.currency}), made.Devices)
	return out
}

// intent makes of a step of a plan what whoever moves the devices needs.
func (p *planning) intent(k *task, made *plan.Plan, step int) hold.Intent {
	in := hold.Intent{Interval: grid.IntervalAt(k.in.Steps[step].Begin(), k.quoted.Minutes), GiveTo: allCharge, Reserve: k.limits.Reserve}
	r := k.rates[step]
	if l := k.limits; l.ZeroExport {
		in.Export = new(grid.Power(0))
	}
	if len(k.in.Batteries) > 0 {
		in.GiveTo = p.planner.GiveTo(step, middle(r)+(float64(r.Retail)-middle(r))*common)
		in.TakeTo = p.planner.TakeTo(step, middle(r)+(float64(r.FeedIn)-middle(r))*common)
		l := p.planner.Levels(0, step, float64(r.Retail), float64(r.FeedIn))
		in.Reserve = max(in.Reserve, l.ForHome)
		b := k.in.Batteries[0]
		if held := b.Held / b.Capacity * float64(allCharge); held < float64(l.FromGrid)-1 && step == k.at {
			in.Net = new(rounded(made.Steps[step].Net.Mean))
		}
	}
	if p.noPool {
		in.Apart, in.GiveTo, in.TakeTo = true, 0, allCharge
	}
	in.Powers = k.starts(made, step)
	if len(k.in.Cars)+len(k.in.Heats) == 0 {
		return in
	}
	if in.Powers == nil {
		in.Powers = map[string]grid.Power{}
	}
	x, hours := made.Steps[step], k.in.Steps[step].Length().Hours()
	k.flows = p.planner.React(k.flows, step, k.mean(step), x.Buy, x.Sell)
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

// goOn has the cars go on in the interval that runs as it was planned before it began, where they are the same: what is
// decided anew for the rest of it no other home hears of, and all would take the same room in it.
func (p *planning) goOn(k *task, in *hold.Intent) {
	before, planned := p.plans.intent(k.home.MeteringPoint, in.Interval)
	last, _ := p.plans.last(k.home.MeteringPoint)
	if !planned || before.Powers == nil || !last.seen.limits.Equal(k.limits) {
		return
	}
	for _, c := range k.in.Cars {
		if power, told := before.Powers[c.ID]; told && last.seen.plugged[c.ID] {
			in.Powers[c.ID] = power
		}
	}
}
