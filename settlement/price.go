package settlement

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Money is reckoned exactly before it is rounded once: a price times an energy is in
// thousandths of a millionth, for prices are per kWh and energy is in Wh; half of a
// spread has twice as many parts.
const (
	thousandths    = 1000
	halfThousandth = 2 * thousandths
)

// payPool posts what each point pays to the pool or gets from it. The pool sums to
// zero: what the lines cost goes on to the fund, or, where the pool relieved them,
// comes from there.
func (c *clearing) payPool(points []*position, r *result) error {
	for _, p := range points {
		p.take(&p.pooled, r.of(p))
	}
	pays, gets, err := c.amounts(points, r)
	if err != nil {
		return err
	}
	paid, err := apportion(halfThousandth, exactly(points, func(p *position) int64 { return pays[p] }))
	if err != nil {
		return err
	}
	got, err := apportion(halfThousandth, exactly(points, func(p *position) int64 { return gets[p] }))
	if err != nil {
		return err
	}
	var sum sums
	var pool int64
	for k, p := range points {
		c.book.pay(p.account, record.Pool, paid[k], p.pooled.short, ReasonPoolBought, p.account)
		c.book.pay(record.Pool, p.account, got[k], p.pooled.long, ReasonPoolSold, p.account)
		sum.add(&pool, int64(paid[k]))
		sum.subtract(&pool, int64(got[k]))
		if e := p.pooled.short + p.pooled.long; e > 0 {
			p.poolPrice = perKWh(paid[k], got[k], e)
		}
	}
	c.book.pay(record.Pool, record.Fund, grid.Money(pool), 0, ReasonPoolFee, record.Pool)
	return sum.err
}

// perKWh is what two amounts come to for a kWh of so much energy. Each is a price times a part
// of the energy, so that a price holds what comes of it.
func perKWh(paid, got grid.Money, e grid.Energy) grid.Price {
	whole := new(big.Int).Add(big.NewInt(int64(paid)), big.NewInt(int64(got)))
	whole.Mul(whole, big.NewInt(2*thousandths)) // halves, to round
	sign := int64(whole.Sign())
	whole.Add(whole, big.NewInt(sign*int64(e)))
	return grid.Price(whole.Quo(whole, big.NewInt(2*int64(e))).Int64())
}

// sums adds up int64s, and keeps that one left its range.
type sums struct{ err error }

func (s *sums) add(to *int64, x int64) { s.set(to)(grid.Money(*to).Add(grid.Money(x))) }

func (s *sums) subtract(from *int64, x int64) { s.set(from)(grid.Money(*from).Sub(grid.Money(x))) }

func (s *sums) set(to *int64) func(grid.Money, error) {
	return func(sum grid.Money, err error) {
		if *to = int64(sum); err != nil && s.err == nil {
			s.err = err
		}
	}
}

// amounts returns what each point owes the pool and what the pool owes it, exactly,
// in parts of halfThousandth.
func (c *clearing) amounts(points []*position, r *result) (pays, gets map[*position]int64, err error) {
	var sum sums
	pays, gets = map[*position]int64{}, map[*position]int64{}
	t, err := c.trace(points, r, c.flows)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range points {
		buys, sells := 2*int64(c.tariff.Retail), 2*int64(c.tariff.FeedIn) //nolint:mnd // halves
		switch price := r.Prices[c.node(p)]; {
		case c.basis.Rules.Pool == Midpoint:
			buys = int64(c.tariff.Retail) + int64(c.tariff.FeedIn)
			sells = buys
		case price != nil:
			buys, sells = 2*int64(*price), 2*int64(*price) //nolint:mnd // halves
		}
		owes, err1 := times(buys, int64(p.pooled.short))
		earns, err2 := times(sells, int64(p.pooled.long))
		if err1 != nil || err2 != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.MeteringPoint, grid.ErrOverflow)
		}
		if c.basis.Rules.Pool == Midpoint {
			sum.add(&owes, t.fee[p])
			sum.subtract(&earns, t.toll[p])
		}
		pays[p], gets[p] = owes, earns
	}
	return pays, gets, sum.err
}

// node returns the node of a point.
func (c *clearing) node(p *position) string {
	if n := c.basis.Nodes[p.account]; n != "" {
		return n
	}
	return c.root
}

// traced is what lines cost the energy of each point, in thousandths of a
// millionth: on its way to who takes it, and from who gives it. Both sum to fees.
type traced struct {
	fee, toll map[*position]int64
	fees      int64
}

// crossing is the flow over a line, from one node to another.
type crossing struct {
	id       string // of the line
	from, to string
	energy   int64 // > 0
	toll     int64 // that it costs, < 0 where it relieves the line
}

// trace follows the energy over the lines by proportional sharing: it mixes at each
// node, and everything that leaves a node has the same share of what came in.
func (c *clearing) trace(points []*position, r *result, committed map[string]grid.Energy) (traced, error) {
	t := traced{fee: map[*position]int64{}, toll: map[*position]int64{}}
	var crossings []crossing
	var sum sums
	for _, n := range c.between(points).Nodes {
		flow, before := r.Flows[n.ID], committed[n.ID]
		if n.Parent == "" || flow == 0 {
			continue
		}
		toll, err := times(int64(n.Fee), int64(max(before+flow, -before-flow)-max(before, -before)))
		if err != nil {
			return t, err
		}
		x := crossing{id: n.ID, from: n.ID, to: n.Parent, energy: int64(flow), toll: toll}
		if flow < 0 {
			x.from, x.to, x.energy = n.Parent, n.ID, -x.energy
		}
		crossings = append(crossings, x)
		sum.add(&t.fees, toll)
	}
	if len(crossings) == 0 || sum.err != nil {
		return t, sum.err
	}
	taken, given := map[string][]*position{}, map[string][]*position{}
	for _, p := range points {
		s := r.of(p)
		if s.short > 0 {
			taken[c.node(p)] = append(taken[c.node(p)], p)
		}
		if s.long > 0 {
			given[c.node(p)] = append(given[c.node(p)], p)
		}
	}
	downwards := downstream(crossings)
	err := c.carry(downwards, crossings, taken, func(p *position) int64 { return int64(r.of(p).short) }, t.fee)
	if err != nil {
		return t, err
	}
	slices.Reverse(downwards)
	for k := range crossings {
		crossings[k].from, crossings[k].to = crossings[k].to, crossings[k].from
	}
	return t, c.carry(downwards, crossings, given, func(p *position) int64 { return int64(r.of(p).long) }, t.toll)
}

// downstream orders the nodes so that every crossing goes from an earlier one to a
// later one: on a tree the crossings form no circle.
func downstream(crossings []crossing) []string {
	into := map[string]int{}
	for _, x := range crossings {
		into[x.from] += 0
		into[x.to]++
	}
	var order []string
	onward, begun := leaving(crossings), map[string]bool{}
	for _, x := range crossings {
		if into[x.from] == 0 && !begun[x.from] {
			begun[x.from] = true
			order = append(order, x.from)
		}
	}
	for at := 0; at < len(order); at++ {
		for _, x := range onward[order[at]] {
			if into[x.to]--; into[x.to] == 0 {
				order = append(order, x.to)
			}
		}
	}
	return order
}

// leaving returns the crossings by where they come from.
func leaving(crossings []crossing) map[string][]crossing {
	from := map[string][]crossing{}
	for _, x := range crossings {
		from[x.from] = append(from[x.from], x)
	}
	return from
}

// carry hands what the lines cost from node to node to the points at which the
// energy ends.
func (c *clearing) carry(order []string, crossings []crossing, ends map[string][]*position, energy func(*position) int64, cost map[*position]int64) error {
	pot, from := map[string]int64{}, leaving(crossings)
	var sum sums
	pay := func(to, x int64) int64 {
		sum.add(&to, x)
		return to
	}
	for _, node := range order {
		var shares []grid.Share
		onward := from[node]
		for _, x := range onward {
			shares = append(shares, grid.Share{ID: c.name(x.id), Weight: x.energy})
		}
		for _, p := range ends[node] {
			shares = append(shares, grid.Share{ID: p.rank, Weight: energy(p)})
		}
		parts, err := grid.Split(pot[node], shares)
		if err != nil {
			return err
		}
		for k, x := range onward {
			pot[x.to] = pay(pay(pot[x.to], parts[k]), x.toll)
		}
		for k, p := range ends[node] {
			cost[p] = pay(cost[p], parts[len(onward)+k])
		}
	}
	return sum.err
}

// share is an account's exact part of a sum, and the rank by which it gets what
// rounding leaves over.
type share struct {
	exact int64
	rank  string
}

func exactly(points []*position, exact func(*position) int64) []share {
	all := make([]share, len(points))
	for k, p := range points {
		all[k] = share{exact(p), p.rank}
	}
	return all
}

// apportion rounds the sum of exact parts (in parts of unit) to millionths, and each
// part so that they sum to it: down, and one up by largest remainder. Errors:
// grid.ErrOverflow.
func apportion(unit int64, shares []share) ([]grid.Money, error) {
	var sum sums
	var total int64
	for _, s := range shares {
		sum.add(&total, s.exact)
	}
	if sum.err != nil {
		return nil, sum.err
	}
	parts := make([]grid.Money, len(shares))
	order := make([]int, len(shares))
	remainder := make([]int64, len(shares))
	left := roundDiv(total, unit)
	for k, s := range shares {
		whole := s.exact / unit
		if s.exact%unit < 0 {
			whole--
		}
		parts[k], order[k], remainder[k] = grid.Money(whole), k, s.exact-whole*unit
		left -= whole
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case remainder[a] > remainder[b]:
			return -1
		case remainder[a] < remainder[b]:
			return 1
		case shares[a].rank < shares[b].rank:
			return -1
		default:
			return 1
		}
	})
	for _, k := range order[:left] {
		parts[k]++
	}
	return parts, nil
}

// roundDiv divides and rounds half away from zero.
func roundDiv(a, unit int64) int64 {
	whole, rest := a/unit, a%unit
	switch {
	case rest >= unit-rest:
		whole++
	case -rest >= unit+rest:
		whole--
	}
	return whole
}

// times multiplies. Errors: grid.ErrOverflow.
func times(price, energy int64) (int64, error) {
	hi, lo := bits.Mul64(magnitude(price), magnitude(energy))
	if hi > 0 || lo > math.MaxInt64 {
		return 0, grid.ErrOverflow
	}
	if (price < 0) != (energy < 0) {
		return -int64(lo), nil
	}
	return int64(lo), nil
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
