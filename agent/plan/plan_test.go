package plan

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// varied is a home with everything, drawn at random.
func varied(r *rand.Rand) *Input {
	in := exampleDay(24+r.IntN(72), 1+r.IntN(14))
	n, begin := len(in.Steps), in.Steps[0].Begin()
	for s := range in.Scenarios {
		scale, dear := 0.3+2*r.Float64(), 0.5+r.Float64()
		in.Scenarios[s].Weight = 0.1 + r.Float64()
		for t := range n {
			in.Scenarios[s].Net[t] *= scale
			in.Scenarios[s].Buy[t] *= dear
		}
	}
	b := in.Batteries[0]
	b.Reserve, b.Held = grid.PerMille(r.IntN(500)), b.Capacity*r.Float64()
	b.Charge.Limits = []Limit{{0, 5000}, {800, 5000}, {1000, 500}}
	in.Batteries = append([]Battery{b}, in.Batteries[:r.IntN(2)]...)
	car := &in.Cars[0]
	leave := begin.Add(time.Duration(1+r.IntN(n/4)) * time.Hour)
	car.Held, car.Trips[0].Leave, car.Trips[0].Return = 60_000*r.Float64(), leave, leave.Add(5*time.Hour)
	car.Trips[0].Ready = grid.PerMille(r.IntN(900))
	demand, cop := make([]float64, n), make([]float64, n)
	for t := range n {
		demand[t], cop[t] = 400*r.Float64(), 2+2*r.Float64()
	}
	in.Heats = []Heat{{ID: "heat", Room: 6000, Held: 6000 * r.Float64(), Loss: 0.01, Demand: demand, COP: cop, Power: Powers{Least: 500, Most: 2500}}}
	in.Loads = []Load{{ID: "dishes", Power: 1200, Runs: 90 * time.Minute, Ready: begin.Add(5 * time.Hour)}}
	if r.IntN(2) == 0 {
		in.Limits = Limits{ZeroExport: r.IntN(2) == 0, Import: grid.Power(r.IntN(2) * 14_000), Export: grid.Power(r.IntN(2) * 1500)}
	}
	return in
}

// What a plan says can be done: no store leaves its range, no device its power, and a car that
// can be ready is.
func TestPlanIsFeasible(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	ready := 0
	for range 16 {
		in := varied(r)
		var p Planner
		out, err := p.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		for k := range p.stores {
			feasible(t, &p, &p.stores[k])
		}
		car := &p.stores[1]
		unmet := false
		for _, u := range out.Unmet {
			unmet = unmet || u.Kind == Vehicle
		}
		for step := 1; step < len(in.Steps); step++ {
			for s := range in.Scenarios {
				held := car.moves.held[s*len(in.Steps)+step-1]
				if lacks := car.ready[step] - held; lacks > 1 && !unmet && in.Limits.Import == 0 {
					t.Errorf("the car lacks %.0f Wh at %s, and nobody said so", lacks, in.Steps[step])
				}
			}
			if car.ready[step] > car.held && !unmet {
				ready++
			}
		}
	}
	if ready < 6 {
		t.Errorf("only %d cars had something to charge", ready)
	}
}

func feasible(t *testing.T, p *Planner, st *store) {
	t.Helper()
	const rounding = 1e-6
	w := &p.world
	for s := range w.scenarios {
		charge := st.held
		for step, i := range p.in.Steps {
			k := s*w.steps + step
			to, flow := st.moves.held[k], st.moves.flow[k]
			if to < st.lo-rounding || to > st.top+rounding {
				t.Fatalf("step %d: %g Wh are held, and the range is %g to %g", step, to, st.lo, st.top)
			}
			base := math.Max(charge*st.keep[step]-st.drain[step], st.lo)
			if d := moved(base, to, st.into[step], st.out) - flow; math.Abs(d) > rounding {
				t.Fatalf("step %d: the meter says %g Wh more than moves the charge", step, d)
			}
			m := st.from(step, charge)
			if to-base > m.up+rounding || base-to > m.down+rounding {
				t.Fatalf("step %d: from %g to %g, and %g up and %g down is all that goes", step, base, to, m.up, m.down)
			}
			if rise := to - base; rise > rounding && rise < m.least-rounding {
				t.Fatalf("step %d (%s): %g Wh is less than the device can take", step, i, rise)
			}
			if to < base && to < st.reserve-rounding {
				t.Fatalf("step %d: the reserve of %g Wh is given: %g", step, st.reserve, to)
			}
			charge = to
		}
	}
}

// The same home has the same plan, whatever was planned before in the same memory.
func TestPlanIsDeterministic(t *testing.T) {
	var used Planner
	for seed := range uint64(4) {
		in := varied(rand.New(rand.NewPCG(seed, 1)))
		var fresh Planner
		want, err := fresh.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := used.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		same := reflect.DeepEqual(got.Steps, want.Steps) && got.Cost == want.Cost && got.Value == want.Value && len(got.Devices) == len(want.Devices) && len(got.Unmet) == len(want.Unmet)
		for k := range got.Devices {
			same = same && reflect.DeepEqual(got.Devices[k].Power, want.Devices[k].Power)
		}
		if !same {
			t.Fatalf("seed %d: the plans differ", seed)
		}
		if a, b := used.Curve(nil, 1, 80_000, 540_000, 6), fresh.Curve(nil, 1, 80_000, 540_000, 6); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the curves differ: %v and %v", seed, a, b)
		}
	}
}

// A price curve falls.
func TestCurveFalls(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	moved := 0
	for range 10 {
		in := varied(r)
		var p Planner
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{0, 1, 7, len(in.Steps) - 1} {
			curve := p.Curve(nil, step, 80_000, 540_000, 6)
			if len(curve) == 0 || len(curve) > 6 || curve[len(curve)-1].Price != 540_000 {
				t.Fatalf("step %d: curve %v", step, curve)
			}
			for k := range curve[1:] {
				if curve[k+1].Net >= curve[k].Net || curve[k+1].Price <= curve[k].Price {
					t.Errorf("step %d: the curve does not fall: %v", step, curve)
				}
			}
			if len(curve) > 1 {
				moved++
			}
			for price := 0.0; price < 600_000; price += 7000 {
				if a, b := p.Net(step, price), p.Net(step, price+7000); b > a+1e-6 {
					t.Fatalf("step %d: %g Wh at %g, and %g at a higher price", step, a, price, b)
				}
			}
		}
	}
	if moved < 20 {
		t.Errorf("only %d curves have a step", moved)
	}
}

// No plan after the first allocates.
func TestPlanAllocatesNothing(t *testing.T) {
	in := exampleDay(96, 14)
	var p Planner
	curve := make([]Point, 0, 64)
	flows := make([]float64, 0, 4)
	if n := testing.AllocsPerRun(5, func() {
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		curve = p.Curve(curve[:0], 3, 80_000, 540_000, 6)
		flows = p.React(flows, 0, 500, 220_000, 80_000)
	}); n != 0 {
		t.Errorf("a plan allocates %g times", n)
	}
}
