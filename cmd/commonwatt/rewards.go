package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// openRewards opens the desk of the storage rewards, if the community has a
// programme.
func (n *node) openRewards(ctx context.Context) error {
	terms := n.config.Rewards
	if terms.Off {
		return nil
	}
	// Readings have to show when the power changed, and neither the interval's seal
	// nor a setpoint may come too late.
	const samples = 2
	apart := time.Duration(float64(n.rewardsEvery()) * n.config.Speed)
	terms = terms.Spread(samples*apart, n.config.Interval)
	programme, err := terms.Programme(n.config.Interval, n.tariff.Currency)
	if err != nil {
		return usage.Errorf("rewards.%w", err)
	}
	if window := time.Duration(programme.Duration) * time.Second; apart > window/samples {
		n.log.WarnContext(ctx, fmt.Sprintf("no storage rewards at this speed: readings and setpoints are %s of world time apart, and a challenge lasts %s", apart, window))
		return nil
	}
	desk, err := rewards.New(rewards.Config{
		Ledger: n.ledger, Community: n.config.Community, Programme: programme, Peaks: terms.IsPeak, Batteries: n.pledging(terms),
		Evidence: n.evidence, Power: n.batteries.power, Lead: periods * apart, Secret: n.ledger.People.Beacon, Deadline: n.deadline(), Corrections: terms.Corrections, Log: n.log,
	})
	n.rewards = desk
	return err
}

// pledging returns the batteries that may be moved and whose size is known, with
// what they pledge.
func (n *node) pledging(terms rewards.Terms) (all []rewards.Battery) {
	for _, h := range n.batteries.homes {
		power, capacity := n.storage(h.guard.Target.ID)
		if power == 0 || capacity == 0 || h.meter.ID == "" {
			continue
		}
		b := rewards.Battery{Device: h.guard.Target.Device, Meter: h.meter, Rated: power, Capacity: capacity}
		if b.Power, b.Energy = terms.Pledged(power, capacity); b.Power > 0 && b.Energy > 0 {
			all = append(all, b)
		}
	}
	return all
}

// storage returns what a battery is rated for and what it holds, as its owner
// says.
func (n *node) storage(id string) (grid.Power, grid.Energy) {
	if s := n.config.Simulation; s != nil {
		for _, h := range world.Neighbourhood(s.Homes, s.Seed) {
			if id != h.ID+"/"+string(grid.Battery) {
				continue
			}
			claimed := h.Battery
			for _, f := range s.Faults {
				if f.Device == id {
					claimed = world.Cheat(f.Fault).Claimed(claimed)
				}
			}
			return claimed.Power, claimed.Capacity
		}
		return 0, 0
	}
	for _, d := range n.config.Devices {
		if d.ID == id && d.Rated.text != "" && d.Capacity.text != "" {
			power, _ := d.Rated.power("") // both were checked with the configuration
			capacity, _ := d.Capacity.energy("")
			return power, capacity
		}
	}
	return 0, 0
}

// periods of control and of reading pass until readings show a setpoint.
const periods = 3

// rewardsEvery is how often the programme is driven, in wall time: as often as batteries
// are controlled, but not more than five times a second.
func (n *node) rewardsEvery() time.Duration { return max(n.controlEvery(), leastRewardsEvery) }

const (
	leastRewardsEvery = 200 * time.Millisecond
	rewardsAgain      = 5 * time.Second // wall time, after a failure
)

// runRewards drives the programme until ctx ends. What fails comes again: it never
// holds up settlement.
func (n *node) runRewards(ctx context.Context) error {
	if n.rewards == nil {
		return nil
	}
	wait := n.rewardsEvery()
	for pause(ctx, wait) {
		wait = n.rewardsEvery()
		if err := n.rewards.Advance(ctx, n.clock()); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "storage rewards, will try again", slog.String("error", err.Error()))
			wait = rewardsAgain
		}
	}
	return nil
}

// answers are what a battery did for storage challenges.
type answers struct {
	until time.Time  // end of the one that is answered; zero: there is none
	day   string     // that cost counts
	cost  grid.Money // about what the challenges of the day cost the home
}

// lostShare is what a battery loses both ways of what is moved, per cent: the energy
// itself is given back, or was going to be needed.
const lostShare = 10

// tellChallenge shows on its home's page what a battery is asked for, what it earns by it,
// and about what that costs.
func (n *node) tellChallenge(h *batteryHome, now time.Time) {
	if n.rewards == nil {
		return
	}
	c, asked := n.rewards.Answering(h.guard.Target.ID, now)
	if !asked || c.Until.Equal(h.answers.until) {
		return // the page forgets it by itself
	}
	h.answers.until = c.Until
	if day := now.UTC().Format(time.DateOnly); day != h.answers.day {
		h.answers.day, h.answers.cost = day, 0
	}
	moved := grid.Energy(float64(c.Power) * c.Until.Sub(c.Start).Hours())
	if lost, err := n.tariff.Retail.Cost(moved); err == nil {
		h.answers.cost += lost * lostShare / percent
	}
	tokens, _ := n.rewards.Paid(h.guard.Target.ID)
	shown := &api.Challenge{Direction: api.Discharge, Power: c.Power, Until: c.Until, Tokens: tokens, Cost: new(int64(h.answers.cost))}
	if c.Direction == chaincode.Charging {
		shown.Direction = api.Charge
	}
	n.live.SeeChallenge(h.meter.Member, shown)
}

// challenged returns what a challenge wants of a battery.
func (n *node) challenged(device string, now time.Time) (grid.Power, bool) {
	if n.rewards == nil {
		return 0, false
	}
	return n.rewards.Setpoint(device, now)
}
