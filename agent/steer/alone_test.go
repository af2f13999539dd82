package steer

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// moved returns homes: of ann, whose battery was moved, it is estimated that an empty one
// would have left her 400 W; bob's was moved and its size is not known. Of cy's nothing may be
// moved.
func moved(t *testing.T, i grid.Interval) *Devices {
	t.Helper()
	ann := alone.New(5000, 2000, 0, i.Minutes)
	for at := i.Begin(); !at.After(i.End()); at = at.Add(time.Minute) {
		ann.See(at, 400)
	}
	d := opened(t, Options{Homes: []Home{ofMember(t, "ann", 1), ofMember(t, "bob", 1), ofMember(t, "cy", 0)}})
	d.homes[0].moved, d.homes[0].alone = true, ann
	d.homes[1].moved = true
	return d
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
		if got.flow, got.estimated, got.known, err = moved(t, i).Alone(t.Context(), point, i); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", point, got, err, want)
		}
	}
}

// TestTheEstimateBeginsWithTheFirstMove moves a battery twice: the estimate begins with
// what it held at first. It needs to know the battery's size and charge; in a simulation,
// which goes on beside, there is none.
func TestTheEstimateBeginsWithTheFirstMove(t *testing.T) {
	for name, c := range map[string]struct {
		size             grid.Energy
		charge           *grid.PerMille
		told             bool
		moved, estimated bool
	}{
		"real":            {5000, new(grid.PerMille(500)), false, true, true},
		"of no size":      {0, new(grid.PerMille(500)), false, true, false},
		"of no charge":    {5000, nil, false, true, false},
		"in a simulation": {5000, new(grid.PerMille(500)), true, false, false},
	} {
		of := ofMember(t, "ann", 1)
		of.Batteries[0].Size = c.size
		o := Options{Homes: []Home{of}}
		if c.told {
			o.Known = func(context.Context, string, grid.Interval) (grid.Flow, bool, error) { return grid.Flow{}, true, nil }
		}
		h := opened(t, o).homes[0]
		h.holder.Battery(grid.Reading{Time: time.Unix(0, 0), Power: new(grid.Power(0)), Charge: c.charge})
		h.leave()
		first := h.alone
		if h.moved != c.moved || (first != nil) != c.estimated {
			t.Errorf("%s: moved %t, estimated %t, want %t and %t", name, h.moved, first != nil, c.moved, c.estimated)
		}
		h.holder.Battery(grid.Reading{Time: time.Unix(60, 0), Power: new(grid.Power(0)), Charge: new(grid.PerMille(900))})
		if h.leave(); h.alone != first {
			t.Errorf("%s: the estimate began anew with the second move", name)
		}
	}
}

// opened opens devices that are quiet and read by nobody.
func opened(t *testing.T, o Options) *Devices {
	t.Helper()
	o.Minutes, o.Log = 15, slog.New(slog.DiscardHandler)
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ofMember returns a member's home with so many batteries of 2 kW and 5 kWh.
func ofMember(t *testing.T, member string, batteries int) Home {
	t.Helper()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	device := func(kind grid.DeviceKind, name string) grid.Device {
		return grid.Device{ID: member + "/" + name, Kind: kind, Member: member, MeteringPoint: "mp-" + member}
	}
	h := Home{Meter: device(grid.Meter, "meter")}
	for k := range batteries {
		t := meters.Target{Device: device(grid.Battery, "battery-"+string(rune('a'+k))), Unit: 1, Profile: profiles.Get("sunspec-storage")}
		h.Batteries = append(h.Batteries, Battery{Target: t, Most: 2000, Size: 5000})
	}
	return h
}

// TestACarWhoseChargeIsReckonedIsNoEvidence has two chargers say that a car is at half: of the one that tells it the car
// lacks the other half, of the one where it is reckoned nobody knows what it would have taken alone.
func TestACarWhoseChargeIsReckonedIsNoEvidence(t *testing.T) {
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]alone.Car{"commonwatt-charger": {Rated: 11_000, Taking: 4000, Here: true, Needs: 30_000}, "keba-p40": {Rated: 11_000}} {
		d := Device{Target: meters.Target{Device: grid.Device{Kind: grid.Charger}, Profile: profiles.Get(id)}, Made: hold.Made{Most: 11_000}, Size: 60_000}
		h := &home{others: []*other{{Device: d, shown: grid.Reading{Power: new(grid.Power(4000)), Charge: new(grid.PerMille(500))}}}}
		if cars := h.cars(); len(cars) != 1 || cars[0] != want {
			t.Errorf("%s: %+v, want %+v", id, cars, want)
		}
	}
}
