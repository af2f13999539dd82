package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// carry adds to a later run the accounts that its last run had and that have no
// meter here any more: what was metered then stays, with what proves it. Where another
// meter counts at the metering point by now, and the first one never told, last
// substitutes it for good.
func (s *Settler) carry(ctx context.Context, i grid.Interval, last bool, previous []settlement.Run, metered []record.Metered, leaves []json.RawMessage) ([]record.Metered, []json.RawMessage, error) {
	if len(previous) == 0 {
		return metered, leaves, nil
	}
	run := previous[len(previous)-1]
	before, err := s.Workings.Leaves(ctx, run.Manifest)
	if err != nil || before == nil {
		return metered, leaves, err // a run that lacks an account is refused when it is settled
	}
	here := map[string]bool{}
	for _, text := range leaves {
		l, err := leafOf(text)
		if err != nil {
			return nil, nil, err
		}
		here[l.MeteringPoint] = true
	}
	points, err := s.pointsOf(run)
	if err != nil {
		return nil, nil, err
	}
	for _, text := range before {
		l, err := leafOf(text)
		if err != nil {
			return nil, nil, err
		}
		if here[l.MeteringPoint] {
			continue
		}
		point, known := points[l.MeteringPoint]
		if !known {
			point = l.MeteringPoint // its member was erased: the account stands for it
		}
		if last && s.Meters.Has(point) && l.Quality == grid.Estimated {
			if text, l.Metered, err = s.substituted(ctx, i, point, l); err != nil {
				return nil, nil, err
			}
		}
		metered = append(metered, record.Metered{MeteringPoint: point, Flow: l.Flow, Quality: l.Quality})
		leaves = append(leaves, text)
	}
	return metered, leaves, nil
}

func leafOf(text json.RawMessage) (l record.Leaf, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("what was metered: %w", err)
	}
	return l, nil
}

// pointsOf returns the metering points of a run by their accounts, without those of members
// who were erased, of whom nobody knows them any more.
func (s *Settler) pointsOf(run settlement.Run) (map[string]string, error) {
	points := map[string]string{}
	for _, st := range run.Statements {
		owner := s.Trades.Owner(st.MeteringPoint)
		if s.Names.Known(owner) == nil {
			continue
		}
		account, err := s.Names.Account(owner, st.MeteringPoint)
		if err != nil {
			return nil, err
		}
		points[account] = st.MeteringPoint
	}
	return points, nil
}

// mostWeeks is how far back a run of the same time is looked for.
const mostWeeks = 8

// substituted returns what is settled for good of a metering point whose meter is gone
// and never told: the dearer of what was read and what was settled at the same time some
// weeks before.
func (s *Settler) substituted(ctx context.Context, i grid.Interval, point string, l record.Leaf) (json.RawMessage, record.Metered, error) {
	flows := []grid.Flow{l.Flow}
	for week := 1; week <= mostWeeks && len(flows) == 1; week++ {
		runs, err := s.runs(ctx, i.Weeks(-week), math.MaxInt)
		if err != nil {
			return nil, l.Metered, err
		}
		if len(runs) == 0 {
			continue
		}
		for _, st := range runs[len(runs)-1].Statements {
			if st.MeteringPoint == point && st.Quality.Measured() {
				flows = append(flows, st.Metered)
			}
		}
	}
	var err error
	if l.Flow, err = s.Meters.Dearest(point, i, flows...); err != nil {
		return nil, l.Metered, err
	}
	l.Quality = grid.Final
	text, err := json.Marshal(l)
	return text, l.Metered, err
}
