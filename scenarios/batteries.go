package scenarios

import (
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// battery is that of a home, held to what the home traded as in a community at work.
type battery struct {
	*recorded

	meter  *recorded
	holder *hold.Holder
	limits hold.Limits
	asked  *grid.Power // what a challenge asks for, nil when none does

	written *world.Setpoint // at the last look; the battery follows from the next one on

	interval   grid.Interval // of which the next two tell
	contracted grid.Energy
	traded     bool
}

// newBatteries returns the batteries of the homes.
func newBatteries(r *recorder) (all []*battery) {
	var meter *recorded
	for k := range r.devices { // a home's meter comes before its battery
		d := &r.devices[k]
		switch d.Kind {
		case grid.Meter:
			meter = d
		case grid.Battery:
			rated := d.claimed().Power
			b := &battery{recorded: d, meter: meter, holder: hold.New(rated), limits: hold.Limits{Rated: rated}}
			imports, exports := d.spec.Connection()
			b.limits.Import, b.limits.Export = &imports, &exports
			all = append(all, b)
		case grid.Inverter, grid.Charger, grid.HeatPump, grid.HeatingRod:
		}
	}
	return all
}

// claimed is a battery as its owner says it is.
func (d *recorded) claimed() world.Storage {
	if d.cheat != nil {
		return d.cheat.Cheat.Claimed(d.spec.Battery)
	}
	return d.spec.Battery
}

// hold reads the batteries and the meters beside them, and sets each battery to what a
// challenge asks for, or else so that its home keeps what it traded.
func (r *replay) hold(now time.Time) {
	i := grid.IntervalAt(now, r.result.Scenario.Interval)
	for _, b := range r.batteries {
		b.set(r.world, b.written)
		home := r.world.Home(b.home)
		b.holder.Meter(b.meter.show(&home, now))
		b.holder.Battery(b.show(&home, now))
		if i != b.interval { // its gate closed before it began
			b.interval = i
			b.contracted, b.traded = r.market.Position(i, b.MeteringPoint)
		}
		setpoint, ok := b.holder.Follow(now, b.asked, i, b.contracted, b.traded)
		if b.written = nil; ok {
			least, most := b.holder.Bounds(b.limits, now)
			b.written = &world.Setpoint{Power: min(max(setpoint, least), most)}
		}
	}
}

// set asks the battery for a power; nil gives it back to its own logic. One that cheats
// stands still.
func (b *battery) set(w *world.World, s *world.Setpoint) {
	if b.cheat != nil {
		b.cheat.Asked = s
		s = world.Idle()
	}
	w.SetBattery(b.home, s)
}
