package matching

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
)

// Quotes are what the price of an order must be: a multiple of Tick from Floor to Ceiling. A
// product keeps those that it was opened with, and an order those of its product.
type Quotes struct {
	Tick, Floor, Ceiling grid.Price
}

// quotes returns those that a market begins with.
func (c Config) quotes() Quotes { return Quotes{c.Tick, c.Floor, c.Ceiling} }

// with returns the rules with other quotes.
func (c Config) with(q Quotes) Config {
	c.Tick, c.Floor, c.Ceiling = q.Tick, q.Floor, q.Ceiling
	return c
}

// String writes the quotes as a Requote names them.
func (q Quotes) String() string { return fmt.Sprintf("%d %d %d", q.Tick, q.Floor, q.Ceiling) }

// ParseQuotes reads what String writes and nothing else.
func ParseQuotes(s string) (q Quotes, err error) {
	if _, err := fmt.Sscanf(s, "%d %d %d", &q.Tick, &q.Floor, &q.Ceiling); err != nil || q.String() != s {
		return Quotes{}, fmt.Errorf("%q: want tick, floor and ceiling, as in %q", s, Quotes{100, -1_000_000, 5_000_000}) //nolint:mnd // an example
	}
	return q, nil
}

// price and tick turn one into the other; a price must be in the collar.
func (q *Quotes) price(tick uint32) grid.Price { return q.Floor + grid.Price(tick)*q.Tick }

func (q *Quotes) tick(p grid.Price) uint32 {
	from := uint64(p - q.Floor)
	if q.Tick == 1 {
		return uint32(from)
	}
	return uint32(from / uint64(q.Tick))
}

// ticks is how many prices there are.
func (q *Quotes) ticks() uint32 { return uint32((q.Ceiling-q.Floor)/q.Tick) + 1 }

// refuse tells what is wrong with a price.
func (q *Quotes) refuse(p grid.Price) Reason {
	switch {
	case p < q.Floor || p > q.Ceiling:
		return OutsideCollar
	case q.Tick > 1 && p%q.Tick != 0:
		return OffTick
	default:
		return NoReason
	}
}

// Quotes returns those that a product gets which is opened now.
func (e *Engine) Quotes() Quotes { return e.quotes }

// QuotesOf returns those of a product that is open; of another one those that it would get.
func (e *Engine) QuotesOf(label uint32) Quotes {
	if p, open := e.find(label); open {
		return p.quotes
	}
	return e.quotes
}

// requote changes what the products get that are opened from now on.
func (e *Engine) requote(c *Command) {
	q, err := ParseQuotes(c.Name)
	if err != nil || e.config.with(q).Validate() != nil {
		e.reject(c, WrongQuotes)
		return
	}
	e.quotes, e.mixed = q, e.mixed || q != e.quotes
	e.widen(q.ticks())
	e.answer(c, Done, c.Energy, NoReason)
}

// widen makes room in the books for so many prices. What waits keeps its priority.
func (e *Engine) widen(ticks uint32) {
	if ticks <= e.ticksOfBooks {
		return
	}
	old := e.books
	e.books, e.ticksOfBooks = book.New(ticks), ticks
	e.traded, e.quoted = e.traded[:0], e.quoted[:0]
	for n := range e.products {
		p := &e.products[n]
		if !p.open || e.labels[p.label] != uint32(n) {
			continue
		}
		for zone, from := range p.books {
			to := e.addBook(p)
			p.books[zone] = to
			for _, side := range []grid.Side{grid.Bid, grid.Offer} {
				old.Walk(from, side, func(tick uint32, o book.Order) bool {
					e.books.Rest(book.Place{Book: to, Side: side, Tick: tick}, o)
					return true
				})
			}
		}
	}
}

// addBook makes a book of a product.
func (e *Engine) addBook(p *product) uint32 {
	b := e.books.Add()
	for int(b) >= len(e.traded) {
		e.traded, e.quoted = append(e.traded, 0), append(e.quoted, Quotes{})
	}
	e.traded[b], e.quoted[b] = p.label, p.quotes
	return b
}
