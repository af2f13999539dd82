// Package world is the physics of a simulated neighbourhood: sun and clouds,
// household loads, batteries and electric cars. It is pure and seeded: the
// state after a step depends only on the specification, the state before and
// the setpoints given, so a saved state resumes exactly where it stood.
//
// # Model
//
// Time advances in steps of one second. In a step every power is a whole
// number of W and constant, so that the cumulative energies, kept in W·s, are
// the exact integrals of power. At a home, with the signs of package grid:
//
//	meter = load + car + appliance + heat pump + heating rod + battery + pv      (pv ≤ 0, battery < 0 when discharging)
//
// Randomness has no stream to save: each draw is a hash of the seed, what it
// is for, and the time it belongs to.
//
// # Sources
//
// Sun position: the low-precision formulae of the Astronomical Almanac.
// Clear-sky irradiance: Haurwitz (1945). Diffuse light on a tilted plane:
// isotropic (Liu and Jordan 1963).
package world

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Step is the resolution of the physics.
const Step = time.Second

// Spec describes a neighbourhood. It does not change over a run.
type Spec struct {
	Seed      uint64
	Start     time.Time
	Latitude  float64 // degrees, + north
	Longitude float64 // degrees, + east
	Homes     []Home

	Seasons  bool     `json:",omitzero"`  // clouds follow the season, as the temperature always does
	Holidays []string `json:",omitempty"` // dates, as 2026-12-24, and names of calendars: Germany
}

// Home describes one home. A device that is absent has the size zero.
type Home struct {
	ID      string
	Persons int
	PV      Panels
	Battery Storage
	Charger grid.Power // rated power of the EV charger, W
	Office  bool       // somebody works from home

	Lived bool  `json:",omitzero"` // its people have habits, weekends and holidays; else each day is drawn anew
	Car   Car   `json:",omitzero"` // that makes trips; zero: one that comes home with something missing
	House House `json:",omitzero"` // with a heat pump
	Tank  Tank  `json:",omitzero"` // of hot water, with a heating rod

	Appliance Appliance `json:",omitzero"` // that waits until it is started
}

// fuse is what a home's connection carries, and largeFuse that of one with a heat pump.
const (
	fuse      grid.Power = 22_000
	largeFuse grid.Power = 34_500
)

// Connection returns what the home can take from the grid and give to it: giving is bounded
// by what its panels and battery are rated for as well, so that a home without either gives
// nothing.
func (h Home) Connection() (imports, exports grid.Power) {
	carries := fuse
	if h.House.Pump > 0 {
		carries = largeFuse
	}
	return carries, min(h.PV.Peak+h.Battery.Power, carries)
}

// Panels describes a PV generator.
type Panels struct {
	Peak    grid.Power // under standard test conditions
	Tilt    float64    // degrees from horizontal
	Azimuth float64    // degrees from south, + west
}

// Storage describes a home battery.
type Storage struct {
	Capacity grid.Energy // usable
	Power    grid.Power  // rated, for charging and discharging
}

// State is all that changes. It can be saved as JSON and given to Resume.
type State struct {
	Time  int64 // unix seconds
	Homes []HomeState
}

// HomeState is the changing part of one home. Powers hold over the last step.
type HomeState struct {
	Load    grid.Power
	PV      grid.Power // ≤ 0
	Battery grid.Power
	Car     grid.Power // ≥ 0
	Meter   grid.Power

	Registers

	Stored   int64 // energy in the battery, W·s
	CarHere  bool
	CarNeeds int64 // until the car is full, W·s
	CarShort int64 `json:",omitzero"` // what trips needed and the car did not have, W·s: it charged on the way

	Setpoint *Setpoint // of the battery; nil: it follows its own logic
	CarLimit *Setpoint // of the charger; nil: rated power

	Heating
	Chores

	// Alone is what the home would have done if nobody had ever asked its battery or
	// its charger for anything: the same sun, loads and cars on the home's own logic.
	Alone Alone
}

// Registers are the cumulative energies of a home: integrals of power in W·s, each ≥ 0
// and never decreasing.
type Registers struct {
	Imported   int64 // over the connection meter
	Exported   int64
	Produced   int64
	Charged    int64 // at the battery's terminals
	Discharged int64
	Delivered  int64 // to the car
	Heated     int64 `json:",omitzero"` // taken by the heat pump
	Warmed     int64 `json:",omitzero"` // taken by the heating rod
	Ran        int64 `json:",omitzero"` // taken by the appliance
}

// Alone is the part of a home's state that others can change, as it would be if
// nobody had. Energies are integrals in W·s.
type Alone struct {
	Imported int64 // over the connection meter
	Exported int64
	Stored   int64 // in the battery
	CarNeeds int64 // until the car is full
	Heat     Heat  `json:",omitzero"`

	Programme Programme `json:",omitzero"`
}

// Setpoint is a power that a controller asked for, until it expires.
type Setpoint struct {
	Power grid.Power
	Until int64 // unix seconds; 0: no expiry
}

const wsPerWh = 3600

// Energy converts an integral in W·s to what a register shows: whole Wh.
func Energy(wattSeconds int64) grid.Energy { return grid.Energy(wattSeconds / wsPerWh) }

// Charge returns the battery's state of charge; 0 without a battery.
func (h HomeState) Charge(spec Home) grid.PerMille {
	if spec.Battery.Capacity == 0 {
		return 0
	}
	return grid.PerMille(h.Stored * 1000 / (int64(spec.Battery.Capacity) * wsPerWh))
}

// World is a neighbourhood in motion. It is not safe for concurrent use.
type World struct {
	spec  Spec
	state State
	loads []*loads
	cars  []*cars
	water []*water
	skies []sky
	step  int64 // s
}

// New returns the neighbourhood at its start, its meters already in use for a
// while, as in the field.
func New(spec Spec) *World {
	state := State{Time: spec.Start.Unix(), Homes: make([]HomeState, len(spec.Homes))}
	for i := range state.Homes {
		state.Homes[i] = initial(spec, i)
		state.Homes[i].parts()
	}
	w := &World{spec: spec, state: state}
	w.prepare()
	return w
}

// Before runs the same street from a time up to its start, in steps of so many seconds, and shows
// what it was at that time and at the end of every span after it, of whole steps: its past, as far as
// anybody can know it, since the sun, the loads and the cars of a time follow from the seed alone, and
// nobody had moved the batteries then. In steps longer than one second powers are those at the
// beginning of the step, and charging ends within it where it is done: energies are right to a few
// per cent. What the registers show has nothing to do with what they show from the start on.
func Before(spec Spec, from time.Time, step, every time.Duration, see func(State)) {
	until := spec.Start
	spec.Start = from
	w := New(spec)
	w.step = int64(step / time.Second)
	see(w.State())
	for at := from.Add(every); !at.After(until); at = at.Add(every) {
		w.Advance(at)
		see(w.State())
	}
}

// initial gives a home a plausible past: registers in the thousands of kWh and
// a battery as it stands on a summer morning.
func initial(spec Spec, home int) HomeState {
	h := spec.Homes[home]
	past := func(purpose uint64, kWh float64) int64 {
		share := 0.5 + uniform(spec.Seed, purpose, uint64(home), 0)
		return int64(kWh*share*1000) * wsPerWh
	}
	s := HomeState{Registers: Registers{Imported: past(drawPast, 6000)}}
	if h.PV.Peak > 0 {
		s.Produced = past(drawPast+1, float64(h.PV.Peak)*2)
		s.Exported = s.Produced / 2
	}
	if h.Battery.Capacity > 0 {
		s.Charged = past(drawPast+2, float64(h.Battery.Capacity)/2)
		s.Discharged = s.Charged * 9 / 10
		s.Stored = int64(float64(h.Battery.Capacity) * (0.8 + 0.18*uniform(spec.Seed, drawPast+3, uint64(home), 0)) * wsPerWh)
	}
	if h.Charger > 0 {
		s.Delivered = past(drawPast+4, 3000)
	}
	if h.Car.Capacity > 0 {
		s.CarNeeds = int64(float64(h.Car.Capacity)*0.3*uniform(spec.Seed, drawPast+5, uint64(home), 0)) * wsPerWh
	}
	if h.House.Pump > 0 {
		s.Heated = past(drawPast+6, 3000)
		s.Heat.Indoor = wanted + band*(uniform(spec.Seed, drawPast+7, uint64(home), 0)-0.5)
		s.Heat.Since = leastTurn
	}
	if h.Appliance.Power > 0 {
		s.Ran = past(drawAppliance+3, 300)
	}
	if h.Tank.Rod > 0 {
		s.Warmed = past(drawPast+8, 1500)
		s.Heat.Tank = waterLow + (waterFull-waterLow)*uniform(spec.Seed, drawPast+9, uint64(home), 0)
	}
	return s
}

// Resume returns the neighbourhood as it was saved. The state must belong to
// the specification.
func Resume(spec Spec, state State) (*World, error) {
	if len(state.Homes) != len(spec.Homes) {
		return nil, fmt.Errorf("resume world: the saved state has %d homes, the specification %d", len(state.Homes), len(spec.Homes))
	}
	w := &World{spec: spec, state: state}
	for i := range w.state.Homes {
		if h := &w.state.Homes[i]; h.Alone == (Alone{}) { // saved before there was one
			h.parts()
		}
	}
	w.prepare()
	return w, nil
}

// parts lets the home begin to do what it would do alone.
func (h *HomeState) parts() {
	h.Alone = Alone{Imported: h.Imported, Exported: h.Exported, Stored: h.Stored, CarNeeds: h.CarNeeds, Heat: h.Heat, Programme: h.Programme}
}

func (w *World) prepare() {
	w.step = int64(Step / time.Second)
	calendar, _ := newCalendar(w.spec.Holidays) // what CheckHolidays refuses is no holiday
	for i, h := range w.spec.Homes {
		seed, home := w.spec.Seed, uint64(i)
		w.loads = append(w.loads, &loads{seed: seed, home: home, spec: h, calendar: calendar})
		w.cars = append(w.cars, &cars{seed: seed, home: home, spec: h, calendar: calendar})
		w.skies = append(w.skies, sky{lag: 90 * uniform(seed, drawCloudLag, home, 0)})
		w.water = append(w.water, &water{seed: seed, home: home, persons: h.Persons})
	}
}

// Spec returns what the world was made from.
func (w *World) Spec() Spec { return w.spec }

// Now returns the time up to which the world has advanced, UTC.
func (w *World) Now() time.Time { return time.Unix(w.state.Time, 0).UTC() }

// State returns a copy of the state.
func (w *World) State() State {
	s := w.state
	s.Homes = make([]HomeState, len(w.state.Homes))
	copy(s.Homes, w.state.Homes)
	return s
}

// Home returns a copy of the state of one home.
func (w *World) Home(home int) HomeState { return w.state.Homes[home] }

// SetBattery asks the home's battery for a power (+ charges) until the given
// time; nil gives it back to its own logic.
func (w *World) SetBattery(home int, s *Setpoint) { w.state.Homes[home].Setpoint = s }

// LimitCar bounds the charger's power; nil allows its rated power.
func (w *World) LimitCar(home int, s *Setpoint) { w.state.Homes[home].CarLimit = s }

// Advance runs the physics up to the time t. It never runs backwards.
func (w *World) Advance(t time.Time) {
	heated := slices.ContainsFunc(w.spec.Homes, func(h Home) bool { return h.House.Pump > 0 })
	for until := t.Unix(); w.state.Time < until; w.state.Time += w.step {
		sun, outdoor := w.sunAt(w.state.Time), 0.0
		if heated {
			outdoor = w.spec.outdoor(w.state.Time)
		}
		for i := range w.state.Homes {
			w.stepHome(i, sun, outdoor)
		}
	}
}

func (w *World) stepHome(i int, sun sun, outdoor float64) {
	spec, s, now := &w.spec.Homes[i], &w.state.Homes[i], w.state.Time
	clearness := 1.0
	if sun.global > 0 { // at night there is no light to pass
		clearness = w.clearness(now, i)
	}
	at := climate{outdoor: outdoor, light: sun.global * clearness}
	s.Load = w.loads[i].at(now, sun)
	s.PV = -sun.produce(spec.PV, clearness)
	w.stepCar(i)
	w.stepHeat(i, at)
	alone := w.stepAppliance(i)
	s.Battery = w.batteryPower(i)
	s.Stored += stored(s.Battery) * w.step
	s.stepAlone(spec, w.stepHeatAlone(i, at)+alone, w.step)
	s.Meter = s.Load + s.PV + s.Car + s.Pump + s.Rod + s.Appliance + s.Battery

	s.Produced -= int64(s.PV) * w.step
	s.Delivered += int64(s.Car) * w.step
	s.Charged += max(int64(s.Battery), 0) * w.step
	s.Discharged += max(-int64(s.Battery), 0) * w.step
	s.Imported += max(int64(s.Meter), 0) * w.step
	s.Exported += max(-int64(s.Meter), 0) * w.step
}

// oneWay is the efficiency of charging and of discharging; both ways 90 %.
const oneWay = 0.9487

// stored returns what a second at the battery's terminal power changes in it.
func stored(p grid.Power) int64 {
	if p > 0 {
		return int64(math.Floor(float64(p) * oneWay))
	}
	return int64(math.Floor(float64(p) / oneWay))
}

// idleBelow is the power under which a battery rests.
const idleBelow = 30

// batteryPower follows the setpoint or, without one, the battery's own logic.
func (w *World) batteryPower(i int) grid.Power {
	spec, s := w.spec.Homes[i].Battery, &w.state.Homes[i]
	rest := s.Load + s.PV + s.Car + s.Pump + s.Rod + s.Appliance
	if s.Setpoint = s.Setpoint.alive(w.state.Time); s.Setpoint != nil {
		return spec.able(s.Setpoint.Power, s.Stored, w.step)
	}
	return spec.own(rest, s.Stored, w.step)
}

// own covers the balance of the rest of the home.
func (b Storage) own(rest grid.Power, held, step int64) grid.Power {
	if rest > -idleBelow && rest < idleBelow {
		return 0
	}
	return b.able(-rest, held, step)
}

// able bounds a power by the rating and by what the battery holds, in W·s, over a step.
func (b Storage) able(want grid.Power, held, step int64) grid.Power {
	want = max(-b.Power, min(b.Power, want))
	room := int64(b.Capacity)*wsPerWh - held
	if step > 1 { // much is left over in such a step: it ends full, or empty
		want = max(-grid.Power(float64(held/step)*oneWay), min(grid.Power(float64(room/step)/oneWay), want))
	}
	if stored(want)*step > room || -stored(want)*step > held {
		return 0
	}
	return want
}

// stepAlone moves what the home would do alone; others is what its heating and its appliance would take.
func (h *HomeState) stepAlone(spec *Home, others grid.Power, step int64) {
	a := &h.Alone
	var car grid.Power
	if h.CarHere && a.CarNeeds > 0 {
		car = within(spec.Charger, a.CarNeeds, step)
		a.CarNeeds -= int64(car) * step
	}
	rest := h.Load + h.PV + car + others
	battery := spec.Battery.own(rest, a.Stored, step)
	a.Stored += stored(battery) * step
	a.Imported += max(int64(rest+battery), 0) * step
	a.Exported += max(-int64(rest+battery), 0) * step
}

// within bounds the power of a step by what is needed, in W·s; the last second of charging is
// not cut.
func within(p grid.Power, needs, step int64) grid.Power {
	if step > 1 {
		return min(p, grid.Power((needs+step-1)/step))
	}
	return p
}

func (s *Setpoint) alive(now int64) *Setpoint {
	if s == nil || s.Until != 0 && now >= s.Until {
		return nil
	}
	return s
}
