package forecast

import (
	"math"
	"slices"
)

// tally is how a method did, day by day.
type tally struct{ days []dayTally }

// dayTally is how a method did on a day, beside yesterday's value and its differences.
type dayTally struct {
	day                 Day
	n, abs, pin, levels float64
	naiveAbs, naivePin  float64
	lit, in             float64
}

// note takes a day in: what was said of it, what yesterday's value said, and what it came to.
func (t *tally) note(d Day, said, naive *dayAhead, row []float64, lit func(int) bool) {
	if said == nil || naive == nil {
		return
	}
	v := dayTally{day: d}
	for slot, y := range row {
		if !known(y) || !known(said.mean[slot]) || !known(naive.mean[slot]) {
			continue
		}
		v.n++
		v.levels += math.Abs(y)
		v.abs += math.Abs(y - said.point[slot])
		v.pin += pinball(y, &said.q[slot])
		v.naiveAbs += math.Abs(y - naive.point[slot])
		v.naivePin += pinball(y, &naive.q[slot])
		if lit(slot) {
			v.lit++
			v.in += is(y >= said.q[slot][0] && y <= said.q[slot][8])
		}
	}
	if v.n > 0 {
		t.days = append(t.days, v)
	}
}

// judged is how many of the last days a skill is of.
const judged = 91

// skill returns that of the last days.
func (t *tally) skill(method string) Skill {
	var s dayTally
	days := t.days[max(0, len(t.days)-judged):]
	for _, v := range days {
		s.n, s.levels, s.abs, s.pin = s.n+v.n, s.levels+v.levels, s.abs+v.abs, s.pin+v.pin
		s.naiveAbs, s.naivePin = s.naiveAbs+v.naiveAbs, s.naivePin+v.naivePin
		s.lit, s.in = s.lit+v.lit, s.in+v.in
	}
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	return Skill{
		Method: method, Days: len(days),
		MAE: ratio(s.abs, s.n), RMAE: ratio(s.abs, s.naiveAbs),
		Pinball: ratio(s.pin, s.n), RPinball: ratio(s.pin, s.naivePin),
		Cov80: ratio(s.in, s.lit), RCRPS: ratio(2*s.pin, s.levels),
	}
}

// What a choice needs.
const (
	leastJudged = 7   // days
	better      = .03 // that another must be, of the pinball, to take the place of the chosen one
)

// candidates are the methods that a choice is of: all but those that others are measured by.
func candidates() []string {
	return []string{"mean7", "recent", "sun", "ets", "ridge", "analog", fallback}
}

// choose returns the method with the least pinball: the one that was chosen before unless
// another is clearly better, and at first the default.
func choose(skills []Skill, before string) string {
	chosen := before
	if chosen == "" {
		chosen = fallback
	}
	held := math.Inf(1)
	for _, s := range skills {
		if s.Method == chosen && s.Days >= leastJudged {
			held = s.RPinball
		}
	}
	best, least := chosen, held*(1-better)
	for _, s := range skills {
		if slices.Contains(candidates(), s.Method) && s.Days >= leastJudged && s.RPinball > 0 && s.RPinball < least && !math.IsInf(held, 1) {
			best, least = s.Method, s.RPinball
		}
	}
	return best
}
