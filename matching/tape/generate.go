package tape

import (
	"fmt"
	"math/rand/v2"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Spec describes random order flow. Shares are per mille.
type Spec struct {
	Seed     uint64
	Commands int // after the book is filled
	Resting  int // orders that fill the book
	Products int
	MaxTick  int
	Add      int // of the commands, orders that may rest
	Cancel   int // of the commands; what remains are immediate-or-cancel orders
	Cross    int // of the orders that may rest, those beyond the middle of the prices
}

// Validate tells what is wrong with a spec.
func (s Spec) Validate() error {
	switch {
	case s.Commands < 0 || s.Resting < 0 || s.Commands+s.Resting > 1<<30:
		return fmt.Errorf("commands, resting: %d and %d: must be from 0 to %d together", s.Commands, s.Resting, 1<<30)
	case s.Products < 1 || s.Products > 1<<16:
		return fmt.Errorf("products: %d: must be from 1 to %d", s.Products, 1<<16)
	case s.MaxTick < 4 || s.MaxTick >= matching.MaxTicks:
		return fmt.Errorf("ticks: %d: must be from 4 to %d", s.MaxTick, matching.MaxTicks-1)
	case s.Add < 0 || s.Cancel < 0 || s.Add+s.Cancel > 1000 || s.Cross < 0 || s.Cross > 1000:
		return fmt.Errorf("add, cancel, cross: %d, %d and %d per mille: must be shares, add and cancel at most 1000 together", s.Add, s.Cancel, s.Cross)
	default:
		return nil
	}
}

// generator plays what it makes, so that it knows which orders live.
type generator struct {
	Spec
	*rand.Rand
	tape   Tape
	player *Player
	middle []int    // by product
	ids    []uint64 // orders that once rested, some of them filled since
}

// Generate makes a tape. The same spec gives the same tape.
func Generate(s Spec) (Tape, error) {
	if err := s.Validate(); err != nil {
		return Tape{}, err
	}
	engine, err := matching.New(Rules(uint32(s.MaxTick)))
	if err != nil {
		return Tape{}, err
	}
	g := &generator{
		Spec: s, Rand: rand.New(rand.NewPCG(s.Seed, 1)), player: NewPlayer(engine, uint32(s.Products)), middle: make([]int, s.Products), //nolint:gosec // reproducible on purpose
		tape: Tape{Seed: s.Seed, Products: uint32(s.Products), MaxTick: uint32(s.MaxTick), Prefill: uint64(s.Resting)},
	}
	for i := range g.middle {
		g.middle[i] = s.MaxTick / 2
	}
	for len(g.tape.Records) < s.Resting {
		if err := g.put(g.order(Add, false)); err != nil {
			return Tape{}, err
		}
	}
	for len(g.tape.Records) < s.Resting+s.Commands {
		if err := g.put(g.next()); err != nil {
			return Tape{}, err
		}
	}
	return g.tape, nil
}

func (g *generator) put(r Record) error {
	g.tape.Records = append(g.tape.Records, r)
	return g.player.Play(g.tape.Records[len(g.tape.Records)-1:])
}

func (g *generator) next() Record {
	switch p := g.IntN(1000); {
	case p < g.Add:
		return g.order(Add, g.IntN(1000) < g.Cross)
	case p < g.Add+g.Cancel && len(g.ids) > 0:
		at := g.IntN(len(g.ids))
		r := Record{Op: Cancel, Order: g.ids[at], Side: grid.Bid}
		g.ids[at] = g.ids[len(g.ids)-1]
		g.ids = g.ids[:len(g.ids)-1]
		return r
	default:
		return g.order(Take, true)
	}
}

// order is one near the middle: passive, or crossing it.
func (g *generator) order(op Op, cross bool) Record {
	product := g.IntN(g.Products)
	m := &g.middle[product]
	*m = min(max(*m+g.IntN(3)-1, 2), g.MaxTick-1)
	width := max(g.MaxTick/64, 2)
	away := 1 + min(g.IntN(width), g.IntN(width))
	side := grid.Bid
	if g.IntN(2) == 0 {
		side = grid.Offer
	}
	tick := *m - away
	if (side == grid.Offer) != cross {
		tick = *m + away
	}
	r := Record{
		Order: uint64(len(g.tape.Records)) + 1, Tick: uint32(min(max(tick, 1), g.MaxTick)), Energy: uint32(1 + g.IntN(100)),
		Op: op, Side: side, Product: uint16(product),
	}
	if op == Add {
		g.ids = append(g.ids, r.Order)
	}
	return r
}
