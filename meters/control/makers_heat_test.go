package control_test

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// ours are the devices that simulated homes have and no maker: docs/world.md.
func ours() []maker {
	const heats, threePhases = 700, 690.0
	car := func(amps, perAmp float64) float64 {
		if amps < 6 {
			return 0
		}
		return min(amps*perAmp, 11_000)
	}
	heater := maker{
		unit: 1, free: heats, step: 2, silence: time.Minute,
		takes: [][2]uint16{{1040, 1042}},
		start: func(m *machine) {
			m.hold(1040, 1, 2222, 0) // another controller left it on, for good
		},
		// 1041 in W while 1040 is 1, for the seconds of 1042 from the last of what was written.
		does: func(m *machine) (float64, bool) {
			valid := time.Duration(m.Get(1042)) * time.Second
			if m.Get(1040) != 1 || valid > 0 && m.idle() > valid {
				return heats, false
			}
			return m.i16(1041), true
		},
	}
	pump, rod := heater, heater
	pump.profile, pump.kind = "commonwatt-heat-pump", grid.HeatPump
	rod.profile, rod.kind = "commonwatt-heating-rod", grid.HeatingRod
	return []maker{pump, rod, {
		profile: "commonwatt-charger", kind: grid.Charger, unit: 1, free: 11_000, step: threePhases, silence: time.Minute, lapses: true, phased: true,
		takes: [][2]uint16{{1210, 1211}, {1215, 1215}},
		start: func(m *machine) {
			m.hold(1210, 0, 0)
			m.hold(1215, 3)
		},
		does: func(m *machine) (float64, bool) {
			if m.age(1210) > time.Minute {
				return 11_000, false
			}
			return car(m.f32(1210, 1211), 230*m.i16(1215)), true
		},
	}}
}
