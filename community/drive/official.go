package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// Official has the meter values of the grid operator.
type Official interface {
	// Of returns what the grid operator says of an interval, by metering point.
	Of(ctx context.Context, i grid.Interval) (map[string]OfficialValue, error)
}

// OfficialValue is what the grid operator says that a metering point took and gave in an
// interval.
type OfficialValue struct {
	Import, Export *grid.Energy // Wh, ≥ 0; nil: it says nothing of that direction
	Quality        grid.Quality // official-1 to official-3, the worse of the two directions
	Files          []string     // digests on the ledger of the files that say so, sorted
}

// Replaces returns the flow that takes the place of what was metered here. A direction of
// which the grid operator says nothing is nothing where nothing was metered in it either, as
// of a home without generation; else the value is not whole, and replaces nothing.
func (v OfficialValue) Replaces(metered grid.Flow) (flow grid.Flow, whole bool) {
	whole = (v.Import != nil || v.Export != nil) && (v.Import != nil || metered.Import == 0) && (v.Export != nil || metered.Export == 0)
	if v.Import != nil {
		flow.Import = *v.Import
	}
	if v.Export != nil {
		flow.Export = *v.Export
	}
	return flow, whole
}

// Correction returns the task of a correction by official values, for the Executor. over is
// told what came of it.
func (s *Settler) Correction(i grid.Interval, now func() time.Time, over func(done bool, err error)) (community.Step, Task) {
	return community.Settle, func(ctx context.Context) error {
		done, err := s.Correct(ctx, i, now())
		over(done, err)
		return err
	}
}

// Correct makes a run of an interval by the grid operator's values, where they change
// anything: of each metering point that they tell of its value takes the place of what the
// last run had; all else stays, with what proves it. The market may have forgotten the
// interval. It is false while the interval has no run yet. A Settler without Official
// corrects nothing.
func (s *Settler) Correct(ctx context.Context, i grid.Interval, now time.Time) (done bool, err error) {
	previous, err := s.runs(ctx, i, math.MaxInt)
	if err != nil || len(previous) == 0 {
		return false, err
	}
	last := previous[len(previous)-1]
	metered, leaves, err := s.carry(ctx, i, false, previous, nil, nil)
	if err != nil {
		return false, err
	}
	if len(leaves) == 0 && len(last.Statements) > 0 {
		return false, fmt.Errorf("correct %s: how its run %d came about is not kept", i, last.Manifest.Run)
	}
	changed, err := s.officially(ctx, i, metered, leaves)
	if err != nil || !changed {
		return err == nil, err
	}
	root, err := rootOf(leaves)
	if err != nil {
		return false, err
	}
	run, err := s.Trades.Settle(i, last.Manifest.Run+1, metered, root, previous)
	if err != nil {
		return false, err
	}
	run.Substituted = last.Substituted && slices.ContainsFunc(metered, func(m record.Metered) bool { return m.Quality == grid.Estimated })
	if err := s.tellWithout(ctx, i, &run, previous); err != nil {
		return false, err
	}
	if err := s.Workings.Keep(ctx, run, leaves); err != nil {
		return false, err
	}
	return true, s.freeze(ctx, i, run, now)
}

// officially puts the grid operator's values in the place of what was metered, and tells
// whether that changes what is settled: energy, or whether a metering point takes part in
// own energy and pool. Where it changes nothing, nothing is replaced.
func (s *Settler) officially(ctx context.Context, i grid.Interval, metered []record.Metered, leaves []json.RawMessage) (changed bool, err error) {
	if s.Official == nil {
		return false, nil
	}
	values, err := s.Official.Of(ctx, i)
	if err != nil || len(values) == 0 {
		return false, err
	}
	replaced, texts := slices.Clone(metered), slices.Clone(leaves)
	for k, m := range metered {
		v, told := values[m.MeteringPoint]
		flow, whole := v.Replaces(m.Flow)
		if !told || !whole {
			continue
		}
		l, err := leafOf(leaves[k])
		if err != nil {
			return false, err
		}
		changed = changed || flow != m.Flow || v.Quality.Shares() != m.Quality.Shares()
		l = record.Leaf{Metered: record.Metered{MeteringPoint: l.MeteringPoint, Flow: flow, Quality: v.Quality}, Salt: l.Salt, Official: v.Files}
		replaced[k].Flow, replaced[k].Quality = flow, v.Quality
		if texts[k], err = json.Marshal(l); err != nil {
			return false, fmt.Errorf("reading root: %w", err)
		}
	}
	if changed {
		copy(metered, replaced)
		copy(leaves, texts)
	}
	return changed, nil
}

// Compared is an interval settled twice from what its first run froze: by what was metered
// here alone, and with the grid operator's values in their place. Statements are by metering
// point.
type Compared struct {
	Interval         grid.Interval
	Signed, Official []settlement.Statement
	Told             map[string]OfficialValue // what the grid operator says, whole or not
}

// Compare settles an interval both ways and keeps nothing of it. It is nil where the interval
// has no run.
func (s *Settler) Compare(ctx context.Context, i grid.Interval, values map[string]OfficialValue) (*Compared, error) {
	runs, err := s.runs(ctx, i, math.MaxInt)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	signed := lastSigned(runs)
	here := make([]record.Metered, len(signed.Statements))
	there := make([]record.Metered, len(signed.Statements))
	for k, st := range signed.Statements {
		here[k] = record.Metered{MeteringPoint: st.MeteringPoint, Flow: st.Metered, Quality: st.Quality}
		there[k] = here[k]
		if flow, whole := values[st.MeteringPoint].Replaces(st.Metered); whole {
			there[k].Flow, there[k].Quality = flow, values[st.MeteringPoint].Quality
		}
	}
	c := &Compared{Interval: i, Told: values}
	for into, metered := range map[*[]settlement.Statement][]record.Metered{&c.Signed: here, &c.Official: there} {
		run, err := s.Trades.Settle(i, 2, metered, "", runs[:1]) //nolint:mnd // as a later run of the first one's basis
		if err != nil {
			return nil, err
		}
		*into = run.Statements
	}
	return c, nil
}

// Signed returns what was metered here of an interval by its last run without official values,
// by metering point; nil where it has no run.
func (s *Settler) Signed(ctx context.Context, i grid.Interval) (map[string]grid.Flow, error) {
	runs, err := s.runs(ctx, i, math.MaxInt)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	flows := map[string]grid.Flow{}
	for _, st := range lastSigned(runs).Statements {
		flows[st.MeteringPoint] = st.Metered
	}
	return flows, nil
}

// lastSigned returns the last of some runs that is by what was metered here alone: the first
// one always is.
func lastSigned(runs []settlement.Run) settlement.Run {
	signed := runs[0]
	for _, r := range runs[1:] {
		if !slices.ContainsFunc(r.Statements, func(st settlement.Statement) bool { return st.Quality.IsOfficial() }) {
			signed = r
		}
	}
	return signed
}
