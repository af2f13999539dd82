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
	share, err := c.share(points, pays, gets)
	if err != nil {
		return err
	}
	owed, err := apportion(halfThousandth, exactly(points, func(p *position) int64 { return pays[p] }))
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
		c.book.pay(p.account, record.Pool, owed[k], p.pooled.short, ReasonPoolBought, p.account)
		c.book.pay(record.Pool, p.account, got[k], p.pooled.long, ReasonPoolSold, p.account)
		sum.add(&pool, int64(owed[k]))
		sum.subtract(&pool, int64(got[k]))
		p.poolOwed, p.poolEarned = owed[k], got[k]
	}
	sum.subtract(&pool, int64(share))
	c.book.pay(record.Pool, record.Fund, share, 0, ReasonPoolShare, record.Pool)
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

// plus returns the sum of two.
func (s *sums) plus(x, y int64) int64 {
	s.add(&x, y)
	return x
}

// times returns the product of two.
func (s *sums) times(x, y int64) int64 {
	product, err := times(x, y)
	if err != nil && s.err == nil {
		s.err = err
	}
	return product
}

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
	if c.basis.Rules.Pool == Midpoint {
		if t.brought, t.saved, err = c.meetings(points, r); err != nil {
			return nil, nil, err
		}
	}
	for _, p := range points {
		var owes, earns int64
		switch price := r.Prices[c.node(p)]; {
		case c.basis.Rules.Pool == Midpoint:
			owes = sum.times(int64(p.rates.Avoided()), int64(p.pooled.short))
			earns = sum.times(int64(p.rates.FeedIn), int64(p.pooled.long))
			sum.add(&owes, t.brought[p])
			sum.add(&earns, t.saved[p])
			sum.add(&owes, t.fee[p])
			sum.subtract(&earns, t.toll[p])
		case price != nil:
			owes = sum.times(2*int64(*price), int64(p.pooled.short)) //nolint:mnd // halves
			earns = sum.times(2*int64(*price), int64(p.pooled.long)) //nolint:mnd // halves
		}
		if sum.err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.MeteringPoint, sum.err)
		}
		pays[p], gets[p] = owes, earns
	}
	return pays, gets, nil
}

// meetings returns the feed-in value of the energy that reaches each taker, and the avoided
// value at the takers whom each giver's energy reaches, in thousandths of a millionth: so
// that half of the own value and half of what it meets is the middle. With one tariff these
// are its feed-in price and what it saves, whoever meets whom.
func (c *clearing) meetings(points []*position, r *result) (brought, saved map[*position]int64, err error) {
	brought, saved = map[*position]int64{}, map[*position]int64{}
	var sum sums
	if c.one {
		for _, p := range points {
			brought[p] = sum.times(int64(p.rates.FeedIn), int64(p.pooled.short))
			saved[p] = sum.times(int64(p.rates.Avoided()), int64(p.pooled.long))
		}
		return brought, saved, sum.err
	}
	crossings, err := c.crossings(points, r, nil)
	if err != nil {
		return nil, nil, err
	}
	for k := range crossings {
		crossings[k].toll = 0
	}
	takes, gives := c.ends(points, func(p *position) int64 { return int64(r.of(p).short) }), c.ends(points, func(p *position) int64 { return int64(r.of(p).long) })
	given, taken := map[string]int64{}, map[string]int64{} // values by node
	for _, p := range points {
		node, s := c.node(p), r.of(p)
		given[node] = sum.plus(given[node], sum.times(int64(p.rates.FeedIn), int64(s.long)))
		taken[node] = sum.plus(taken[node], sum.times(int64(p.rates.Avoided()), int64(s.short)))
	}
	if sum.err != nil {
		return nil, nil, sum.err
	}
	order := downstream(crossings)
	known := map[string]bool{}
	for _, n := range order {
		known[n] = true
	}
	for _, p := range points { // at nodes that no energy crosses
		if n := c.node(p); !known[n] {
			known[n], order = true, append(order, n)
		}
	}
	if err := c.carry(order, crossings, takes, given, brought); err != nil {
		return nil, nil, err
	}
	slices.Reverse(order)
	return brought, saved, c.carry(order, upstream(crossings), gives, taken, saved)
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

	brought, saved map[*position]int64 // what meets it, see meetings
}

// crossing is the flow over a line, from one node to another.
type crossing struct {
	id       string // of the line
	from, to string
	energy   int64 // > 0
	toll     int64 // that it costs, < 0 where it relieves the line
}

// crossings returns where the energy of a clearing goes over lines, and what that costs
// beside what is committed.
func (c *clearing) crossings(points []*position, r *result, committed map[string]grid.Energy) ([]crossing, error) {
	var all []crossing
	for _, n := range c.between(points).Nodes {
		flow, before := r.Flows[n.ID], committed[n.ID]
		if n.Parent == "" || flow == 0 {
			continue
		}
		toll, err := times(int64(n.Fee), int64(max(before+flow, -before-flow)-max(before, -before)))
		if err != nil {
			return nil, err
		}
		x := crossing{id: n.ID, from: n.ID, to: n.Parent, energy: int64(flow), toll: toll}
		if flow < 0 {
			x.from, x.to, x.energy = n.Parent, n.ID, -x.energy
		}
		all = append(all, x)
	}
	return all, nil
}

// upstream turns crossings round.
func upstream(crossings []crossing) []crossing {
	turned := slices.Clone(crossings)
	for k := range turned {
		turned[k].from, turned[k].to = turned[k].to, turned[k].from
	}
	return turned
}

// ending is where energy ends at a node, or begins.
type ending struct {
	*position

	energy int64
}

// ends returns the points that have some of an energy, by node.
func (c *clearing) ends(points []*position, energy func(*position) int64) map[string][]ending {
	all := map[string][]ending{}
	for _, p := range points {
		if e := energy(p); e > 0 {
			all[c.node(p)] = append(all[c.node(p)], ending{p, e})
		}
	}
	return all
}

// trace follows the energy over the lines by proportional sharing: it mixes at each
// node, and everything that leaves a node has the same share of what came in.
func (c *clearing) trace(points []*position, r *result, committed map[string]grid.Energy) (traced, error) {
	t := traced{fee: map[*position]int64{}, toll: map[*position]int64{}}
	crossings, err := c.crossings(points, r, committed)
	if err != nil {
		return t, err
	}
	var sum sums
	for _, x := range crossings {
		sum.add(&t.fees, x.toll)
	}
	if len(crossings) == 0 || sum.err != nil {
		return t, sum.err
	}
	taken := c.ends(points, func(p *position) int64 { return int64(r.of(p).short) })
	given := c.ends(points, func(p *position) int64 { return int64(r.of(p).long) })
	downwards := downstream(crossings)
	if err := c.carry(downwards, crossings, taken, map[string]int64{}, t.fee); err != nil {
		return t, err
	}
	slices.Reverse(downwards)
	return t, c.carry(downwards, upstream(crossings), given, map[string]int64{}, t.toll)
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

// carry hands what is in the pots of the nodes, and what the lines cost, from node to node to
// the points at which the energy ends.
func (c *clearing) carry(order []string, crossings []crossing, ends map[string][]ending, pot map[string]int64, cost map[*position]int64) error {
	from := leaving(crossings)
	var sum sums
	for _, node := range order {
		var shares []grid.Share
		onward := from[node]
		for _, x := range onward {
			shares = append(shares, grid.Share{ID: c.name(x.id), Weight: x.energy})
		}
		for _, p := range ends[node] {
			shares = append(shares, grid.Share{ID: p.rank, Weight: p.energy})
		}
		parts, err := grid.Split(pot[node], shares)
		if err != nil {
			return err
		}
		for k, x := range onward {
			pot[x.to] = sum.plus(sum.plus(pot[x.to], parts[k]), x.toll)
		}
		for k, p := range ends[node] {
			cost[p.position] = sum.plus(cost[p.position], parts[len(onward)+k])
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
