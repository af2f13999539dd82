package metering

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// Reach is how far from a boundary a register may have been read to serve for
// interpolation at all.
const Reach = 30 * 24 * time.Hour

const (
	// near is how far from a boundary readings are looked at: what a register shows for less
	// than a minute is found out by what it shows before and after.
	near = confirmedAfter + grid.Standstill
	// Where that does not tell, the whole interval is looked at, and so much before and after.
	longBefore = time.Hour
	longAfter  = 10 * time.Minute
	beyond     = 3 // readings still further away
)

// energy is what is known of an interval at a meter.
type energy struct {
	flow    grid.Flow
	quality grid.Quality
	whole   [2]bool // by direction: it is known from begin to end
	shown   shown   // of one that is good: what proves it
}

func (e energy) complete() bool { return e.whole[imports] && e.whole[exports] }

// energy returns what is known of an interval at a meter. Errors: errNewcomer.
func (m *Meters) energy(ctx context.Context, meter grid.Device, i grid.Interval) (energy, error) {
	j, err := m.judge(ctx, meter, i)
	if err != nil {
		return energy{}, err
	}
	next, replaced := m.next(meter, i)
	if flow, around, ok := j.proven(); ok && !replaced {
		s := shown{i, flow, around, j.only}
		m.proofs.keep(meter.ID, s)
		return energy{flow: flow, quality: grid.Good, whole: [2]bool{true, true}, shown: s}, nil
	}
	if n := len(j.rows); n > 0 && !j.rows[n-1].Time.Before(i.End()) {
		m.tell(ctx, meter, j)
	}
	if m.paired(meter.ID) && len(j.rows) > 0 && j.rows[0].Time.After(i.Begin()) && !m.tookOver(meter, i) {
		return energy{}, errNewcomer
	}
	if replaced {
		after, err := m.judge(ctx, next, i)
		if err != nil {
			return energy{}, err
		}
		j = j.then(after)
	}
	e := energy{quality: grid.Estimated}
	for d, sum := range map[direction]*grid.Energy{imports: &e.flow.Import, exports: &e.flow.Export} {
		*sum, e.whole[d] = j.courses[d].gain(i.Begin(), i.End())
	}
	// Of a direction that the meter does not count nothing is missing.
	e.whole[imports] = e.whole[imports] || j.only == grid.ExportOnly
	e.whole[exports] = e.whole[exports] || j.only == grid.ImportOnly
	return e, nil
}

// judge looks at what was told about both ends of an interval, and where that does not
// tell what flowed at all of it.
func (m *Meters) judge(ctx context.Context, meter grid.Device, i grid.Interval) (j judgement, err error) {
	most := m.mostOf(meter.ID)
	only, err := m.only(ctx, meter)
	if err != nil {
		return j, err
	}
	rows, err := m.atTheEnds(ctx, meter, i)
	if err != nil {
		return j, err
	}
	j = judge(rows, i, most, only)
	if _, _, ok := j.proven(); ok {
		return j, nil
	}
	from, to := i.Begin().Add(-longBefore), i.End().Add(longAfter)
	before, _, err := m.Evidence.RegistersBeside(ctx, meter.Member, meter.ID, from, Reach, beyond)
	if err != nil {
		return j, err
	}
	rows, err = m.Evidence.Registers(ctx, meter.Member, meter.ID, from, to)
	if err != nil {
		return j, err
	}
	_, after, err := m.Evidence.RegistersBeside(ctx, meter.Member, meter.ID, to, Reach, beyond)
	return judge(append(append(before, rows...), after...), i, most, only), err
}

// atTheEnds returns what was told about both ends of an interval. Of one so short that a reading
// beside its begin could be taken for the last one before its end, it returns all between too:
// the nearest reading to an end may lie there.
func (m *Meters) atTheEnds(ctx context.Context, meter grid.Device, i grid.Interval) ([]evidence.Registered, error) {
	if i.Length() <= proof.Fresh+2*near {
		return m.Evidence.Registers(ctx, meter.Member, meter.ID, i.Begin().Add(-near), i.End().Add(near))
	}
	begin, err := m.Evidence.Registers(ctx, meter.Member, meter.ID, i.Begin().Add(-near), i.Begin().Add(near))
	if err != nil {
		return nil, err
	}
	end, err := m.Evidence.Registers(ctx, meter.Member, meter.ID, i.End().Add(-near), i.End().Add(near))
	return append(begin, end...), err
}

// only returns the register that a meter has alone, as far as it was ever read.
func (m *Meters) only(ctx context.Context, meter grid.Device) (grid.Only, error) {
	counts1, counts2, err := m.Evidence.Counts(ctx, meter.Member, meter.ID)
	switch {
	case counts1 && !counts2:
		return grid.ImportOnly, err
	case counts2 && !counts1:
		return grid.ExportOnly, err
	default:
		return "", err
	}
}

// tell says that a meter is not believed, once an interval, and not again of older ones.
func (m *Meters) tell(ctx context.Context, meter grid.Device, j judgement) {
	if j.doubted() && m.Doubted != nil && m.news(meter.ID, j.i) {
		m.Doubted(ctx, meter, j.i)
	}
}
