package community

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// The market's price steps and collar, unless the operator says otherwise.
const (
	DefaultTick    grid.Price = 100        // 0.01 ct/kWh
	DefaultFloor   grid.Price = -1_000_000 // −1 currency unit per kWh
	DefaultCeiling grid.Price = 5_000_000
)

// rulebook is what an order must keep to. It never changes.
type rulebook struct {
	rules matching.Config
}

// Rules returns what an order must keep to.
func (r *rulebook) Rules() matching.Config { return r.rules }

// Begin returns the command that begins a log. The market rejects it, and what
// follows cannot be trusted, when it was begun under other rules.
func (r *rulebook) Begin(now time.Time) matching.Command {
	return matching.Command{Kind: matching.Begin, Time: now.UnixMilli(), Name: r.rules.Digest()}
}

// OnTick moves an order to the nearest price that the market knows: not
// above the limit of a bid, not below that of an offer.
func (r *rulebook) OnTick(o grid.Order) grid.Order {
	off := (o.Price%r.rules.Tick + r.rules.Tick) % r.rules.Tick
	switch {
	case off == 0:
	case o.Side == grid.Bid:
		o.Price -= off
	default:
		o.Price += r.rules.Tick - off
	}
	return o
}
