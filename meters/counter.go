package meters

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// A counter watches one cumulative register and gives its total, which goes on
// where the register wraps. A zero is held back: a register read while an
// inverter wakes up is not a new total. A value that runs backwards is held back
// until it is confirmed, as a replaced meter's is. A jump further than the device
// can have moved is held back; once it is confirmed the total goes on from where it
// was, and nothing is billed for the jump.
type counter struct {
	zeroValid bool
	most      grid.Power // that the device can move, W

	known bool
	last  grid.Energy // total
	at    time.Time

	suspect   grid.Energy // the value in quarantine
	since     time.Time   // when it was first read
	confirmed int         // consecutive times that it, or more, was read
	offset    grid.Energy // from the register to the total, after a jump that no energy explains
}

// confirmations is how often a suspicious value must be read in a row.
const confirmations = 60

// check returns the total that a register value stands for, or an error when
// it is not to be believed (yet). wraps is what the register counts to, 0 when
// that is out of reach.
func (c *counter) check(value, wraps grid.Energy, at time.Time) (grid.Energy, error) {
	total := c.unwrap(value+c.offset, wraps, at)
	reason := c.doubt(total, at)
	if reason == "" {
		c.accept(total, at)
		return total, nil
	}
	if total == 0 && !c.zeroValid || !c.known {
		c.confirmed = 0
		return 0, fmt.Errorf("register %d Wh held back: %s", value, reason)
	}
	if c.confirmed > 0 && total >= c.suspect && total-c.suspect <= c.possible(at.Sub(c.since)) {
		c.confirmed++
	} else {
		c.confirmed, c.since = 1, at
	}
	c.suspect = total
	if c.confirmed < confirmations {
		return 0, fmt.Errorf("register %d Wh held back: %s", value, reason)
	}
	if total > c.last { // a meter was changed: its total goes on, and bills nothing for the jump
		c.offset += c.last - total
		total = c.last
	}
	c.accept(total, at)
	return total, nil
}

// unwrap adds as many full turns of the register as bring it to the last total
// or above. Where the device cannot have moved that far, or the register begins
// again at exactly zero, which a reset does too, the value stays as it is.
func (c *counter) unwrap(value, wraps grid.Energy, at time.Time) grid.Energy {
	if !c.known || wraps <= 0 || value >= c.last || value == 0 && !c.zeroValid {
		return value
	}
	turns := (c.last - value + wraps - 1) / wraps
	if total := value + turns*wraps; total-c.last <= c.possible(at.Sub(c.at)) {
		return total
	}
	return value
}

func (c *counter) accept(total grid.Energy, at time.Time) {
	c.known, c.last, c.at, c.confirmed = true, total, at, 0
}

func (c *counter) doubt(total grid.Energy, at time.Time) string {
	switch {
	case total == 0 && !c.zeroValid && (!c.known || c.last > 0):
		return "zero"
	case !c.known:
		return ""
	case total < c.last:
		return fmt.Sprintf("below the last good total of %d Wh", c.last)
	case c.confirmed > 0 && c.suspect > c.last && total >= c.suspect:
		return "it jumped, and is not confirmed yet"
	case total-c.last > c.possible(at.Sub(c.at)):
		return fmt.Sprintf("%d Wh above the last good total %s ago, more than %d W can do", total-c.last, at.Sub(c.at).Round(time.Second), c.most)
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
