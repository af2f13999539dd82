package world

import (
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// appliance is something that runs for a while when somebody uses it.
type appliance struct {
	power   grid.Power
	minutes int64
	uses    float64     // expected a person and day
	hours   [24]float64 // relative likelihood of starting in an hour of the day
}

// appliances returns what a home has. The figures follow the orders of
// magnitude of time-use based load models (Richardson et al. 2010).
func appliances() []appliance {
	morning := [24]float64{6: 3, 7: 6, 8: 4, 9: 2, 10: 1, 12: 1, 17: 1, 18: 1, 20: 1}
	meals := [24]float64{7: 2, 8: 2, 11: 3, 12: 6, 13: 2, 17: 3, 18: 7, 19: 5, 20: 2}
	daytime := [24]float64{8: 3, 9: 4, 10: 4, 11: 3, 12: 2, 13: 3, 14: 3, 15: 3, 16: 3, 17: 3, 18: 3, 19: 2, 20: 1}
	evening := [24]float64{12: 1, 16: 1, 17: 2, 18: 3, 19: 6, 20: 8, 21: 4}
	return []appliance{
		{2000, 4, 1.2, morning},   // kettle
		{1200, 3, 0.8, morning},   // toaster, coffee
		{1800, 25, 0.35, meals},   // hob
		{2200, 35, 0.15, meals},   // oven
		{1100, 6, 0.4, meals},     // microwave
		{1900, 20, 0.12, daytime}, // washing machine, heating
		{350, 60, 0.12, daytime},  // washing machine, drum
		{1500, 50, 0.15, evening}, // dishwasher
		{850, 15, 0.2, daytime},   // vacuum cleaner
		{140, 150, 0.5, evening},  // television
		{120, 180, 0.3, daytime},  // computer
	}
}

// use is one run of an appliance, in unix seconds.
type use struct {
	from, to int64
	power    grid.Power
}

// steady remembers what uses come to together until that changes.
type steady struct {
	from, to int64 // as long as which the sum holds
	sum      grid.Power
}

// of returns the sum of the uses at the second now; they are the same ones until reset.
func (s *steady) of(uses []use, now int64) grid.Power {
	if now >= s.from && now < s.to {
		return s.sum
	}
	s.from, s.to, s.sum = now, math.MaxInt64, 0
	for _, u := range uses {
		switch {
		case now < u.from:
			s.to = min(s.to, u.from)
		case now < u.to:
			s.sum += u.power
			s.to = min(s.to, u.to)
		}
	}
	return s.sum
}

func (s *steady) reset() { s.from, s.to = 0, 0 }

// loads gives a home's consumption without car and battery. It remembers the
// runs of the current day; they follow from seed, home and day alone.
type loads struct {
	seed, home uint64
	spec       Home
	calendar   calendar
	day        int64
	up         []use // when somebody is up today, in a home that is lived in
	today      []use // started today or still running from yesterday
	running    steady
	standby    grid.Power
	fridge     int64 // phase of its cycle, s
}

const (
	fridgeCycle = 45 * 60
	fridgeOn    = 16 * 60
	fridgePower = 95
	lightPower  = 25 // for each person
)

// at returns the load at the second now, > 0.
func (l *loads) at(now int64, sun sun) grid.Power {
	if day := now / 86400; day != l.day || l.standby == 0 {
		l.plan(day)
	}
	power := l.standby
	if (now+l.fridge)%fridgeCycle < fridgeOn {
		power += fridgePower
	}
	if sun.dark() && l.awake(now) {
		power += lightPower * grid.Power(l.spec.Persons)
	}
	return power + l.running.of(l.today, now)
}

// awake tells whether somebody is up.
func (l *loads) awake(now int64) bool {
	if l.spec.Lived {
		return slices.ContainsFunc(l.up, func(u use) bool { return now >= u.from && now < u.to })
	}
	second := now % 86400
	return second > 5*3600+1800 && second < 22*3600+1800
}

func (l *loads) plan(day int64) {
	l.day = day
	l.running.reset()
	l.standby = grid.Power(40 + 25*float64(l.spec.Persons)*(0.6+0.8*uniform(l.seed, drawStandby, l.home, 0)))
	if l.spec.Office {
		l.standby += 60
	}
	l.fridge = int64(fridgeCycle * uniform(l.seed, drawFridge, l.home, 0))
	l.up = nil
	if l.spec.Lived {
		before, _ := l.habits(day - 1)
		runs, up := l.habits(day)
		l.today, l.up = append(before, runs...), up
	} else {
		l.today = append(l.uses(day-1), l.uses(day)...)
	}
	l.today = slices.DeleteFunc(l.today, func(u use) bool { return u.to <= day*86400 })
}

// uses draws the runs that start on a day.
func (l *loads) uses(day int64) []use {
	var runs []use
	for k, a := range appliances() {
		for person := range l.spec.Persons {
			when := uint64(day)<<8 | uint64(person)
			if uniform(l.seed, drawUse+uint64(k), l.home, when) >= a.uses/(1+a.uses)*1.6 {
				continue
			}
			from := day*86400 + a.start(uniform(l.seed, drawMinute+uint64(k), l.home, when))
			runs = append(runs, use{from: from, to: from + a.minutes*60, power: a.power})
		}
	}
	return runs
}

// start maps a uniform draw to a second of the day by the appliance's hours.
func (a appliance) start(u float64) int64 {
	total := 0.0
	for _, weight := range a.hours {
		total += weight
	}
	left := u * total
	for hour, weight := range a.hours {
		if left < weight {
			return int64((float64(hour) + left/weight) * 3600)
		}
		left -= weight
	}
	return 0
}
