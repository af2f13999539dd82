// Package clearing clears one call auction that is described whole: one Case in, one
// Result out, with all its money. It is what commonwatt clear reads and prints, and
// what others can hold the market's mechanisms to. It is pure.
//
// Energies are in Wh of the interval, prices in millionths of the currency unit per kWh,
// money in millionths of the currency unit.
package clearing

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
	"github.com/commonwatt/commonwatt/strict"
)

// Case is an auction: who wants what, where and within which limits.
type Case struct {
	Interval        grid.Interval `json:"interval" required:""`
	Mechanism       string        `json:"mechanism"`
	K               *json.Number  `json:"k"`
	Feeder          *grid.Feeder  `json:"feeder"`
	Utility         *Utility      `json:"utility"`
	Orders          []Order       `json:"orders" required:""`
	Seed            uint64        `json:"seed"` // of mechanisms that draw lots
	ValueOfLostLoad *grid.Price   `json:"value_of_lost_load"`
}

// Utility is what the utility charges and pays, and how much of it can be had.
type Utility struct {
	Retail grid.Price   `json:"retail" required:""`
	FeedIn grid.Price   `json:"feed_in" required:""`
	Limit  *grid.Energy `json:"limit"`
}

// Order is one bid or offer of a case.
type Order struct {
	ID       string      `json:"id" required:""`
	Member   string      `json:"member" required:""`
	Side     grid.Side   `json:"side" required:""`
	Energy   grid.Energy `json:"energy" required:""`
	Price    grid.Price  `json:"price" required:""`
	Node     string      `json:"node"`
	Source   string      `json:"source"`
	Critical bool        `json:"critical"`
	Prefers  []string    `json:"prefers"`
	Requires *struct {
		Source []string `json:"source" required:""`
	} `json:"requires"`
}

// Uniform is the mechanism that is exact on a feeder.
const Uniform = "uniform"

// Mechanisms returns their names.
func Mechanisms() []string {
	return append([]string{Uniform}, slices.Sorted(maps.Keys(auction.Mechanisms()))...)
}

// Parse reads a case from JSON, strictly; mechanism stands in place of the one that it
// names, if it is not empty. Errors name the line or the path of the field.
func Parse(b []byte, mechanism string) (Case, error) {
	var c Case
	if err := strict.Decode(b, &c); err != nil {
		return c, err
	}
	if mechanism != "" {
		c.Mechanism = mechanism
	}
	if known := Mechanisms(); !slices.Contains(known, c.Mechanism) {
		return c, fmt.Errorf("mechanism: %q: must be one of %s", c.Mechanism, strings.Join(known, ", "))
	}
	for i, o := range c.Orders {
		if strings.ContainsRune(o.ID+o.Member+o.Source, 0) {
			return c, fmt.Errorf("orders[%d]: a name has a character that is not text", i)
		}
		if o.Critical && o.Side != grid.Bid {
			return c, fmt.Errorf("orders[%d].critical: only a bid can be critical", i)
		}
		if o.Requires != nil && o.Side != grid.Bid {
			return c, fmt.Errorf("orders[%d].requires: only a bid can require a source", i)
		}
	}
	return c, nil
}

// k reads the position of the price exactly, in billionths.
func (c Case) k() (int64, error) {
	if c.K == nil {
		return network.Half, nil
	}
	r, ok := new(big.Rat).SetString(c.K.String())
	if !ok {
		return 0, fmt.Errorf("k: %q is not a number", c.K)
	}
	r.Mul(r, big.NewRat(network.One, 1))
	if !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() < 0 || r.Num().Int64() > network.One {
		return 0, fmt.Errorf("k: %s: must be from 0 to 1 with at most nine decimals", c.K)
	}
	return r.Num().Int64(), nil
}

// unlimitedUtility stands for a utility without a limit.
const unlimitedUtility = grid.Energy(1 << 40)

func (c Case) network() (network.Case, error) {
	n := network.Case{Feeder: grid.SingleNode()}
	if c.Feeder != nil {
		n.Feeder = *c.Feeder
	}
	if c.Utility != nil {
		n.Utility = &auction.Utility{Retail: c.Utility.Retail, FeedIn: c.Utility.FeedIn, Limit: unlimitedUtility}
		if c.Utility.Limit != nil {
			n.Utility.Limit = *c.Utility.Limit
		}
	}
	for _, o := range c.Orders {
		order := grid.Order{ID: o.ID, Member: o.Member, Side: o.Side, Energy: o.Energy, Price: o.Price, Node: o.Node, Source: o.Source}
		// Islanded, critical load is worth what losing it costs, so it is first.
		if o.Critical && c.Utility == nil && c.ValueOfLostLoad != nil {
			order.Price = max(order.Price, *c.ValueOfLostLoad)
		}
		n.Orders = append(n.Orders, order)
	}
	var err error
	n.K, err = c.k()
	return n, err
}

// fits tells whether a bid of one member may be served by an offer of another.
func (c Case) fits() func(bid, offer grid.Order) bool {
	allows := c.allows()
	return func(bid, offer grid.Order) bool { return bid.Member != offer.Member && allows(bid, offer.Source) }
}

// allows tells whether a bid may be served by a source.
func (c Case) allows() func(bid grid.Order, source string) bool {
	required := map[string][]string{}
	for _, o := range c.Orders {
		if o.Requires != nil {
			required[o.ID] = o.Requires.Source
		}
	}
	return func(bid grid.Order, source string) bool {
		sources, some := required[bid.ID]
		return !some || slices.Contains(sources, source)
	}
}

// prefers tells whether a bid would rather be served by an offer than by others;
// nil when no bid has preferences.
func (c Case) prefers() func(bid, offer grid.Order) bool {
	if !slices.ContainsFunc(c.Orders, func(o Order) bool { return len(o.Prefers) > 0 }) {
		return nil
	}
	preferred := map[string][]string{}
	for _, o := range c.Orders {
		preferred[o.ID] = o.Prefers
	}
	return func(bid, offer grid.Order) bool { return slices.Contains(preferred[bid.ID], offer.Member) }
}

// requires tells which bids require a source.
func (c Case) requires() func(bid grid.Order) bool {
	some := map[string]bool{}
	for _, o := range c.Orders {
		some[o.ID] = o.Requires != nil
	}
	return func(bid grid.Order) bool { return some[bid.ID] }
}
