package profile

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// Resolution returns what one count of an energy register is, in Wh and at least 1.
func (m Measured) Resolution() grid.Energy {
	const most = 1 << 40
	factor, _ := m.Role.factor(m.Unit)
	step := math.Ceil(math.Abs(m.Step * factor))
	if math.IsNaN(step) {
		return 1
	}
	return grid.Energy(min(max(step, 1), most))
}
