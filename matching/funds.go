package matching

import (
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Funds is how a member's prepaid balance stands.
type Funds struct {
	Prepaid  bool       // false: it never was funded, and orders without one
	Balance  grid.Money // as it was funded last
	Reserved grid.Money // of it, for orders and trades
	Missing  grid.Price // what energy costs that it sold and does not deliver
}

// Funds returns how a member's balance stands, the zero value for one that is not known.
func (e *Engine) Funds(number uint32) Funds {
	if number == 0 || int(number) >= len(e.members) {
		return Funds{}
	}
	m := e.members[number]
	return Funds{m.prepaid, m.balance, m.reserved, m.missing}
}

// Unreleased returns the closed products for whose trades something is still reserved, in
// order.
func (e *Engine) Unreleased() []uint32 {
	var all []uint32
	for _, label := range slices.Sorted(maps.Keys(e.labels)) {
		if !e.products[e.labels[label]].open {
			all = append(all, label)
		}
	}
	return all
}
