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
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
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

// TestWhatItWouldBeWithout tells it in two runs. The first says what is estimated: 100 Wh
// for ann at 0.30. A later one says what the first one said, whatever the estimate and
// the runs between say by then.
func TestWhatItWouldBeWithout(t *testing.T) {
	i := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	run := func() settlement.Run {
		r := settlement.Run{Tariff: tariff.Tariff{Currency: "EUR", Retail: 300_000, FeedIn: 80_000}}
		for _, point := range []string{"mp-ann", "mp-bob", "mp-cy", "mp-dan"} {
			r.Statements = append(r.Statements, settlement.Statement{MeteringPoint: point, RetailOnly: -7})
		}
		return r
	}
	said := run()
	said.Statements = said.Statements[:3] // dan came later
	said.Statements[0].Without, said.Statements[0].WithoutEstimated = new(grid.Money(-123)), true
	said.Statements[2].Without = new(grid.Money(-45))
	type told struct {
		without   grid.Money
		estimated bool
	}
	for name, c := range map[string]struct {
		previous []settlement.Run
		want     [4]told
	}{
		"the first run":       {nil, [4]told{{-30_000, true}, {-7, true}, {-7, false}, {-7, false}}},
		"the second run":      {[]settlement.Run{said}, [4]told{{-123, true}, {-7, false}, {-45, false}, {-7, false}}},
		"the run after these": {[]settlement.Run{said, run()}, [4]told{{-123, true}, {-7, false}, {-45, false}, {-7, false}}},
	} {
		r := run()
		if err := moved(i).tellWithout(t.Context(), i, &r, c.previous); err != nil {
			t.Fatal(err)
		}
		for k, s := range r.Statements {
			if got := (told{s.Alone(), s.WithoutEstimated}); got != c.want[k] {
				t.Errorf("%s: %s without is %+v, want %+v", name, s.MeteringPoint, got, c.want[k])
			}
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
