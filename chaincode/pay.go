package chaincode

import (
	"github.com/commonwatt/commonwatt/grid"
)

// Reward is what a battery got out of an epoch.
type Reward struct {
	Battery    string `json:"battery"`
	Tokens     int64  `json:"tokens"`
	Intervals  int    `json:"intervals"` // available
	Delivered  int64  `json:"delivered"` // Wh
	Challenged int    `json:"challenged"`
	Met        int    `json:"met"`
	Slashed    int64  `json:"slashed"`
	Reputation int64  `json:"reputation"` // after it
}

// pay divides what there is.
func (e *epoch) pay(c *EpochClosing) error {
	fund := c.Budget + c.Carried + c.Slashed - c.Granted - c.Adjusted
	pot := share(max(fund, 0), e.Availability, perMille)
	availability, delivery := make([]int64, len(c.Rewards)), make([]int64, len(c.Rewards))
	for k, r := range c.Rewards {
		g := e.pledges[k]
		proven := r.Reputation // a battery that was not challenged today stands on its reputation
		if r.Challenged > 0 {
			proven = int64(r.Met) * perMille / int64(r.Challenged)
		}
		if min(proven, r.Reputation) < e.Threshold {
			proven = 0
		}
		// W·h·intervals × per mille; capacity is what an hour could draw
		availability[k] = min(g.Power, g.Energy) * int64(r.Intervals) * r.Reputation / perMille * proven / perMille
		if r.Challenged > 0 { // what a battery says of itself counts as far as challenges bear it out
			delivery[k] = r.Delivered * proven
		}
	}
	first, err := divide(pot, c.Rewards, availability)
	if err != nil {
		return fail(CodeInvalid, "availability: %v", err)
	}
	second, err := divide(max(fund, 0)-pot, c.Rewards, delivery)
	if err != nil {
		return fail(CodeInvalid, "delivery: %v", err)
	}
	for k := range c.Rewards {
		c.Rewards[k].Tokens = first[k] + second[k]
		c.Paid += c.Rewards[k].Tokens
	}
	c.Left = fund - c.Paid
	return nil
}

// divide splits the pot by weight: by largest remainder, ties by battery. With
// no weight nothing is paid.
func divide(pot int64, rewards []Reward, weights []int64) ([]int64, error) {
	shares := make([]grid.Share, len(rewards))
	var sum int64
	for k, r := range rewards {
		shares[k] = grid.Share{ID: r.Battery, Weight: weights[k]}
		sum += weights[k]
	}
	if sum == 0 {
		return make([]int64, len(rewards)), nil
	}
	return grid.Split(pot, shares)
}
