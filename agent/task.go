package agent

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// task is a plan in the making.
type task struct {
	seat

	now        time.Time
	quoted     grid.Interval // for which orders are wanted
	x          *expected
	st         *street
	limits     limits.Limits
	in         plan.Input
	at         int             // the step of the quoted interval: before it is what is left of the one that runs
	rates      []tariff.Rates  // by step
	cars       map[string]need // by charger
	appliances []errand        // of the appliances that the plan starts
	flows      []float64       // what they would take
	own        charging        // what they take by the last plan, as the street reckons
	seen       sight

	buy, sell []float64 // by step, what the pool is expected to make of a kWh, millionths
}

// need is what the car at a charger lacks, and by when.
type need struct {
	capacity, held float64 // Wh
	by             time.Time
	target         grid.PerMille
	said           bool // by its owner
}

// steps are what is left of the interval that runs, and the intervals from the quoted one on.
func (k *task) steps(now time.Time) {
	runs := grid.IntervalAt(now, k.quoted.Minutes)
	if left := int(runs.End().Sub(now).Minutes()); left > 0 && runs.Shift(1) == k.quoted {
		k.in.Steps = append(k.in.Steps, grid.Interval{Start: runs.End().Unix() - int64(left)*60, Minutes: left})
		k.at = 1
	}
	k.in.Steps = append(k.in.Steps, plan.Horizon(k.quoted, horizon-2*time.Hour)...)
}

// price finds what energy costs the home in each step. What is not known yet is what it was a
// day before.
func (k *task) price(prices Prices) error {
	k.rates = make([]tariff.Rates, len(k.in.Steps))
	for n, i := range k.in.Steps {
		r, err := prices.Rates(k.home.MeteringPoint, grid.IntervalAt(i.Begin(), k.quoted.Minutes))
		switch {
		case err == nil:
			k.rates[n] = r
		case n == k.at:
			return &NoPriceError{err}
		case n < k.at:
		default:
			k.rates[n] = k.rates[n-1]
			for m := n - 1; m >= k.at; m-- {
				if i.Begin().Sub(k.in.Steps[m].Begin()) >= 24*time.Hour {
					k.rates[n] = k.rates[m]
					break
				}
			}
		}
	}
	if k.at == 1 && k.rates[0] == (tariff.Rates{}) {
		k.rates[0] = k.rates[1]
	}
	return nil
}

// courses makes the scenarios: what the home takes without what is planned, and prices.
func (k *task) courses() {
	begins, minutes := k.x.begins(), k.quoted.Minutes
	k.buy, k.sell = make([]float64, len(k.in.Steps)), make([]float64, len(k.in.Steps))
	drawn := min(len(k.x.net), len(k.st.short))
	for s := range drawn {
		n := len(k.in.Steps)
		c := plan.Scenario{Weight: 1, Net: make([]float64, n), Buy: make([]float64, n), Sell: make([]float64, n)}
		if len(k.in.Cars) > 0 {
			c.Room, c.Beyond = make([]float64, n), make([]float64, n)
		}
		for step, i := range k.in.Steps {
			from := grid.IntervalAt(i.Begin(), minutes)
			parts := max(i.Minutes/minutes, 1)
			for part := range parts {
				at := min(max(between(begins, from)+part, 0), len(k.x.net[s])-1)
				wh := k.x.net[s][at] + k.later(s, at, i) + k.unmoved(s, at) + k.chores(s, at, i)
				if i.Minutes < minutes {
					wh *= float64(i.Minutes) / float64(minutes)
				}
				c.Net[step] += wh
				on := min(max(between(k.st.first, from)+part, 0), len(k.st.short[s])-1)
				buy, sell := k.st.prices(s, on, k.rates[step])
				c.Buy[step] += buy / float64(parts)
				c.Sell[step] += sell / float64(parts)
				if len(k.in.Cars) > 0 {
					c.Room[step] += k.room(s, on, from.Shift(part)) * min(float64(i.Minutes)/float64(minutes), 1)
					c.Beyond[step] += float64(k.rates[step].Retail) / float64(parts)
				}
				buy, sell = k.st.pooled(s, on, k.rates[step])
				k.buy[step] += buy / float64(parts*drawn)
				k.sell[step] += sell / float64(parts*drawn)
			}
			c.Sell[step], c.Buy[step] = preferred(k.limits, c.Sell[step], c.Buy[step], k.rates[step])
		}
		k.in.Scenarios = append(k.in.Scenarios, c)
	}
}

// room is how much the home's cars can take of an interval before the utility gives the community some of it:
// what all could take more, with what the street reckons these cars to take already.
func (k *task) room(s, on int, i grid.Interval) float64 {
	at := min(max(between(k.x.begins(), i), 0), len(k.x.cars[s])-1)
	return math.Max(k.st.room[s][on]+k.own.or(i, k.x.cars[s][at]), 0)
}

// later returns what the home's cars will take that is not planned: as on the day that the
// scenario is of, from when the car that is here has left.
func (k *task) later(s, at int, i grid.Interval) float64 {
	for _, c := range k.cars {
		if i.Begin().Before(c.by) {
			return 0
		}
	}
	return k.x.cars[s][at]
}

// bind has the plan keep to what the homeowner wants, and to what was traded.
func (k *task) bind(position func(i grid.Interval, point string) (net grid.Energy, traded bool)) {
	l := k.limits
	k.in.Limits = plan.Limits{ZeroExport: l.ZeroExport, Floor: l.Floor, Ceiling: l.Ceiling}
	if l.AwayUntil != nil {
		k.in.Limits.Away = *l.AwayUntil
	}
	if position == nil {
		return
	}
	k.in.Traded = make([]float64, len(k.in.Steps))
	for n, i := range k.in.Steps {
		if i.Minutes != k.quoted.Minutes {
			continue
		}
		if net, traded := position(i, k.home.MeteringPoint); traded {
			k.in.Traded[n] = float64(net)
		}
	}
}

// mean returns what the home is expected to take in a step without what is planned, Wh.
func (k *task) mean(step int) (sum float64) {
	for _, c := range k.in.Scenarios {
		sum += c.Net[step] / float64(len(k.in.Scenarios))
	}
	return sum
}

// plansCars tells whether what the cars take in an interval is the plan's to say.
func (k *task) plansCars(i grid.Interval) bool {
	for _, c := range k.cars {
		if i.Begin().Before(c.by) {
			return true
		}
	}
	return false
}

func bandOf(b plan.Band) Band { return Band{Low: b.Low, Mean: b.Mean, High: b.High} }

// band returns what the scenarios say of a step.
func (k *task) band(step int) Band {
	values := make([]float64, 0, len(k.in.Scenarios))
	for _, c := range k.in.Scenarios {
		values = append(values, c.Net[step])
	}
	return bandFrom(values)
}
