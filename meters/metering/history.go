package metering

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
)

// History answers what agents ask of the past of a device.
type History struct {
	*Meters

	Store store.Store // has the powers
	// Owner says whose device one is that is no connection meter; nil: nobody asks for such.
	Owner func(device string) (member string)
	// Before has what devices would have counted before anybody read them; nil: nobody knows.
	Before Before
}

// Before is a past that was given to a community beforehand: nobody read it, and nothing is
// settled by it.
type Before interface {
	// Past returns the net energies in Wh (+ import) of so many intervals from first on, NaN where
	// they are not known.
	Past(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error)
}

// Energies returns the net energy in Wh (+ import) of n intervals from first on, NaN where
// it is not known. It takes the registers at the ends of the intervals from what was read
// last before: for a forecast that is exact enough, and it is one query. The registers of a device
// that is no connection meter are no evidence, and come from the store. Where nothing was read it
// is what was given beforehand.
func (h History) Energies(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	d := h.device(device)
	energies, err := h.counted(ctx, d, first, n)
	if err != nil || !slices.ContainsFunc(energies, math.IsNaN) {
		return energies, err
	}
	if d.Kind != grid.Meter && h.Store != nil {
		for k, e := range h.stored(ctx, d, first, n) {
			if math.IsNaN(energies[k]) {
				energies[k] = e
			}
		}
	}
	if h.Before == nil || !slices.ContainsFunc(energies, math.IsNaN) {
		return energies, nil
	}
	past, err := h.Before.Past(ctx, device, first, n)
	if err != nil {
		return nil, err
	}
	for k, e := range energies {
		if math.IsNaN(e) {
			energies[k] = past[k]
		}
	}
	return energies, nil
}

// counted returns the net energies by the registers of a meter, and before it was there by those of
// the meters that it replaced.
func (h History) counted(ctx context.Context, d grid.Device, first grid.Interval, n int) ([]float64, error) {
	energies, err := h.net(ctx, d, first, n)
	for _, old := range h.before(d) {
		if err != nil || !slices.ContainsFunc(energies, math.IsNaN) {
			break
		}
		var past []float64
		if past, err = h.net(ctx, old, first, n); err != nil {
			break
		}
		for k, e := range past {
			if math.IsNaN(energies[k]) {
				energies[k] = e
			}
		}
	}
	return energies, err
}

// stored returns what n intervals came to by the registers that the store has of a device, or by the powers
// that were read of one that has no registers; NaN where it has none or does not answer in time.
func (h History) stored(ctx context.Context, d grid.Device, first grid.Interval, n int) []float64 {
	asked, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	step := store.Quarter
	if time.Duration(step) > first.Length() {
		step = store.Minute
	}
	rows, err := h.Store.Range(asked, d.ID, first.Shift(-1).Begin(), first.Shift(n-1).End(), step)
	if err != nil {
		rows = nil // the store is away: nothing is known yet
	}
	last := map[grid.Interval]evidence.Registered{} // of an interval
	powers := map[grid.Interval]*mean{}             // of a device without registers
	for _, r := range rows {
		if i := grid.IntervalAt(r.Time, first.Minutes); r.Power != nil {
			if powers[i] == nil {
				powers[i] = &mean{}
			}
			powers[i].add(float64(*r.Power))
		}
		if r.Import != nil || r.Export != nil {
			last[grid.IntervalAt(r.Time, first.Minutes)] = evidence.Registered{Time: r.Time, Import: r.Import, Export: r.Export}
		}
	}
	energies := make([]float64, n)
	for k := range energies {
		before, known := last[first.Shift(k-1)]
		after, now := last[first.Shift(k)]
		energies[k] = math.NaN()
		if i := first.Shift(k); known && now {
			energies[k] = h.gained(d, before, after)
		} else if len(last) == 0 && powers[i] != nil {
			energies[k] = powers[i].sum / powers[i].n * i.Length().Hours()
		}
	}
	return energies
}

// mean adds up powers, W.
type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

// value is NaN of nothing.
func (m *mean) value() float64 { return m.sum / m.n }

// device returns a connection meter, or another device of a home.
func (h History) device(id string) grid.Device {
	d := h.byID(id)
	if d.Member == "" && h.Owner != nil {
		d.Member = h.Owner(id)
	}
	return d
}

// askedFor is how long the store may take to answer before the registers do.
const askedFor = 2 * time.Second

// MeanPower returns the mean of the powers that were read in [from, to), nil when none was.
// While the store does not answer it is what the registers gained.
func (h History) MeanPower(ctx context.Context, meter string, from, to time.Time) (*grid.Power, error) {
	asked, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	readings, err := h.Store.Range(asked, meter, from, to, store.Raw)
	if err != nil {
		return h.meanGain(ctx, h.device(meter), from, to)
	}
	var sum, n grid.Power
	for _, r := range readings {
		if r.Power != nil {
			sum += *r.Power
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return new(sum / n), nil
}

// Last returns what was last read of a device, nil when nothing was. The store may take no
// longer to answer than it may for powers.
func (h History) Last(ctx context.Context, device string) (*grid.Reading, error) {
	asked, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	return h.Store.Last(asked, device)
}

// meanGain is the mean power in [from, to) by what the registers gained, nil where they were
// not read twice.
func (m *Meters) meanGain(ctx context.Context, d grid.Device, from, to time.Time) (*grid.Power, error) {
	rows, err := m.Evidence.Registers(ctx, d.Member, d.ID, from, to)
	if err != nil || len(rows) < 2 { //nolint:mnd // its ends
		return nil, err
	}
	first, last := rows[0], rows[len(rows)-1]
	net := m.gained(d, first, last)
	if math.IsNaN(net) {
		return nil, nil
	}
	return new(grid.Power(math.Round(net / last.Time.Sub(first.Time).Hours()))), nil
}

// net returns the net energies of n intervals at a meter, NaN where they are not known.
func (m *Meters) net(ctx context.Context, meter grid.Device, first grid.Interval, n int) ([]float64, error) {
	at, err := m.Evidence.LastTotals(ctx, meter.Member, meter.ID, first.Shift(-1).Begin(), first.Shift(n).Begin(), first.Length())
	if err != nil {
		return nil, err
	}
	energies := make([]float64, n)
	for k := range energies {
		before, known1 := at[first.Shift(k-1).Start]
		after, known2 := at[first.Shift(k).Start]
		if energies[k] = math.NaN(); known1 && known2 {
			energies[k] = m.gained(meter, before, after)
		}
	}
	return energies, nil
}

// gained returns by how much the registers show that more was taken than given between two
// readings, in Wh, NaN where that cannot be.
func (m *Meters) gained(meter grid.Device, before, after evidence.Registered) float64 {
	most := grid.MostTotal // of a device that is no connection meter
	if bound, meters := m.bound(meter.ID); meters {
		most = grid.MostGain(bound, after.Time.Sub(before.Time), 1)
	}
	net, known := 0.0, false
	for sign, d := range map[float64]direction{1: imports, -1: exports} {
		a, b := d.of(before), d.of(after)
		if a == nil && b == nil {
			continue // the meter does not count it
		}
		if !possible(a) || !possible(b) || *b < *a || *b-*a > most {
			return math.NaN()
		}
		net, known = net+sign*float64(*b-*a), true
	}
	if !known {
		return math.NaN()
	}
	return net
}

// Plugged tells of n intervals from first on whether a car was at a charger: one that is there has a charge.
// While the store does not answer nothing is known.
func (h History) Plugged(ctx context.Context, charger string, first grid.Interval, n int) ([]grid.Presence, error) {
	all := make([]grid.Presence, n)
	h.steps(ctx, charger, first, n, func(k int, r grid.Reading) {
		switch {
		case r.Charge != nil:
			all[k] = grid.CarHere
		case all[k] == grid.Unread:
			all[k] = grid.CarAway
		}
	})
	return all, nil
}

// Charges returns the mean states of charge of a battery in n intervals from first on, per mille, NaN where it told
// none. While the store does not answer nothing is known.
func (h History) Charges(ctx context.Context, battery string, first grid.Interval, n int) ([]float64, error) {
	all := make([]mean, n)
	h.steps(ctx, battery, first, n, func(k int, r grid.Reading) {
		if r.Charge != nil {
			all[k].add(float64(*r.Charge))
		}
	})
	charges := make([]float64, n)
	for k := range charges {
		charges[k] = all[k].value()
	}
	return charges, nil
}

// steps tells what the store has of a device in n intervals from first on, by steps of an interval or shorter ones.
func (h History) steps(ctx context.Context, device string, first grid.Interval, n int, tell func(k int, r grid.Reading)) {
	asked, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	step := store.Quarter
	if time.Duration(step) > first.Length() {
		step = store.Minute
	}
	rows, err := h.Store.Range(asked, device, first.Begin(), first.Shift(n).Begin(), step)
	if err != nil {
		return // the store is away: nothing is known yet
	}
	for _, r := range rows {
		if k := int(r.Time.Sub(first.Begin()) / first.Length()); k >= 0 && k < n {
			tell(k, r)
		}
	}
}
