package rewards

import (
	"context"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// epoch is what was done of one.
type epoch struct {
	chaincode.OpenEpoch

	links map[string][]string // by party
	ready bool                // committed and pledged
}

func (e *epoch) pledged(battery string) (g chaincode.Pledge, found bool) {
	at := slices.IndexFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == battery })
	if at < 0 {
		return g, false
	}
	return e.Pledges[at], true
}

// epochs are those that are not closed yet, as the ledger has them.
type epochs struct {
	as    ledger.Contracts  // as the operator calls them
	begun map[string]*epoch // by day
}

// open returns an epoch as the ledger has it, and goes on with that.
func (s *epochs) open(ctx context.Context, day string) (*epoch, error) {
	if e := s.begun[day]; e != nil {
		return e, nil
	}
	o, err := s.as.Rewards.GetOpenEpoch(ctx, day)
	if err != nil {
		return nil, err
	}
	e := &epoch{OpenEpoch: o, links: map[string][]string{}}
	s.begun[day] = e
	return e, nil
}

// refresh reads what others may have put on the ledger of an epoch.
func (s *epochs) refresh(ctx context.Context, e *epoch, day string) error {
	now, err := s.as.Rewards.GetOpenEpoch(ctx, day)
	if err != nil {
		return err
	}
	e.Flagged, e.Pledges, e.Met, e.Delivered = now.Flagged, now.Pledges, now.Met, now.Delivered
	return nil
}
