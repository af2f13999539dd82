package tariff

import "github.com/commonwatt/commonwatt/grid"

// Rates are what a kWh costs at one metering point in one delivery interval: what came of
// the components of a tariff that count then.
type Rates struct {
	Tariff   string     `json:"tariff"`  // its name, as configuration and bills have it
	Version  string     `json:"version"` // which of its versions counted
	Currency string     `json:"currency"`
	Retail   grid.Price `json:"retail"`  // of the utility's energy: all that is paid by the kWh, in millionths/kWh
	FeedIn   grid.Price `json:"feed_in"` // for energy given to the utility, in millionths/kWh
	// Community is the part of it that energy of neighbours pays too, beside its own price.
	Community grid.Price `json:"community,omitempty"`
}

// Avoided is what a kWh of neighbours' energy saves: the most that it is worth to its taker.
func (r Rates) Avoided() grid.Price { return r.Retail - r.Community }

// Rates returns those of a tariff that is the same at all times.
func (t Tariff) Rates() Rates {
	return Rates{Tariff: t.Version, Version: t.Version, Currency: t.Currency, Retail: t.Retail, FeedIn: t.FeedIn}
}
