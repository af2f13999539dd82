package tariff

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Spot is a series of prices that become known over time, such as those of the day-ahead
// market: one for each quarter of an hour, or each hour.
type Spot struct {
	Minutes int         `json:"minutes"` // 15 or 60
	Prices  []SpotPrice `json:"prices"`  // by time
}

// SpotPrice is one price of a series.
type SpotPrice struct {
	Start int64      `json:"start"` // unix seconds, a multiple of the series' length
	Price grid.Price `json:"price"` // millionths/kWh
}

// OfSpot makes a component of a schedule's series: price × Factor + Addition, rounded once,
// half away from zero.
type OfSpot struct {
	Factor   Share      `json:"factor"`
	Addition grid.Price `json:"addition"` // millionths/kWh
}

// MissingPriceError says that a series has no price for a time. Nothing takes its place:
// nobody orders by it, and a settlement waits until the price is there.
type MissingPriceError struct {
	Tariff string
	Start  time.Time // of the price that is missing
}

func (e *MissingPriceError) Error() string {
	return fmt.Sprintf("tariff %q: its series has no price for %s: add it to the file, or push it to /api/v1/tariffs/%s/prices", e.Tariff, e.Start.UTC().Format(time.RFC3339), e.Tariff)
}

// UsedPriceError says that a price was used, and stays as it is.
type UsedPriceError struct {
	Start      time.Time
	Price, Not grid.Price // millionths/kWh
}

func (e *UsedPriceError) Error() string {
	return fmt.Sprintf("the price of %s is %d and was used: it stays as it is and does not become %d", e.Start.Format(time.RFC3339), e.Price, e.Not)
}

// PricesError says that prices do not fit their series.
type PricesError struct{ Reason string }

func (e *PricesError) Error() string { return e.Reason }

// ErrUnknown reports a tariff, or a series of one, that there is not.
var ErrUnknown = errors.New("its prices are not those of a series")

func (o OfSpot) check(p *problems, path string, spot bool) {
	if !spot {
		p.add(path, "the tariff has no series of prices: give it one (series: {minutes: 15, file: FILE})")
	}
	if magnitudeOf(o.Factor) > 1000*int64(Whole) {
		p.add(path+".factor", "must be at most 1000 either way")
	}
	if outOfRange(o.Addition) {
		p.add(path+".addition", "%d is out of range: at most %d either way", o.Addition, int64(mostPrice))
	}
}

func (s Spot) check(p *problems) {
	const quarter, hour = 15, 60
	if s.Minutes != quarter && s.Minutes != hour {
		p.add("series.minutes", "%d: must be 15 or 60", s.Minutes)
		return
	}
	if err := s.checkPrices(); err != nil {
		p.add("series.file", "%s", err)
	}
}

// checkPrices tells which price does not fit.
func (s Spot) checkPrices() error {
	step := int64(s.Minutes) * 60
	for k, x := range s.Prices {
		at := time.Unix(x.Start, 0).UTC().Format(time.RFC3339)
		switch {
		case x.Start%step != 0:
			return fmt.Errorf("%s is not at the begin of %d minutes", at, s.Minutes)
		case outOfRange(x.Price):
			return fmt.Errorf("%s: %d is out of range: at most %d either way", at, x.Price, int64(mostPrice))
		case k > 0 && x.Start <= s.Prices[k-1].Start:
			return fmt.Errorf("%s is given twice, or not in the order of time", at)
		}
	}
	return nil
}

// Hole returns the first time between the first and the last price that has none.
func (s Spot) Hole() (time.Time, bool) {
	step := int64(s.Minutes) * 60
	for k := 1; k < len(s.Prices); k++ {
		if next := s.Prices[k-1].Start + step; s.Prices[k].Start > next {
			return time.Unix(next, 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// find returns the price that counts at a moment.
func (s Spot) find(at int64) (grid.Price, bool) {
	step := int64(s.Minutes) * 60
	at -= ((at % step) + step) % step
	k, found := slices.BinarySearchFunc(s.Prices, at, func(x SpotPrice, at int64) int { return cmp.Compare(x.Start, at) })
	if !found {
		return 0, false
	}
	return s.Prices[k].Price, true
}

// mean returns the price of a delivery interval: that of the time in which it lies, or the
// mean of those that lie in it.
func (s Schedule) mean(i grid.Interval) (*big.Rat, error) {
	step := int64(s.Spot.Minutes) * 60
	sum, n := new(big.Rat), int64(0)
	for at := i.Start; at < i.End().Unix(); at += step {
		p, known := s.Spot.find(at)
		if !known {
			return nil, &MissingPriceError{s.Name, time.Unix(at-((at%step)+step)%step, 0)}
		}
		sum.Add(sum, new(big.Rat).SetInt64(int64(p)))
		n++
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(n)), nil
}

// of returns the component's exact price, of a price of the series.
func (o OfSpot) of(price *big.Rat) *big.Rat {
	x := new(big.Rat).Mul(price, big.NewRat(int64(o.Factor), int64(Whole)))
	return x.Add(x, new(big.Rat).SetInt64(int64(o.Addition)))
}

// With returns the series with more prices. Those of times that have begun by now stay as
// they are: a price that differs is an error; a price that was missing is taken.
func (s Spot) With(more []SpotPrice, now time.Time) (Spot, error) {
	added := Spot{s.Minutes, slices.Clone(more)}
	slices.SortFunc(added.Prices, func(a, b SpotPrice) int { return cmp.Compare(a.Start, b.Start) })
	if err := added.checkPrices(); err != nil {
		return s, &PricesError{err.Error()}
	}
	all := make(map[int64]grid.Price, len(s.Prices)+len(more))
	for _, x := range s.Prices {
		all[x.Start] = x.Price
	}
	for _, x := range added.Prices {
		if known, is := all[x.Start]; is && known != x.Price && x.Start <= now.Unix() {
			return s, &UsedPriceError{time.Unix(x.Start, 0).UTC(), known, x.Price}
		}
		all[x.Start] = x.Price
	}
	out := Spot{Minutes: s.Minutes, Prices: make([]SpotPrice, 0, len(all))}
	for start, price := range all {
		out.Prices = append(out.Prices, SpotPrice{start, price})
	}
	slices.SortFunc(out.Prices, func(a, b SpotPrice) int { return cmp.Compare(a.Start, b.Start) })
	return out, nil
}
