package plan

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/commonwatt/commonwatt/grid"
)

// randomHome is a home of a few steps whose future is known.
func randomHome(r *rand.Rand, steps int) *Input {
	in := exampleDay(96, 1)
	in.Cars = nil
	in.Steps = in.Steps[:0]
	for t := range steps {
		i := exampleDay(1, 1).Steps[0]
		i.Minutes = 60
		in.Steps = append(in.Steps, i.Shift(t))
	}
	s := Scenario{Weight: 1}
	for range steps {
		buy := 150_000 + 300_000*r.Float64()
		s.Net = append(s.Net, -2500+4500*r.Float64())
		s.Buy, s.Sell = append(s.Buy, buy), append(s.Sell, buy*r.Float64())
	}
	in.Scenarios = []Scenario{s}
	b := &in.Batteries[0]
	b.Held, b.Charge.Most, b.Out.Most = 6400*r.Float64(), 3000, 2500
	return in
}

// leastCost solves the same home with gonum's simplex: variables of each step are what the
// battery takes and gives, what is imported and exported, and the charge.
func leastCost(t *testing.T, p *Planner) float64 {
	t.Helper()
	in, st, w := p.in, &p.stores[0], &p.world
	n := w.steps
	const kinds = 7 // take, give, import, export, charge, and slack of take, give; slack of charge follows
	vars := n * (kinds + 1)
	c := make([]float64, vars)
	a := mat.NewDense(n*5, vars, nil)
	b := make([]float64, n*5)
	at := func(kind, step int) int { return kind*n + step }
	for s := range n {
		c[at(1, s)] = st.wear / st.out
		c[at(2, s)], c[at(3, s)] = w.buy[s], -w.sell[s]
		row := 5 * s
		// import − export = net + take − give
		a.Set(row, at(2, s), 1)
		a.Set(row, at(3, s), -1)
		a.Set(row, at(0, s), -1)
		a.Set(row, at(1, s), 1)
		b[row] = p.own[s]
		// charge = charge before + take·into − give/out
		a.Set(row+1, at(4, s), 1)
		a.Set(row+1, at(0, s), -st.into[s])
		a.Set(row+1, at(1, s), 1/st.out)
		if s == 0 {
			b[row+1] = st.held
		} else {
			a.Set(row+1, at(4, s-1), -1)
		}
		for k, most := range []float64{float64(in.Batteries[0].Charge.Most), float64(in.Batteries[0].Out.Most)} {
			a.Set(row+2+k, at(k, s), 1)
			a.Set(row+2+k, at(5+k, s), 1)
			b[row+2+k] = most * in.Steps[s].Length().Hours()
		}
		a.Set(row+4, at(4, s), 1)
		a.Set(row+4, at(7, s), 1)
		b[row+4] = st.top
	}
	c[at(4, n-1)] -= st.terminal
	least, _, err := lp.Simplex(c, a, b, 1e-9, nil)
	if err != nil {
		t.Fatal(err)
	}
	return least
}

// Where the future is known a plan costs what gonum's simplex says that it must.
func TestBatteryAgainstSimplex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var p Planner
	worst := 0.0
	for range 25 {
		in := randomHome(r, 12+r.IntN(9))
		out, err := p.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		want := leastCost(t, &p)
		var gross float64
		for k, n := range p.own {
			gross += math.Abs(n) * p.world.buy[k]
		}
		if out.Cost < want-1e-6*gross {
			t.Errorf("the plan costs %.0f, less than is possible: %.0f", out.Cost, want)
		}
		worst = math.Max(worst, (out.Cost-want)/gross)
	}
	t.Logf("at most %.4f %% of the turnover above the optimum", worst*100)
	if worst > 0.005 {
		t.Errorf("the plan is %.2f %% of the turnover above the optimum", worst*100)
	}
}

// joint solves battery and car together, on a coarse grid: exhaustively over pairs of charges.
func joint(p *Planner, batteryPoints, carPoints int) float64 {
	car, bat, w := &p.stores[0], &p.stores[1], &p.world
	charge := func(st *store, k, n int) float64 { return st.lo + (st.top-st.lo)*float64(k)/float64(n-1) }
	value := make([]float64, batteryPoints*carPoints)
	for i := range batteryPoints {
		for j := range carPoints {
			value[i*carPoints+j] = -bat.terminal*(charge(bat, i, batteryPoints)-bat.lo) - car.terminal*(charge(car, j, carPoints)-car.lo)
		}
	}
	for t := w.steps - 1; t >= 0; t-- {
		before := make([]float64, len(value))
		for i := range batteryPoints {
			for j := range carPoints {
				b, c := charge(bat, i, batteryPoints), charge(car, j, carPoints)
				best := math.Inf(1)
				mc := car.from(t, c)
				for j2 := range carPoints {
					to := charge(car, j2, carPoints)
					if to < mc.base-1e-6 || to > mc.base+mc.up+1e-6 {
						continue
					}
					for i2 := range batteryPoints {
						tb := charge(bat, i2, batteryPoints)
						if tb-b > bat.up[t]+1e-6 || b-tb > bat.down[t]+1e-6 {
							continue
						}
						x := rule{buy: w.buy[t], sell: w.sell[t]}
						v := x.cost(p.own[t]+moved(mc.base, to, mc.into, 1)+moved(b, tb, bat.into[t], bat.out)) + math.Max(b-tb, 0)*bat.wear
						best = math.Min(best, v+value[i2*carPoints+j2])
					}
				}
				before[i*carPoints+j] = best + car.missing(w, t, c)
			}
		}
		value = before
	}
	i := int(math.Round((bat.held - bat.lo) / (bat.top - bat.lo) * float64(batteryPoints-1)))
	j := int(math.Round((car.held - car.lo) / (car.top - car.lo) * float64(carPoints-1)))
	return value[i*carPoints+j]
}

// A battery and a car that are planned in turn cost hardly more than both together.
func TestInTurnAgainstJoint(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var p Planner
	worst := 0.0
	for range 12 {
		in := randomHome(r, 20)
		in.Batteries[0].Held = 3200
		begin := in.Steps[0].Begin()
		car := exampleDay(1, 1).Cars[0]
		// A range of charge whose points are those of the oracle's coarse grid.
		car.Capacity, car.Held, car.Most, car.Power.Least, car.Power.Most, car.Into = 16_000, 4000, 1000, 0, 6000, 1
		car.Trips = []Trip{{Leave: begin.Add(12 * 3600e9), Return: begin.Add(15 * 3600e9), Ready: grid1000(16_000, 12_000), Use: 4000}}
		in.Cars = []Car{car}
		out, err := p.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		want := joint(&p, 33, 33)
		got := out.Cost
		var gross float64
		for k, n := range p.own {
			gross += math.Abs(n) * p.world.buy[k]
		}
		worst = math.Max(worst, (got-want)/gross)
	}
	t.Logf("at most %.3f %% of the turnover above the joint programme on a coarse grid", worst*100)
	if worst > 0.01 {
		t.Errorf("planned in turn the devices cost %.2f %% of the turnover more than together", worst*100)
	}
}

func grid1000(capacity, charge float64) grid.PerMille { return perMille(charge, capacity) }
