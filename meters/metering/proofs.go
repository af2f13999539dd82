package metering

import (
	"context"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// shown are the readings that prove what flowed in an interval.
type shown struct {
	i      grid.Interval
	flow   grid.Flow
	around [4]evidence.Registered
	only   grid.Only // the one register that the meter has
}

// proofs are what was found out last of each connection meter: settlement asks for what
// flowed first, and then for what proves it. It is safe for concurrent use.
type proofs struct {
	mu    sync.Mutex // guards what follows
	shown map[string]shown
	told  map[string]grid.Interval // the last interval of which it was told that the meter is not believed
}

// keep remembers how it was proven what flowed.
func (p *proofs) keep(meter string, s shown) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown[meter] = s
}

// of returns how it was proven what flowed in an interval, where it was the last one that
// was asked for.
func (p *proofs) of(meter string, i grid.Interval) (s shown, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, known = p.shown[meter]
	return s, known && s.i == i
}

// news tells whether nothing was told of a meter since an interval, and remembers that it
// is told now.
func (p *proofs) news(meter string, i grid.Interval) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i.Compare(p.told[meter]) <= 0 {
		return false
	}
	p.told[meter] = i
	return true
}

// shows tells whether whoever has nothing but the batches, as an auditor does, computes from
// them what flowed. Where a gateway's clock was put back that need not be: a batch goes on with
// what does not count any more.
func (m *Meters) shows(ctx context.Context, device string, s shown, batches [4]proof.Digest) (bool, error) {
	var around [4]grid.Registers
	for k, digest := range batches {
		signed, err := m.Evidence.Signed(ctx, digest)
		if err != nil || signed == nil {
			return false, err
		}
		b, _, err := proof.ReadBatch(signed)
		if err != nil {
			return false, nil //nolint:nilerr // it is not there as it was signed, so that it shows nothing
		}
		found := nearestIn(b.Readings, device, s.only, [2]time.Time{s.i.Begin(), s.i.End()}[k/2], k%2 == 0)
		if found == nil {
			return false, nil
		}
		around[k] = *found
	}
	begin, err1 := grid.At(around[0], around[1], s.i.Begin())
	end, err2 := grid.At(around[2], around[3], s.i.End())
	return err1 == nil && err2 == nil && s.flow == grid.Flow{Import: end.Import - begin.Import, Export: end.Export - begin.Export}, nil
}

// nearestIn returns the registers of a device that some readings tell of at t, or of the
// nearest time before or after it; of two at one time the later one counts. It is nil where
// they tell of none.
func nearestIn(readings []grid.Reading, device string, only grid.Only, t time.Time, before bool) (found *grid.Registers) {
	for _, r := range readings {
		registers := r.RegistersOf(only)
		if r.Device != device || registers == nil || before && r.Time.After(t) || !before && r.Time.Before(t) {
			continue
		}
		if found == nil || r.Time.Equal(found.Time) || r.Time.After(found.Time) == before {
			found = registers
		}
	}
	return found
}
