package settlement

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// own shares a member's energy among its own metering points.
func (c *clearing) own() error {
	members := c.members()
	for _, member := range slices.Sorted(maps.Keys(members)) {
		points := members[member]
		if len(points) < 2 { //nolint:mnd // nobody to share with
			continue
		}
		cleared, err := c.within(points, remaining, savedByOwn)
		if err != nil {
			return err
		}
		for _, p := range points {
			p.take(&p.owned, cleared.of(p))
		}
	}
	return nil
}

// members returns the points that share own energy, by member, once those whose import and
// export in one interval cancel have them cancelled: where that is no loss, for to sell all and
// buy all anew would be better where the feed-in price is above retail.
func (c *clearing) members() map[string][]*position {
	members := map[string][]*position{}
	for _, p := range c.points {
		if p.apart {
			continue
		}
		if both := min(p.left.short, p.left.long); both > 0 && c.basis.Rules.SamePoint && p.rates.FeedIn <= p.rates.Retail {
			p.take(&p.owned, sides{both, both})
		}
		if p.member != "" {
			members[p.member] = append(members[p.member], p)
		}
	}
	return members
}

// within clears energies between the points of one member, who pays the fees of the lines
// between them.
func (c *clearing) within(points []*position, of func(*position) sides, saves func(*position) grid.Price) (*result, error) {
	cleared, err := c.clear(points, of, saves, nil, false)
	if err != nil {
		return nil, fmt.Errorf("own energy: %w", err)
	}
	if cleared == nil {
		return &result{}, nil
	}
	shares, err := c.trace(points, cleared, nil)
	if err != nil {
		return nil, fmt.Errorf("own energy: %w", err)
	}
	fees, err := apportion(thousandths, exactly(points, func(p *position) int64 { return shares.fee[p] }))
	if err != nil {
		return nil, fmt.Errorf("own energy: %w", err)
	}
	for k, p := range points {
		if p.ownFee, err = p.ownFee.Add(fees[k]); err != nil {
			return nil, fmt.Errorf("own energy: %w", err)
		}
		c.book.pay(p.account, record.Fund, fees[k], 0, ReasonOwnFee, p.account)
	}
	c.send(cleared)
	return cleared, nil
}

// ownMetered shares a member's energy where there are several tariffs. What was metered
// meets what was metered first: that is own energy, which pays no components of a tariff.
// Then the member's trades are moved between its points, so far as one of them was metered
// as another had agreed: who bought for the flat and drew at the shop has nothing undrawn.
func (c *clearing) ownMetered() error {
	c.part()
	members := c.members()
	for _, member := range slices.Sorted(maps.Keys(members)) {
		points := members[member]
		if len(points) < 2 { //nolint:mnd // nobody to share with
			continue
		}
		for _, m := range meets() {
			cleared, err := c.within(points, m.of, m.saves)
			if err != nil {
				return err
			}
			for _, p := range points {
				m.take(p, cleared.of(p))
			}
		}
	}
	return nil
}

// meet is one of the ways in which energies of a member's points meet.
type meet struct {
	of    func(*position) sides
	saves func(*position) grid.Price
	take  func(*position, sides)
}

// meets returns them in order: import meets export; what was bought and not drawn covers
// import; export covers what was sold and not given; and the rest of both cancels.
func meets() []meet {
	return []meet{
		{remaining, savedByOwn, func(p *position, s sides) { p.take(&p.owned, s) }},
		{
			func(p *position) sides { return sides{p.left.short, p.off.long} }, saved,
			func(p *position, s sides) {
				p.left.short, p.off.long = p.left.short-s.short, p.off.long-s.long
				p.covered.short += s.short
			},
		},
		{
			func(p *position) sides { return sides{p.off.short, p.left.long} }, saved,
			func(p *position, s sides) {
				p.off.short, p.left.long = p.off.short-s.short, p.left.long-s.long
				p.covered.long += s.long
			},
		},
		{
			func(p *position) sides { return p.off }, saved,
			func(p *position, s sides) { p.off = p.off.less(s) },
		},
	}
}

// part tells what was metered of a point from what it only agreed. Estimates are settled with
// the utility as they are.
func (c *clearing) part() {
	for _, p := range c.points {
		if p.estimated() {
			continue
		}
		contracted := p.bought - p.sold
		p.covered = sides{min(p.Flow.Import, max(contracted, 0)), min(p.Flow.Export, max(-contracted, 0))}
		p.off = sides{short: max(-contracted, 0) - p.covered.long, long: max(contracted, 0) - p.covered.short}
		p.left = sides{p.Flow.Import - p.covered.short, p.Flow.Export - p.covered.long}
	}
}

// over adds a flow from a point to the root; − goes the other way.
func (c *clearing) over(p *position, e grid.Energy) {
	for n := c.lines[c.node(p)]; n.Parent != ""; n = c.lines[n.Parent] {
		c.flows[n.ID] += e
	}
}
