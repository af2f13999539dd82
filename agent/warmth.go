package agent

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/forecast"
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

// lately is how far back it is asked what a device took.
const lately = 3 * 24 * time.Hour

// warms tells whether a plan can move a heat pump or a heating rod, because enough is known of it.
func (t *Traders) warms(d grid.Device) bool {
	if d.Kind != grid.HeatPump && d.Kind != grid.HeatingRod {
		return false
	}
	of := t.rating(d.ID)
	return of.Controlled && of.Power > 0 && of.Capacity > 0 && of.Loss > 0
}

// tookLately returns what a device took lately in an interval on the mean, Wh; ok is false where that is not known.
func (t *Traders) tookLately(ctx context.Context, device string, now time.Time) (wh float64, ok bool, err error) {
	past, err := t.recall(ctx, device, now)
	if err != nil {
		return 0, false, err
	}
	values := past.Values
	if more := len(values) - int(lately/past.First.Length()); more > 0 {
		values = values[more:]
	}
	n := 0
	for _, v := range values {
		if known(v) {
			wh += v
			n++
		}
	}
	if n == 0 {
		return 0, false, nil
	}
	return max(wh, 0) / float64(n), true, nil
}

// usually is what a device took on the days that the scenarios are of, as carsOf.
type usually struct {
	device string
	paths  [][]float64
}

// warmthOf returns what each heat pump, heating rod and appliance that a plan moves took on those days; where no day is
// known, what it took lately.
func (t *Traders) warmthOf(ctx context.Context, at seat, days []forecast.Day, x *expected, now time.Time) (all []usually, err error) {
	for _, d := range at.devices {
		if !t.warms(d) && !t.waits(d) {
			continue
		}
		if len(days) > 0 {
			paths, err := t.tookOn(ctx, []grid.Device{d}, days, x.first, now)
			if err != nil {
				return nil, err
			}
			all = append(all, usually{d.ID, paths})
			continue
		}
		wh, _, err := t.tookLately(ctx, d.ID, now)
		if err != nil {
			return nil, err
		}
		u := usually{device: d.ID}
		for _, path := range x.net {
			u.paths = append(u.paths, slices.Repeat([]float64{wh}, len(path)))
		}
		all = append(all, u)
	}
	return all, nil
}

// warming returns what all of them take in a scenario as it is usual.
func (x *expected) warming(s int) []float64 {
	sum := make([]float64, len(x.net[s]))
	for _, u := range x.warm {
		for k, wh := range u.paths[s] {
			sum[k] += wh
		}
	}
	return sum
}

// warmth tells the plan of a house or a tank, where it is known how warm it is and what it takes.
func (t *Traders) warmth(ctx context.Context, k *task, d grid.Device) error {
	if !t.warms(d) {
		return nil
	}
	last, err := t.Telemetry.Last(ctx, d.ID)
	if err != nil || last == nil || last.Charge == nil {
		return err
	}
	took, ok, err := t.tookLately(ctx, d.ID, k.now)
	if err != nil || !ok {
		return err
	}
	of := t.rating(d.ID)
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
