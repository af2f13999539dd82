package agent

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// What a battery holds and what it loses is learned from its own readings, for batteries age and data sheets
// flatter. Each pair of intervals in which it only charged, or only discharged, says how much of its charge a Wh is
// worth in that direction; charging and discharging are taken to lose the same share. Until enough has flowed
// both ways, what its owner says holds.

const (
	// studiedEvery is how often a battery's past is looked at.
	studiedEvery = 24 * time.Hour
	// turnedOver is how many times its rated capacity must have flowed in each direction to learn from it.
	turnedOver = 2
	// leastRate is the share of the rated capacity that flows in an interval of those that count: with less, a battery
	// may have charged and discharged in the same one, and the steps in which a charge is told are too coarse.
	leastRate = 0.01
	// nearEnds are the charges below and above which batteries bend what they tell, or what they take.
	nearlyEmpty, nearlyFull = 30, 970
	// A pair counts where the charge moved by what it mostly does, give or take half of it and 1 % of the whole: else
	// the battery has set right what it tells.
	strayShare, strayCharge = 0.5, 0.01
	// What is learned is held within these shares of the rated capacity, and these efficiencies both ways.
	leastCapacity, mostCapacity     = 0.3, 1.2
	leastEfficiency, mostEfficiency = 0.5, 1.0
)

// body is what a battery is by its own readings, or by what its owner says.
type body struct {
	capacity float64 // Wh
	each     float64 // efficiency of charging, and that of discharging
}

// bodies are what is known of batteries. They are safe for concurrent use.
type bodies struct {
	mu      sync.Mutex
	studied map[string]studied
}

// studied is what was learned of a battery.
type studied struct {
	at      time.Time
	rated   body // what its owner said then
	learned body
	known   bool // enough had flowed to learn something
}

// of returns what was learned of a battery that is rated so; false where it was too little.
func (b *bodies) of(battery string, rated body) (body, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.studied[battery]
	return one.learned, one.known && one.rated == rated
}

// due tells whether a battery's past is to be looked at.
func (b *bodies) due(battery string, rated body, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, looked := b.studied[battery]
	return !looked || last.rated != rated || now.Sub(last.at) >= studiedEvery
}

func (b *bodies) put(battery string, s studied) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.studied == nil {
		b.studied = map[string]studied{}
	}
	if before := b.studied[battery]; !s.known && before.rated == s.rated {
		s.learned, s.known = before.learned, before.known
	}
	b.studied[battery] = s
}

// study learns what a battery is from what was read of it before now.
func (t *Traders) study(ctx context.Context, battery string, now time.Time) error {
	energies, err := t.recall(ctx, battery, now)
	if err != nil {
		return err
	}
	charges, err := t.Telemetry.Charges(ctx, battery, energies.First, len(energies.Values))
	if err != nil {
		return err
	}
	s := studied{at: now, rated: t.rated(battery)}
	s.learned, s.known = bodyOf(energies, charges, s.rated)
	t.bodies.put(battery, s)
	return nil
}

// rated is what a battery is by what its owner says.
func (t *Traders) rated(battery string) body {
	of := t.rating(battery)
	b := body{capacity: float64(of.Capacity), each: oneWay}
	if of.Efficiency > 0 {
		b.each = math.Sqrt(float64(of.Efficiency) / float64(allCharge))
	}
	return b
}

// bodyOf learns what a battery is from its energies, Wh (+ charging), and its mean charges in the same intervals,
// per mille; NaN where something is not known. known is false where too little flowed.
//
// The mean charges of two intervals that follow each other differ by half of what each of them moved.
func bodyOf(energies forecast.Series, charges []float64, rated body) (learned body, known bool) {
	var in, out flows
	for k := 1; k < len(charges) && k < len(energies.Values); k++ {
		a, b := energies.Values[k-1], energies.Values[k]
		switch least := leastRate * rated.capacity; {
		case nearEnds(charges[k-1]) || nearEnds(charges[k]):
		case math.Min(a, b) >= least:
			in = append(in, flow{(a + b) / 2, (charges[k] - charges[k-1]) / float64(allCharge)}) //nolint:mnd // half of each
		case math.Max(a, b) <= -least:
			out = append(out, flow{-(a + b) / 2, (charges[k-1] - charges[k]) / float64(allCharge)}) //nolint:mnd // half of each
		}
	}
	charging, discharging := in.sum(), out.sum()
	if enough := turnedOver * rated.capacity; charging.energy < enough || discharging.energy < enough {
		return body{}, false
	}
	gains, costs := charging.rate(), discharging.rate()
	each := min(max(math.Sqrt(gains/costs), math.Sqrt(leastEfficiency)), math.Sqrt(mostEfficiency))
	capacity := 1 / math.Sqrt(gains*costs)
	return body{min(max(capacity, leastCapacity*rated.capacity), mostCapacity*rated.capacity), each}, true
}

// nearEnds tells whether a charge is not known, or near those of an empty or a full battery.
func nearEnds(charge float64) bool { return !(charge >= nearlyEmpty && charge <= nearlyFull) }

// flow is what flowed in one direction, Wh, and by how much the charge moved that way, of 1.
type flow struct{ energy, charge float64 }

// rate is the share of the whole charge that a Wh moved.
func (f flow) rate() float64 { return f.charge / f.energy }

type flows []flow

// sum adds up what flowed where the charge moved by about as much as it mostly does.
func (all flows) sum() (sum flow) {
	if len(all) == 0 {
		return sum
	}
	slices.SortFunc(all, func(a, b flow) int { return cmp.Compare(a.rate(), b.rate()) })
	usual := all[len(all)/2].rate()
	for _, f := range all {
		if wanted := f.energy * usual; math.Abs(f.charge-wanted) <= strayShare*wanted+strayCharge {
			sum.energy, sum.charge = sum.energy+f.energy, sum.charge+f.charge
		}
	}
	return sum
}

// asRead returns what a battery is: as learned, else as rated.
func (t *Traders) asRead(ctx context.Context, battery string, now time.Time) (body, error) {
	rated := t.rated(battery)
	if t.FitInPlace && t.bodies.due(battery, rated, now) {
		if err := t.study(ctx, battery, now); err != nil {
			return body{}, err
		}
	}
	if b, known := t.bodies.of(battery, rated); known {
		return b, nil
	}
	return rated, nil
}

// restudy looks at the past of the first battery of a seat of which that is due; did is false where none is.
func (t *Traders) restudy(ctx context.Context, at seat, now time.Time) (did bool, err error) {
	for _, d := range at.devices {
		if d.Kind == grid.Battery && t.moves(d.ID) && t.bodies.due(d.ID, t.rated(d.ID), now) {
			return true, t.study(ctx, d.ID, now)
		}
	}
	return false, nil
}
