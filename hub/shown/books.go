package shown

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/web/api"
)

// Books shows the ledger to the pages. It implements web.Books.
type Books struct {
	Chain  *ledger.Ledger
	Runner *rewards.Runner // nil: there are no rewards
	Clock  func() time.Time
}

// Postings implements web.Books.
func (b Books) Postings(ctx context.Context, i grid.Interval) ([]record.Posting, error) {
	return b.Chain.Postings(ctx, i)
}

// Ledger implements web.Books.
func (b Books) Ledger(ctx context.Context) (l api.Ledger, err error) {
	l.Kind = b.Chain.Kind()
	if l.Height, l.Root, err = b.Chain.Head(ctx); err != nil {
		return l, err
	}
	if l.Key, err = b.Chain.People.Key(); err != nil {
		return l, err
	}
	signed, size, cosigned, err := b.Chain.Checkpoint(ctx)
	if err == nil && signed != nil {
		l.Checkpoint, l.Postings, l.Cosigned = new(string(signed)), &size, &cosigned
	}
	return l, err
}

// shownEpochs is how many closed epochs the pages show.
const shownEpochs = 7

// Rewards implements web.Books.
func (b Books) Rewards(ctx context.Context) (api.Rewards, error) {
	r := api.Rewards{Batteries: []api.RewardedBattery{}, Epochs: []api.RewardEpoch{}}
	desk := b.Runner
	if desk == nil {
		return r, nil
	}
	now := b.Clock()
	for _, battery := range desk.Batteries() {
		s, err := desk.Standing(ctx, battery)
		if err != nil {
			return r, err
		}
		r.Batteries = append(r.Batteries, api.RewardedBattery{
			Device: battery.ID, Power: int64(battery.Power), Energy: int64(battery.Energy), Reputation: s.Reputation, Stake: s.Stake, Tokens: s.Tokens,
			Challenged: desk.Challenged(battery.ID, now),
		})
	}
	for k := 1; k <= shownEpochs; k++ {
		c, err := desk.Epoch(ctx, now.AddDate(0, 0, -k).UTC().Format(time.DateOnly))
		if ledger.Refused(err, chaincode.CodeMissing) {
			continue
		}
		if err != nil {
			return r, err
		}
		r.Epochs = append(r.Epochs, epochShown(c))
	}
	return r, nil
}

func epochShown(c chaincode.EpochClosing) api.RewardEpoch {
	e := api.RewardEpoch{Epoch: c.Epoch, Budget: c.Budget + c.Carried + c.Slashed, Paid: c.Paid, Left: c.Left, Rewards: []api.Reward{}}
	for _, w := range c.Rewards {
		e.Rewards = append(e.Rewards, api.Reward{
			Device: w.Battery, Tokens: w.Tokens, Intervals: w.Intervals, Delivered: w.Delivered, Challenged: w.Challenged, Met: w.Met, Slashed: w.Slashed,
		})
	}
	slices.SortFunc(e.Rewards, func(a, b api.Reward) int { return cmp.Compare(b.Tokens, a.Tokens) })
	return e
}
