// Package prepaid brings what members have paid in to the market, as the bound of what they
// may come to owe.
//
// # Model
//
// A prepaid member's balance is that of its accounts on the ledger: what it paid in, less
// what was paid out to it, and what settlement posted. Of it is kept back what was delivered,
// or is being delivered, and is not posted yet, as if the member drew as much as its metering
// points can carry, at the dearest retail price of the day; that of one interval always. The
// rest is free: the market reserves of it what orders and trades may come to cost, and refuses
// orders beyond it. A trade's reserve is freed when the ledger has its interval.
//
// Nothing else stops with an empty balance: own energy, pool and utility go on, and what they
// cost is posted.
//
// # Order
//
// The market is given balances that are as old as the ledger's, never newer than what was
// released: first it is noted which intervals the ledger has, then balances are read and given,
// then what was reserved for those intervals is freed. So a stop anywhere bounds members too
// closely for a moment, and never too little.
//
// Who makes a Keeper runs it (Run) until its context ends.
package prepaid

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Unbounded is a balance that stops nobody: that of a member who no longer trades on one.
const Unbounded grid.Money = math.MaxInt64 / 4

// Market bounds orders by balances.
type Market interface {
	// Prepay gives a member's balance as of now, and what energy costs that it sells and
	// does not deliver. held tells that no orders of the member are taken yet.
	Prepay(member string, balance grid.Money, missing grid.Price, now time.Time) (held bool, err error)
	Funds(member string) matching.Funds
	Releaser
}

// Releaser frees what is reserved for trades.
type Releaser interface {
	Unreleased() []grid.Interval
	Release(intervals []grid.Interval, now time.Time) error
}

// Ledger has what was posted.
type Ledger interface {
	// Held returns what a member's accounts hold together.
	Held(ctx context.Context, member string) (grid.Money, error)
	// Has tells whether the first run of an interval is on the ledger.
	Has(i grid.Interval) bool
	// State is another one when anything was posted.
	State(ctx context.Context) (string, error)
}

// Point says of a member what it may come to draw.
type Point interface {
	// Carries is what its metering points can draw in an interval.
	Carries(member string) grid.Energy
	// Dearest is the highest retail price that they pay on a day.
	Dearest(member string, day time.Time) (grid.Price, error)
}

// Keeper keeps the balances of a community in its market.
type Keeper struct {
	Members func() []string // all of the community
	Prepaid func(member string) bool
	Market  Market
	Ledger  Ledger
	Points  Point
	// Unposted counts the intervals that are delivered, or are about to be, and that the ledger
	// does not have.
	Unposted func(ctx context.Context) (int, error)
	Clock    func() time.Time
	Log      *slog.Logger

	mu    sync.Mutex
	known map[string]Standing // by member
	seen  string              // what the balances depend on, as they were given last
}

// Standing is how a member's balance stands.
type Standing struct {
	Held  grid.Money // on the ledger
	Bound grid.Money // kept back
	Free  grid.Money // given to the market, at least 0
	Wait  bool       // no orders are taken until earlier trades are delivered
}

// Of returns how a member stands; false where it is not prepaid, or not known yet.
func (k *Keeper) Of(member string) (Standing, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, known := k.known[member]
	return s, known
}

// All returns how each prepaid member stands.
func (k *Keeper) All() map[string]Standing {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.known)
}

// everyLook is how often, in wall time, it is looked whether balances have changed.
const everyLook = time.Second

// Run keeps balances until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		if err := k.Step(ctx); err != nil && ctx.Err() == nil {
			k.Log.WarnContext(ctx, "prepaid balances are as they were, will try again", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(everyLook):
		}
	}
}

// Step brings the balances up to the ledger, if anything has changed.
func (k *Keeper) Step(ctx context.Context) error {
	now := k.Clock()
	var posted []grid.Interval
	for _, i := range k.Market.Unreleased() {
		if k.Ledger.Has(i) {
			posted = append(posted, i)
		}
	}
	unposted, err := k.Unposted(ctx)
	if err != nil {
		return err
	}
	state, err := k.Ledger.State(ctx)
	if err != nil {
		return err
	}
	members := k.Members()
	state = fmt.Sprint(state, " ", unposted, now.Format(time.DateOnly), members)
	if state != k.seen || k.anyWaits() {
		for _, m := range members {
			if err := k.keep(ctx, m, unposted, now); err != nil {
				return fmt.Errorf("member %s: %w", m, err)
			}
		}
	}
	if err := k.Market.Release(posted, now); err != nil {
		return err
	}
	k.seen = state
	return nil
}

func (k *Keeper) anyWaits() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.known {
		if s.Wait {
			return true
		}
	}
	return false
}

// keep gives the market a member's balance.
func (k *Keeper) keep(ctx context.Context, member string, unposted int, now time.Time) error {
	if !k.Prepaid(member) {
		if has := k.Market.Funds(member); has.Prepaid && has.Balance < Unbounded {
			_, err := k.Market.Prepay(member, Unbounded, has.Missing, now)
			return err
		}
		return nil
	}
	dearest, err := k.Points.Dearest(member, now)
	if err != nil {
		return err
	}
	s := Standing{}
	if s.Held, err = k.Ledger.Held(ctx, member); err != nil {
		return err
	}
	if s.Bound, err = bound(k.Points.Carries(member), dearest, max(unposted, 1)); err != nil {
		return err
	}
	if s.Free, err = s.Held.Sub(s.Bound); err != nil {
		return err
	}
	s.Free = min(max(s.Free, 0), Unbounded)
	if s.Wait, err = k.Market.Prepay(member, s.Free, max(dearest, 0), now); err != nil {
		return err
	}
	k.note(ctx, member, s)
	return nil
}

func (k *Keeper) note(ctx context.Context, member string, s Standing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]Standing{}
	}
	if before, known := k.known[member]; s.Free == 0 && (!known || before.Free > 0) {
		k.Log.WarnContext(ctx, "a prepaid balance is used up: new orders wait for a deposit; own energy, pool and utility go on", slog.String("member", member))
	}
	k.known[member] = s
}

// bound is what so much energy costs at a price, in so many intervals. Errors:
// grid.ErrOverflow.
func bound(e grid.Energy, p grid.Price, intervals int) (sum grid.Money, err error) {
	one, err := max(p, 0).Cost(e)
	if err != nil {
		return 0, err
	}
	if one > 0 && int64(intervals) > math.MaxInt64/int64(one) {
		return 0, grid.ErrOverflow
	}
	return one * grid.Money(intervals), nil
}
