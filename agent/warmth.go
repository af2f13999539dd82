package agent

import (
	"context"
	"slices"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// Heat that a plan moves is reckoned in Wh of electricity: what a house or a tank can store, what it holds by its last
// reading, and what it loses, which is what its heat pump or heating rod took lately, evenly, because what it took at an
// hour is what a plan wanted then.

// spare returns the charge that is left to the device's own thermostat: with less it follows that alone. It is more than
// a house loses in an interval. A tank is kept warmer than by its thermostat where more is spared, and is cold for longer after
// two showers where less is.
func spare(kind grid.DeviceKind) grid.PerMille {
	const house, tank = 200, 150
	if kind == grid.HeatingRod {
		return tank
	}
	return house
}

// worthWarming says that a house or a tank is warmed before that is needed for what saves a twelfth of what lies
// between the utility's two prices beyond what is lost, and not for less: a forecast errs, and heat cannot be sold again.
const worthWarming = 12

// warmth tells the plan of a house or a tank, where it is known how warm it is and what it takes.
func (p *planning) warmth(ctx context.Context, k *task, d grid.Device) error {
	if !p.ratings.warms(d) {
		return nil
	}
	last, err := p.telemetry.Last(ctx, d.ID)
	if err != nil || last == nil || last.Charge == nil {
		return err
	}
	took, ok, err := p.memories.tookLately(ctx, d.ID, k.now)
	if err != nil || !ok {
		return err
	}
	of := p.ratings.of(d.ID)
	whole, spare := float64(of.Capacity)/float64(allCharge), spare(d.Kind)
	r := k.rates[k.at]
	h := plan.Heat{
		ID: d.ID, Room: whole * float64(allCharge-spare), Held: whole * float64(*last.Charge-spare), Loss: of.Loss,
		Power: plan.Powers{Least: of.Least, Most: of.Power}, Ahead: max(r.Retail-r.FeedIn, 0) / worthWarming,
	}
	for _, i := range k.in.Steps {
		h.Demand = append(h.Demand, took*float64(i.Minutes)/float64(k.quoted.Minutes))
	}
	k.in.Heats = append(k.in.Heats, h)
	return nil
}

// unmoved returns what heats that the plan knows too little of to move it.
func (k *task) unmoved(s, at int) (wh float64) {
	for _, u := range k.x.warm {
		if !k.decides(u.device) {
			wh += u.paths[s][at]
		}
	}
	return wh
}

// decides tells whether the plan says what a device that heats or waits takes.
func (k *task) decides(device string) bool {
	return k.starting(device) || slices.ContainsFunc(k.in.Heats, func(h plan.Heat) bool { return h.ID == device })
}
