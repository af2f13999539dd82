package rewards

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// participants are the batteries that take part, and the community's ledger, on which they
// go by pseudonyms. They do not change.
type participants struct {
	ledger    *ledger.Ledger
	community string
	Batteries []Battery         // by id
	names     map[string]string // pseudonym → device
}

// newParticipants returns who takes part. Errors: a battery's pseudonym cannot be had.
func newParticipants(c Config) (*participants, error) {
	p := &participants{ledger: c.Ledger, community: c.Community, Batteries: c.Batteries, names: map[string]string{}}
	slices.SortFunc(p.Batteries, func(a, b Battery) int { return cmp.Compare(a.ID, b.ID) })
	for _, b := range p.Batteries {
		name, err := p.pseudonym(b)
		if err != nil {
			return nil, err
		}
		p.names[name] = b.ID
	}
	return p, nil
}

func (p *participants) pseudonym(b Battery) (string, error) {
	return p.ledger.Names.Device(b.Member, b.ID)
}

// operator calls the contracts as the community's operator.
func (p *participants) operator() ledger.Contracts { return p.ledger.As(p.ledger.People.Operator) }
