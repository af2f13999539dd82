package optimum

import "math"

// The linear programme: minimise cost·x where the columns of A weigh up to right, and x lies
// from 0 to upper. Rows are in order of time, so that the normal equations have a narrow band.

// column is a variable: it stands in at most two rows.
type column struct {
	cost, upper float64
	rows        [2]int // -1: none
	weights     [2]float64
}

// linear is the programme with the point that the method has reached.
type linear struct {
	columns []column
	right   []float64
	width   int // of the band

	x, w, z, v []float64 // variables, room below upper, and their duals
	y          []float64 // duals of the rows
}

// layout says where the stores' charges stand among the columns, and the balance among the rows.
type layout struct {
	balance []int   // row of each interval
	charges [][]int // by store and interval from its first on: column of what it holds afterwards; -1: fixed
}

func (l *linear) add(c column) int {
	l.columns = append(l.columns, c)
	return len(l.columns) - 1
}

// linear writes a programme down: an interval's balance is import − export − taken + given = net,
// and of each store holds − held − in·taken + given/out = 0.
func (p *programme) linear() (*linear, layout) {
	l := &linear{}
	at := layout{charges: make([][]int, len(p.stores))}
	rows := make([][]int, len(p.stores))
	for k := range p.stores {
		at.charges[k] = make([]int, len(p.stores[k].most))
		rows[k] = make([]int, len(p.stores[k].most))
	}
	for t := range p.net {
		at.balance = append(at.balance, len(l.right))
		l.right = append(l.right, p.net[t])
		for k := range p.stores {
			if from := t - p.stores[k].first; from >= 0 && from < len(p.stores[k].most) {
				rows[k][from] = len(l.right)
				l.right = append(l.right, 0)
			}
		}
	}
	none := func(cost, upper float64, row int, weight float64) column {
		return column{cost: cost, upper: upper, rows: [2]int{row, -1}, weights: [2]float64{weight, 0}}
	}
	for t := range p.net {
		most := 1 + math.Abs(p.net[t])
		for k := range p.stores {
			if s := &p.stores[k]; t >= s.first && t-s.first < len(s.most) {
				most += max(s.most[t-s.first], s.gives)
			}
		}
		l.add(none(p.retail[t], most, at.balance[t], 1))
		l.add(none(-p.feedIn[t], most, at.balance[t], -1))
	}
	for k := range p.stores {
		p.lay(l, &p.stores[k], rows[k], at.balance, at.charges[k])
	}
	l.measure()
	return l, at
}

// lay adds the columns of a store.
func (p *programme) lay(l *linear, s *store, rows, balance, charges []int) {
	for t, row := range rows {
		if s.most[t] > 0 {
			l.add(column{upper: s.most[t], rows: [2]int{balance[s.first+t], row}, weights: [2]float64{-1, -s.in}})
		}
		if s.gives > 0 {
			l.add(column{upper: s.gives, rows: [2]int{balance[s.first+t], row}, weights: [2]float64{1, 1 / s.out}})
		}
		if t == 0 {
			l.right[row] += s.held
		}
		charges[t] = -1
		switch last := t == len(rows)-1; {
		case !last:
			charges[t] = l.add(column{upper: s.capacity, rows: [2]int{row, rows[t+1]}, weights: [2]float64{1, -1}})
		case s.fixed:
			l.right[row] -= s.capacity
		default:
			charges[t] = l.add(column{cost: -p.worth, upper: s.capacity, rows: [2]int{row, -1}, weights: [2]float64{1, 0}})
		}
	}
}

// measure finds the width of the band.
func (l *linear) measure() {
	for _, c := range l.columns {
		if c.rows[1] >= 0 {
			l.width = max(l.width, c.rows[1]-c.rows[0], c.rows[0]-c.rows[1])
		}
	}
}

// solve returns the prices of the intervals, and what each store holds after each.
func (p *programme) solve() (prices []float64, held [][]float64, steps int) {
	l, at := p.linear()
	steps = l.run()
	for _, row := range at.balance {
		prices = append(prices, l.y[row])
	}
	for k, charges := range at.charges {
		held = append(held, nil)
		for _, column := range charges {
			charge := p.stores[k].capacity
			if column >= 0 {
				charge = l.x[column]
			}
			held[k] = append(held[k], charge)
		}
	}
	return prices, held, steps
}

const (
	mostSteps = 100
	precise   = 1e-9 // relative to the sizes of costs and energies
	shrink    = 0.995
)

// residuals are what a point lacks.
type residuals struct {
	rows, costs, uppers []float64
	mu                  float64 // mean product of variables and duals
}

// run moves from a first guess to the optimum, and returns the steps that it took.
func (l *linear) run() int {
	n, m := len(l.columns), len(l.right)
	l.x, l.w, l.z, l.v, l.y = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, m)
	for j, c := range l.columns {
		l.x[j], l.w[j] = c.upper/2, c.upper/2 //nolint:mnd // the middle
		l.z[j], l.v[j] = 1+max(c.cost, 0), 1+max(-c.cost, 0)
	}
	s := newSystem(l)
	for step := range mostSteps {
		r := l.lacks()
		if r.mu < precise && most(r.rows) < precise && most(r.costs) < precise {
			return step
		}
		if !s.factor() {
			return step
		}
		// Predict with no centring, then correct by what the prediction leaves.
		for j := range l.columns {
			s.xz[j], s.wv[j] = -l.x[j]*l.z[j], -l.w[j]*l.v[j]
		}
		s.direction(r)
		primal, dual := s.lengths(1)
		ahead := 0.0
		for j := range l.columns {
			ahead += (l.x[j]+primal*s.dx[j])*(l.z[j]+dual*s.dz[j]) + (l.w[j]+primal*s.dw[j])*(l.v[j]+dual*s.dv[j])
		}
		centre := ahead / float64(2*n) / r.mu //nolint:mnd // two products a column
		target := centre * centre * centre * r.mu
		for j := range l.columns {
			s.xz[j] = target - l.x[j]*l.z[j] - s.dx[j]*s.dz[j]
			s.wv[j] = target - l.w[j]*l.v[j] - s.dw[j]*s.dv[j]
		}
		s.direction(r)
		primal, dual = s.lengths(shrink)
		for j := range l.columns {
			l.x[j] += primal * s.dx[j]
			l.w[j] += primal * s.dw[j]
			l.z[j] += dual * s.dz[j]
			l.v[j] += dual * s.dv[j]
		}
		for i := range l.y {
			l.y[i] += dual * s.dy[i]
		}
	}
	return mostSteps
}

func most(all []float64) (size float64) {
	for _, x := range all {
		size = max(size, math.Abs(x))
	}
	return size
}

// lacks returns the residuals of a point.
func (l *linear) lacks() residuals {
	r := residuals{rows: append([]float64(nil), l.right...), costs: make([]float64, len(l.columns)), uppers: make([]float64, len(l.columns))}
	for j, c := range l.columns {
		r.costs[j] = c.cost - l.z[j] + l.v[j]
		for k, row := range c.rows {
			if row >= 0 {
				r.rows[row] -= c.weights[k] * l.x[j]
				r.costs[j] -= c.weights[k] * l.y[row]
			}
		}
		r.uppers[j] = c.upper - l.x[j] - l.w[j]
		r.mu += l.x[j]*l.z[j] + l.w[j]*l.v[j]
	}
	r.mu /= float64(2 * len(l.columns)) //nolint:mnd // two products a column
	return r
}
