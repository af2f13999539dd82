package optimum

import (
	"math"
	"slices"
)

// system is the normal equations A·Θ⁻¹·Aᵀ of a linear programme, and a direction found by them.
type system struct {
	*linear

	inverse []float64 // of Θ, by column
	band    []float64 // lower triangle, by row: width places before the diagonal, then the diagonal

	xz, wv         []float64 // what the products of variables and duals shall change by
	dx, dw, dz, dv []float64
	dy             []float64
	h              []float64
}

func newSystem(l *linear) *system {
	n, m := len(l.columns), len(l.right)
	s := &system{linear: l, band: make([]float64, m*(l.width+1)), dy: make([]float64, m)}
	for _, v := range []*[]float64{&s.inverse, &s.xz, &s.wv, &s.dx, &s.dw, &s.dz, &s.dv, &s.h} {
		*v = make([]float64, n)
	}
	return s
}

// tiny keeps rows apart that hardly depend on anything any more.
const tiny = 1e-13

// factor builds the equations at the present point and factors them (Cholesky); false where
// numbers have become too small to go on.
func (s *system) factor() bool {
	b, width := s.band, s.width
	clear(b)
	for j, c := range s.columns {
		s.inverse[j] = 1 / (s.z[j]/s.x[j] + s.v[j]/s.w[j])
		for k, row := range c.rows {
			if row < 0 {
				continue
			}
			b[row*(width+1)+width] += c.weights[k] * c.weights[k] * s.inverse[j]
		}
		if c.rows[1] >= 0 {
			low, high := min(c.rows[0], c.rows[1]), max(c.rows[0], c.rows[1])
			b[high*(width+1)+width-(high-low)] += c.weights[0] * c.weights[1] * s.inverse[j]
		}
	}
	for i := range len(s.right) {
		row := b[i*(width+1) : (i+1)*(width+1)]
		for k := max(0, width-i); k <= width; k++ { // column i-width+k
			above := b[(i-width+k)*(width+1) : (i-width+k+1)*(width+1)]
			sum := row[k]
			// Columns both rows have: from i-width on in this row, shifted by width-k in the other.
			for q := max(0, width-i); q < k; q++ {
				sum -= row[q] * above[q+width-k]
			}
			if k < width {
				row[k] = sum / above[width]
				continue
			}
			if sum += tiny; !(sum > 0) {
				return false
			}
			row[width] = math.Sqrt(sum)
		}
	}
	return true
}

// direction solves for a step that makes up for the residuals and changes the products as xz
// and wv say.
func (s *system) direction(r residuals) {
	copy(s.dy, r.rows)
	for j, c := range s.columns {
		s.h[j] = r.costs[j] - s.xz[j]/s.x[j] + (s.wv[j]-s.v[j]*r.uppers[j])/s.w[j]
		for k, row := range c.rows {
			if row >= 0 {
				s.dy[row] += c.weights[k] * s.inverse[j] * s.h[j]
			}
		}
	}
	s.back(s.dy)
	for j, c := range s.columns {
		up := -s.h[j]
		for k, row := range c.rows {
			if row >= 0 {
				up += c.weights[k] * s.dy[row]
			}
		}
		s.dx[j] = s.inverse[j] * up
		s.dw[j] = r.uppers[j] - s.dx[j]
		s.dz[j] = (s.xz[j] - s.z[j]*s.dx[j]) / s.x[j]
		s.dv[j] = (s.wv[j] - s.v[j]*s.dw[j]) / s.w[j]
	}
}

// back solves the factored equations in place.
func (s *system) back(y []float64) {
	width := s.width
	for i := range y {
		row := s.band[i*(width+1) : (i+1)*(width+1)]
		for k := max(0, width-i); k < width; k++ {
			y[i] -= row[k] * y[i-width+k]
		}
		y[i] /= row[width]
	}
	for i := range slices.Backward(y) {
		row := s.band[i*(width+1) : (i+1)*(width+1)]
		y[i] /= row[width]
		for k := max(0, width-i); k < width; k++ {
			y[i-width+k] -= row[k] * y[i]
		}
	}
}

// lengths returns how far the variables and the duals can go along the direction, at most this
// part of the way to their bounds.
func (s *system) lengths(part float64) (primal, dual float64) {
	primal, dual = 1/part, 1/part
	for j := range s.columns {
		for _, at := range []struct{ x, d float64 }{{s.x[j], s.dx[j]}, {s.w[j], s.dw[j]}} {
			if at.d < 0 {
				primal = min(primal, -at.x/at.d)
			}
		}
		for _, at := range []struct{ x, d float64 }{{s.z[j], s.dz[j]}, {s.v[j], s.dv[j]}} {
			if at.d < 0 {
				dual = min(dual, -at.x/at.d)
			}
		}
	}
	return min(1, part*primal), min(1, part*dual)
}
