package network

import (
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Step is a step of a net supply curve: at the price it grows by the energy, which is above 0.
type Step struct {
	Price  grid.Price
	Energy grid.Energy
}

// Seen returns what the parent of a node sees of all that stands behind it, after the line's fee
// and within its limits, beside what is committed: the net supply below every price, 0 or less,
// and its steps by price. The case must be one that Clear takes, and the node must not be its root.
func Seen(c Case, of string) (base grid.Energy, steps []Step) {
	nodes, _ := tree(c)
	for _, n := range slices.Backward(nodes) { // children before parents
		n.sum(nil)
		if n.id == of {
			for _, j := range n.seen.jumps {
				steps = append(steps, Step{j.price, grid.Energy(j.energy)})
			}
			return grid.Energy(n.seen.base), steps
		}
	}
	return 0, nil
}
