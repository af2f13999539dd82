package meters

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// A counter watches one cumulative register. A zero is held back: a register
// read while an inverter wakes up is not a new total. A value that runs
// backwards is held back until it is confirmed, as a replaced meter's is. A
// jump further than the device can have moved is held back until enough time
// has passed for it.
type counter struct {
	zeroValid bool
	most      grid.Power // that the device can move, W

	known bool
	last  grid.Energy
	at    time.Time

	suspect   grid.Energy // the value in quarantine
	confirmed int         // consecutive times that it, or more, was read
}

// confirmations is how often a suspicious value must be read in a row.
const confirmations = 60

// check returns an error when the value is not to be believed (yet).
func (c *counter) check(value grid.Energy, at time.Time) error {
	reason := c.doubt(value, at)
	if reason == "" {
		c.accept(value, at)
		return nil
	}
	backwards := c.known && value < c.last && (value != 0 || c.zeroValid)
	if !backwards {
		c.confirmed = 0
		return fmt.Errorf("register %d Wh held back: %s", value, reason)
	}
	if c.confirmed > 0 && value >= c.suspect && value-c.suspect <= c.possible(at.Sub(c.at)) {
		c.confirmed++
	} else {
		c.confirmed = 1
	}
	c.suspect = value
	if c.confirmed >= confirmations {
		c.accept(value, at)
		return nil
	}
	return fmt.Errorf("register %d Wh held back: %s", value, reason)
}

func (c *counter) accept(value grid.Energy, at time.Time) {
	c.known, c.last, c.at, c.confirmed = true, value, at, 0
}

func (c *counter) doubt(value grid.Energy, at time.Time) string {
	switch {
	case value == 0 && !c.zeroValid && (!c.known || c.last > 0):
		return "zero"
	case !c.known:
		return ""
	case value < c.last:
		return fmt.Sprintf("below the last good total of %d Wh", c.last)
	case value-c.last > c.possible(at.Sub(c.at)):
		return fmt.Sprintf("%d Wh above the last good total %s ago", value-c.last, at.Sub(c.at).Round(time.Second))
	default:
		return ""
	}
}

// possible returns how far the register can have moved, with a margin for its
// resolution and for the moment of reading.
func (c *counter) possible(elapsed time.Duration) grid.Energy {
	const slack = 5 * time.Minute
	return grid.Energy(float64(c.most)*(elapsed+slack).Hours()) + 1
}
