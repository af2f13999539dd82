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

// batteries are what batteries are and hold. What is learned of them is safe for concurrent use.
type batteries struct {
	telemetry Telemetry
	ratings   ratings
	memories  *memories
	inPlace   bool // their past is looked at where it is asked for

	mu      sync.Mutex // guards all below
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
func (b *batteries) of(battery string, rated body) (body, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.studied[battery]
	return one.learned, one.known && one.rated == rated
}

// due tells whether a battery's past is to be looked at.
func (b *batteries) due(battery string, rated body, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, looked := b.studied[battery]
	return !looked || last.rated != rated || now.Sub(last.at) >= studiedEvery
}

func (b *batteries) put(battery string, s studied) {
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
func (b *batteries) study(ctx context.Context, battery string, now time.Time) error {
	energies, err := b.memories.recall(ctx, battery, now)
	if err != nil {
		return err
	}
	charges, err := b.telemetry.Charges(ctx, battery, energies.First, len(energies.Values))
	if err != nil {
		return err
	}
	s := studied{at: now, rated: b.ratings.battery(battery)}
	s.learned, s.known = bodyOf(energies, charges, s.rated)
	b.put(battery, s)
	return nil
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
func (b *batteries) asRead(ctx context.Context, battery string, now time.Time) (body, error) {
	rated := b.ratings.battery(battery)
	if b.inPlace && b.due(battery, rated, now) {
		if err := b.study(ctx, battery, now); err != nil {
			return body{}, err
		}
	}
	if one, known := b.of(battery, rated); known {
		return one, nil
	}
	return rated, nil
}

// restudy looks at the past of the first battery of a seat of which that is due; did is false where none is.
func (b *batteries) restudy(ctx context.Context, at seat, now time.Time) (did bool, err error) {
	for _, d := range at.devices {
		if d.Kind == grid.Battery && b.ratings.moves(d.ID) && b.due(d.ID, b.ratings.battery(d.ID), now) {
			return true, b.study(ctx, d.ID, now)
		}
	}
	return false, nil
}

// storage is a battery, or what several are together.
type storage struct {
	capacity, held, power float64 // Wh, W
	each                  float64 // efficiency of charging, and that of discharging; of several it is not known
}

// now returns what a battery holds now; ok is false where it is not known or may not be moved.
func (b *batteries) now(ctx context.Context, device string, now time.Time) (s storage, ok bool, err error) {
	last, err := b.telemetry.Last(ctx, device)
	if err != nil || last == nil || last.Charge == nil || !b.ratings.moves(device) {
		return s, false, err
	}
	one, err := b.asRead(ctx, device, now)
	if err != nil {
		return s, false, err
	}
	return storage{capacity: one.capacity, held: one.capacity * float64(*last.Charge) / float64(allCharge), power: float64(b.ratings.of(device).Power), each: one.each}, true, nil
}

// oneWay is the assumed efficiency of charging and of discharging where the owner does not say;
// both ways 90 %.
const oneWay = 0.9487

// stored returns what the batteries of the community hold together.
func (b *batteries) stored(ctx context.Context, seats []seat, now time.Time) (sum storage, err error) {
	for _, at := range seats {
		for _, d := range at.devices {
			if d.Kind != grid.Battery {
				continue
			}
			one, ok, err := b.now(ctx, d.ID, now)
			if err != nil {
				return sum, err
			}
			if ok {
				sum.capacity, sum.held, sum.power = sum.capacity+one.capacity, sum.held+one.held, sum.power+one.power
			}
		}
	}
	return sum, nil
}
