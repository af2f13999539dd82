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
)

// moved returns batteries: of ann, whose battery was moved, it is estimated that an empty
// one would have left her 400 W; bob's was moved and its size is not known. Others have
// none.
func moved(i grid.Interval) *Batteries {
	ann := alone.New(5000, 2000, 0, i.Minutes)
	for at := i.Begin(); !at.After(i.End()); at = at.Add(time.Minute) {
		ann.See(at, 400)
	}
	of := func(member string) *home {
		return &home{Home: Home{Meter: grid.Device{ID: member + "/meter", Member: member, MeteringPoint: "mp-" + member}}}
	}
	b := &Batteries{homes: []*home{of("ann"), of("bob")}}
	b.homes[0].moved, b.homes[0].alone = true, ann
	b.homes[1].moved = true
	return b
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
	sized := Home{Battery: meters.Target{Device: grid.Device{ID: "ann/battery"}}, Rated: 2000, Capacity: 5000}
	for name, c := range map[string]struct {
		home             Home
		charge           *grid.PerMille
		told             bool
		moved, estimated bool
	}{
		"real":            {sized, new(grid.PerMille(500)), false, true, true},
		"of no size":      {Home{Battery: sized.Battery}, new(grid.PerMille(500)), false, true, false},
		"of no charge":    {sized, nil, false, true, false},
		"in a simulation": {sized, new(grid.PerMille(500)), true, false, false},
	} {
		b := &Batteries{Options: Options{Minutes: 15, Log: slog.New(slog.DiscardHandler)}}
		if c.told {
			b.Known = func(context.Context, string, grid.Interval) (grid.Flow, bool, error) { return grid.Flow{}, true, nil }
		}
		h := &home{Home: c.home, holder: hold.New(2000)}
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
