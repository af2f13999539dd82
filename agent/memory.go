package agent

import (
	"context"
	"math"
	"slices"
	"sync"
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

// memories are what is known of the past of devices, and ask the telemetry for what they do not know yet. They are
// safe for concurrent use.
type memories struct {
	telemetry Telemetry
	minutes   int // of an interval

	mu sync.Mutex         // guards all below
	of map[string]*memory // by device
}

// recollect asks for the past by which it is decided what is forecast of a metering point.
func (r *memories) recollect(ctx context.Context, at seat, now time.Time) error {
	nothing := func(forecast.Series) {}
	if err := r.use(ctx, at.meter, now, nothing); err != nil {
		return err
	}
	for _, d := range at.devices {
		if d.Kind != grid.Inverter {
			continue
		}
		if err := r.use(ctx, d.ID, now, nothing); err != nil {
			return err
		}
	}
	return nil
}

// unseen tells whether a metering point gave more than it took although no inverter of it was ever
// read: there is a roof, and nobody meters it by itself.
func (r *memories) unseen(at seat) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range at.devices {
		if m := r.of[d.ID]; d.Kind == grid.Inverter && m != nil && m.read {
			return false
		}
	}
	m := r.of[at.meter]
	return m != nil && m.gave
}

// recall returns the net energies of a device's past intervals, up to the one that runs at
// now, which is left out. It asks for what it does not remember. It is safe beside a refit.
func (r *memories) recall(ctx context.Context, device string, now time.Time) (past forecast.Series, err error) {
	err = r.use(ctx, device, now, func(s forecast.Series) { past = forecast.Series{First: s.First, Values: slices.Clone(s.Values)} })
	return past, err
}

// use is recall for who needs them only for as long as by lasts, which is not to change them, nor to recall anything.
func (r *memories) use(ctx context.Context, device string, now time.Time, by func(past forecast.Series)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, err := r.refresh(ctx, device, now)
	if err == nil {
		by(forecast.Series{First: m.first, Values: m.values})
	}
	return err
}

// refresh asks for what is not known yet of the past of a device. It is called under mu.
func (r *memories) refresh(ctx context.Context, device string, now time.Time) (*memory, error) {
	current := grid.IntervalAt(now, r.minutes)
	n := historyDays * 24 * 60 / r.minutes
	m := r.of[device]
	if m == nil || m.first.Shift(len(m.values)).Compare(current) > 0 || m.first.Shift(len(m.values)).Compare(current.Shift(-n)) < 0 {
		m = &memory{first: current.Shift(-n)}
		r.of[device] = m
	}
	if gone := between(m.first, current) - n; gone > n/8 { //nolint:mnd // not at every step
		m.values = append([]float64(nil), m.values[gone:]...)
		m.first, m.sure = m.first.Shift(gone), max(m.sure-gone, 0)
	}
	from := m.first.Shift(m.sure)
	asked, err := r.telemetry.Energies(ctx, device, from, between(from, current))
	if err != nil {
		return nil, err
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
	return m, nil
}

// between returns how many intervals lie between the begins of two.
func between(a, b grid.Interval) int { return int((b.Start - a.Start) / (int64(a.Minutes) * 60)) }

// running estimates the energy of the interval that runs at now by what the power of the last
// minutes would make of it, NaN where nothing was read.
func (r *memories) running(ctx context.Context, device string, now time.Time) (float64, error) {
	power, err := r.telemetry.MeanPower(ctx, device, now.Add(-recent), now.Add(time.Second))
	if err != nil || power == nil {
		return math.NaN(), err
	}
	return float64(*power) * grid.IntervalAt(now, r.minutes).Length().Hours(), nil
}

// shortDays is what the agents that do not plan look at.
const shortDays = 8

// lastDays leaves the last few days of a series.
func lastDays(s forecast.Series) forecast.Series {
	if more := len(s.Values) - shortDays*24*60/s.First.Minutes; more > 0 {
		return forecast.Series{First: s.First.Shift(more), Values: s.Values[more:]}
	}
	return s
}

// history returns the net energy of a meter's last days, and of the interval that runs what the
// power of the last minutes would make of it.
func (r *memories) history(ctx context.Context, meter string, now time.Time) (forecast.Series, error) {
	var s forecast.Series
	err := r.use(ctx, meter, now, func(past forecast.Series) {
		s = lastDays(past)
		s.Values = slices.Clone(s.Values)
	})
	if err != nil {
		return s, err
	}
	running, err := r.running(ctx, meter, now)
	s.Values = append(s.Values, running)
	return s, err
}
