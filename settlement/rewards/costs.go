package rewards

import (
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
)

// Costs reckon about what the challenges of a day cost the homes. The zero value is ready
// to use, by one goroutine.
type Costs struct{ of map[string]answered }

// answered is what a battery did for challenges.
type answered struct {
	until time.Time  // end of the last one
	day   string     // that cost counts
	cost  grid.Money // of the challenges of the day
}

// lostShare is what a battery loses both ways of what is moved, per cent: the energy
// itself is given back, or was going to be needed.
const (
	lostShare = 10
	percent   = 100
)

// Of returns about what the challenges of the day cost a battery's home, the one that it
// answers now among them, where a kWh from the grid costs retail. first is false when the
// challenge was counted before.
func (c *Costs) Of(battery string, challenge chaincode.Challenge, retail grid.Price, now time.Time) (cost grid.Money, first bool) {
	a := c.of[battery]
	if challenge.Until.Equal(a.until) {
		return a.cost, false
	}
	if day := nameOf(now); day != a.day {
		a.day, a.cost = day, 0
	}
	a.until = challenge.Until
	moved := grid.Energy(float64(challenge.Power) * challenge.Until.Sub(challenge.Start).Hours())
	if lost, err := retail.Cost(moved); err == nil {
		a.cost += lost * lostShare / percent
	}
	if c.of == nil {
		c.of = map[string]answered{}
	}
	c.of[battery] = a
	return a.cost, true
}
