package rewards

import (
	"context"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// epoch is what was done of one.
type epoch struct {
	chaincode.OpenEpoch

	links map[string][]string // by party
	ready bool                // committed, and pledged what took part then
	tried map[Battery]bool    // those that were pledged, or may not be
}

// begunHere tells whether anything of the epoch was revealed, as far as this process knows.
func (e *epoch) begunHere() bool {
	for _, last := range e.Revealed {
		if last >= 0 {
			return true
		}
	}
	return false
}

// pledged returns the pledge of a battery, by its pseudonym.
func (e *epoch) pledged(battery string) (g chaincode.Pledge, found bool) {
	at := slices.IndexFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == battery })
	if at < 0 {
		return g, false
	}
	return e.Pledges[at], true
}

// counted returns the pledge of a battery that counts for an interval.
func (e *epoch) counted(battery string, i grid.Interval) (g chaincode.Pledge, found bool) {
	g, found = e.pledged(battery)
	return g, found && g.From <= i.String()
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
	e := &epoch{OpenEpoch: o, links: map[string][]string{}, tried: map[Battery]bool{}}
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
