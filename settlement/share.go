package settlement

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// wholeShare is all of a gain, in per mille.
const wholeShare = 1000

// validateShare checks the fund's share of the pool's gain.
func (r Rules) validateShare() error {
	switch {
	case r.Share < 0 || r.Share > wholeShare:
		return fmt.Errorf("pool.share: %d: is per mille of what the pool gains, from 0 to %d", r.Share, wholeShare)
	case r.Share > 0 && r.Pool == Off:
		return fmt.Errorf("pool.share: without a pool there is no gain to share: leave it out")
	default:
		return nil
	}
}

// share takes the fund's share of what each point gains by the pool: of a taker against what
// the energy would have cost it, of a giver against its feed-in price. It changes what points
// pay and get, in parts of halfThousandth, and returns what that comes to, rounded once. Nobody
// is worse off by it than alone. Errors: grid.ErrOverflow.
func (c *clearing) share(points []*position, pays, gets map[*position]int64) (grid.Money, error) {
	if c.basis.Rules.Share == 0 {
		return 0, nil
	}
	var sum sums
	var all int64
	of := func(gain int64) int64 {
		part := c.basis.Rules.Share
		gain = max(gain, 0)
		taken := gain/wholeShare*part + gain%wholeShare*part/wholeShare
		sum.add(&all, taken)
		return taken
	}
	for _, p := range points {
		saved := sum.times(2*int64(p.rates.Avoided()), int64(p.pooled.short)) //nolint:mnd // halves
		sum.subtract(&saved, pays[p])
		more := gets[p]
		sum.subtract(&more, sum.times(2*int64(p.rates.FeedIn), int64(p.pooled.long))) //nolint:mnd // halves
		owes, earns := pays[p], gets[p]
		sum.add(&owes, of(saved))
		sum.subtract(&earns, of(more))
		if sum.err != nil {
			return 0, fmt.Errorf("%s: %w", p.MeteringPoint, sum.err)
		}
		pays[p], gets[p] = owes, earns
	}
	return grid.Money(roundDiv(all, halfThousandth)), nil
}
