package tariff

import (
	"fmt"
	"math/big"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Where is what the price of a schedule depends on beside the time.
type Where struct {
	Zone     *time.Location // of the community: windows are in its time
	Distance string         // class of the metering point, as of Community.By; empty: the usual one
}

// Priced is what a component comes to in one delivery interval.
type Priced struct {
	Component string     `json:"component"`
	Kind      Kind       `json:"kind"`
	Export    bool       `json:"export,omitempty"`
	Price     grid.Price `json:"price"`               // millionths/kWh, rounded once, half away from zero
	Community grid.Price `json:"community,omitempty"` // what energy of neighbours pays of it, millionths/kWh
	VAT       Share      `json:"vat,omitempty"`       // rate that falls on it
	Gross     bool       `json:"gross,omitempty"`     // the price contains the VAT
}

// At returns what a kWh costs in a delivery interval. Errors: *MissingPriceError, an interval
// before the first version, a sum that is out of range.
func (s Schedule) At(i grid.Interval, w Where) (Rates, error) {
	v, parts, err := s.parts(i, w)
	if err != nil {
		return Rates{}, err
	}
	r := Rates{Tariff: s.Name, Version: v.Version, Currency: s.Currency}
	r.Retail, r.FeedIn, r.Community = sumOf(parts)
	if outOfRange(r.Retail) || outOfRange(r.FeedIn) || outOfRange(r.Community) {
		return Rates{}, fmt.Errorf("tariff %q: in %s its components sum to %d: out of range", s.Name, i, r.Retail)
	}
	return r, nil
}

// sumOf adds up components. Each is within mostPrice, and there are not a million of them.
func sumOf(parts []Priced) (retail, feedIn, community grid.Price) {
	for _, p := range parts {
		if p.Export {
			feedIn += p.Price
			continue
		}
		retail += p.Price
		community += p.Community
	}
	return retail, feedIn, community
}

// Parts returns what each component that is paid by the kWh comes to in a delivery interval.
// Their sum is exactly what At returns.
func (s Schedule) Parts(i grid.Interval, w Where) ([]Priced, error) {
	_, parts, err := s.parts(i, w)
	return parts, err
}

func (s Schedule) parts(i grid.Interval, w Where) (Version, []Priced, error) {
	at := i.Begin().In(w.Zone)
	v, err := s.On(DateOf(at, w.Zone))
	if err != nil {
		return v, nil, err
	}
	var spot *big.Rat
	if v.needsSpot() {
		if spot, err = s.mean(i); err != nil {
			return v, nil, err
		}
	}
	parts, err := v.priced(momentOf(at), spot, w.Distance)
	if err != nil {
		return v, nil, fmt.Errorf("tariff %q: %s: %w", s.Name, i, err)
	}
	return v, parts, nil
}

func (v Version) needsSpot() bool {
	for _, c := range v.Components {
		if c.Spot != nil {
			return true
		}
	}
	return false
}

// exact is a price that was not rounded: a whole number of millionths, or a fraction.
type exact struct {
	whole grid.Price
	rat   *big.Rat // nil: whole
}

func (e exact) fraction() *big.Rat {
	if e.rat != nil {
		return e.rat
	}
	return new(big.Rat).SetInt64(int64(e.whole))
}

// times returns a share of the price.
func (e exact) times(s Share) exact {
	switch s {
	case 0:
		return exact{}
	case Whole:
		return e
	default:
		return exact{rat: new(big.Rat).Mul(e.fraction(), big.NewRat(int64(s), int64(Whole)))}
	}
}

// rounded returns the nearest millionth, half away from zero.
func (e exact) rounded() (grid.Price, error) {
	if e.rat == nil {
		return e.whole, nil
	}
	n, err := roundRat(e.rat)
	return grid.Price(n), err
}

// roundRat returns the nearest whole number, half away from zero. Errors: grid.ErrOverflow.
func roundRat(r *big.Rat) (int64, error) {
	twice := new(big.Int).Lsh(new(big.Int).Abs(r.Num()), 1)
	denominator := new(big.Int).Set(r.Denom())
	quotient := twice.Add(twice, denominator).Quo(twice, denominator.Lsh(denominator, 1))
	if r.Sign() < 0 {
		quotient.Neg(quotient)
	}
	if !quotient.IsInt64() {
		return 0, grid.ErrOverflow
	}
	return quotient.Int64(), nil
}

// worth is what a component comes to, for grid energy and for energy of neighbours.
type worth struct{ grid, community exact }

// priced returns what the components come to that are paid by the kWh.
func (v Version) priced(m moment, spot *big.Rat, distance string) ([]Priced, error) {
	known := map[string]worth{}
	parts := make([]Priced, 0, len(v.Components))
	for _, c := range v.Components {
		if c.Per == PerDay || c.Per == PerMonth {
			continue
		}
		x, err := v.worth(c, m, spot, distance, known)
		if err != nil {
			return nil, err
		}
		p := Priced{Component: c.Name, Kind: c.Kind, Export: c.Export}
		if p.Price, err = x.grid.rounded(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		if p.Community, err = x.community.rounded(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		p.VAT, p.Gross = v.vatOf(c)
		parts = append(parts, p)
	}
	return parts, nil
}

// vatOf returns the rate that falls on a component, and whether its price contains it.
func (v Version) vatOf(c Component) (Share, bool) {
	if v.VAT == nil || c.NoVAT {
		return 0, false
	}
	return v.VAT.Rate, v.VAT.Gross
}

// worth returns what a component comes to. known holds those of percentages, which others
// may be a percentage of; those of prices are found as fast anew.
func (v Version) worth(c Component, m moment, spot *big.Rat, distance string, known map[string]worth) (worth, error) {
	if x, is := known[c.Name]; is {
		return x, nil
	}
	var x worth
	switch {
	case c.Per == Percent:
		grids, communities := new(big.Rat), new(big.Rat)
		for _, name := range c.Of {
			base, _ := v.component(name)
			if base.Per == PerDay || base.Per == PerMonth {
				continue
			}
			of, err := v.worth(base, m, spot, distance, known)
			if err != nil {
				return x, err
			}
			grids.Add(grids, of.grid.fraction())
			communities.Add(communities, of.community.fraction())
		}
		x.grid = exact{rat: grids}.times(c.Share)
		// Of a percentage energy of neighbours pays that of what it pays of the bases.
		x.community = exact{rat: communities}.times(c.Share)
		part := c.Community.of(distance)
		x.community = x.community.times(part.Share)
		if part.Price != nil {
			x.community = exact{whole: *part.Price}
		}
		known[c.Name] = x
		return x, nil
	case c.Spot != nil:
		x.grid = exact{rat: c.Spot.of(spot)}
	case c.Price != nil:
		x.grid = exact{whole: *c.Price}
	default:
		w, found := c.window(m)
		if !found {
			return x, fmt.Errorf("%s: no window counts %s", c.Name, m)
		}
		x.grid = exact{whole: w.Price}
	}
	part := c.Community.of(distance)
	x.community = x.grid.times(part.Share)
	if part.Price != nil {
		x.community = exact{whole: *part.Price}
	}
	return x, nil
}

// window returns the one that counts at a moment.
func (c Component) window(m moment) (Window, bool) {
	for _, w := range c.Windows {
		if w.has(m) {
			return w, true
		}
	}
	return Window{}, false
}
