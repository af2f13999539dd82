package agent

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

const (
	// historyDays is how much of the past is remembered: what the forecasts learn from.
	historyDays = 56
	recent      = 10 * time.Minute
	// settles is how long an interval may stay unknown before it is taken as
	// missing for good.
	settles = time.Hour
)

// memory is what is known of the past of a device.
type memory struct {
	first  grid.Interval
	values []float64 // Wh, + import or charging; NaN where missing
	sure   int       // so many are not asked for any more
	read   bool      // something of it is known
	gave   bool      // in some interval it gave more than it took
}

// recollect asks for the past by which it is decided what is forecast of a metering point.
func (t *Traders) recollect(ctx context.Context, at seat, now time.Time) error {
	if _, err := t.recall(ctx, at.meter, now); err != nil {
		return err
	}
	for _, d := range at.devices {
		if d.Kind != grid.Inverter {
			continue
		}
		if _, err := t.recall(ctx, d.ID, now); err != nil {
			return err
		}
	}
	return nil
}

// unseen tells whether a metering point gave more than it took although no inverter of it was ever
// read: there is a roof, and nobody meters it by itself.
func (t *Traders) unseen(at seat) bool {
	t.recalls.Lock()
	defer t.recalls.Unlock()
	for _, d := range at.devices {
		if m := t.known[d.ID]; d.Kind == grid.Inverter && m != nil && m.read {
			return false
		}
	}
	m := t.known[at.meter]
	return m != nil && m.gave
}

// recall returns the net energies of a device's past intervals, up to the one that runs at
// now, which is left out. It asks for what it does not remember. It is safe beside a refit.
func (t *Traders) recall(ctx context.Context, device string, now time.Time) (forecast.Series, error) {
	t.recalls.Lock()
	defer t.recalls.Unlock()
	current := grid.IntervalAt(now, t.Minutes)
	n := historyDays * 24 * 60 / t.Minutes
	m := t.known[device]
	if m == nil || m.first.Shift(len(m.values)).Compare(current) > 0 || m.first.Shift(len(m.values)).Compare(current.Shift(-n)) < 0 {
		m = &memory{first: current.Shift(-n)}
		t.known[device] = m
	}
	if gone := between(m.first, current) - n; gone > n/8 { //nolint:mnd // not at every step
		m.values = append([]float64(nil), m.values[gone:]...)
		m.first, m.sure = m.first.Shift(gone), max(m.sure-gone, 0)
	}
	from := m.first.Shift(m.sure)
	asked, err := t.Telemetry.Energies(ctx, device, from, between(from, current))
	if err != nil {
		return forecast.Series{}, err
	}
	m.values = append(m.values[:m.sure], asked...)
	m.read = m.read || slices.ContainsFunc(asked, known)
	m.gave = m.gave || slices.ContainsFunc(asked, func(wh float64) bool { return wh < -float64(leastEnergy) })
	for m.sure < len(m.values) {
		if math.IsNaN(m.values[m.sure]) && now.Sub(m.first.Shift(m.sure).End()) <= settles {
			break
		}
		m.sure++
	}
	return forecast.Series{First: m.first, Values: slices.Clone(m.values)}, nil
}

// between returns how many intervals lie between the begins of two.
func between(a, b grid.Interval) int { return int((b.Start - a.Start) / (int64(a.Minutes) * 60)) }

// running estimates the energy of the interval that runs at now by what the power of the last
// minutes would make of it, NaN where nothing was read.
func (t *Traders) running(ctx context.Context, device string, now time.Time) (float64, error) {
	power, err := t.Telemetry.MeanPower(ctx, device, now.Add(-recent), now.Add(time.Second))
	if err != nil || power == nil {
		return math.NaN(), err
	}
	return float64(*power) * grid.IntervalAt(now, t.Minutes).Length().Hours(), nil
}

// shortDays is what the agents that do not plan look at.
const shortDays = 8

// history returns the net energy of a meter's last days, and of the interval that runs what the
// power of the last minutes would make of it.
func (t *Traders) history(ctx context.Context, meter string, now time.Time) (forecast.Series, error) {
	s, err := t.recall(ctx, meter, now)
	if err != nil {
		return s, err
	}
	if more := len(s.Values) - shortDays*24*60/t.Minutes; more > 0 {
		s = forecast.Series{First: s.First.Shift(more), Values: s.Values[more:]}
	}
	running, err := t.running(ctx, meter, now)
	s.Values = append(s.Values, running)
	return s, err
}
