package clearing

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// Why says why nothing trades in a result; empty where something does, with members or with
// the utility.
func (c Case) Why(r Result) string {
	if len(r.Fills) > 0 {
		return ""
	}
	var bid, offer *Order // the best
	for i := range c.Orders {
		switch o := &c.Orders[i]; {
		case o.Side == grid.Bid && (bid == nil || o.Price > bid.Price):
			bid = o
		case o.Side == grid.Offer && (offer == nil || o.Price < offer.Price):
			offer = o
		}
	}
	utility := "there is no utility"
	if c.Utility != nil {
		utility = fmt.Sprintf("the utility sells at %d and buys at %d, as far as its limit goes", c.Utility.Retail, c.Utility.FeedIn)
	}
	switch {
	case len(r.Own) > 0:
		return "nothing trades: the best use of what is offered is its member's own, at another node"
	case bid == nil && offer == nil:
		return "nothing trades: there are no orders"
	case bid == nil:
		return fmt.Sprintf("nothing trades: there is no bid, and %s; the cheapest offer, %s, asks %d", utility, offer.ID, offer.Price)
	case offer == nil:
		return fmt.Sprintf("nothing trades: there is no offer, and %s; the dearest bid, %s, pays %d", utility, bid.ID, bid.Price)
	case bid.Price < offer.Price:
		return fmt.Sprintf("nothing trades: the dearest bid, %s, pays %d, and the cheapest offer, %s, asks %d; %s", bid.ID, bid.Price, offer.ID, offer.Price, utility)
	case bid.Member == offer.Member:
		return fmt.Sprintf("nothing trades: the best bid, %s, and the best offer, %s, are of one member, %s, and what is left does not cross", bid.ID, offer.ID, bid.Member)
	default:
		return fmt.Sprintf("nothing trades: fees and limits of the lines between, or the mechanism %s, leave nothing of the bid %s at %d and the offer %s at %d", r.Mechanism, bid.ID, bid.Price, offer.ID, offer.Price)
	}
}
