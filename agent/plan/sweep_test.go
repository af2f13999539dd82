package plan

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The sweep over all charges comes to what each charge by itself does.
func TestSweepIsChoose(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	compared := 0
	for range 8 {
		in := exampleDay(12, 5)
		for s := range in.Scenarios {
			for k := range in.Steps {
				buy := 100_000 + 200_000*r.Float64()
				in.Scenarios[s].Net[k] = -3000 + 6000*r.Float64()
				in.Scenarios[s].Buy[k], in.Scenarios[s].Sell[k] = buy, buy*math.Min(1.2*r.Float64(), 1)
			}
		}
		b := &in.Batteries[0]
		b.Reserve, b.Into, b.OutOf = perMille(r.Float64()*2, 1), 0.8+0.2*r.Float64(), 0.8+0.2*r.Float64()
		in.Cars[0].Trips[0].Leave = in.Steps[10].Begin()
		crowd(in, r)
		var p Planner
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		w := &p.world
		for k := range p.stores {
			st := &p.stores[k]
			for step := range in.Steps {
				if st.drain[step] != 0 {
					continue
				}
				for s := range in.Scenarios {
					var x rule
					st.rule(w, &x, s, step)
					var got row
					st.sweep(&x, step, 1, &got)
					for j := range got {
						m := st.from(step, st.lo+float64(j)*st.pitch)
						_, want := st.choose(w, &x, &m)
						compared++
						if st.lo+float64(j)*st.pitch <= st.top && math.Abs(got[j]-want) > 1e-6*(1+math.Abs(want)) {
							t.Fatalf("store %d, step %d, point %d: the sweep says %g, and choose %g (levels %+v, net %g)", k, step, j, got[j], want, x.levels, x.net)
						}
					}
				}
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d charges were compared", compared)
	}
}

// crowd gives every scenario less room than a car can take.
func crowd(in *Input, r *rand.Rand) {
	for s := range in.Scenarios {
		x := &in.Scenarios[s]
		for t := range in.Steps {
			x.Room, x.Beyond = append(x.Room, 2500*r.Float64()), append(x.Beyond, x.Buy[t]+100_000*r.Float64())
		}
	}
}

// A car takes what is worth it within the room of a price and beyond: no charge that it can reach would
// have cost less.
func TestRoomAgainstAllCharges(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	compared, between := 0, 0
	for range 20 {
		in := exampleDay(16, 3)
		in.Batteries, in.Cars[0].Power.Least = nil, 0
		for s := range in.Scenarios {
			for k := range in.Steps {
				in.Scenarios[s].Buy[k] = 100_000 + 200_000*r.Float64()
			}
		}
		crowd(in, r)
		p := Planner{exact: true}
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		w, st := &p.world, &p.stores[0]
		for step := range in.Steps {
			for s := range in.Scenarios {
				var x rule
				st.rule(w, &x, s, step)
				m := st.from(step, st.lo+(st.top-st.lo)*r.Float64())
				to, got := st.choose(w, &x, &m)
				if rise := to - m.base; rise > 0 && rise < m.up && math.Abs(rise-x.room*m.into) < 1 {
					between++
				}
				for n := range 200 {
					at := m.base + m.up*float64(n)/199
					if want := st.total(&x, &m, at); got > want+1e-3*math.Abs(want) {
						t.Fatalf("step %d: to charge to %.0f Wh costs %g, and to %.0f %g: room %.0f Wh", step, to, got, at, want, x.room)
					}
					compared++
				}
			}
		}
	}
	if compared < 10_000 || between < 20 {
		t.Errorf("%d charges were compared, and %d choices filled the room and no more", compared, between)
	}
}

// The search through all that may be best finds nothing better than the four levels do.
func TestLevelsAgainstSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 40 {
		in := exampleDay(10, 3)
		in.Cars = nil
		for s := range in.Scenarios {
			for k := range in.Steps {
				buy := 100_000 + 200_000*r.Float64()
				in.Scenarios[s].Net[k] = -3000 + 6000*r.Float64()
				in.Scenarios[s].Buy[k], in.Scenarios[s].Sell[k] = buy, buy*r.Float64()
			}
		}
		p := Planner{exact: true}
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		w, st := &p.world, &p.stores[0]
		for step := range in.Steps {
			for s := range in.Scenarios {
				var x rule
				st.rule(w, &x, s, step)
				m := st.from(step, st.top*r.Float64())
				_, got := st.choose(w, &x, &m)
				w.bounds[step].tiersOf(&w.scratch, x.buy, x.sell, 0, w.scale.sure)
				x.tiers = &w.scratch
				st.mark(x.tiers, x.next, m.into)
				_, want := st.choose(w, &x, &m)
				if got-want > 1+4*soon*st.top || want-got > 1+4*soon*st.top {
					t.Fatalf("step %d: the levels %+v cost %g, and the best of all %g: %+v, %+v", step, x.levels, got, want, m, x)
				}
			}
		}
	}
}

// What is reckoned of all charges at once of a store that uses or loses its charge is to the bit what each charge by itself
// does, and what solve found of a step is what the rule says.
func TestReckonIsChoose(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	ends := map[string]int{} // how often a step ended so
	for n := range 8 {
		in := exampleDay(12, 5)
		in.Batteries, in.Cars = nil, nil
		h := Heat{ID: "house", Room: 6000, Held: 6000 * r.Float64(), Loss: 0.02, Power: Powers{Most: 4000}, Ahead: 20_000}
		if n%2 == 1 {
			h.Power.Least = 2400
		}
		for k := range in.Steps {
			h.Demand, h.COP = append(h.Demand, 300*r.Float64()), append(h.COP, 2+2*r.Float64())
			if k%3 > 0 { // the same is lost as in the step before
				h.Demand[k] = h.Demand[k-1]
			}
			if k%4 > 0 { // and as much is had of a Wh
				h.COP[k] = h.COP[k-1]
			}
			for s := range in.Scenarios {
				buy := 100_000 + 200_000*r.Float64()
				in.Scenarios[s].Net[k] = -3000 + 6000*r.Float64()
				in.Scenarios[s].Buy[k], in.Scenarios[s].Sell[k] = buy, buy*math.Min(1.2*r.Float64(), 1)
			}
		}
		in.Heats = []Heat{h}
		var p Planner
		if _, err := p.Plan(in); err != nil {
			t.Fatal(err)
		}
		w, st := &p.world, &p.stores[0]
		for step := range in.Steps {
			var all, later ground
			st.survey(w, step, &all, false)
			if step+1 < len(in.Steps) {
				st.survey(w, step+1, &later, false)
				if alike := st.alike(step); alike != (all.from == later.from) {
					t.Fatalf("step %d: that the store can do the same in the next one is %t", step, alike)
				}
			}
			for s := range in.Scenarios {
				var found, x rule
				st.recall(w, &found, s, step)
				if st.rule(w, &x, s, step); found.levels != x.levels {
					t.Fatalf("step %d: solve found the levels %+v, and the rule says %+v", step, found.levels, x.levels)
				}
				var got row
				st.reckon(w, &x, &all, w.mood[s], 1, &got)
				for j := range got {
					m := st.from(step, st.lo+float64(j)*st.pitch)
					to, want := st.choose(w, &x, &m)
					if got[j] != want {
						t.Fatalf("step %d, point %d: %g is reckoned, and choose says %g (to %g, levels %+v, net %g, %+v)", step, j, got[j], want, to, x.levels, x.net, m)
					}
					switch {
					case to == m.base:
						ends["as it began"]++
					case m.least > 0 && to == m.base+m.least:
						ends["with the least"]++
					case to == m.base+m.up:
						ends["with all"]++
					case to == x.levels.grid:
						ends["filled from the grid"]++
					case to == x.levels.surplus:
						ends["filled from the sun"]++
					default:
						ends["with all the sun"]++
					}
				}
			}
		}
	}
	for _, end := range []string{"as it began", "with the least", "with all", "filled from the grid", "filled from the sun", "with all the sun"} {
		if ends[end] < 10 {
			t.Errorf("%d steps ended %s, want some of each: %v", ends[end], end, ends)
		}
	}
}

// What is paid for what the charges lack is the same for all at once as for each by itself: of a car that leaves and uses nothing,
// of a battery with a reserve, and of a tank that loses.
func TestMissedIsMissing(t *testing.T) {
	in := exampleDay(32, 3)
	in.Cars[0].Trips[0].Use, in.Batteries[0].Reserve = 0, 200
	tank := Heat{ID: "tank", Room: 4000, Held: 1000, Loss: 0.01, Power: Powers{Most: 2000}}
	for range in.Steps {
		tank.Demand = append(tank.Demand, 100)
	}
	in.Heats = []Heat{tank}
	var p Planner
	if _, err := p.Plan(in); err != nil {
		t.Fatal(err)
	}
	for k := range p.stores {
		st, lacks := &p.stores[k], 0
		for step := range in.Steps {
			var got row
			st.missed(&p.world, step, &got)
			for j := range got {
				want := st.missing(&p.world, step, st.lo+float64(j)*st.pitch)
				if got[j] != want {
					t.Fatalf("store %d, step %d, point %d: %g, want %g", k, step, j, got[j], want)
				}
				if want > 0 {
					lacks++
				}
			}
		}
		if lacks < 10 {
			t.Errorf("store %d: only %d charges lack something", k, lacks)
		}
	}
}
