// Package tariff is what energy costs: what a utility charges and pays at a metering
// point. It is pure.
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
	case t.FeedIn > t.Retail:
		return fmt.Errorf("tariff.feed_in: %d is above retail (%d)", t.FeedIn, t.Retail)
	default:
		return nil
	}
}

// mostPrice bounds a tariff to what energy can be cleared at: a million currency units a kWh.
const mostPrice grid.Price = 1_000_000_000_000

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
