package grid

import (
	"fmt"
)

// Side tells a bid (to buy) from an offer (to sell).
type Side uint8

// The two sides of the market, distinct bits.
const (
	Bid Side = iota + 1
	Offer
)

// String returns "bid" or "offer".
func (s Side) String() string {
	switch s {
	case Bid:
		return "bid"
	case Offer:
		return "offer"
	default:
		return fmt.Sprintf("side(%d)", uint8(s))
	}
}

// MarshalText writes "bid" or "offer".
func (s Side) MarshalText() ([]byte, error) {
	if s != Bid && s != Offer {
		return nil, fmt.Errorf("side %d: must be bid or offer", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads "bid" or "offer".
func (s *Side) UnmarshalText(b []byte) error {
	switch string(b) {
	case "bid":
		*s = Bid
	case "offer":
		*s = Offer
	default:
		return fmt.Errorf("side %q: must be bid or offer", b)
	}
	return nil
}

// Product is what is traded: energy of one community in one delivery interval.
type Product struct {
	Community string   `json:"community"`
	Interval  Interval `json:"interval"`
}

// Order is a member's wish to buy or sell up to Energy at Price or better.
type Order struct {
	ID            string `json:"id"`
	Member        string `json:"member"`
	MeteringPoint string `json:"metering_point,omitempty"`
	Node          string `json:"node,omitempty"` // empty: the root of the feeder
	Side          Side   `json:"side"`
	Energy        Energy `json:"energy"` // Wh, > 0: the side carries the direction
	Price         Price  `json:"price"`  // limit, millionths/kWh
	Source        string `json:"source,omitempty"`
}

// Validate checks what can be checked without a market. The error begins with
// the name of the field.
func (o Order) Validate() error {
	switch {
	case o.ID == "":
		return fmt.Errorf("id: missing")
	case o.Member == "":
		return fmt.Errorf("member: missing")
	case o.Side != Bid && o.Side != Offer:
		return fmt.Errorf("side: must be bid or offer")
	case o.Energy <= 0:
		return fmt.Errorf("energy: %d Wh, must be positive: the side carries the direction", o.Energy)
	default:
		return nil
	}
}

// Trade is energy sold by one member to another. Where a line between them has
// a fee or is full, the two prices differ.
type Trade struct {
	Product    Product `json:"product"`
	Seq        uint64  `json:"seq"` // position in the market's events, unique in a community
	Bid        string  `json:"bid"` // order ids
	Offer      string  `json:"offer"`
	Buyer      string  `json:"buyer"` // metering points
	Seller     string  `json:"seller"`
	Energy     Energy  `json:"energy"`      // Wh, > 0
	BidPrice   Price   `json:"bid_price"`   // what the buyer pays per kWh
	OfferPrice Price   `json:"offer_price"` // what the seller gets per kWh
}
