package rewards

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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

// pledge pledges a battery. One that may not, as for want of a stake, does not
// hold up the others.
func (p pledger) pledge(ctx context.Context, e *epoch, b Battery, day string, now time.Time) error {
	name, err := p.pseudonym(b)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == name }) {
		return nil
	}
	g := chaincode.Pledge{Community: p.community, Epoch: day, Battery: name, Power: int64(b.Power), Energy: int64(b.Energy)}
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
	for _, b := range p.Batteries {
		battery, err := p.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.pledged(battery)
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
		err = p.operator().Rewards.DeclareOutage(ctx, chaincode.Outage{
			Community: p.community, Battery: battery, From: i.String(), Until: i.String(), Reason: "holds too little, has no room, or was not read",
		})
		if err != nil && !ledger.Refused(err, chaincode.CodeTooLate) {
			return err
		}
	}
	return nil
}
