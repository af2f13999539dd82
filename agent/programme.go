package agent

import (
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// Programme is what an appliance runs once it was started, without a pause, and by when. The zero is not
// known.
type Programme struct {
	Power grid.Power    // mean, while it runs
	Runs  time.Duration // how long it takes

	// An appliance that is Daily runs once on every day from From to By. Another one tells by its charge that
	// it was loaded and how much of its programme is done, and shall be done by the next By.
	Daily    bool
	From, By limits.TimeOfDay
}

// Window is how long the hours are within which a daily programme runs; from one time of day to the same
// one is a day.
func (p Programme) Window() time.Duration {
	const day = 24 * 60
	minutes := (int(p.By) - int(p.From) + day) % day
	if minutes == 0 {
		minutes = day
	}
	return time.Duration(minutes) * time.Minute
}

// Started says what an appliance can be told: to run with all that it is rated for until its programme is
// done, or to wait.
func (r Rating) Started() hold.Made {
	return hold.Made{Least: r.Power, Most: r.Power, On: r.Programme.Runs}
}
