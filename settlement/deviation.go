package settlement

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// deviating is what came of a point's trades where there are several tariffs, so that the
// clearing runs on what was metered. Short stands for a sale that was not given, or for
// import; long for a purchase that was not drawn, or for export.
type deviating struct {
	covered  sides      // metered, and agreed
	off      sides      // agreed, not metered, and not settled yet
	charged  sides      // of that, what others stand in for
	stands   sides      // of what was metered and agreed, what stands in for others
	settled  sides      // of what was agreed and not metered, what was settled among members
	deviated grid.Money // + receives
}

// of returns one side.
func (s *sides) of(long bool) *grid.Energy {
	if long {
		return &s.long
	}
	return &s.short
}

// ranked are energies as weights, ties by rank.
func ranked(points []*position, energy func(*position) grid.Energy) []grid.Share {
	shares := make([]grid.Share, len(points))
	for k, p := range points {
		shares[k] = grid.Share{ID: p.rank, Weight: int64(energy(p))}
	}
	return shares
}

// those returns the points with some of an energy, and their sum.
func (c *clearing) those(energy func(*position) grid.Energy) (some []*position, sum grid.Energy) {
	for _, p := range c.points {
		if e := energy(p); e > 0 {
			some, sum = append(some, p), sum+e
		}
	}
	return some, sum
}

// cancel lets what was sold and not given meet what was bought and not drawn: neither
// changes anybody's energy. It costs the middle of what the one saves and the other's
// feed-in price, as in the pool, and each of a side meets all of the other one.
func (c *clearing) cancel() error {
	sold, gaps := c.those(func(p *position) grid.Energy { return p.off.short })
	bought, spare := c.those(func(p *position) grid.Energy { return p.off.long })
	both := min(gaps, spare)
	if both == 0 {
		return nil
	}
	flows := maps.Clone(c.flows)
	gap, err := c.cancelling(sold, both, false)
	if err != nil {
		return err
	}
	rest, err := c.cancelling(bought, both, true)
	if err != nil {
		return err
	}
	for _, x := range []struct{ side, met cancelled }{{gap, rest}, {rest, gap}} {
		if err := c.cancelOf(x.side, x.met.worth); err != nil {
			return err
		}
	}
	return c.tolls(flows, append(gap.points, rest.points...), append(gap.shares, rest.shares...))
}

// cancelled is one side of what cancels.
type cancelled struct {
	long   bool
	points []*position
	shares []grid.Share // of the energy
	values []int64      // of it to the points, in thousandths of a millionth
	worth  int64        // all of them
}

// cancelling shares what cancels of a side pro rata.
func (c *clearing) cancelling(points []*position, both grid.Energy, long bool) (x cancelled, err error) {
	x = cancelled{long: long, points: points, shares: make([]grid.Share, len(points)), values: make([]int64, len(points))}
	parts, err := grid.Split(int64(both), ranked(points, func(p *position) grid.Energy { return *p.off.of(long) }))
	if err != nil {
		return x, err
	}
	var sum sums
	for n, p := range points {
		x.shares[n] = grid.Share{ID: p.rank, Weight: parts[n]}
		x.values[n] = sum.times(int64(p.worth(long)), parts[n])
		sum.add(&x.worth, x.values[n])
	}
	return x, sum.err
}

// worth is what a Wh that lacks saves, or one that is long earns.
func (p *position) worth(long bool) grid.Price {
	if long {
		return p.rates.FeedIn
	}
	return p.rates.Avoided()
}

// cancelOf settles one side of what cancels, which met energy of so much worth.
func (c *clearing) cancelOf(x cancelled, met int64) error {
	meeting, err := grid.Split(met, x.shares)
	if err != nil {
		return err
	}
	exact := make([]share, len(x.points))
	var sum sums
	for n, p := range x.points {
		exact[n] = share{sum.plus(x.values[n], meeting[n]), p.rank}
	}
	money, err := apportion(halfThousandth, exact)
	if err := errors.Join(err, sum.err); err != nil {
		return err
	}
	for n, p := range x.points {
		e := grid.Energy(x.shares[n].Weight)
		*p.off.of(x.long) -= e
		*p.settled.of(x.long) += e
		c.over(p, sign(x.long)*e)
		if err := c.owe(p, -grid.Money(sign(x.long))*money[n], -sign(x.long)*e); err != nil {
			return err
		}
	}
	return nil
}

// sign is that of the flow from a point to the root once agreed energy does not flow.
func sign(long bool) grid.Energy {
	if long {
		return 1
	}
	return -1
}

// owe posts what a point pays for deviations, its own or where it stands in for others'.
// Energy is + where the point lacks it.
func (c *clearing) owe(p *position, owed grid.Money, e grid.Energy) error {
	c.book.pay(p.account, record.Pool, owed, e, ReasonDeviation, p.account)
	var err error
	if p.deviated, err = p.deviated.Sub(owed); err != nil {
		return fmt.Errorf("%s: deviation: %w", p.MeteringPoint, err)
	}
	return nil
}

// tolls charges those who deviated, by their energy, with what the lines' fees change by it,
// so that the fund, which was paid for the flow that was agreed, can pay for that which was.
func (c *clearing) tolls(before map[string]grid.Energy, points []*position, shares []grid.Share) error {
	var sum sums
	var fees int64
	for _, n := range c.basis.Feeder.Nodes {
		was, is := before[n.ID], c.flows[n.ID]
		sum.add(&fees, sum.times(int64(n.Fee), int64(max(is, -is)-max(was, -was))))
	}
	if sum.err != nil {
		return sum.err
	}
	parts, err := grid.Split(roundDiv(fees, thousandths), shares)
	if err != nil {
		return err
	}
	for k, p := range points {
		c.book.pay(p.account, record.Fund, grid.Money(parts[k]), 0, ReasonDeviation, p.account)
		if p.deviated, err = p.deviated.Sub(grid.Money(parts[k])); err != nil {
			return fmt.Errorf("%s: deviation: %w", p.MeteringPoint, err)
		}
	}
	return nil
}

// standIn lets what is left of undelivered sales stand for import that trades were to cover
// and that has to be supplied otherwise, the dearest first; and what is left of undrawn
// purchases for export that trades were to take, the cheapest first. It goes on to pool and
// utility there, at its point's node and prices, along with what no trade covers. makeGood
// charges it to those who deviated.
func (c *clearing) standIn() error {
	for _, long := range []bool{false, true} {
		if err := c.standInFor(long); err != nil {
			return fmt.Errorf("deviations from trades: %w", err)
		}
	}
	return nil
}

func (c *clearing) standInFor(long bool) error {
	deviators, off := c.those(func(p *position) grid.Energy { return *p.off.of(long) })
	if off == 0 {
		return nil
	}
	flows := maps.Clone(c.flows)
	placed, err := c.place(off, long)
	if err != nil {
		return err
	}
	shares := ranked(deviators, func(p *position) grid.Energy { return *p.off.of(long) })
	parts, err := grid.Split(int64(placed), shares)
	if err != nil {
		return err
	}
	for k, p := range deviators {
		e := grid.Energy(parts[k])
		*p.charged.of(long) += e
		*p.settled.of(long) += e
		c.over(p, sign(long)*e)
		// What nobody stands in for, because the other side's meter is only estimated, the
		// point settles by itself until that is known.
		*p.left.of(long) += *p.off.of(long) - e
		*p.off.of(long) = 0
	}
	if placed == 0 {
		return nil
	}
	return c.tolls(flows, deviators, shares)
}

// place finds who stands in for so much energy, and returns how much of it. Points that
// share nothing do so last: with their utility alone.
func (c *clearing) place(e grid.Energy, long bool) (placed grid.Energy, err error) {
	points, _ := c.those(func(p *position) grid.Energy { return *p.covered.of(long) })
	before := func(p, q *position) int {
		if p.apart != q.apart {
			if q.apart {
				return -1
			}
			return 1
		}
		return cmp.Compare(p.worth(long), q.worth(long)) * int(sign(long)) // dearest import, cheapest export
	}
	slices.SortStableFunc(points, before)
	for len(points) > 0 && placed < e {
		n := 1
		for n < len(points) && before(points[0], points[n]) == 0 {
			n++
		}
		level := ranked(points[:n], func(p *position) grid.Energy { return *p.covered.of(long) })
		var room grid.Energy
		for _, s := range level {
			room += grid.Energy(s.Weight)
		}
		parts, err := grid.Split(int64(min(room, e-placed)), level)
		if err != nil {
			return 0, err
		}
		for k, p := range points[:n] {
			x := grid.Energy(parts[k])
			*p.covered.of(long) -= x
			*p.stands.of(long) += x
			*p.left.of(long) += x
			c.over(p, -sign(long)*x)
		}
		placed += min(room, e-placed)
		points = points[n:]
	}
	return placed, nil
}

// makeGood charges those who deviated with what others' pools and utilities had to do for
// it, each by the energy, at the price of the points that stood in for them: these are left
// as if their trades had come as agreed.
func (c *clearing) makeGood() error {
	for _, long := range []bool{false, true} {
		if err := c.makeGoodOf(long); err != nil {
			return fmt.Errorf("deviations from trades: %w", err)
		}
	}
	return nil
}

func (c *clearing) makeGoodOf(long bool) error {
	stood, some := c.those(func(p *position) grid.Energy { return *p.stands.of(long) })
	if some == 0 {
		return nil
	}
	way := grid.Money(sign(long)) // − for import, which costs
	var all grid.Money
	for _, p := range stood {
		money, err := p.stoodFor(long)
		if err != nil {
			return fmt.Errorf("%s: %w", p.MeteringPoint, err)
		}
		if all, err = all.Add(money); err != nil {
			return err
		}
		if err := c.owe(p, way*money, sign(long)**p.stands.of(long)); err != nil {
			return err
		}
	}
	deviators, _ := c.those(func(p *position) grid.Energy { return *p.charged.of(long) })
	parts, err := grid.Split(int64(all), ranked(deviators, func(p *position) grid.Energy { return *p.charged.of(long) }))
	if err != nil {
		return err
	}
	for k, p := range deviators {
		if err := c.owe(p, -way*grid.Money(parts[k]), -sign(long)**p.charged.of(long)); err != nil {
			return err
		}
	}
	return nil
}

// stoodFor is what the energy by which a point stands in for others cost it, or earned: its
// part of what the pool took or gave, and the rest at the point's own price. Neighbours'
// energy would have paid its components too, which are therefore not asked back.
func (p *position) stoodFor(long bool) (grid.Money, error) {
	pooled, stands := *p.pooled.of(long), *p.stands.of(long)
	own := pooled + *p.left.of(long) - stands
	parts, err := grid.Split(int64(pooled), []grid.Share{{ID: "own", Weight: int64(own)}, {ID: "stands", Weight: int64(stands)}})
	if err != nil {
		return 0, err
	}
	money := p.poolOwed
	if long {
		money = p.poolEarned
	}
	shares, err := grid.Split(int64(money), []grid.Share{{ID: "own", Weight: parts[0]}, {ID: "stands", Weight: parts[1]}})
	if err != nil {
		return 0, err
	}
	rest, err := p.worth(long).Cost(stands - grid.Energy(parts[1]))
	if err != nil {
		return 0, err
	}
	return rest.Add(grid.Money(shares[1]))
}
