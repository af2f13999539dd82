package sim

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Registers of a simulated heat pump and heating rod (docs/world.md): most significant word first.
const (
	heaterBase    = 1000
	heaterVendor  = 1000 // texts of eight registers
	heaterModel   = 1008
	heaterOutdoor = 1024 // 0.1 °C, 0x8000: none
	heaterWarmth  = 1025 // of the house or of the water, 0.1 °C
	heaterPower   = 1026 // W, two registers
	heaterEnergy  = 1028 // Wh, four registers
	heaterRunning = 1032 // 1: it is
	heaterState   = 1033 // of SG Ready, in force; 0xffff: it has none
	heaterStored  = 1034 // of the heat that the house or the tank can store, ‰
	heaterAsked   = 1040 // 1: what is asked for is in force
	heaterWatts   = 1041 // asked for
	heaterValid   = 1042 // s, after which it is not in force any more; 0: for good
	heaterReady   = 1043 // state of SG Ready that is asked for, as by its two contacts
	heaterSerial  = 1044 // text of sixteen registers
	heaterEnd     = 1060

	noState = 0xffff
	noValue = 0x8000
	textOf  = 8 // registers
	serial  = 16
)

// heaterAsk is what was last written to the registers of a heat pump or rod.
type heaterAsk struct {
	on    bool
	watts uint16
	valid uint16
}

// setHeater takes what is written. in.mu is held.
func (d *Device) setHeater(addr uint16, words []uint16, state world.State) bool {
	first, last := int(addr), int(addr)+len(words)
	if first < heaterAsked || last > heaterSerial || d.Kind == grid.HeatingRod && last > heaterReady {
		return false
	}
	ask := d.heater
	ready := world.Ready(0)
	for k, word := range words {
		switch first + k {
		case heaterAsked:
			ask.on = word == 1
		case heaterWatts:
			ask.watts = word
		case heaterValid:
			ask.valid = word
		case heaterReady:
			if ready = world.Ready(word); ready < world.Blocked || ready > world.Forced {
				return false
			}
		}
	}
	d.heater = ask
	until := int64(0)
	if ask.valid > 0 {
		until = state.Time + int64(ask.valid)
	}
	if d.Kind == grid.HeatingRod {
		var s *world.Setpoint
		if ask.on {
			s = &world.Setpoint{Power: grid.Power(ask.watts), Until: until}
		}
		d.in.world.AskRod(d.home, s)
		return true
	}
	switch power := grid.Power(ask.watts); {
	case ready == world.Normal:
		d.heater.on = false
		d.in.world.AskPump(d.home, nil)
	case ready != 0:
		d.heater.on = false
		d.in.world.AskPump(d.home, &world.ReadyAsk{State: ready, Until: until})
	case !ask.on:
		d.in.world.AskPump(d.home, nil)
	case power < d.spec.House.Least():
		d.in.world.AskPump(d.home, &world.ReadyAsk{State: world.Blocked, Until: until})
	default:
		d.in.world.AskPump(d.home, &world.ReadyAsk{State: world.Forced, Power: power, Until: until})
	}
	return true
}

// heaterImage is what a heat pump or a rod shows.
func (d *Device) heaterImage(h *world.HomeState, state world.State) image {
	words := make(model, heaterEnd-heaterBase)
	set := func(addr int, v uint16) { words.u16(addr-heaterBase, v) }
	words.text(heaterVendor-heaterBase, textOf, "Commonwatt")
	words.text(heaterSerial-heaterBase, serial, d.Serial)
	tenths := func(celsius float64) uint16 { return uint16(int16(math.Round(10 * celsius))) }
	var alive bool
	var until int64
	if d.Kind == grid.HeatingRod {
		words.text(heaterModel-heaterBase, textOf, "Simulated rod")
		set(heaterOutdoor, noValue)
		set(heaterWarmth, tenths(h.Heat.Tank))
		set(heaterState, noState)
		set(heaterReady, noState)
		if alive = h.RodAsk != nil; alive {
			until = h.RodAsk.Until
		}
	} else {
		words.text(heaterModel-heaterBase, textOf, "Simulated pump")
		set(heaterOutdoor, tenths(d.in.spec.Weather(time.Unix(state.Time, 0)).Outdoor))
		set(heaterWarmth, tenths(h.Heat.Indoor))
		in := world.Normal
		if alive = h.ReadyAsk != nil; alive {
			in, until = h.ReadyAsk.State, h.ReadyAsk.Until
		}
		set(heaterState, uint16(in))
		set(heaterReady, uint16(in))
	}
	if stored, known := h.Warmth(d.Kind); known {
		set(heaterStored, uint16(stored))
	}
	power := h.Power(d.Kind)
	words.u32(heaterPower-heaterBase, uint64(power))
	words.u64(heaterEnergy-heaterBase, uint64(h.Counted(d.Kind).Import))
	if power > 0 {
		set(heaterRunning, 1)
	}
	if alive && d.heater.on {
		set(heaterAsked, 1)
	}
	set(heaterWatts, d.heater.watts)
	set(heaterValid, d.heater.valid)
	if until > 0 {
		set(heaterValid, uint16(max(until-state.Time, 0)))
	}
	return image{base: heaterBase, words: words}
}
