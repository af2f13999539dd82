// Package tariff is what energy costs: what a utility charges and pays at a metering
// point. It is pure.
//
// A Tariff has two prices, which are the same at all times. A Schedule is made of components
// (energy, grid, levies, metering, taxes), each by the kWh, the day, the month or in percent
// of others, by windows of local time or a series of prices, in versions that count from a
// local date on. A Book joins them with who has which from when, and gives the Rates of a
// metering point in a delivery interval; Kept is what a community keeps of them, so that a
// configuration which changes never prices the past anew.
//
// Rounding: a component is reckoned exactly, percentages of exact prices, and rounded once to
// a millionth, half away from zero; the price of a kWh is the sum of its components, so that
// the lines of a bill sum to what was settled.
//
// Feed-in may be above retail, and both may be negative: who has such a tariff simply does
// not offer what the utility pays more for.
//
// A tariff is never guessed: without a price for an interval (a series that ends, an interval
// before the first version) there are no Rates, so that nobody orders by them and a
// settlement waits.
//
// Prices are in millionths of the currency unit per kWh, energy in Wh, money in millionths
// of the currency unit, + receives.
package tariff

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// Tariff is what the utility charges and pays.
type Tariff struct {
	Version  string     `json:"version" yaml:"version"`
	Currency string     `json:"currency" yaml:"currency"` // ISO 4217
	Retail   grid.Price `json:"retail" yaml:"retail"`     // millionths/kWh
	FeedIn   grid.Price `json:"feed_in" yaml:"feed_in"`   // millionths/kWh
}

// Validate checks the tariff. The error begins with the name of the field.
func (t Tariff) Validate() error {
	switch {
	case t.Version == "":
		return fmt.Errorf("tariff.version: missing")
	case !isCurrency(t.Currency):
		return fmt.Errorf("tariff.currency: %q is not an ISO 4217 code: write its three capital letters, such as EUR or CHF", t.Currency)
	case outOfRange(t.Retail):
		return fmt.Errorf("tariff.retail: %d is out of range: at most %d either way", t.Retail, int64(mostPrice))
	case outOfRange(t.FeedIn):
		return fmt.Errorf("tariff.feed_in: %d is out of range: at most %d either way", t.FeedIn, int64(mostPrice))
	default:
		return nil
	}
}

// mostPrice bounds a tariff to what energy can be cleared at: a million currency units a kWh.
const mostPrice grid.Price = 1_000_000_000_000

// InRange tells whether a price is one that a tariff may have.
func InRange(p grid.Price) bool { return !outOfRange(p) }

func outOfRange(p grid.Price) bool { return p > mostPrice || p < -mostPrice }

func isCurrency(code string) bool {
	for _, letter := range []byte(code) {
		if letter < 'A' || letter > 'Z' {
			return false
		}
	}
	return len(code) == len("EUR")
}

// Value returns what metered energy is worth at the tariff alone, + receives.
func (t Tariff) Value(f grid.Flow) (grid.Money, error) {
	owed, err := t.Retail.Cost(f.Import)
	if err != nil {
		return 0, err
	}
	earned, err := t.FeedIn.Cost(f.Export)
	if err != nil {
		return 0, err
	}
	return earned.Sub(owed)
}
