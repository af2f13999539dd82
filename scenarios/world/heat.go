package world

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// House describes what a heat pump heats: a body of one temperature that loses heat to the air
// outside, and gains some from what runs in it and from the sun.
type House struct {
	Pump     grid.Power // rated electrical power of the heat pump; 0: it is heated otherwise
	Loss     float64    // W/K
	Capacity float64    // Wh/K
	Glass    float64    // m² of windows
	Floor    bool       // heated by the floor, at lower temperatures than by radiators
}

// Least is the least power at which the compressor runs.
func (h House) Least() grid.Power { return grid.Power(math.Ceil(float64(h.Pump) * leastOutput)) }

// Tank describes a tank of hot water with an electric rod in it.
type Tank struct {
	Rod    grid.Power // rated power of the heating rod; 0: the water is heated otherwise
	Litres float64
}

// Ready is what an SG-ready heat pump is asked for by its two contacts.
type Ready uint8

// The states of the label SG Ready (Bundesverband Wärmepumpe, Regularien für das Label SG Ready 2.0).
const (
	Normal  Ready = 2 // its own logic; the zero says the same
	Blocked Ready = 1 // off, for two hours at a stretch at most
	Advised Ready = 3 // to run more than it would: its temperature is raised
	Forced  Ready = 4 // on, as far as its limits let it
)

// ReadyAsk is a state that a controller asked for, until it expires.
type ReadyAsk struct {
	State Ready
	Power grid.Power `json:",omitzero"` // at which it is forced to run, as near as its compressor can; 0: its rated power
	Until int64      // unix seconds; 0: no expiry
}

func (a *ReadyAsk) alive(now int64) *ReadyAsk {
	if a == nil || a.Until != 0 && now >= a.Until {
		return nil
	}
	return a
}

// Heat is the changing part of a house and of a tank.
type Heat struct {
	Indoor  float64 `json:",omitzero"` // °C
	Tank    float64 `json:",omitzero"` // °C
	Running bool    `json:",omitzero"` // the heat pump's compressor
	Since   int64   `json:",omitzero"` // for so many seconds it has run, or rested
	Blocked int64   `json:",omitzero"` // for so many seconds it has been blocked
	Rod     bool    `json:",omitzero"` // the rod's own thermostat has it on
}

// Heating is the part of a home's state that is about heat.
type Heating struct {
	Pump grid.Power `json:",omitzero"` // that the heat pump takes, ≥ 0
	Rod  grid.Power `json:",omitzero"` // that the rod in the tank takes, ≥ 0
	Heat Heat       `json:",omitzero"`

	ReadyAsk *ReadyAsk `json:",omitempty"` // of the heat pump; nil: its own logic
	RodAsk   *Setpoint `json:",omitempty"` // of the rod; nil: its own thermostat
}

// What a thermostat keeps, °C.
const (
	wanted       = 21.0 // in the house
	band         = 1.0  // within which it may move
	raised       = 1.0  // K when it is advised to run more
	mostRaised   = 2.0  // K when it is forced to
	tooWarm      = 25.0 // windows are opened
	airing       = 4.0  // times the loss then
	cellar       = 15.0
	waterColdest = 45.0 // below which the rod heats whatever anybody asks for
	waterLow     = 48.0
	waterFull    = 55.0
	waterHottest = 75.0
)

const (
	leastTurn    = 600      // s that a compressor runs, or rests, at least
	mostBlocked  = 2 * 3600 // s
	leastOutput  = 0.35     // of its rated power, that a compressor runs at: see House.Least
	inside       = 0.6      // of what runs in a house, that heats it
	throughGlass = 0.45     // of the light on it, on the mean of all sides
	litreHeats   = 1.163    // Wh/K
	tankLoss     = 1.8      // W/K
)

// Comfort is the temperature that people want at home, and how far the thermostat lets it be off.
func Comfort() (wants, off float64) { return wanted, band / 2 } //nolint:mnd // half

// COP is the coefficient of performance of an air-source heat pump at an outdoor temperature, with
// radiators or a heated floor: the regression and the heating curves of Ruhnau, Hirth and
// Praktiknjo (2019), Time series of heat demand and heat pump efficiency for energy system
// modeling, Scientific Data 6:189, with their factor of 0.85 for what it is in the field.
func COP(outdoor float64, floor bool) float64 {
	flow := 40 - outdoor
	if floor {
		flow = 30 - 0.5*outdoor
	}
	lift := max(flow-outdoor, 15)
	return 0.85 * (6.08 - 0.09*lift + 0.0005*lift*lift)
}

// climate is what a step of a house depends on beside its own state.
type climate struct {
	outdoor float64 // °C
	light   float64 // W/m² on the horizontal
}

// step moves the house on by some seconds, and returns what its heat pump took.
func (h *Heat) stepHouse(spec House, ask *ReadyAsk, at climate, load grid.Power, step int64) grid.Power {
	asked := Normal
	if ask != nil {
		asked = ask.State
	}
	low, high := wanted-band/2, wanted+band/2
	h.Blocked = blockedFor(h.Blocked, asked, step)
	switch asked {
	case Advised:
		low, high = low+raised, high+raised
	case Forced:
		low, high = wanted+mostRaised, wanted+mostRaised
	case Normal, Blocked:
	}
	wants := h.Indoor < low || h.Running && h.Indoor < high
	if asked == Blocked && h.Blocked <= mostBlocked {
		wants = false
	}
	if h.Since += step; wants != h.Running && h.Since >= leastTurn {
		h.Running, h.Since = wants, 0
	}
	var power grid.Power
	if h.Running {
		output := leastOutput + (1-leastOutput)*(high-h.Indoor)/band
		if asked == Forced {
			output = 1
			if ask.Power > 0 {
				output = float64(ask.Power) / float64(spec.Pump)
			}
		}
		power = grid.Power(math.Round(float64(spec.Pump) * min(max(output, leastOutput), 1)))
	}
	loss := spec.Loss
	if h.Indoor > tooWarm && at.outdoor < h.Indoor {
		loss *= airing
	}
	heat := float64(power)*COP(at.outdoor, spec.Floor) + inside*float64(load) + throughGlass*spec.Glass*at.light - loss*(h.Indoor-at.outdoor)
	h.Indoor += heat * float64(step) / (spec.Capacity * wsPerWh)
	return power
}

func blockedFor(before int64, asked Ready, step int64) int64 {
	if asked == Blocked {
		return before + step
	}
	return 0
}

// stepTank moves the tank on by some seconds, and returns what its rod took: what it was asked for
// as long as the water is neither too hot nor too cold, else what its thermostat wants.
func (h *Heat) stepTank(spec Tank, asked *Setpoint, drawn float64, step int64) grid.Power {
	switch {
	case h.Tank <= waterLow:
		h.Rod = true
	case h.Tank >= waterFull:
		h.Rod = false
	}
	var power grid.Power
	switch {
	case h.Tank < waterColdest:
		power = spec.Rod
	case asked != nil && h.Tank < waterHottest:
		power = min(max(asked.Power, 0), spec.Rod)
	case asked == nil && h.Rod:
		power = spec.Rod
	}
	heat := float64(power) - drawn - tankLoss*(h.Tank-cellar)
	h.Tank = max(h.Tank+heat*float64(step)/(spec.Litres*litreHeats*wsPerWh), cellar)
	return power
}

// stepHeat moves the house and the tank of a home.
func (w *World) stepHeat(i int, at climate) {
	spec, s, now := &w.spec.Homes[i], &w.state.Homes[i], w.state.Time
	if spec.House.Pump > 0 {
		s.ReadyAsk = s.ReadyAsk.alive(now)
		s.Pump = s.Heat.stepHouse(spec.House, s.ReadyAsk, at, s.Load, w.step)
		s.Heated += int64(s.Pump) * w.step
	}
	if spec.Tank.Rod > 0 {
		s.RodAsk = s.RodAsk.alive(now)
		s.Rod = s.Heat.stepTank(spec.Tank, s.RodAsk, w.water[i].at(now), w.step)
		s.Warmed += int64(s.Rod) * w.step
	}
}

// stepHeatAlone is what pump and rod would take alone.
func (w *World) stepHeatAlone(i int, at climate) (power grid.Power) {
	spec, s := &w.spec.Homes[i], &w.state.Homes[i]
	if spec.House.Pump > 0 {
		power += s.Alone.Heat.stepHouse(spec.House, nil, at, s.Load, w.step)
	}
	if spec.Tank.Rod > 0 {
		power += s.Alone.Heat.stepTank(spec.Tank, nil, w.water[i].at(w.state.Time), w.step)
	}
	return power
}

// AskPump asks the home's heat pump for a state; nil gives it back to its own logic.
func (w *World) AskPump(home int, a *ReadyAsk) { w.state.Homes[home].ReadyAsk = a }

// AskRod asks the home's heating rod for a power; nil gives it back to its thermostat.
func (w *World) AskRod(home int, s *Setpoint) { w.state.Homes[home].RodAsk = s }

// water is the hot water that is drawn at a home. It remembers the draws of the current day.
type water struct {
	seed, home uint64
	persons    int
	day        int64
	today      []use // of heat
	running    steady
}

// Heat that is drawn, W, for some minutes.
const (
	shower, showerMinutes = 14_000, 7 // 1.6 kWh
	tap, tapMinutes       = 6000, 3   // 0.3 kWh
	taps                  = 3         // a person and day
)

// at returns the heat that is drawn at the second now, W.
func (t *water) at(now int64) float64 {
	if day := now / secondsPerDay; day != t.day || t.today == nil {
		t.day, t.today = day, append(t.draws(day-1), t.draws(day)...)
		t.running.reset()
	}
	return float64(t.running.of(t.today, now))
}

func (t *water) draws(day int64) []use {
	all := make([]use, 0, t.persons*(1+taps))
	for person := range t.persons {
		u := func(k uint64) float64 { return uniform(t.seed, drawWater+k, t.home, uint64(day)<<8|uint64(person)) }
		at := 6 + 2.5*u(1)
		if uniform(t.seed, drawWater, t.home, uint64(person)) < 0.3 {
			at = 20 + 2*u(1)
		}
		from := day*secondsPerDay + int64(at*3600)
		if u(0) < 0.9 {
			all = append(all, use{from, from + showerMinutes*60, shower})
		}
		for k := range uint64(taps) {
			from := day*secondsPerDay + int64((7+15*u(2+k))*3600)
			all = append(all, use{from, from + tapMinutes*60, tap})
		}
	}
	return all
}
