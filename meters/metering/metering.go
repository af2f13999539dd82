// Package metering says what flowed over the connection meters of a community in a delivery
// interval, from the registers in the signed batches of the evidence. Telemetry, which may be
// in a database on another machine, is for pages and forecasts: no bill waits for it.
//
// A meter that was read at both ends of the interval says it itself. Where it was not read
// at one of them, what was read of the interval counts until a later run corrects it. When
// corrections are over, a value is put in its place for good: the one that is dearer for the
// member, of what was forecast and what was metered at the same time a week before. Each
// direction counts by itself: where one register is missing the other one still says what
// flowed its way.
//
// Registers are judged by the rule of a counter, with what can flow through the connection:
// one that jumps counts once it has stayed for a minute, and nothing flowed by the jump. A
// meter that was replaced, a register that was torn, and one that nothing can have brought
// to where it is make the interval of that member an estimate, and nobody else's.
//
// A metering point that is paired while the community runs takes part in the intervals that
// begin after it was paired and its meter was first read. The others neither wait for it nor
// are estimated because of it. One that is removed takes part in the intervals that began before.
// Where another meter takes its place, what both counted of the interval of the change is added,
// with what flowed in the moment between; that is no proof, so that it is called an estimate.
//
// Energy is in Wh, times are world time. Meters starts nothing and does not own the evidence.
package metering

import (
	"context"
	"errors"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/tariff"
)

// Rates says what a kWh costs at a metering point in an interval.
type Rates interface {
	Rates(point string, i grid.Interval) (tariff.Rates, error)
}

// Options are what Meters works with.
type Options struct {
	Evidence *evidence.Log
	Tariff   tariff.Tariff
	Rates    Rates // nil: Tariff, at every metering point
	// Doubted is told of a meter whose registers are not believed as they stand, once an
	// interval; nil: nobody is told.
	Doubted func(ctx context.Context, meter grid.Device, i grid.Interval)
	// Forecast returns the net energy of the interval that follows a history, of which
	// unknown values are NaN; known is false where the history is too short.
	Forecast func(first grid.Interval, history []float64) (net float64, known bool, err error)
}

// Meters are the connection meters of a community. It is safe for concurrent use.
type Meters struct {
	Options

	roster
	proofs
}

// New returns a community without meters.
func New(o Options) *Meters {
	return &Meters{
		Options: o,
		roster:  roster{times: map[string][]period{}, most: map[string]grid.Power{}},
		proofs:  proofs{shown: map[string]shown{}, told: map[string]grid.Interval{}},
	}
}

// Energies returns the energy of every metering point. Where a register is
// missing complete is false and the declared substitution applies: what was
// read of the interval counts, the rest is left to a later run; last settles for good.
func (m *Meters) Energies(ctx context.Context, i grid.Interval, last bool) (metered []record.Metered, complete bool, err error) {
	complete = true
	for _, d := range m.in(i) {
		e, err := m.energy(ctx, d, i)
		if errors.Is(err, errNewcomer) {
			continue
		}
		if err == nil && !e.complete() && last {
			e.flow, err = m.substitute(ctx, d, i, e)
		}
		if err != nil {
			return nil, false, fmt.Errorf("meter %s: %w", d.ID, err)
		}
		complete = complete && e.complete()
		quality := e.quality
		if last && quality == grid.Estimated {
			quality = grid.Final
		}
		metered = append(metered, record.Metered{MeteringPoint: d.MeteringPoint, Flow: e.flow, Quality: quality})
	}
	return metered, complete, nil
}

// errNewcomer reports a meter that was first read after the interval began, and paired where there was none.
var errNewcomer = errors.New("the meter was first read later")

// Batches returns the signed batches by which the registers at both ends of an interval are
// known (record.Leaf), empty where they cannot be shown, and which register the meter has
// alone. signed is false for a metering point without a meter.
func (m *Meters) Batches(ctx context.Context, point string, i grid.Interval) (batches [4]proof.Digest, only grid.Only, signed bool, err error) {
	d, has := m.measured(point, i)
	if !has {
		return batches, "", false, nil
	}
	s, known := m.proofs.of(d.ID, i)
	if !known {
		e, err := m.energy(ctx, d, i)
		if err != nil || e.quality != grid.Good {
			return batches, "", true, err
		}
		s = e.shown
	}
	for k, r := range s.around {
		if batches[k], err = m.Evidence.BatchOf(ctx, r); err != nil {
			return batches, "", true, err
		}
	}
	if same, err := m.shows(ctx, d.ID, s, batches); err != nil || !same {
		return [4]proof.Digest{}, s.only, true, err
	}
	return batches, s.only, true, nil
}

// Name keeps batches for good.
func (m *Meters) Name(ctx context.Context, batches ...proof.Digest) error {
	return m.Evidence.Name(ctx, batches...)
}
