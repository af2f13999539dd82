package scenarios

import (
	"context"
	"sort"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// recorder reads the devices of a world at whole minutes, as the readers do in
// the field, and answers agents and settlement from what it read.
type recorder struct {
	devices []recorded
	columns map[string]int            // device → its place among the devices
	all     []grid.Reading            // by time, then device: one of each every minute
	alone   map[string][]grid.Reading // by connection meter: what it would have shown without the community
	past    past
}

type recorded struct {
	grid.Device

	home  int
	spec  world.Home
	cheat *world.Cheater // of a battery, nil: it is honest
}

func newRecorder(spec world.Spec, cheats []CheatText) *recorder {
	r := &recorder{columns: map[string]int{}, alone: map[string][]grid.Reading{}}
	for i, h := range spec.Homes {
		for _, kind := range h.Devices() {
			d := recorded{home: i, spec: h, Device: grid.Device{
				ID: h.ID + "/" + string(kind), Kind: kind, Member: h.ID, MeteringPoint: "mp-" + h.ID,
			}}
			for _, c := range cheats {
				if c.Home == h.ID && kind == grid.Battery {
					d.cheat = &world.Cheater{Cheat: c.Cheat}
				}
			}
			r.columns[d.ID] = len(r.devices)
			r.devices = append(r.devices, d)
		}
	}
	return r
}

// capacities returns those of the batteries, by device.
func (r *recorder) capacities() map[string]grid.Energy {
	all := map[string]grid.Energy{}
	for _, d := range r.devices {
		if d.Kind == grid.Battery {
			all[d.ID] = d.spec.Battery.Capacity
		}
	}
	return all
}

// chargers returns those that have a car, in the order of the devices.
func (r *recorder) chargers() (all []readiness.Charger) {
	for _, d := range r.devices {
		if d.Kind == grid.Charger {
			all = append(all, readiness.Charger{ID: d.ID, Power: d.spec.Charger, Capacity: d.spec.CarCapacity()})
		}
	}
	return all
}

// of returns the readings of a device; none where there is no such device.
func (r *recorder) of(device string) column {
	at, known := r.columns[device]
	if !known {
		return column{}
	}
	return column{r.all, at, len(r.devices)}
}

// column are the readings of one device among those of all.
type column struct {
	all        []grid.Reading
	at, stride int // 0: none
}

func (c column) len() int {
	if c.stride == 0 {
		return 0
	}
	return len(c.all) / c.stride
}

func (c column) nth(k int) *grid.Reading { return &c.all[k*c.stride+c.at] }

// since returns the index of the first reading at or after t.
func (c column) since(t time.Time) int {
	return sort.Search(c.len(), func(k int) bool { return !c.nth(k).Time.Before(t) })
}

func (r *recorder) grid() []grid.Device {
	devices := make([]grid.Device, len(r.devices))
	for i, d := range r.devices {
		devices[i] = d.Device
	}
	return devices
}

// show reads the device of a home as it is at a time.
func (d *recorded) show(h *world.HomeState, now time.Time) grid.Reading {
	reading := grid.Reading{Device: d.ID, Time: now, Quality: grid.Good}
	if d.Kind == grid.Battery {
		charge := h.Charge(d.spec)
		if d.cheat != nil {
			var shown world.HomeState
			shown, _, charge = d.cheat.Show(*h, d.spec, now.Unix())
			h = &shown
		}
		reading.Charge = &charge
	}
	if charge, known := h.CarCharge(d.spec); known && d.Kind == grid.Charger {
		reading.Charge = &charge
	}
	if charge, known := h.Warmth(d.Kind); known {
		reading.Charge = &charge
	}
	if done, loaded := h.Programme.Done(d.spec.Appliance); loaded && d.Kind == grid.Appliance {
		reading.Charge = &done
	}
	counted := h.Counted(d.Kind)
	reading.Power = new(h.Power(d.Kind))
	if d.Kind != grid.Inverter {
		reading.Import = &counted.Import
	}
	if d.Kind == grid.Meter || d.Kind == grid.Inverter || d.Kind == grid.Battery {
		reading.Export = &counted.Export
	}
	return reading
}

// read takes one reading of every device.
func (r *recorder) read(w *world.World) {
	state, now := w.State(), w.Now()
	for k := range r.devices {
		d := &r.devices[k]
		h := &state.Homes[d.home]
		reading := d.show(h, now)
		if d.Kind == grid.Meter {
			r.alone[d.ID] = append(r.alone[d.ID], grid.Reading{Time: now, Import: new(world.Energy(h.Alone.Imported)), Export: new(world.Energy(h.Alone.Exported))})
		}
		r.all = append(r.all, reading)
	}
}

// power returns what a device was last read to take.
func (r *recorder) power(device string) (grid.Power, bool) {
	readings := r.of(device)
	if readings.len() == 0 {
		return 0, false
	}
	return *readings.nth(readings.len() - 1).Power, true
}

// since returns the index of the first reading at or after t.
func since(readings []grid.Reading, t time.Time) int {
	return sort.Search(len(readings), func(k int) bool { return !readings[k].Time.Before(t) })
}

// energy returns what flowed in an interval; known is false when it was not
// read whole. Boundaries are whole minutes, so the registers were read there.
func (r *recorder) energy(device string, i grid.Interval) (flow grid.Flow, known bool) {
	readings := r.of(device)
	begin, end := readings.since(i.Begin()), readings.since(i.End())
	if end >= readings.len() || !readings.nth(begin).Time.Equal(i.Begin()) {
		return grid.Flow{}, false
	}
	return gain(readings.nth(begin), readings.nth(end)), true
}

// between is energy of readings of one device.
func between(readings []grid.Reading, i grid.Interval) (flow grid.Flow, known bool) {
	begin, end := since(readings, i.Begin()), since(readings, i.End())
	if end >= len(readings) || !readings[begin].Time.Equal(i.Begin()) {
		return grid.Flow{}, false
	}
	return gain(&readings[begin], &readings[end]), true
}

// Last implements agent.Telemetry.
func (r *recorder) Last(_ context.Context, device string) (*grid.Reading, error) {
	readings := r.of(device)
	if readings.len() == 0 {
		return nil, nil
	}
	return readings.nth(readings.len() - 1), nil
}

// rating is what a device is made for, as its owner says.
func (r *recorder) rating(device string) agent.Rating {
	at, known := r.columns[device]
	if !known {
		return agent.Rating{}
	}
	return r.devices[at].rating()
}

func (d *recorded) rating() (of agent.Rating) {
	switch d.Kind {
	case grid.Inverter:
		of.Power = d.spec.PV.Peak
	case grid.Battery:
		of = agent.Rating{Power: d.claimed().Power, Capacity: d.claimed().Capacity, Controlled: true}
	case grid.Charger:
		of = agent.Rating{Power: d.spec.Charger, Least: world.LeastCharge, Capacity: d.spec.CarCapacity(), Controlled: true}
	case grid.HeatPump:
		of = agent.Rating{Power: d.spec.House.Pump, Least: d.spec.House.Least(), Controlled: true}
		of.Capacity, of.Loss = d.spec.House.Store()
	case grid.HeatingRod:
		of = agent.Rating{Power: d.spec.Tank.Rod, Controlled: true}
		of.Capacity, of.Loss = d.spec.Tank.Store()
	case grid.Appliance:
		of = agent.Rating{Power: d.spec.Appliance.Power, Controlled: true}
		of.Programme = agent.Programme{Power: of.Power, Runs: d.spec.Appliance.Runs(), By: limits.TimeOfDay(d.spec.Appliance.Ready * 60)} //nolint:mnd // minutes
	case grid.Meter:
	}
	return of
}

// gain is by how much registers moved; one that a device does not have did not.
func gain(a, b *grid.Reading) (f grid.Flow) {
	if a.Import != nil && b.Import != nil {
		f.Import = *b.Import - *a.Import
	}
	if a.Export != nil && b.Export != nil {
		f.Export = *b.Export - *a.Export
	}
	return f
}

// Energies implements agent.Telemetry. Before the replay began it is the past that the scenario
// gives.
func (r *recorder) Energies(_ context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	energies := make([]float64, n)
	for k := range energies {
		i := first.Shift(k)
		if flow, known := r.energy(device, i); known {
			energies[k] = float64(flow.Net())
		} else {
			energies[k] = r.past.net(device, i)
		}
	}
	return energies, nil
}

// MeanPower implements agent.Telemetry.
func (r *recorder) MeanPower(_ context.Context, device string, from, to time.Time) (*grid.Power, error) {
	readings := r.of(device)
	begin, end := readings.since(from), readings.since(to)
	if begin == end {
		return nil, nil
	}
	var sum grid.Power
	for k := begin; k < end; k++ {
		sum += *readings.nth(k).Power
	}
	return new(sum / grid.Power(end-begin)), nil
}

// Plugged implements agent.Telemetry.
func (r *recorder) Plugged(_ context.Context, charger string, first grid.Interval, n int) ([]grid.Presence, error) {
	all, readings := make([]grid.Presence, n), r.of(charger)
	for k := range all {
		i := first.Shift(k)
		begin, end := readings.since(i.Begin()), readings.since(i.End())
		if begin == end || end >= readings.len() {
			all[k] = r.past.plugged(charger, i)
			continue
		}
		if all[k] = grid.CarAway; readings.nth(begin).Charge != nil || readings.nth(end-1).Charge != nil {
			all[k] = grid.CarHere
		}
	}
	return all, nil
}

// Charges implements agent.Telemetry.
func (r *recorder) Charges(_ context.Context, battery string, first grid.Interval, n int) ([]float64, error) {
	charges, readings := make([]float64, n), r.of(battery)
	for k := range charges {
		begin, end := readings.since(first.Shift(k).Begin()), readings.since(first.Shift(k).End())
		if end >= readings.len() {
			begin = end // the interval is not over
		}
		sum, told := 0.0, 0.0
		for ; begin < end; begin++ {
			if c := readings.nth(begin).Charge; c != nil {
				sum, told = sum+float64(*c), told+1
			}
		}
		charges[k] = sum / told // NaN where it told nothing
	}
	return charges, nil
}
