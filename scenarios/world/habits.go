package world

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// The people of a lived-in home get up, leave, come back and go to bed at hours of their own, give
// or take some minutes; at weekends and on holidays later, and they are at home more. Appliances run
// mostly at the times at which this home runs them, and when somebody is up. A week is livelier than
// another, some evenings are quieter, and now and then the home stands empty for a week.

const (
	awayWeeks  = 0.05 // share of the weeks in which nobody is there
	nearUsual  = 0.55 // share of an appliance's runs that are at its usual time
	scatter    = 0.9  // h, of a run around it
	freeDays   = 1.2  // times as many runs on a free day
	liveliness = 1.3  // how much livelier one week is than another, as a logarithm
	livelyDays = 4.0  // days that it takes to become otherwise
)

// span is a time within a day, in hours.
type span struct{ from, to float64 }

func (s span) holds(h float64) bool { return h >= s.from && h < s.to }

// rhythm is when somebody is up at home on a day; nobody is at all where it is empty.
func (l *loads) rhythm(day int64) []span {
	if uniform(l.seed, drawHabit, l.home, uint64((day+3)/7)) < awayWeeks {
		return nil
	}
	own := func(k uint64) float64 { return uniform(l.seed, drawHabit+k, l.home, 0) }
	u := func(k uint64) float64 { return uniform(l.seed, drawHabit+k, l.home, uint64(day)+1) }
	wake := 5.7 + 1.5*own(1) + 0.4*(u(1)-0.5)
	bed := 21.7 + 1.7*own(2) + 0.7*(u(2)-0.5)
	atHome := l.spec.Office || own(3) < 0.45
	switch free := l.calendar.free(day); {
	case free:
		wake += 0.5 + own(4)
		if u(3) < 0.45 {
			out := 10 + 5*u(4)
			return []span{{wake, out}, {out + 1.5 + 3*u(5), bed}}
		}
	case !atHome:
		return []span{{wake, wake + 0.9 + 0.4*own(5)}, {15 + 3*own(6) + 0.8*(u(6)-0.5), bed}}
	case u(3) < 0.3:
		out := 9 + 6*u(4)
		return []span{{wake, out}, {out + 1 + 2*u(5), bed}}
	}
	return []span{{wake, bed}}
}

// lively is how much runs on a day, 1 in the long mean.
func (l *loads) lively(day int64) float64 {
	slow := smooth(hash(l.seed, l.home), drawHabit+7, float64(day)/livelyDays) - 0.5
	own := uniform(l.seed, drawHabit+7, l.home, uint64(day)) - 0.5
	return math.Exp(liveliness*slow + liveliness/2*own) //nolint:mnd // half of it from day to day
}

// habits returns what runs on a day, and when somebody is up.
func (l *loads) habits(day int64) (runs, up []use) {
	spans := l.rhythm(day)
	own := func(k uint64) float64 { return uniform(l.seed, drawHabit+k, l.home, 0) }
	u := func(k uint64) float64 { return uniform(l.seed, drawHabit+k, l.home, uint64(day)+1) }
	begin, lively := day*secondsPerDay, l.lively(day)
	add := func(s span, power float64) {
		runs = append(runs, use{begin + int64(s.from*3600), begin + int64(s.to*3600), grid.Power(power)})
	}
	if own(8) < 0.6 && u(8) < 0.93 { // what runs by a clock: a pump, a dryer of air, an old boiler
		from := 24 * own(9)
		add(span{from, from + 2.5 + 4*own(10)}, 150+450*own(11))
	}
	if len(spans) == 0 {
		return runs, nil
	}
	persons := float64(l.spec.Persons)
	for _, s := range spans {
		up = append(up, use{from: begin + int64(s.from*3600), to: begin + int64(s.to*3600)})
		add(s, (50+30*persons)*(0.6+0.8*own(12))*lively)
	}
	if bed := spans[len(spans)-1].to; bed > 19 {
		add(span{max(18+own(13), spans[len(spans)-1].from), bed}, (20+20*persons)*(0.5+own(14))*lively)
	}
	return append(runs, l.appliances(day, spans, lively)...), up
}

// appliances draws their runs on a day.
func (l *loads) appliances(day int64, spans []span, lively float64) (runs []use) {
	for k, a := range appliances() {
		usual := float64(a.start(uniform(l.seed, drawLike+uint64(k), l.home, 0))) / 3600
		for person := range l.spec.Persons {
			when := uint64(day)<<8 | uint64(person)
			u := func(purpose uint64) float64 { return uniform(l.seed, purpose+uint64(k), l.home, when) }
			chance := a.uses / (1 + a.uses) * 1.6 * lively
			if l.calendar.free(day) {
				chance *= freeDays
			}
			if u(drawUse) >= chance {
				continue
			}
			at := float64(a.start(u(drawMinute))) / 3600
			if near := u(drawNear); near < nearUsual {
				at = usual + scatter*2*(near/nearUsual-0.5) + scatter*2*(u(drawMinute)-0.5) //nolint:mnd // to both sides
			}
			from := day*secondsPerDay + int64(3600*whenUp(spans, at))
			runs = append(runs, use{from: from, to: from + a.minutes*60, power: a.power})
		}
	}
	return runs
}

// whenUp moves an hour to the nearest one at which somebody is up.
func whenUp(spans []span, at float64) float64 {
	best := math.Inf(1)
	for _, s := range spans {
		moved := min(max(at, s.from), max(s.to-0.5, s.from))
		if s.holds(at) {
			return at
		}
		if math.Abs(moved-at) < math.Abs(best-at) {
			best = moved
		}
	}
	return best
}
