package control_test

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// chargers deliver to a car that takes what it is offered, from 6 A on.
func chargers() []maker {
	const threePhases, fine = 690.0, 70.0 // W in an ampere; 0.1 A
	car := func(amps, perAmp float64) float64 {
		if amps < 6 {
			return 0
		}
		return amps * perAmp
	}
	return []maker{
		{
			// KEBA P30: 5004 in mA, 5014 enables, 5016 is the current after the seconds of 5018 without a command.
			profile: "keba-p30", kind: grid.Charger, unit: 255, only: 6, blind: [2]uint16{5004, 5018}, free: 32 * threePhases, falls: 6 * threePhases, step: fine,
			silence: time.Second, takes: [][2]uint16{{5004, 5004}, {5014, 5014}, {5016, 5016}, {5018, 5018}},
			start: func(m *machine) {
				m.hold(5004, 10_000)
				m.hold(5014, 0)
				m.hold(5016, 32_000)
				m.hold(5018, 0)
			},
			does: func(m *machine) (float64, bool) {
				amps, timer := float64(m.Get(5004))/1000, time.Duration(m.Get(5018))*time.Second
				if timer > 0 && m.idle() > timer {
					return car(float64(m.Get(5016))/1000, threePhases), true
				}
				if m.Get(5014) == 0 {
					return 0, true
				}
				return car(amps, threePhases), amps < 32 || timer > 0
			},
		},
		{
			profile: "keba-p40", kind: grid.Charger, unit: 255, only: 6, blind: [2]uint16{5004, 5018}, free: 32 * threePhases, falls: 6 * threePhases, step: fine,
			silence: time.Second, takes: [][2]uint16{{5004, 5004}, {5016, 5016}, {5018, 5018}},
			start: func(m *machine) {
				m.hold(5004, 0)
				m.hold(5016, 32_000)
				m.hold(5018, 0)
			},
			does: func(m *machine) (float64, bool) {
				amps, timer := float64(m.Get(5004))/1000, time.Duration(m.Get(5018))*time.Second
				if timer > 0 && m.idle() > timer {
					return car(float64(m.Get(5016))/1000, threePhases), true
				}
				return car(amps, threePhases), amps < 32 || timer > 0
			},
		},
		{
			// Alfen: 1210 in A (float) for a validity time of 60 s, then the safe current 1212; 1215 is 1 or 3 phases.
			profile: "alfen-eve", kind: grid.Charger, unit: 1, free: 6 * threePhases, step: threePhases, silence: time.Minute, lapses: true, phased: true,
			takes: [][2]uint16{{1210, 1211}, {1215, 1215}},
			start: func(m *machine) {
				m.hold(1210, 0, 0, 0x40c0, 0) // 0 A, safe 6 A
				m.hold(1215, 3)
			},
			does: func(m *machine) (float64, bool) {
				perAmp := 230 * m.i16(1215)
				if m.age(1210) > time.Minute {
					return car(m.f32(1212, 1213), perAmp), false
				}
				return car(m.f32(1210, 1211), perAmp), true
			},
		},
		{
			// ABB: 0x4100 in mA, 0x4106 the seconds without any message after which 0x4109 holds (0xFF: an error).
			profile: "abb-terra-ac", kind: grid.Charger, unit: 1, blind: [2]uint16{0x4100, 0x4109}, free: 32 * threePhases, falls: 6 * threePhases, step: fine,
			silence: 10 * time.Second, takes: [][2]uint16{{0x4100, 0x4101}, {0x4106, 0x4106}, {0x4109, 0x4109}},
			start: func(m *machine) {
				m.hold(0x4100, 0, 0)
				m.hold(0x4106, 60)
				m.hold(0x4109, 0xff)
			},
			does: func(m *machine) (float64, bool) {
				if m.silent() > time.Duration(m.Get(0x4106))*time.Second {
					if m.Get(0x4109) == 0xff {
						return 0, true
					}
					return car(m.i16(0x4109), threePhases), true
				}
				amps := m.u32(0x4100) / 1000
				return car(amps, threePhases), amps < 32
			},
		},
		{
			// CHARX: 1301 in A while 1300 is 1; 1306 holds when 1301 was not written for the seconds of 1307.
			profile: "phoenix-charx", kind: grid.Charger, unit: 255, free: 80 * threePhases, falls: 6 * threePhases, step: threePhases, silence: time.Second,
			takes: [][2]uint16{{1300, 1301}, {1306, 1307}},
			start: func(m *machine) {
				m.hold(1300, 0, 10)
				m.hold(1306, 32, 0xffff)
			},
			does: func(m *machine) (float64, bool) {
				watched := m.Get(1307) != 0xffff
				switch {
				case m.Get(1300) == 0:
					return 0, true
				case watched && m.age(1301) > time.Duration(m.Get(1307))*time.Second:
					return car(m.i16(1306), threePhases), true
				default:
					return car(m.i16(1301), threePhases), watched || m.Get(1301) < 80
				}
			},
		},
		{
			// go-e: 299 in A, 332 is 1 for one phase and 2 for three, 337 is 1 for off and 2 for on. No timer.
			profile: "go-e", kind: grid.Charger, unit: 1, only: 16, free: 32 * threePhases, step: threePhases, phased: true,
			takes: [][2]uint16{{299, 299}, {332, 332}, {337, 337}},
			start: func(m *machine) {
				m.hold(299, 6)
				m.hold(332, 1)
				m.hold(337, 1)
			},
			does: func(m *machine) (float64, bool) {
				perAmp := threePhases
				if m.Get(332) == 1 {
					perAmp = 230
				}
				if m.Get(337) == 1 {
					return 0, true
				}
				return car(m.i16(299), perAmp), m.Get(337) == 2
			},
		},
	}
}
