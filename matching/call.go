package matching

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/commonwatt/commonwatt/grid"
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
	cleared := *c
	cleared.Price = price
	e.answer(&cleared, Cleared, volume, NoReason)
	e.shut(p)
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
	orders := make([]grid.Order, len(left))
	for i, w := range left {
		a := &e.accounts[e.account(w.Tag)]
		orders[i] = grid.Order{
			ID: callID(i), Member: strconv.Itoa(int(w.Owner)), Node: e.config.Feeder.Nodes[a.node].ID,
			Side: w.place.Side, Energy: grid.Energy(w.Energy), Price: e.price(w.place.Tick),
		}
	}
	clearing, err := network.Clear(network.Case{Feeder: e.config.Feeder, Orders: orders, K: network.Half})
	if err != nil {
		panic(fmt.Sprintf("matching: orders that were checked do not clear: %v", err)) // a defect of the engine
	}
	for _, pair := range network.Pairs(orders, clearing.Fills, network.DifferentMembers) {
		bid, offer := &left[callIndex(pair.Bid)], &left[callIndex(pair.Offer)]
		e.pair(p, bid, offer, pair.Energy,
			*clearing.Prices[orders[callIndex(pair.Bid)].Node], *clearing.Prices[orders[callIndex(pair.Offer)].Node])
		volume += pair.Energy
	}
	if volume > 0 {
		price = *clearing.Prices[e.config.Feeder.Root()]
	}
	return volume, price
}

// callID names the order at a place, so that ids sort like places.
func callID(i int) string { return fmt.Sprintf("%08d", i) }

func callIndex(id string) int {
	i, _ := strconv.Atoi(id) // our own
	return i
}

// pair books a trade of the call auction.
func (e *Engine) pair(p *product, bid, offer *waiting, energy grid.Energy, pays, gets grid.Price) {
	for _, w := range []*waiting{bid, offer} {
		price := pays
		if w == offer {
			price = gets
		}
		w.Energy -= uint32(energy)
		e.books.Reduce(e.books.Find(w.ID), w.Energy)
		e.waits(w.Tag, w.place.Side, e.price(w.place.Tick), -int64(energy), int64(w.Energy))
		e.trades(w.Tag, w.place.Side, price, int64(energy))
	}
	ev := e.emit(Traded)
	ev.Order, ev.Account, ev.Side = bid.ID, e.account(bid.Tag), grid.Bid
	ev.Maker, ev.MakerAccount = offer.ID, e.account(offer.Tag)
	ev.Price, ev.OfferPrice, ev.Energy, ev.Product = pays, gets, energy, p.label
}
