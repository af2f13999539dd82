package tariff

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Extremes are the lowest and highest prices that a tariff can come to, in millionths/kWh.
type Extremes struct {
	Currency                string
	RetailLow, RetailHigh   grid.Price
	FeedInLow, FeedInHigh   grid.Price
	AvoidedLow, AvoidedHigh grid.Price
}

// Lowest and Highest are the extremes of all prices.
func (e Extremes) Lowest() grid.Price { return min(e.RetailLow, e.FeedInLow, e.AvoidedLow) }

// Highest is the highest of all prices.
func (e Extremes) Highest() grid.Price { return max(e.RetailHigh, e.FeedInHigh, e.AvoidedHigh) }

// And returns the extremes of two tariffs.
func (e Extremes) And(f Extremes) Extremes {
	return Extremes{
		e.Currency, min(e.RetailLow, f.RetailLow), max(e.RetailHigh, f.RetailHigh),
		min(e.FeedInLow, f.FeedInLow), max(e.FeedInHigh, f.FeedInHigh),
		min(e.AvoidedLow, f.AvoidedLow), max(e.AvoidedHigh, f.AvoidedHigh),
	}
}

// Extremes of a tariff that is the same at all times.
func (t Tariff) Extremes() Extremes {
	return Extremes{t.Currency, t.Retail, t.Retail, t.FeedIn, t.FeedIn, t.Retail, t.Retail}
}

// Extremes returns those of all versions, windows, distances and known prices of the series.
func (s Schedule) Extremes() (Extremes, error) {
	var all *Extremes
	for _, v := range s.Versions {
		if err := v.each(s.spots(v), func(parts []Priced) {
			retail, feedIn, community := sumOf(parts)
			avoided := retail - community
			e := Extremes{s.Currency, retail, retail, feedIn, feedIn, avoided, avoided}
			if all != nil {
				e = all.And(e)
			}
			all = &e
		}); err != nil {
			return Extremes{}, fmt.Errorf("tariff %q: %w", s.Name, err)
		}
	}
	if all == nil {
		return Extremes{}, fmt.Errorf("tariff %q: has no version", s.Name)
	}
	if outOfRange(all.Highest()) || outOfRange(all.Lowest()) {
		return Extremes{}, fmt.Errorf("tariff %q: its components sum to %d: out of range", s.Name, all.Highest())
	}
	return *all, nil
}

// spots are the lowest and the highest known price of the series, 0 where none is known.
func (s Schedule) spots(v Version) []*big.Rat {
	if !v.needsSpot() {
		return []*big.Rat{nil}
	}
	if s.Spot == nil || len(s.Spot.Prices) == 0 {
		return []*big.Rat{new(big.Rat)}
	}
	low, high := s.Spot.Prices[0].Price, s.Spot.Prices[0].Price
	for _, x := range s.Spot.Prices {
		low, high = min(low, x.Price), max(high, x.Price)
	}
	return []*big.Rat{new(big.Rat).SetInt64(int64(low)), new(big.Rat).SetInt64(int64(high))}
}

// each calls f with each thing that the components can come to: each kind of day, each time
// at which a window begins, each distance.
func (v Version) each(spots []*big.Rat, f func([]Priced)) error {
	days, minutes, classes := []YearDay{{time.January, 1}}, []int{0}, []string{""}
	for _, c := range v.Components {
		for _, d := range c.Community.By {
			classes = append(classes, d.Class)
		}
		for _, w := range c.Windows {
			for _, s := range w.Seasons {
				days = append(days, s.From, next(s.To))
			}
			for _, h := range w.Hours {
				minutes = append(minutes, h.From, h.To%dayMinutes)
			}
		}
	}
	slices.Sort(minutes)
	minutes = slices.Compact(minutes)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	slices.SortFunc(days, func(a, b YearDay) int { return a.number() - b.number() })
	for _, day := range slices.Compact(days) {
		for weekday := range time.Saturday + 1 {
			for _, minute := range minutes {
				for _, class := range classes {
					for _, spot := range spots {
						parts, err := v.priced(moment{day, weekday, minute}, spot, class)
						if err != nil {
							return err
						}
						f(parts)
					}
				}
			}
		}
	}
	return nil
}

// next returns the day after one, in a leap year.
func next(d YearDay) YearDay {
	const leap = 2024
	t := time.Date(leap, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC)
	return YearDay{t.Month(), t.Day()}
}
