package rewards

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// participants are the batteries that take part, and those that did, and the community's
// ledger, on which they go by pseudonyms. They are safe for concurrent use.
type participants struct {
	ledger    *ledger.Ledger
	community string

	mu    sync.RWMutex      // guards what follows, which is replaced whole; no other lock is taken under it
	all   []Battery         // by id
	names map[string]string // pseudonym → device
}

// newParticipants returns who takes part. Errors: a battery's pseudonym cannot be had.
func newParticipants(c Config) (*participants, error) {
	p := &participants{ledger: c.Ledger, community: c.Community}
	return p, p.keep(slices.Clone(c.Batteries))
}

// Set has these batteries take part from now on. One that took part before and is not among them was
// let go of: it is asked for nothing any more, and what it did until now is proven and paid. Errors: a
// battery's pseudonym cannot be had; then nothing has changed.
func (p *participants) Set(batteries []Battery, now time.Time) error {
	next := slices.Clone(batteries)
	for _, b := range p.list() {
		if slices.ContainsFunc(next, func(x Battery) bool { return x.ID == b.ID }) {
			continue
		}
		if b.Until.IsZero() {
			b.Until = now
		}
		next = append(next, b)
	}
	return p.keep(next)
}

// keep has the batteries be these.
func (p *participants) keep(next []Battery) error {
	slices.SortFunc(next, func(a, b Battery) int { return cmp.Compare(a.ID, b.ID) })
	names := make(map[string]string, len(next))
	for _, b := range next {
		name, err := p.pseudonym(b)
		if err != nil {
			return err
		}
		names[name] = b.ID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all, p.names = next, names
	return nil
}

// list returns all batteries, by id. Nobody may change the list.
func (p *participants) list() []Battery {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.all
}

// Batteries returns those that take part now, by id.
func (p *participants) Batteries() []Battery {
	return slices.DeleteFunc(slices.Clone(p.list()), func(b Battery) bool { return !b.Until.IsZero() })
}

// Everyone returns those that take part now or did before, by id.
func (p *participants) Everyone() []Battery { return slices.Clone(p.list()) }

// device returns whose pseudonym it is, "" where nobody here goes by it.
func (p *participants) device(pseudonym string) string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.names[pseudonym]
}

func (p *participants) pseudonym(b Battery) (string, error) {
	return p.ledger.Names.Device(b.Member, b.ID)
}

// operator calls the contracts as the community's operator.
func (p *participants) operator() ledger.Contracts { return p.ledger.As(p.ledger.People.Operator) }
