package agent

import (
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// Planned is what the agent of a metering point last decided, kept for pages and API until it
// decides anew.
type Planned struct {
	MeteringPoint string
	Member        string
	Strategy      Strategy
	Made          time.Time    // world time
	Why           string       // one whole sentence: what it does next, and what for
	Unmet         []string     // what cannot be met, said before: a whole sentence each
	Steps         []Step       // from the next delivery interval on, by time
	Intent        hold.Intent  // of the interval that it quotes for
	Running       *hold.Intent // of the interval that runs; nil: the plan is not about it

	seen sight
}

// Step is one step of a plan. Steps beyond a day ahead may be longer than a delivery interval.
type Step struct {
	Interval grid.Interval
	Forecast Band                   // of what the home takes without the devices that the plan moves, Wh, + import
	Net      Band                   // at the connection meter, if all goes by the plan, Wh, + import
	Charge   *Band                  // of the home's batteries together at the end of the step, per mille; nil: it has none
	Devices  map[string]grid.Energy // what the plan has the devices take (+) or give (−), by device; the mean over what may come
	Buy      grid.Price             // what a kWh that the home takes more is expected to cost
	Sell     grid.Price             // what a kWh that it gives more is expected to bring
}

// Band is an expectation and the deciles about it.
type Band struct{ Low, Mean, High float64 } // .1, mean, .9
