package metering

import (
	"sync"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
)

// shown are the readings that prove what flowed in an interval.
type shown struct {
	i      grid.Interval
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
