package hub

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/tariff/shelf"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// rewarding runs the programme of storage rewards.
type rewarding struct {
	site     *site
	tariffs  *shelf.Shelf
	moved    *steer.Devices
	ledger   *ledger.Ledger
	evidence *evidence.Log
	log      *slog.Logger
	tell     func(member string, c *api.Challenge) // shows on a home's page what its battery is asked for

	terms  rewards.Terms
	runner *rewards.Runner // nil: there is no programme
	costs  rewards.Costs   // of the loop that follows the meters alone

	renewing sync.Mutex // held from when the batteries are looked up until they are set
}

// open makes what drives the programme, if the community has one. past are the devices that were let go of.
func (r *rewarding) open(ctx context.Context, past []pairing.Binding) error {
	plan := r.site.plan
	terms := rewards.Terms{Rewards: plan.Rewards}
	if terms.Off {
		return nil
	}
	// Readings have to show when the power changed, and neither the interval's seal
	// nor a setpoint may come too late.
	const samples = 2
	apart := time.Duration(float64(r.every()) * plan.Speed)
	terms = terms.Spread(samples*apart, plan.Market.Minutes)
	programme, err := terms.Programme(plan.Market.Minutes, plan.Tariff.Currency)
	if err != nil {
		return usage.Errorf("rewards.%w", err)
	}
	if window := time.Duration(programme.Duration) * time.Second; apart > window/samples {
		r.log.WarnContext(ctx, fmt.Sprintf("no storage rewards at this speed: readings and setpoints are %s of world time apart, and a challenge lasts %s", apart, window))
		return nil
	}
	r.terms = terms
	batteries := r.pledging()
	r.runner, err = rewards.New(rewards.Config{
		Ledger: r.ledger, Community: plan.Community, Programme: programme, Peaks: terms.IsPeak, Batteries: append(batteries, r.gone(past, batteries)...),
		Evidence: r.evidence, Power: r.moved.Power, Lead: periods * apart, Secret: r.ledger.People.Beacon, Deadline: r.site.deadline(), Corrections: terms.Corrections, Log: r.log,
	})
	return err
}

// pledging returns the batteries that may be moved and whose size is known, with
// what they pledge.
func (r *rewarding) pledging() (all []rewards.Battery) {
	r.moved.Batteries(func(of steer.Battery, meter grid.Device) {
		if of.Most == 0 || of.Size == 0 {
			return
		}
		b := rewards.Battery{Device: of.Device, Meter: meter, Rated: of.Most, Capacity: of.Size}
		if b.Power, b.Energy = r.terms.Pledged(of.Most, of.Size); b.Power > 0 && b.Energy > 0 {
			all = append(all, b)
		}
	})
	return all
}

// gone returns the batteries that were let go of and are not among those that take part now, for what they did before is
// still to be proven and paid, and stands on bills. Of a member who was erased there is none any more.
func (r *rewarding) gone(past []pairing.Binding, now []rewards.Battery) (all []rewards.Battery) {
	meters := map[string]grid.Device{} // by metering point
	for _, b := range past {
		if b.Kind == grid.Meter {
			meters[b.MeteringPoint] = b.Device
		}
	}
	for _, m := range r.site.meters() {
		meters[m.MeteringPoint] = m
	}
	there := map[string]bool{}
	for _, b := range now {
		there[b.ID] = true
	}
	for _, b := range slices.Backward(past) {
		if b.Kind != grid.Battery || b.Until.IsZero() || there[b.ID] || r.ledger.Names.Known(b.Member) == nil {
			continue
		}
		there[b.ID] = true
		one := rewards.Battery{Device: b.Device, Meter: meters[b.MeteringPoint], Until: b.Until}
		if b.Rated != nil && b.Capacity != nil {
			one.Rated, one.Capacity = *b.Rated, *b.Capacity
		}
		all = append(all, one)
	}
	return all
}

// renew has those batteries take part that may be moved now, and no others.
func (r *rewarding) renew() {
	if r.runner == nil {
		return
	}
	r.renewing.Lock()
	defer r.renewing.Unlock()
	if err := r.runner.Set(r.pledging(), r.site.clock()); err != nil {
		r.log.Error("storage rewards go on with the batteries of before until the next start", slog.String("error", err.Error()))
	}
}

// Earned implements desk.Rewards: what batteries earned in the epochs, UTC days, that begin in
// a period and are closed.
func (r *rewarding) Earned(ctx context.Context, p billing.Period) (map[string][]billing.Reward, error) {
	all := map[string][]billing.Reward{}
	if r.runner == nil {
		return all, nil
	}
	days, tokens := map[string]int{}, map[string]int64{}
	first := p.From.UTC().Add(24*time.Hour - 1).Truncate(24 * time.Hour)
	for day := first; day.Before(p.To); day = day.AddDate(0, 0, 1) {
		c, err := r.runner.Epoch(ctx, day.Format(time.DateOnly))
		if ledger.Refused(err, chaincode.CodeMissing) {
			continue // it is not closed, or there was none
		}
		if err != nil {
			return nil, err
		}
		for _, w := range c.Rewards {
			if w.Tokens > 0 {
				days[w.Battery]++
				tokens[w.Battery] += w.Tokens
			}
		}
	}
	for _, b := range r.runner.Everyone() {
		if tokens[b.ID] > 0 {
			all[b.Member] = append(all[b.Member], billing.Reward{Device: b.ID, Days: days[b.ID], Tokens: tokens[b.ID]})
		}
	}
	return all, nil
}

// periods of control and of reading pass until readings show a setpoint.
const periods = 3

const (
	leastRewardsEvery = 200 * time.Millisecond
	rewardsAgain      = 5 * time.Second // wall time, after a failure
)

// every is how often the programme is driven, in wall time: as often as batteries are
// controlled, but not more than five times a second.
func (r *rewarding) every() time.Duration { return max(r.moved.Every, leastRewardsEvery) }

// run drives the programme until ctx ends. What fails comes again: it never holds up
// settlement.
func (r *rewarding) run(ctx context.Context) error {
	if r.runner == nil {
		return nil
	}
	wait := r.every()
	for pause(ctx, wait) {
		wait = r.every()
		if err := r.runner.Advance(ctx, r.site.clock()); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "storage rewards, will try again", slog.String("error", err.Error()))
			wait = rewardsAgain
		}
	}
	return nil
}

// challenge returns what a challenge wants of a home's battery, and tells the home.
func (r *rewarding) challenge(battery grid.Device, now time.Time) (grid.Power, bool) {
	if r.runner == nil {
		return 0, false
	}
	p, ok := r.runner.Setpoint(battery.ID, now)
	if ok {
		r.show(battery, now)
	}
	return p, ok
}

// show tells a home's page what its battery is asked for, what it earns by it, and about
// what that costs.
func (r *rewarding) show(of grid.Device, now time.Time) {
	battery := of.ID
	c, asked := r.runner.Answering(battery, now)
	if !asked {
		return // the page forgets it by itself
	}
	rates, err := r.tariffs.Rates(of.MeteringPoint, grid.IntervalAt(now, r.site.plan.Market.Minutes))
	if err != nil {
		return // nobody knows what it costs
	}
	cost, first := r.costs.Of(battery, c, rates.Retail, now)
	if !first {
		return
	}
	tokens, _ := r.runner.Paid(battery)
	shown := &api.Challenge{Direction: api.Discharge, Power: c.Power, Until: c.Until, Tokens: tokens, Cost: new(int64(cost))}
	if c.Direction == chaincode.Charging {
		shown.Direction = api.Charge
	}
	r.tell(of.Member, shown)
}
