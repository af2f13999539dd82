package matching

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/book"
	"github.com/commonwatt/commonwatt/matching/network"
)

// waiting is an order that is left at gate closure.
type waiting struct {
	book.Order
	place book.Place
}

// close clears what is left by the call auction; the rest expires.
func (e *Engine) close(c *Command) {
	p, open := e.find(c.Product)
	if !open {
		e.reject(c, NotOpen)
		return
	}
	for n := 0; n < len(e.blocks); {
		if e.blocks[n].covers(p.label) {
			e.goneBlock(n, Expired, GateClosed)
		} else {
			n++
		}
	}
	left := e.waiting(p)
	volume, price := e.call(p, left)
	for i := range left {
		if left[i].Energy > 0 {
			e.gone(&left[i].Order, left[i].place, Expired, GateClosed)
		}
	}
	e.answerCall(c, Cleared, volume, price)
	e.shut(p)
}

// callEarly holds a call auction and leaves the product open.
func (e *Engine) callEarly(c *Command) {
	p, open := e.find(c.Product)
	if !open {
		e.reject(c, NotOpen)
		return
	}
	volume, price := e.call(p, e.waiting(p))
	e.answerCall(c, Called, volume, price)
}

func (e *Engine) answerCall(c *Command, kind EventKind, volume grid.Energy, price grid.Price) {
	cleared := *c
	cleared.Price = price
	e.answer(&cleared, kind, volume, NoReason)
}

// shut ends a product; what is reserved for its trades stays until Release.
func (e *Engine) shut(p *product) {
	for _, b := range p.books {
		e.books.Remove(b)
	}
	p.open, p.books = false, p.books[:0]
	for n := p.held; n != 0; n = e.holdings.all[n].next {
		if e.holdings.all[n].reserved > 0 {
			return
		}
	}
	e.drop(p)
}

// waiting lists the resting orders by number.
func (e *Engine) waiting(p *product) []waiting {
	var all []waiting
	for _, b := range p.books {
		for _, side := range []grid.Side{grid.Bid, grid.Offer} {
			e.books.Walk(b, side, func(tick uint32, o book.Order) bool {
				all = append(all, waiting{o, book.Place{Book: b, Side: side, Tick: tick}})
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// call holds the call auction among the waiting orders and takes from them what
// trades.
func (e *Engine) call(p *product, left []waiting) (volume grid.Energy, price grid.Price) {
	if len(e.config.Feeder.Nodes) == 1 {
		return e.callHere(p, left)
	}
	return e.callNetwork(p, left)
}

// callHere clears at one node, where counting over ticks is fastest. What pairs
// is never of one member: its own crossing orders were netted, and the others
// lie on either side of the price.
func (e *Engine) callHere(p *product, left []waiting) (volume grid.Energy, price grid.Price) {
	var sides [2][]auction.Tick
	var places [2][]int
	for i, energy := range e.netted(left) {
		if energy > 0 {
			s := left[i].place.Side - grid.Bid
			sides[s] = append(sides[s], auction.Tick{Limit: left[i].place.Tick, Energy: energy})
			places[s] = append(places[s], i)
		}
	}
	u := e.ticks.Clear(p.quotes.ticks(), sides[0], sides[1])
	if u.Volume == 0 {
		return 0, 0
	}
	price = auction.Between(p.quotes.price(uint32(u.Low)), p.quotes.price(uint32(u.High)), auction.Half)
	bought, sold := make([]uint32, len(sides[0])), make([]uint32, len(sides[1]))
	u.Fill(sides[0], sides[1], bought, sold)
	for b, o := 0, 0; b < len(bought) && o < len(sold); {
		energy := min(bought[b], sold[o])
		if energy > 0 {
			e.pair(p, &left[places[0][b]], &left[places[1][o]], grid.Energy(energy), price, price)
			bought[b] -= energy
			sold[o] -= energy
		}
		if bought[b] == 0 {
			b++
		} else {
			o++
		}
	}
	return grid.Energy(u.Volume), price
}

// netted returns the energy of each order after members' own crossing orders
// cancelled out.
func (e *Engine) netted(left []waiting) []uint32 {
	energies := make([]uint32, len(left))
	sides := map[uint32]grid.Side{}
	for i, w := range left {
		energies[i] = w.Energy
		sides[w.Owner] |= w.place.Side
	}
	var both []grid.Order
	for i, w := range left {
		if sides[w.Owner] == grid.Bid|grid.Offer {
			both = append(both, e.named(i, w))
			energies[i] = 0
		}
	}
	for _, o := range auction.Net(both) {
		energies[callIndex(o.ID)] = uint32(o.Energy)
	}
	return energies
}

// named is a waiting order as the general auction knows it.
func (e *Engine) named(i int, w waiting) grid.Order {
	return grid.Order{
		ID: callID(i), Member: strconv.Itoa(int(w.Owner)), Node: e.config.Feeder.Nodes[e.accounts[e.account(w.Tag)].node].ID,
		Side: w.place.Side, Energy: grid.Energy(w.Energy), Price: e.priceAt(w.place),
	}
}

// callNetwork clears over a feeder.
func (e *Engine) callNetwork(p *product, left []waiting) (volume grid.Energy, price grid.Price) {
	orders := make([]grid.Order, len(left))
	for i, w := range left {
		orders[i] = e.named(i, w)
	}
	clearing, err := network.ClearPaired(network.Case{Feeder: e.config.Feeder, Orders: orders, Committed: e.committed(p), K: network.Half})
	if err != nil {
		panic(fmt.Sprintf("matching: orders that were checked do not clear: %v", err)) // a defect of the engine
	}
	for _, pair := range clearing.Pairs {
		b, o := callIndex(pair.Bid), callIndex(pair.Offer)
		e.pair(p, &left[b], &left[o], pair.Energy, *clearing.Prices[orders[b].Node], *clearing.Prices[orders[o].Node])
		volume += pair.Energy
	}
	if root := clearing.Prices[e.config.Feeder.Root()]; volume > 0 && root != nil {
		price = *root
	}
	return volume, price
}

// committed returns what earlier calls send over each node's line: what they sold
// below it less what they bought there. Continuous trades cross no line that counts.
func (e *Engine) committed(p *product) map[string]grid.Energy {
	flows := map[string]grid.Energy{}
	for node, sold := range p.sold {
		for at := node; sold != 0 && e.parents[at] >= 0; at = e.parents[at] {
			flows[e.config.Feeder.Nodes[at].ID] += grid.Energy(sold)
		}
	}
	return flows
}

// callID names the order at a place, so that ids sort like places.
func callID(i int) string { return fmt.Sprintf("%08d", i) }

func callIndex(id string) int {
	i, _ := strconv.Atoi(id) // our own
	return i
}

// pair books a trade of the call auction.
func (e *Engine) pair(p *product, bid, offer *waiting, energy grid.Energy, pays, gets grid.Price) {
	if p.sold == nil {
		p.sold = make([]int64, len(e.zones))
	}
	p.sold[e.accounts[e.account(offer.Tag)].node] += int64(energy)
	p.sold[e.accounts[e.account(bid.Tag)].node] -= int64(energy)
	for _, w := range []*waiting{bid, offer} {
		price := pays
		if w == offer {
			price = gets
		}
		w.Energy -= uint32(energy)
		e.books.Reduce(e.books.Find(w.ID), w.Energy)
		e.waits(w.Tag, w.place.Side, e.priceAt(w.place), -int64(energy), int64(w.Energy))
		e.trades(w.Tag, w.place.Side, price, int64(energy))
	}
	ev := e.emit(Traded)
	ev.Order, ev.Account, ev.Side = bid.ID, e.account(bid.Tag), grid.Bid
	ev.Maker, ev.MakerAccount = offer.ID, e.account(offer.Tag)
	ev.Price, ev.OfferPrice, ev.Energy, ev.Product = pays, gets, energy, p.label
}
