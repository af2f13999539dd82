package foresight_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

const (
	retail = 300_000
	feedIn = 60_000
)

func summer(seed uint64) world.Spec {
	return world.Spec{Seed: seed, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, seed)}
}

// period is a time of one tariff.
func period(spec world.Spec, skip, intervals int) foresight.Period {
	p := foresight.Period{First: grid.IntervalAt(spec.Start, 15).Shift(skip)}
	for range intervals {
		p.Retail, p.FeedIn = append(p.Retail, retail), append(p.FeedIn, feedIn)
	}
	return p
}

// lived is a day of a street: its watch, and what its members received alone, each by its own meter,
// and together where the community shares all of an interval.
type lived struct {
	watch         *foresight.Watch
	alone, shared float64
}

// live runs a street for so many intervals, of which the first are not counted. move is called
// every minute.
func live(spec world.Spec, skip, intervals int, move func(*world.World)) lived {
	w := world.New(spec)
	l := lived{watch: foresight.New(spec, 15)}
	l.watch.See(w.State())
	before := w.State()
	for k := range skip + intervals {
		for minute := range 15 {
			move(w)
			w.Advance(spec.Start.Add(time.Duration(k*15+minute+1) * time.Minute))
			l.watch.See(w.State())
		}
		now := w.State()
		net := 0.0
		for i := range now.Homes {
			a, b := before.Homes[i], now.Homes[i]
			if k >= skip {
				l.alone += (float64(b.Alone.Exported-a.Alone.Exported)*feedIn - float64(b.Alone.Imported-a.Alone.Imported)*retail) / 3.6e6
			}
			net += float64(b.Imported - b.Exported - a.Imported + a.Exported)
		}
		if k >= skip {
			l.shared -= (max(net, 0)*retail + min(net, 0)*feedIn) / 3.6e6
		}
		before = now
	}
	return l
}

func still(*world.World) {}

// TestPublished reckons the usual twelve homes on 1 June, seed 1, from the first interval that their
// market delivers. Published, found by another program whose gap was half a per cent of the gain: with
// perfect foresight +5.83 EUR, alone -4.11.
func TestPublished(t *testing.T) {
	l := live(summer(1), 1, 95, still)
	p := period(summer(1), 1, 95)
	went, alone, err := l.watch.Kept(p)
	if err != nil || went != alone {
		t.Fatalf("nobody moved anything: %+v, alone %+v, %v", went, alone, err)
	}
	g, err := l.watch.Gain(p, grid.Money(l.alone), foresight.Way{Money: grid.Money(l.alone), Kept: went}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", g)
	const aloneThen, optimumThen = -4.11e6, 5.83e6
	if math.Abs(l.alone-aloneThen) > 5000 {
		t.Errorf("alone %.0f, published %.0f", l.alone, aloneThen)
	}
	if bound := float64(g.Batteries.Bound); math.Abs(bound-optimumThen) > 0.005*(optimumThen-aloneThen) {
		t.Errorf("batteries reach at most %.0f, published is %.0f", bound, optimumThen)
	}
	if g.Batteries.Gap > 5 || g.Optimum.Gap > 5 || g.Optimum.Value < g.Batteries.Value || *g.Optimum.Gain != 0 || *g.Batteries.Gain != 0 {
		t.Errorf("%+v, %+v", g.Optimum, g.Batteries)
	}
	if g.Worth != 284_610 || g.Mean != retail {
		t.Errorf("a kWh in a battery counts %d, a bought one %d", g.Worth, g.Mean)
	}
}

// TestNobodyExceedsTheBound moves batteries and cars at random and by a simple rule that looks
// at the community: the case is the same whatever was moved, and nothing comes to more than its bound.
func TestNobodyExceedsTheBound(t *testing.T) {
	best := int64(math.MinInt64)
	for seed := range uint64(6) {
		spec := summer(seed)
		r := rand.New(rand.NewPCG(seed, 8))
		move := func(w *world.World) {
			var sum grid.Power
			for _, h := range w.State().Homes {
				sum += h.Meter - h.Battery
			}
			for i, h := range spec.Homes {
				until := w.Now().Unix() + 60
				power := grid.Power(r.IntN(10_001) - 5000)
				if seed%2 == 0 { // each takes its share of what the street has over or lacks
					power = -sum * h.Battery.Power / 36_600
				}
				w.SetBattery(i, &world.Setpoint{Power: power, Until: until})
				if r.IntN(3) == 0 {
					w.LimitCar(i, &world.Setpoint{Power: grid.Power(r.IntN(11_000)), Until: until})
				}
			}
		}
		skip := int(seed) * 5 // intervals after which it is counted
		moved, left := live(spec, skip, 96-skip, move), live(spec, skip, 96-skip, still)
		p := period(spec, skip, 96-skip)
		a, err := moved.watch.Case(p, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := left.watch.Case(p, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k := range a.Homes {
			for i := range a.Homes[k].Net {
				if d := a.Homes[k].Net[i] - b.Homes[k].Net[i]; d < -1 || d > 1 {
					t.Fatalf("seed %d, %s, interval %d: %d Wh where its battery and car were moved, else %d", seed, a.Homes[k].ID, i, a.Homes[k].Net[i], b.Homes[k].Net[i])
				}
			}
			if len(a.Homes[k].Cars) != len(b.Homes[k].Cars) {
				t.Fatalf("seed %d, %s: %d stays, else %d", seed, a.Homes[k].ID, len(a.Homes[k].Cars), len(b.Homes[k].Cars))
			}
			for i, car := range a.Homes[k].Cars {
				if car.First != b.Homes[k].Cars[i].First || !slices.Equal(car.Most, b.Homes[k].Cars[i].Most) {
					t.Errorf("seed %d, %s: %+v, else %+v", seed, a.Homes[k].ID, car, b.Homes[k].Cars[i])
				}
			}
		}
		went, _, err := moved.watch.Kept(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := moved.watch.Gain(p, grid.Money(moved.alone), foresight.Way{Money: grid.Money(moved.shared), Kept: went}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if g.Result > g.Optimum.Bound+100 || g.Optimum.Gap > 5 {
			t.Errorf("seed %d: %+v", seed, g)
		}
		best = max(best, *g.Optimum.Gain)
	}
	if best < 300 {
		t.Errorf("the best gain was %d per mille: the test shows nothing", best)
	}
}

// TestNotSeen refuses a period of which something was not seen.
func TestNotSeen(t *testing.T) {
	l := live(summer(2), 0, 4, still)
	for _, p := range []foresight.Period{period(summer(2), -1, 2), period(summer(2), 3, 2), {First: grid.IntervalAt(summer(2).Start, 30), Retail: []grid.Price{1}, FeedIn: []grid.Price{0}}} {
		if _, err := l.watch.Case(p, true, nil); err == nil {
			t.Errorf("%s and %d more: no error", p.First, len(p.Retail)-1)
		}
	}
	if _, err := l.watch.Case(period(summer(2), 0, 4), true, nil); err != nil {
		t.Error(err)
	}
}
