package agent

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// Appliances are held to wait, and started when the plan says so: once they run nobody interrupts them. One
// that is due every day is planned for each window within the horizon, and it is known from what it took
// whether it ran today; another one is planned once it tells that it was loaded. What it will be loaded with
// later is expected to be as it is usual.

// appliance tells the plan what an appliance has to do.
func (p *planning) appliance(ctx context.Context, k *task, d grid.Device) error {
	if !p.ratings.waits(d) {
		return nil
	}
	of := p.ratings.of(d.ID)
	if of.Programme.Daily {
		return p.daily(ctx, k, d.ID, of.Programme)
	}
	last, err := p.telemetry.Last(ctx, d.ID)
	if err != nil {
		return err
	}
	e := errand{id: d.ID, power: of.Power, until: k.now}
	if last != nil && last.Charge != nil && *last.Charge < allCharge {
		left := of.Programme.Runs * time.Duration(allCharge-*last.Charge) / time.Duration(allCharge)
		e.until = of.Programme.By.Next(k.now.Add(punctual), p.zone).Add(-punctual)
		began := *last.Charge > 0 || last.Power != nil && *last.Power > of.Programme.Power/2 //nolint:mnd // half: it runs
		k.in.Loads = append(k.in.Loads, plan.Load{ID: d.ID, Power: of.Programme.Power, Runs: left, Ready: e.until, Began: began})
	}
	k.appliances = append(k.appliances, e)
	return nil
}

// punctual is how long before its time an appliance is planned to be done: it starts a little after it is
// told to.
const punctual = 10 * time.Minute

// errand is what is to be said of an appliance.
type errand struct {
	id    string
	power grid.Power // by which it is told to run
	until time.Time  // up to then the plan knows what it will do
}

// notWorth is the part of a programme that is not worth another start.
const notWorth = 20

// daily tells the plan of an appliance that runs once in every window: what is left of today's, and those
// that come.
func (p *planning) daily(ctx context.Context, k *task, device string, runs Programme) error {
	e := errand{id: device, power: p.ratings.of(device).Power, until: k.now}
	end := k.in.Steps[len(k.in.Steps)-1].End()
	for begin := runs.begins(k.now, p.zone); ; begin = runs.From.Next(begin, p.zone) {
		by := runs.By.Next(begin, p.zone).Add(-min(punctual, runs.Window()-runs.Runs))
		if by.After(end) {
			break
		}
		left, began := runs.Runs, false
		if begin.Before(k.now) {
			ran, still, err := p.memories.ran(ctx, device, begin, k.now, runs)
			if err != nil {
				return err
			}
			left, began = runs.Runs-ran, still
		}
		e.until = by
		if by.After(k.now) && left > runs.Runs/notWorth {
			k.in.Loads = append(k.in.Loads, plan.Load{ID: device, Power: runs.Power, Runs: left, From: begin, Ready: by, Began: began})
		}
	}
	k.appliances = append(k.appliances, e)
	return nil
}

// begins returns when the last window before a time began.
func (p Programme) begins(now time.Time, zone *time.Location) time.Time {
	const back = 26 * time.Hour // more than a day, however clocks are turned
	begin := p.From.Next(now.Add(-back), zone)
	for next := begin; !next.After(now); next = p.From.Next(begin, zone) {
		begin = next
	}
	return begin
}

// starts returns by what power the appliances are told to run in a step, 0: they are to wait; nil where
// there are none.
func (k *task) starts(p *plan.Plan, step int) map[string]grid.Power {
	if len(k.appliances) == 0 {
		return nil
	}
	all := map[string]grid.Power{}
	for _, e := range k.appliances {
		all[e.id] = 0
		for _, d := range p.Devices {
			if d.ID == e.id && d.Power[step] > 0 {
				all[e.id] = e.power
			}
		}
	}
	return all
}

// starting tells whether the plan starts a device.
func (k *task) starting(device string) bool {
	return slices.ContainsFunc(k.appliances, func(e errand) bool { return e.id == device })
}

// chores returns what appliances will take that nobody has loaded yet, as it is usual, in a scenario, Wh.
func (k *task) chores(s, at int, i grid.Interval) (wh float64) {
	for _, e := range k.appliances {
		if i.Begin().Before(e.until) {
			continue
		}
		for _, u := range k.x.warm {
			if u.device == e.id && s < len(u.paths) {
				wh += u.paths[s][at]
			}
		}
	}
	return wh
}

// meanChores is chores in the mean of the scenarios.
func (k *task) meanChores(i grid.Interval) (wh float64) {
	n := min(len(k.x.net), len(k.st.short))
	for s := range n {
		at := min(max(between(k.x.begins(), i), 0), len(k.x.net[s])-1)
		wh += k.chores(s, at, i) / float64(n)
	}
	return wh
}

// plansWarmth tells whether the plan says of all that heats or waits what it will take.
func (k *task) plansWarmth() bool {
	return len(k.x.warm) > 0 && !slices.ContainsFunc(k.x.warm, func(u usually) bool { return !k.decides(u.device) })
}
