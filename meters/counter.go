package meters

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// A counter watches one cumulative register and gives its total, which goes on
// where the register wraps. A zero is held back: a register read while an
// inverter wakes up is not a new total. A value that runs backwards, and one that is
// further ahead than the device can have moved it, are held back until they are
// confirmed: a replaced meter's and a stuck register's stay, a torn read's do not. The
// total is then what the register shows; what flowed over such a step is not for the
// counter to say.
type counter struct {
	zeroValid bool       // the register may begin at zero at any time
	most      grid.Power // that can flow, W

	known bool
	last  grid.Energy // total
	at    time.Time

	held quarantine
}

// quarantine is a run of values that are not believed yet, each of which can follow the
// one before.
type quarantine struct {
	n           int // of values; 0: there are none
	first, last grid.Energy
	since, at   time.Time // when the first and the last one were read
	reading     grid.Reading
}

// A suspicious value is believed when it was read so often in a row and for so long.
const (
	confirmations = 3
	confirmFor    = time.Minute
)

// shown is what a register says.
type shown struct {
	value grid.Energy
	wraps grid.Energy // what the register counts to; 0: that is out of reach
	step  grid.Energy // what one count of it is, at least 1
	at    time.Time

	zeroValid bool // a zero is a total
}

// check returns the total that a register stands for, or an error when it is not to be
// believed (yet). It is confirmed when it ends a quarantine.
func (c *counter) check(s shown) (total grid.Energy, confirmed bool, err error) {
	if s.value < 0 {
		return 0, false, fmt.Errorf("register %d Wh left out: a register counts upwards from zero", s.value)
	}
	total = c.unwrap(s)
	reason := c.doubt(total, s)
	if reason == "" {
		c.accept(total, s.at)
		return total, false, nil
	}
	held := fmt.Errorf("register %d Wh held back: %s", s.value, reason)
	if total == 0 && !s.zeroValid || !c.known {
		c.held = quarantine{}
		return 0, false, held
	}
	if !c.hold(total, s) {
		return 0, false, held
	}
	c.accept(total, s.at)
	return total, true, nil
}

// hold takes a value into quarantine, and tells whether it is confirmed.
func (c *counter) hold(total grid.Energy, s shown) (confirmed bool) {
	q := &c.held
	if q.n == 0 || total < q.last || total-q.last > grid.MostGain(c.most, s.at.Sub(q.at), s.step) {
		*q = quarantine{first: total, since: s.at}
	}
	q.n++
	q.last, q.at = total, s.at
	return q.n >= confirmations && s.at.Sub(q.since) >= confirmFor
}

// unwrap adds as many full turns of the register as bring it to the last total
// or above. Where the device cannot have moved that far, or the register begins
// again at exactly zero, which a reset does too, the value stays as it is.
func (c *counter) unwrap(s shown) grid.Energy {
	if !c.known || s.wraps <= 0 || s.value >= c.last || s.value == 0 && !s.zeroValid {
		return s.value
	}
	turns := (c.last-s.value-1)/s.wraps + 1
	if total := s.value + turns*s.wraps; total-c.last <= grid.MostGain(c.most, s.at.Sub(c.at), s.step) {
		return total
	}
	return s.value
}

func (c *counter) accept(total grid.Energy, at time.Time) {
	c.known, c.last, c.at = true, total, at
	c.held.n = 0
}

func (c *counter) doubt(total grid.Energy, s shown) string {
	switch {
	case total == 0 && !s.zeroValid && (!c.known || c.last > 0):
		return "zero"
	case !c.known:
		return ""
	case total < c.last:
		return fmt.Sprintf("below the last good total of %d Wh", c.last)
	case c.held.n > 0 && c.held.last > c.last && total >= c.held.last:
		return "it jumped, and is not confirmed yet"
	case total-c.last > grid.MostGain(c.most, s.at.Sub(c.at), s.step):
		return fmt.Sprintf("%d Wh above the last good total %s ago, more than %d W can do", total-c.last, s.at.Sub(c.at).Round(time.Second), c.most)
	default:
		return ""
	}
}
