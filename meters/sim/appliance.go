package sim

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Registers of a simulated appliance (docs/world.md): most significant word first. What it shares with
// heat pumps and rods is at the same places.
const (
	applianceState = 1033 // 0: it has nothing to do, 1: it waits, 2: it runs
	applianceDone  = 1034 // of its programme, ‰; 0xffff: it has nothing to do
	applianceStart = 1041 // 1: it is to run, 0: to wait, while 1040 is 1
)

// startAsk is what was last written to the registers of an appliance.
type startAsk struct {
	on    bool
	start bool
	valid uint16
}

// setAppliance takes what is written. in.mu is held.
func (d *Device) setAppliance(addr uint16, words []uint16, state world.State) bool {
	first := int(addr)
	if first < heaterAsked || first+len(words) > heaterValid+1 {
		return false
	}
	ask := d.appliance
	for k, word := range words {
		switch first + k {
		case heaterAsked:
			ask.on = word == 1
		case applianceStart:
			if word > 1 {
				return false
			}
			ask.start = word == 1
		case heaterValid:
			ask.valid = word
		}
	}
	d.appliance = ask
	var s *world.Setpoint
	if ask.on {
		s = &world.Setpoint{}
		if ask.start {
			s.Power = d.spec.Appliance.Power
		}
		if ask.valid > 0 {
			s.Until = state.Time + int64(ask.valid)
		}
	}
	d.in.world.StartAppliance(d.home, s)
	return true
}

// applianceImage is what an appliance shows.
func (d *Device) applianceImage(h *world.HomeState, now int64) image {
	const waits, runs = 1, 2
	words := make(model, heaterEnd-heaterBase)
	set := func(addr int, v uint16) { words.u16(addr-heaterBase, v) }
	words.text(heaterVendor-heaterBase, textOf, "Commonwatt")
	words.text(heaterModel-heaterBase, textOf, "Simulated appl.")
	words.text(heaterSerial-heaterBase, serial, d.Serial)
	words.u32(heaterPower-heaterBase, uint64(h.Appliance))
	words.u64(heaterEnergy-heaterBase, uint64(h.Counted(grid.Appliance).Import))
	if h.Appliance > 0 {
		set(heaterRunning, 1)
	}
	set(applianceDone, noState)
	if done, loaded := h.Programme.Done(d.spec.Appliance); loaded {
		set(applianceDone, uint16(done))
		set(applianceState, waits)
		if h.Programme.Began {
			set(applianceState, runs)
		}
	}
	ask := d.appliance
	set(heaterValid, ask.valid)
	if s := h.StartAsk; s != nil && ask.on {
		set(heaterAsked, 1)
		if s.Until > 0 {
			set(heaterValid, uint16(max(s.Until-now, 0)))
		}
	}
	if ask.start {
		set(applianceStart, 1)
	}
	return image{base: heaterBase, words: words}
}
