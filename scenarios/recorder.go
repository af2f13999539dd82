package scenarios

import (
	"context"
	"math"
	"sort"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// recorder reads the devices of a world at whole minutes, as the readers do in
// the field, and answers agents and settlement from what it read.
type recorder struct {
	devices  []recorded
	all      []grid.Reading // by time, then device
	byDevice map[string][]grid.Reading
	alone    map[string][]grid.Reading // by connection meter: what it would have shown without the community
}

type recorded struct {
	grid.Device

	home  int
	spec  world.Home
	cheat *world.Cheater // of a battery, nil: it is honest
}

func newRecorder(spec world.Spec, cheats []CheatText) *recorder {
	r := &recorder{byDevice: map[string][]grid.Reading{}, alone: map[string][]grid.Reading{}}
	for i, h := range spec.Homes {
		for _, k := range []struct {
			kind    grid.DeviceKind
			present bool
		}{
			{grid.Meter, true},
			{grid.Inverter, h.PV.Peak > 0},
			{grid.Battery, h.Battery.Capacity > 0},
			{grid.Charger, h.Charger > 0},
		} {
			if !k.present {
				continue
			}
			d := recorded{home: i, spec: h, Device: grid.Device{
				ID: h.ID + "/" + string(k.kind), Kind: k.kind, Member: h.ID, MeteringPoint: "mp-" + h.ID,
			}}
			for _, c := range cheats {
				if c.Home == h.ID && k.kind == grid.Battery {
					d.cheat = &world.Cheater{Cheat: c.Cheat}
				}
			}
			r.devices = append(r.devices, d)
		}
	}
	return r
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
	switch d.Kind {
	case grid.Meter:
		reading.Power, reading.Import, reading.Export = new(h.Meter), new(world.Energy(h.Imported)), new(world.Energy(h.Exported))
	case grid.Inverter:
		reading.Power, reading.Export = new(h.PV), new(world.Energy(h.Produced))
	case grid.Battery:
		charge := h.Charge(d.spec)
		if d.cheat != nil {
			var shown world.HomeState
			shown, _, charge = d.cheat.Show(*h, d.spec, now.Unix())
			h = &shown
		}
		reading.Power, reading.Import, reading.Export = new(h.Battery), new(world.Energy(h.Charged)), new(world.Energy(h.Discharged))
		reading.Charge = new(charge)
	case grid.Charger:
		reading.Power, reading.Import = new(h.Car), new(world.Energy(h.Delivered))
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
		r.byDevice[d.ID] = append(r.byDevice[d.ID], reading)
	}
}

// power returns what a device was last read to take.
func (r *recorder) power(device string) (grid.Power, bool) {
	readings := r.byDevice[device]
	if len(readings) == 0 {
		return 0, false
	}
	return *readings[len(readings)-1].Power, true
}

// since returns the index of the first reading at or after t.
func since(readings []grid.Reading, t time.Time) int {
	return sort.Search(len(readings), func(k int) bool { return !readings[k].Time.Before(t) })
}

// energy returns what flowed in an interval; known is false when it was not
// read whole. Boundaries are whole minutes, so the registers were read there.
func (r *recorder) energy(meter string, i grid.Interval) (flow grid.Flow, known bool) {
	return between(r.byDevice[meter], i)
}

func between(readings []grid.Reading, i grid.Interval) (flow grid.Flow, known bool) {
	begin, end := since(readings, i.Begin()), since(readings, i.End())
	if end >= len(readings) || !readings[begin].Time.Equal(i.Begin()) {
		return grid.Flow{}, false
	}
	a, b := readings[begin], readings[end]
	return grid.Flow{Import: gained(a.Import, b.Import), Export: gained(a.Export, b.Export)}, true
}

// gained returns by how much a register rose; a device that does not have it counts nothing.
func gained(before, after *grid.Energy) grid.Energy {
	if before == nil || after == nil {
		return 0
	}
	return *after - *before
}

// Last implements agent.Telemetry.
func (r *recorder) Last(_ context.Context, device string) (*grid.Reading, error) {
	readings := r.byDevice[device]
	if len(readings) == 0 {
		return nil, nil
	}
	return &readings[len(readings)-1], nil
}

// rating is what a device is made for, as its owner says.
func (r *recorder) rating(device string) (of agent.Rating) {
	for _, d := range r.devices {
		if d.ID != device {
			continue
		}
		switch d.Kind {
		case grid.Inverter:
			of.Power = d.spec.PV.Peak
		case grid.Battery:
			of = agent.Rating{Power: d.claimed().Power, Capacity: d.claimed().Capacity, Controlled: true}
		case grid.Charger:
			of = agent.Rating{Power: d.spec.Charger, Least: world.LeastCharge, Controlled: true}
		case grid.Meter:
		}
	}
	return of
}

// Energies implements agent.Telemetry.
func (r *recorder) Energies(_ context.Context, meter string, first grid.Interval, n int) ([]float64, error) {
	energies := make([]float64, n)
	for k := range energies {
		energies[k] = math.NaN()
		if flow, known := r.energy(meter, first.Shift(k)); known {
			energies[k] = float64(flow.Net())
		}
	}
	return energies, nil
}

// MeanPower implements agent.Telemetry.
func (r *recorder) MeanPower(_ context.Context, meter string, from, to time.Time) (*grid.Power, error) {
	readings := r.byDevice[meter]
	readings = readings[since(readings, from):since(readings, to)]
	if len(readings) == 0 {
		return nil, nil
	}
	var sum grid.Power
	for _, reading := range readings {
		sum += *reading.Power
	}
	return new(sum / grid.Power(len(readings))), nil
}
