package rewards

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// pledger pledges the batteries, and declares which of them cannot do what they pledged.
type pledger struct {
	*participants
	readings
}

// pledgeAll pledges the batteries of which that was not tried yet.
func (p pledger) pledgeAll(ctx context.Context, e *epoch, day string, now time.Time) error {
	for _, b := range p.Batteries() {
		if e.tried[b] {
			continue
		}
		if err := p.pledge(ctx, e, b, day, now); err != nil {
			return err
		}
		e.tried[b] = true
	}
	return nil
}

// pledge pledges a battery: for the whole epoch or, when something of it was revealed already, from the next
// interval on. One that may not, as for want of a stake, does not hold up the others.
func (p pledger) pledge(ctx context.Context, e *epoch, b Battery, day string, now time.Time) error {
	name, err := p.pseudonym(b)
	if err != nil {
		return err
	}
	if _, pledged := e.pledged(name); pledged {
		return nil
	}
	g := chaincode.Pledge{Community: p.community, Epoch: day, Battery: name, Power: int64(b.Power), Energy: int64(b.Energy)}
	if e.begunHere() {
		next := grid.IntervalAt(now, e.Programme.Minutes).Shift(1)
		if nameOf(next.Begin()) != day {
			return nil // nothing is left of it
		}
		g.From = next.String()
	}
	if g.Charge, err = p.hours(ctx, b, now, e.Programme.Minutes); err != nil {
		return err
	}
	err = p.operator().Rewards.Pledge(ctx, g)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		p.log.WarnContext(ctx, "a battery is not pledged", slog.String("device", b.ID), slog.String("epoch", day), slog.String("error", err.Error()))
		return nil
	}
	if err == nil {
		e.Pledges = append(e.Pledges, g)
	}
	return err
}

// declare declares an outage of the batteries that cannot do what they pledged.
func (p pledger) declare(ctx context.Context, e *epoch, i grid.Interval) error {
	for _, b := range p.list() {
		battery, err := p.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.counted(battery, i)
		if !pledged {
			continue
		}
		able, _, err := p.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		if able {
			continue
		}
		o := chaincode.Outage{Community: p.community, Battery: battery, From: i.String(), Until: i.String(), Reason: "holds too little, has no room, or was not read"}
		if !b.Until.IsZero() {
			o.Reason = "the community has let go of it"
		}
		if err := p.operator().Rewards.DeclareOutage(ctx, o); err != nil && !ledger.Refused(err, chaincode.CodeTooLate) {
			return err
		}
	}
	return nil
}
