package hold

import "github.com/commonwatt/commonwatt/grid"

// Unit is one of several batteries behind a connection meter.
type Unit struct {
	Rated    grid.Power  // 0: not known
	Capacity grid.Energy // 0: not known
	Charge   *grid.PerMille
}

// Divide gives each of several batteries its part of a power, so that together they come to
// it: in proportion to what they can still give or take, none more than it is rated for as
// long as another is not.
func Divide(p grid.Power, units []Unit) []grid.Power {
	parts, weights := make([]grid.Power, len(units)), make([]float64, len(units))
	for k, u := range units {
		weights[k] = u.weight(p)
	}
	left := p
	for range units {
		sum := 0.0
		for k, u := range units {
			if u.Rated == 0 || size(parts[k]) < u.Rated {
				sum += weights[k]
			}
		}
		if left == 0 || sum == 0 {
			break
		}
		share := left
		for k, u := range units {
			if u.Rated > 0 && size(parts[k]) >= u.Rated {
				continue
			}
			part := grid.Power(float64(share) * weights[k] / sum)
			if u.Rated > 0 {
				part = min(max(part, -u.Rated-parts[k]), u.Rated-parts[k])
			}
			parts[k] += part
			left -= part
		}
	}
	for k, u := range units { // what rounding left
		more := left
		if u.Rated > 0 {
			more = min(max(left, -u.Rated-parts[k]), u.Rated-parts[k])
		}
		parts[k] += more
		left -= more
	}
	return parts
}

// weight is the energy that a battery can still give or take; where that is not known, its
// rating.
func (u Unit) weight(p grid.Power) float64 {
	const all, empty, full = 1000, 5, 995
	most := float64(max(u.Rated, 1))
	if u.Capacity > 0 {
		most = float64(u.Capacity)
	}
	switch {
	case u.Charge == nil:
		return most
	case p < 0 && *u.Charge > empty:
		return most * float64(*u.Charge) / all
	case p > 0 && *u.Charge < full:
		return most * float64(all-*u.Charge) / all
	default:
		return 0
	}
}
