package control_test

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/sim"
)

const (
	solar = 5000 // W that the inverters here give when nobody limits them
	own   = 777  // W that the batteries here charge with by their own logic
)

func makers() []maker {
	all := append(sunSpecDevices(), hybrids()...)
	return append(append(append(append(all, growatts()...), others()...), chargers()...), append(ours(), appliances()...)...)
}

// der is model 704 at an address: SunSpec DER Information Model Specification. The timer
// starts when the setpoint is enabled; when it runs out, the reversion values are applied.
func der(at uint16) func(m *machine) (float64, bool) {
	return func(m *machine) (float64, bool) {
		enabled, power := m.Get(at+22) == 1, m.i32(at+24)
		if enabled && m.age(at+22) > time.Duration(m.u32(at+31))*time.Second {
			enabled, power = m.Get(at+30) == 1, m.i32(at+26)
		}
		if !enabled || m.Get(at+23) != 1 {
			return own, false
		}
		return -power, true
	}
}

// left has another controller leave 3 kW of discharge in what the timer applies.
func left(m *machine, at uint16) {
	m.hold(at+26, 0, 3000)
	m.hold(at+30, 1)
}

// model returns a SunSpec model of a length with some of its registers, by offset.
func model(id, length uint16, at map[uint16]uint16) []uint16 {
	words := make([]uint16, length+2)
	words[0], words[1] = id, length
	for offset, word := range at {
		words[offset] = word
	}
	return words
}

func sunSpecDevices() []maker {
	const controls = 40225 // model 704 behind 1 and 701
	common := sim.CommonModel("Acme", "B", "", "S1")
	ders := [][2]uint16{{controls + 22, controls + 27}, {controls + 30, controls + 32}}
	const rates, settings, immediate, ratings, limits = 40160, 40122, 40154, 40225, 40277
	return []maker{
		{
			profile: "sunspec-storage", kind: grid.Battery, unit: 1, takes: ders, does: der(controls), silence: time.Second, free: own, step: 1,
			start: func(m *machine) {
				measured, told, holds := sim.BatteryModels(0, 650)
				m.Chain(40000, common, measured, told, holds)
				left(m, controls)
			},
		},
		{
			profile: "sunspec-storage-802", kind: grid.Battery, unit: 1, takes: ders, does: der(controls), silence: time.Second, free: own, step: 1,
			start: func(m *machine) {
				measured, told, _ := sim.BatteryModels(0, 650)
				m.Chain(40000, common, measured, told, model(802, 62, nil))
				left(m, controls)
			},
		},
		{
			// SunSpec 124: a limit of charging and one of discharging in per cent of WChaMax, each with its
			// bit; below zero each is the least of the other. When the timer runs out both are 100 %.
			profile: "sunspec-storage-rate", kind: grid.Battery, unit: 1, silence: time.Second, free: own, step: 1,
			takes: [][2]uint16{{rates + 5, rates + 5}, {rates + 12, rates + 13}, {rates + 15, rates + 15}, {rates + 17, rates + 17}},
			start: func(m *machine) {
				m.Chain(40000, common, model(160, 88, nil), model(124, 24, map[uint16]uint16{2: 5000, 5: 1, 13: 0, 25: 0xfffe}))
			},
			does: func(m *machine) (float64, bool) {
				const whole = 5000.0 / 10_000 // W in a hundredth of a per cent
				bits, in, out := m.Get(rates+5), m.i16(rates+13)*whole, m.i16(rates+12)*whole
				timer := time.Duration(m.Get(rates+15)) * time.Second
				if timer > 0 && m.age(rates+13) > timer {
					in, out = solar, solar
				}
				w := float64(own)
				if bits&1 != 0 {
					w = math.Min(w, in)
				}
				if bits&2 != 0 {
					w = math.Max(w, -out)
				}
				if m.Get(rates+17) == 0 {
					w = math.Min(w, own) // the sun's alone
				}
				return w, bits != 0 && (in < solar || out < solar)
			},
		},
		{
			// SunSpec 123: WMaxLimPct of WMax (121) while WMaxLim_Ena is 1, until the timer runs out.
			profile: "sunspec-inverter", kind: grid.Inverter, unit: 1, silence: time.Second, free: -solar, step: 5,
			takes: [][2]uint16{{immediate + 5, immediate + 5}, {immediate + 7, immediate + 7}, {immediate + 9, immediate + 9}},
			start: func(m *machine) {
				m.Chain(40000, common, sim.InverterModel(0, 0), model(121, 30, map[uint16]uint16{2: 500, 22: 1}),
					model(123, 24, map[uint16]uint16{5: 200, 9: 1, 23: 0xffff}))
			},
			does: limited(immediate+5, immediate+7, immediate+9, 5),
		},
		{
			// The same, on an inverter that has no timer: it shows 0xFFFF in WMaxLimPct_RvrtTms whatever is written there.
			profile: "sunspec-inverter", kind: grid.Inverter, unit: 1, free: -solar, step: 5,
			takes: [][2]uint16{{immediate + 5, immediate + 5}, {immediate + 9, immediate + 9}},
			start: func(m *machine) {
				m.Chain(40000, common, sim.InverterModel(0, 0), model(121, 30, map[uint16]uint16{2: 500, 22: 1}),
					model(123, 24, map[uint16]uint16{5: 200, 7: 0xffff, 9: 1, 23: 0xffff}))
			},
			does: func(m *machine) (float64, bool) {
				if m.Get(immediate+9) != 1 {
					return -solar, false
				}
				return -math.Min(solar, m.i16(immediate+5)*5), true
			},
		},
		{
			// SunSpec 704 of an inverter: WMaxLimPct of WMax (702), with reversion values as WSet has.
			profile: "sunspec-der-inverter", kind: grid.Inverter, unit: 1, silence: time.Second, free: -solar, step: 5,
			takes: [][2]uint16{{limits + 14, limits + 19}},
			start: func(m *machine) {
				measured, _, _ := sim.BatteryModels(0, 650)
				m.Chain(40000, common, measured, model(702, 50, map[uint16]uint16{26: 5000}),
					model(704, 65, map[uint16]uint16{14: 1, 15: 300, 16: 100, 17: 1, 54: 0xffff}))
			},
			does: func(m *machine) (float64, bool) {
				enabled, pct := m.Get(limits+14) == 1, m.i16(limits+15)
				if enabled && m.age(limits+14) > time.Duration(m.u32(limits+18))*time.Second {
					enabled, pct = m.Get(limits+17) == 1, m.i16(limits+16)
				}
				if !enabled {
					return -solar, false
				}
				return -math.Min(solar, pct*5), true
			},
		},
		{
			// Fronius in the setting "float": model 123 at 40237, 121 at 40159 (zero-based).
			profile: "fronius-inverter", kind: grid.Inverter, unit: 1, silence: time.Second, free: -solar, step: 1,
			takes: [][2]uint16{{40242, 40242}, {40244, 40244}, {40246, 40246}},
			start: func(m *machine) {
				m.hold(40161, 5000)
				m.hold(40181, 0)
				m.hold(40242, 1000, 0, 0, 0, 1) // 10 %, without a timer, enabled
				m.hold(40260, 0xfffe)
			},
			does: limited(40242, 40244, 40246, 0.5),
		},
	}
}

// limited is an inverter of which a register tells the most that it gives, in steps of W,
// while another one is 1 and until a timer runs out, if one is set.
func limited(limit, timer, enabled uint16, step float64) func(m *machine) (float64, bool) {
	return func(m *machine) (float64, bool) {
		seconds := time.Duration(m.Get(timer)) * time.Second
		if m.Get(enabled) != 1 || seconds > 0 && m.age(enabled) > seconds {
			return -solar, false
		}
		return -math.Min(solar, m.i16(limit)*step), true
	}
}

// switched is one that is limited while a register shows a value, without a timer.
func switched(at, on uint16, limit func(m *machine) float64) func(m *machine) (float64, bool) {
	return func(m *machine) (float64, bool) {
		if m.Get(at) != on {
			return -solar, false
		}
		return -math.Min(solar, limit(m)), true
	}
}

func hybrids() []maker {
	const external = time.Minute
	return []maker{
		{
			// SMA: 40149 in W, + discharging, while 40151 is 802; both are write only.
			profile: "sma", kind: grid.Battery, unit: 3, free: own, step: 1, takes: [][2]uint16{{40149, 40152}}, blind: [2]uint16{40149, 40152},
			start: func(m *machine) { m.hold(40149, 0, 3000, 0, 802) },
			does: func(m *machine) (float64, bool) {
				if m.u32(40151) != 802 {
					return own, false
				}
				return -m.i32(40149), true
			},
		},
		{
			// Huawei: 47100 charges (1) or discharges (2) with the power at 47247 or 47249, for the minutes at
			// 47083, or, where 47246 is 1, to a state of charge.
			profile: "huawei-sun2000", kind: grid.Battery, unit: 1, free: own, step: 1, silence: time.Minute,
			takes: [][2]uint16{{47083, 47083}, {47100, 47100}, {47246, 47250}},
			start: func(m *machine) {
				m.hold(47083, 0)
				m.hold(47100, 2)
				m.hold(47246, 1, 0, 0, 0, 3000)
			},
			does: func(m *machine) (float64, bool) {
				command := m.Get(47100)
				ended := m.Get(47246) == 0 && m.age(47100) > time.Duration(m.Get(47083))*time.Minute
				switch {
				case ended || command == 0:
					return own, false
				case command == 1:
					return m.u32(47247), true
				default:
					return -m.u32(47249), true
				}
			},
		},
		{
			// Huawei: 47415 = 6 limits what is fed into the grid to the W at 47416.
			profile: "huawei-sun2000", kind: grid.Inverter, unit: 1, free: -most, step: 1, stays: true, takes: [][2]uint16{{47415, 47417}},
			start: func(m *machine) { m.hold(47415, 6, 0, 500) },
			does:  switched(47415, 6, func(m *machine) float64 { return m.i32(47416) }),
		},
		{
			// Sungrow SH, document 13050 to 13052: mode 2 (forced), 0xAA charges, 0xBB discharges, 0xCC stops.
			profile: "sungrow-sh", kind: grid.Battery, unit: 1, free: own, step: 1, takes: [][2]uint16{{13049, 13051}},
			start: func(m *machine) { m.hold(13049, 2, 0xbb, 3000) },
			does: func(m *machine) (float64, bool) {
				way, known := map[uint16]float64{0xaa: 1, 0xbb: -1, 0xcc: 0}[m.Get(13050)]
				if m.Get(13049) != 2 || !known {
					return own, false
				}
				return way * m.i16(13051), true
			},
		},
		{
			// Sungrow SH, document 13074 and 13087: 0xAA limits what is fed into the grid.
			profile: "sungrow-sh", kind: grid.Inverter, unit: 1, free: -most, step: 1, stays: true, takes: [][2]uint16{{13073, 13073}, {13086, 13086}},
			start: func(m *machine) {
				m.hold(13073, 100)
				m.hold(13086, 0xaa)
			},
			does: switched(13086, 0xaa, func(m *machine) float64 { return m.i16(13073) }),
		},
		{
			// GoodWe ET: EMS power mode 47511 (1 auto, 8 standby, 11 charge, 12 discharge), power 47512.
			profile: "goodwe-et", kind: grid.Battery, unit: 247, free: own, step: 1, takes: [][2]uint16{{47511, 47512}},
			start: func(m *machine) { m.hold(47511, 12, 3000) },
			does: func(m *machine) (float64, bool) {
				way, told := map[uint16]float64{8: 0, 11: 1, 12: -1}[m.Get(47511)]
				if !told {
					return own, false
				}
				return way * m.i16(47512), true
			},
		},
		{
			profile: "goodwe-et", kind: grid.Inverter, unit: 247, free: -most, step: 1, stays: true, takes: [][2]uint16{{47509, 47510}},
			start: func(m *machine) { m.hold(47509, 1, 0) },
			does:  switched(47509, 1, func(m *machine) float64 { return m.i16(47510) }),
		},
		{
			// Kostal: 1034, float of the least significant word first, below zero charges; it holds for the
			// time-out that is set in the web interface.
			profile: "kostal-plenticore", kind: grid.Battery, unit: 71, free: own, step: 1, silence: external, lapses: true, takes: [][2]uint16{{1034, 1035}},
			start: func(m *machine) { m.hold(1034, 0, 0) },
			does: func(m *machine) (float64, bool) {
				if m.age(1034) > external {
					return own, false
				}
				return -m.f32(1035, 1034), true
			},
		},
		{
			// Victron, ESS mode 3: the power at the AC input, for a minute; then the inverter passes through.
			profile: "victron-vebus", kind: grid.Battery, unit: 227, free: 0, step: 1, silence: external, lapses: true, takes: [][2]uint16{{37, 37}},
			start: func(m *machine) { m.hold(37, 0xf448) },
			does: func(m *machine) (float64, bool) {
				if m.age(37) > external {
					return 0, false
				}
				return m.i16(37), true
			},
		},
		{
			profile: "victron-vebus-3p", kind: grid.Battery, unit: 227, free: 0, step: 5, silence: external, lapses: true, takes: [][2]uint16{{37, 37}, {40, 41}},
			start: func(m *machine) { m.hold(37, 0, 0, 0, 0, 0) },
			does: func(m *machine) (float64, bool) {
				w, held := 0.0, true
				for _, phase := range []uint16{37, 40, 41} {
					w, held = w+m.i16(phase), held && m.age(phase) <= external
				}
				if !held {
					w = 0
				}
				return w, held
			},
		},
	}
}

// growatts have no setpoint but priorities for periods of the day, with rates in per cent
// (Growatt, Inverter Modbus RTU Protocol II).
func growatts() []maker {
	const allDay, rated, perCent = 0x173b, 50_000, 50.0 // 23:59; 0.1 VA; W in a per cent
	return []maker{
		{
			profile: "growatt-sph", kind: grid.Battery, unit: 1, free: own, step: perCent,
			takes: [][2]uint16{{1070, 1070}, {1080, 1082}, {1090, 1090}, {1092, 1092}, {1100, 1102}},
			start: func(m *machine) {
				m.hold(6, 0, rated)
				m.hold(1070, 60)
				m.hold(1080, 0, allDay, 1)
				m.hold(1090, 30, 0, 1)
				m.hold(1100, 0x0600, 0x0700, 0)
			},
			does: func(m *machine) (float64, bool) {
				on := func(from uint16) bool { return m.Get(from) == 0 && m.Get(from+1) == allDay && m.Get(from+2) == 1 }
				grid, battery := on(1080), on(1100)
				switch {
				case grid && battery:
					return math.NaN(), true // the document does not say which comes first
				case grid:
					return -m.i16(1070) * perCent, true
				case battery && m.Get(1092) == 1:
					return m.i16(1090) * perCent, true
				case battery:
					return math.Min(own, m.i16(1090)*perCent), true
				default:
					return own, false
				}
			},
		},
		{
			// 3038 and 3039 are one period: bit 15 switches it on, 13 and 14 are the priority (1 battery, 2 grid).
			profile: "growatt-tlxh", kind: grid.Battery, unit: 1, free: own, step: perCent,
			takes: [][2]uint16{{3036, 3036}, {3038, 3039}, {3047, 3047}, {3049, 3049}},
			start: func(m *machine) {
				m.hold(6, 0, rated)
				m.hold(3036, 60)
				m.hold(3038, 0xc000, allDay)
				m.hold(3047, 30)
				m.hold(3049, 1)
			},
			does: func(m *machine) (float64, bool) {
				from := m.Get(3038)
				switch {
				case from>>15 == 0 || from&0x1fff != 0 || m.Get(3039) != allDay:
					return own, false
				case from>>13&3 == 2:
					return -m.i16(3036) * perCent, true
				case from>>13&3 == 1 && m.Get(3049) == 1:
					return m.i16(3047) * perCent, true
				case from>>13&3 == 1:
					return math.Min(own, m.i16(3047)*perCent), true
				default:
					return own, false
				}
			},
		},
		{
			// Register 3 is the active power rate; 2 says whether it is kept.
			profile: "growatt", kind: grid.Inverter, unit: 1, free: -solar, step: perCent, takes: [][2]uint16{{2, 3}},
			start: func(m *machine) {
				m.hold(2, 1, 20)
				m.hold(6, 0, rated)
			},
			does: func(m *machine) (float64, bool) { return -m.i16(3) * perCent, m.Get(3) < 100 },
		},
	}
}

func others() []maker {
	return []maker{
		{
			// my-PV: 1000 takes W, for a minute; then the rod is off.
			profile: "my-pv-elwa", kind: grid.HeatingRod, unit: 1, free: 0, step: 1, silence: time.Minute, lapses: true, takes: [][2]uint16{{1000, 1000}},
			start: func(m *machine) { m.hold(1000, 3000) },
			does: func(m *machine) (float64, bool) {
				if m.age(1000) > time.Minute {
					return 0, false
				}
				return m.i16(1000), true
			},
		},
		{
			// Sungrow SG, document 5007 (0xAA on, 0x55 off) and 5008 (0.1 %), of the nominal power 5001 (0.1 kW).
			profile: "sungrow-sg", kind: grid.Inverter, unit: 1, free: -solar, step: 5, takes: [][2]uint16{{5006, 5007}},
			start: func(m *machine) {
				m.Put(modbus.Input, 5000, 50)
				m.hold(5006, 0xaa, 100)
			},
			does: switched(5006, 0xaa, func(m *machine) float64 { return m.i16(5007) * 5 }),
		},
	}
}
