package foresight_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestNobodyExceedsTheBoundWithAppliances has appliances wait for a random while, beside batteries that look at the community: nothing comes to more than the
// bound, to within what registers round, wherever the period begins and ends; and the bound is higher by what moving them is worth.
func TestNobodyExceedsTheBoundWithAppliances(t *testing.T) {
	t.Parallel()
	var loads, roomy int
	var waited, worth grid.Money
	for seed := range uint64(5) {
		spec := summer(seed).WithAppliances(true)
		r := rand.New(rand.NewPCG(seed, 31))
		move := func(w *world.World) {
			var sum grid.Power
			now := w.Now().Unix()
			for _, h := range w.State().Homes {
				sum += h.Meter - h.Battery
			}
			for i, h := range spec.Homes {
				w.SetBattery(i, &world.Setpoint{Power: -sum * h.Battery.Power / 36_600, Until: now + 60})
				p := w.Home(i).Programme
				if !p.Began && (p.Left == 0 || now < p.Due-p.Left-600 && r.IntN(300) > 0) {
					w.StartAppliance(i, &world.Setpoint{Until: now + 120}) // it waits
				}
			}
		}
		skip := int(seed) * 7
		l := live(spec, skip, 96-skip, move)
		p := period(spec, skip, 96-skip)
		c, err := l.watch.Case(p, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, h := range c.Homes {
			loads += len(h.Loads)
			for _, x := range h.Loads {
				of := spec.Homes[k].Appliance
				if x.Until-x.From > x.Runs+time.Hour {
					roomy++
				}
				if x.Runs != of.Runs() || x.Power < of.Power*97/100 || x.Power > of.Power*103/100 {
					t.Errorf("seed %d, %s: %+v of %+v", seed, h.ID, x, of)
				}
			}
		}
		went, alone, err := l.watch.Kept(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := l.watch.Gain(p, grid.Money(l.alone), foresight.Way{Money: grid.Money(l.shared), Kept: went}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := grid.Money(l.shared) + p.Kept(foresight.Kept{Stored: went.Stored - alone.Stored, Cars: went.Cars - alone.Cars, Loads: went.Loads - alone.Loads}); g.Result != want {
			t.Errorf("seed %d: the result is %d, with what was kept it is %d", seed, g.Result, want)
		}
		const rounded = 20_000 // a watt-hour here and there
		if g.Result > g.Optimum.Bound+rounded || g.Optimum.Gap > 10 {
			t.Errorf("seed %d: %+v", seed, g)
		}
		waited += grid.Money(max(went.Loads-alone.Loads, alone.Loads-went.Loads))
		worth += g.Optimum.Value - g.Batteries.Value
	}
	if loads < 15 || roomy < loads || waited < 1000 || worth <= 0 {
		t.Errorf("%d programmes were moved, %d Wh waited beyond the end, moving is worth %d", loads, waited, worth)
	}
	t.Logf("%d programmes were moved, %d Wh waited beyond the end, moving is worth %d", loads, waited, worth)
}

// TestAppliancesAlone keeps and gains nothing where nobody moves anything.
func TestAppliancesAlone(t *testing.T) {
	t.Parallel()
	spec := summer(1).WithAppliances(true)
	l := live(spec, 1, 95, still)
	p := period(spec, 1, 95)
	went, alone, err := l.watch.Kept(p)
	if d := went.Loads - alone.Loads; err != nil || went.Loads < 10_000 || d > 20 || d < -20 {
		t.Fatalf("%+v, alone %+v, %v", went, alone, err)
	}
	g, err := l.watch.Gain(p, grid.Money(l.alone), foresight.Way{Money: grid.Money(l.alone), Kept: went}, nil)
	if err != nil || *g.Optimum.Gain > 1 || *g.Optimum.Gain < -1 {
		t.Errorf("%+v, %v", g, err)
	}
}
