package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// moved returns a node with real devices: of ann, whose battery was moved, it is estimated
// that an empty one would have left her 400 W; bob's was moved and its size is not known.
// Others have none.
func moved(i grid.Interval) *node {
	ann := alone.New(5000, 2000, 0, i.Minutes)
	for at := i.Begin(); !at.After(i.End()); at = at.Add(time.Minute) {
		ann.See(at, 400)
	}
	home := func(member string) *batteryHome {
		return &batteryHome{meter: grid.Device{ID: member + "/meter", Member: member, MeteringPoint: "mp-" + member}}
	}
	b := &batteries{homes: []*batteryHome{home("ann"), home("bob")}}
	b.homes[0].moved, b.homes[0].alone = true, ann
	b.homes[1].moved = true
	return &node{batteries: b}
}

// TestAloneOfRealHomes asks what the meters would have shown: 100 Wh for ann, an estimate;
// of bob only that it would be one, for he was moved and his battery's size is not known; of
// the others nothing, for nobody moved them.
func TestAloneOfRealHomes(t *testing.T) {
	i := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	type told struct {
		flow             grid.Flow
		estimated, known bool
	}
	for point, want := range map[string]told{
		"mp-ann": {grid.Flow{Import: 100}, true, true}, "mp-bob": {grid.Flow{}, true, false}, "mp-cy": {grid.Flow{}, false, false},
	} {
		var got told
		var err error
		if got.flow, got.estimated, got.known, err = moved(i).Alone(t.Context(), point, i); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", point, got, err, want)
		}
	}
}

// TestTheEstimateBeginsWithTheFirstMove moves a battery twice: the estimate begins with
// what it held at first. It needs to know the battery's size and charge; in a simulation,
// which goes on beside, there is none.
func TestTheEstimateBeginsWithTheFirstMove(t *testing.T) {
	const rated, capacity = "2 kW", "5 kWh"
	known := []device{{ID: "ann/battery"}}
	known[0].Rated.text, known[0].Capacity.text = rated, capacity
	for name, c := range map[string]struct {
		devices          []device
		charge           *grid.PerMille
		sim              *sim.Neighbourhood
		moved, estimated bool
	}{
		"real":            {known, new(grid.PerMille(500)), nil, true, true},
		"of no size":      {nil, new(grid.PerMille(500)), nil, true, false},
		"of no charge":    {known, nil, nil, true, false},
		"in a simulation": {known, new(grid.PerMille(500)), &sim.Neighbourhood{}, false, false},
	} {
		b := &batteries{node: &node{sim: c.sim, config: config{Interval: 15, Devices: c.devices}, log: slog.New(slog.DiscardHandler)}}
		h := &batteryHome{guard: &control.Guard{Target: meters.Target{Device: grid.Device{ID: "ann/battery"}}}, holder: hold.New(2000)}
		h.holder.Battery(grid.Reading{Time: time.Unix(0, 0), Power: new(grid.Power(0)), Charge: c.charge})
		b.leave(h)
		first := h.alone
		if h.moved != c.moved || (first != nil) != c.estimated {
			t.Errorf("%s: moved %t, estimated %t, want %t and %t", name, h.moved, first != nil, c.moved, c.estimated)
		}
		h.holder.Battery(grid.Reading{Time: time.Unix(60, 0), Power: new(grid.Power(0)), Charge: new(grid.PerMille(900))})
		if b.leave(h); h.alone != first {
			t.Errorf("%s: the estimate began anew with the second move", name)
		}
	}
}
