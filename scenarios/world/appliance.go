package world

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Appliance describes one that somebody loads and that may wait: a dishwasher, a washing machine, a
// pump of a pool that is due once a day. Once it is started it runs its programme without a pause. On
// its own it starts when it is loaded.
type Appliance struct {
	Power   grid.Power // that it takes while its programme runs; 0: the home has none
	Minutes int64      // of its programme
	Loaded  float64    // about which hour of the day it is loaded, give or take half an hour
	Ready   float64    // by which hour of the day it shall be done, the next after it was loaded
	Chance  float64    // of a day on which it is loaded
}

// Runs returns how long a programme takes.
func (a Appliance) Runs() time.Duration { return time.Duration(a.Minutes) * time.Minute }

// Chores is the part of a home's state that is about its appliance.
type Chores struct {
	Appliance grid.Power `json:",omitzero"` // that it takes, ≥ 0
	Programme Programme  `json:",omitzero"`
	Late      int64      `json:",omitzero"` // so many programmes were not done in time

	StartAsk *Setpoint `json:",omitempty"` // above 0 W starts it, 0 W has it wait; nil: it starts by itself
}

// Programme is what an appliance has to do.
type Programme struct {
	Left  int64 `json:",omitzero"` // s that it still has to run; 0: nothing
	Began bool  `json:",omitzero"` // it runs
	Due   int64 `json:",omitzero"` // unix seconds by which it shall be done
}

// Done returns how much of its programme is done; loaded is false of an appliance that has nothing to do.
func (p Programme) Done(of Appliance) (share grid.PerMille, loaded bool) {
	if p.Left == 0 || of.Minutes == 0 {
		return 0, false
	}
	const whole = 1000
	return grid.PerMille(whole - p.Left*whole/(of.Minutes*minute)), true
}

const minute = 60 // s

// step moves the appliance on by some seconds from now on, and returns what it took. An appliance that
// was not done when it is loaded again goes on with what it has.
func (p *Programme) step(of Appliance, due int64, asked *Setpoint, step int64) grid.Power {
	if p.Left == 0 && due > 0 {
		*p = Programme{Left: of.Minutes * minute, Due: due}
	}
	if p.Left > 0 && (asked == nil || asked.Power > 0) {
		p.Began = true
	}
	if !p.Began {
		return 0
	}
	power := grid.Power(int64(of.Power) * min(p.Left, step) / step)
	if p.Left = max(p.Left-step, 0); p.Left == 0 {
		p.Began = false
	}
	return power
}

// loadsAppliance tells whether the appliance is loaded within some seconds from now on, and by when it shall be
// done then; 0: it is not.
func (w *World) loadsAppliance(i int, now, step int64) (due int64) {
	of := w.spec.Homes[i].Appliance
	day := now / secondsPerDay
	u := func(k uint64) float64 { return uniform(w.spec.Seed, drawAppliance+k, uint64(i), uint64(day)) }
	at := day*secondsPerDay + int64((of.Loaded+u(1)-0.5)*3600) //nolint:mnd // half an hour to both sides
	if at < now || at >= now+step || u(0) >= of.Chance {
		return 0
	}
	due = day*secondsPerDay + int64(of.Ready*3600)
	if due <= at {
		due += secondsPerDay
	}
	return due
}

// stepAppliance moves the appliance of a home, as it is and as it would be alone, and returns what it
// would take alone.
func (w *World) stepAppliance(i int) (alone grid.Power) {
	spec, s, now := &w.spec.Homes[i], &w.state.Homes[i], w.state.Time
	if spec.Appliance.Power == 0 {
		return 0
	}
	due := w.loadsAppliance(i, now, w.step)
	s.StartAsk = s.StartAsk.alive(now)
	due0, ran := s.Programme.Due, s.Programme.Began || s.Programme.Left > 0
	s.Appliance = s.Programme.step(spec.Appliance, due, s.StartAsk, w.step)
	s.Ran += int64(s.Appliance) * w.step
	if ran && s.Programme.Left == 0 && now+w.step > due0 {
		s.Late++
	}
	return s.Alone.Programme.step(spec.Appliance, due, nil, w.step)
}

// StartAppliance asks the home's appliance to run, with a power above 0, or to wait; nil gives it back to
// its own logic.
func (w *World) StartAppliance(home int, s *Setpoint) { w.state.Homes[home].StartAsk = s }

// WithAppliances gives, where wanted, three homes of four an appliance that waits, beside what they use anyway: a pump of
// a pool that is due in daylight, a dishwasher that is loaded in the evening and shall be done in the
// morning, or a washing machine with a dryer. Everything else is as it was.
func (s Spec) WithAppliances(wanted bool) Spec {
	if !wanted {
		return s
	}
	mix := []Appliance{
		{Power: 750, Minutes: 300, Loaded: 6, Ready: 20, Chance: 1},
		{Power: 450, Minutes: 150, Loaded: 20, Ready: 7, Chance: 0.8},
		{},
		{Power: 1800, Minutes: 100, Loaded: 8, Ready: 19, Chance: 0.5},
	}
	homes := make([]Home, len(s.Homes))
	for i, h := range s.Homes {
		h.Appliance = mix[i%len(mix)]
		size := 0.8 + 0.4*uniform(s.Seed, drawAppliance+2, uint64(i), 0)
		h.Appliance.Power = grid.Power(math.Round(float64(h.Appliance.Power)*size/50)) * 50
		homes[i] = h
	}
	s.Homes = homes
	return s
}
