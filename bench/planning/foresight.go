package planning

import (
	"math"
	"slices"
)

func sqrt(x float64) float64 { return math.Sqrt(x) }

// Foresight returns the least that a battery's meter can cost over a time that is known from
// the begin, millionths, where what is stored at the end beyond what was held at the begin
// counts end, millionths a Wh. It is exact and shares nothing with package plan: the cost to
// go is convex and piecewise linear in the charge, and is held as its pieces; a step before
// merges them by slope with those of the step's own cost (an infimal convolution; Rockafellar
// 1970, section 5).
func Foresight(h *Home, net, buy, sell []float64, held, wear, end float64) float64 {
	v := convex{pieces: []piece{{-end, h.Capacity}}, at: end * held}
	for t, n := range slices.Backward(net) {
		v = v.before(h, n, buy[t]/1000, sell[t]/1000, wear/1000)
	}
	return v.value(held)
}

// piece is a stretch of a function with one slope.
type piece struct{ slope, length float64 }

// convex is a convex function of the charge: at is its value at left, the slopes rise.
type convex struct {
	left, at float64
	pieces   []piece
}

func (v convex) value(x float64) float64 {
	y := v.at
	x -= v.left
	for _, p := range v.pieces {
		d := math.Min(x, p.length)
		y, x = y+d*p.slope, x-d
		if x <= 0 {
			break
		}
	}
	return y
}

// before returns the cost to go one hour earlier.
func (v convex) before(h *Home, net, buy, sell, wear float64) convex {
	// The hour's cost by what is taken out of the store, from −h.Power·OneWay to h.Power/OneWay:
	// the slope of each stretch is what a Wh less charge saves, negative.
	in, out := h.Power*h.OneWay, h.Power/h.OneWay
	hour := convex{left: -in}
	cost := func(taken float64) float64 {
		meter := net - taken*h.OneWay
		worn := taken * wear
		if taken < 0 {
			meter, worn = net-taken/h.OneWay, 0
		}
		if meter > 0 {
			return meter*buy + worn
		}
		return meter*sell + worn
	}
	hour.at = cost(-in)
	bends := []float64{-in, 0, out}
	if zero := net / h.OneWay; net > 0 && zero < out {
		bends = append(bends, zero)
	} else if zero := net * h.OneWay; net < 0 && -zero < in {
		bends = append(bends, zero)
	}
	slices.Sort(bends)
	for k := range bends[1:] {
		if d := bends[k+1] - bends[k]; d > 0 {
			hour.pieces = append(hour.pieces, piece{(cost(bends[k+1]) - cost(bends[k])) / d, d})
		}
	}
	sum := convex{left: v.left + hour.left, at: v.at + hour.at, pieces: append(slices.Clone(v.pieces), hour.pieces...)}
	slices.SortStableFunc(sum.pieces, func(a, b piece) int {
		switch {
		case a.slope < b.slope:
			return -1
		case a.slope > b.slope:
			return 1
		}
		return 0
	})
	return sum.clipped(0, h.Capacity)
}

// clipped returns the function on a range that is inside its own.
func (v convex) clipped(left, right float64) convex {
	c := convex{left: left, at: v.value(left)}
	x := v.left
	for _, p := range v.pieces {
		from, to := math.Max(x, left), math.Min(x+p.length, right)
		x += p.length
		const nothing = 1e-9
		if to-from <= nothing {
			continue
		}
		if n := len(c.pieces); n > 0 && c.pieces[n-1].slope == p.slope {
			c.pieces[n-1].length += to - from
			continue
		}
		c.pieces = append(c.pieces, piece{p.slope, to - from})
	}
	return c
}
