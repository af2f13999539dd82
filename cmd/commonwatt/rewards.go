package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/rewards"
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
	apart := time.Duration(float64(max(meters.Period, controlEvery, rewardsEvery)) * n.config.Speed)
	terms = terms.Spread(samples*apart, n.config.Interval)
	programme, err := terms.Programme(n.config.Interval, n.tariff.Currency)
	if err != nil {
		return usage("rewards.%w", err)
	}
	if window := time.Duration(programme.Duration) * time.Second; apart > window/samples {
		n.log.WarnContext(ctx, fmt.Sprintf("no storage rewards at this speed: readings and setpoints are %s of world time apart, and a challenge lasts %s", apart, window))
		return nil
	}
	desk, err := rewards.New(rewards.Config{
		Ledger: n.ledger, Community: n.config.Community, Programme: programme, Peaks: terms.IsPeak, Batteries: n.pledging(terms),
		Evidence: n.evidence, Power: n.batteries.power, Lead: periods * apart, Secret: n.ledger.People.Beacon, Deadline: n.config.Deadline, Corrections: terms.Corrections, Log: n.log,
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

const (
	rewardsEvery = time.Second     // wall time
	rewardsAgain = 5 * time.Second // after a failure
)

// runRewards drives the programme until ctx ends. What fails comes again: it never
// holds up settlement.
func (n *node) runRewards(ctx context.Context) error {
	if n.rewards == nil {
		return nil
	}
	wait := rewardsEvery
	for pause(ctx, wait) {
		wait = rewardsEvery
		if err := n.rewards.Advance(ctx, n.clock()); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "storage rewards, will try again", slog.String("error", err.Error()))
			wait = rewardsAgain
		}
	}
	return nil
}

// challenged returns what a challenge wants of a battery.
func (n *node) challenged(device string, now time.Time) (grid.Power, bool) {
	if n.rewards == nil {
		return 0, false
	}
	return n.rewards.Setpoint(device, now)
}
