package sim

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

const (
	usualVolts = 230
	usualHertz = 50
)

// Chain puts SunSpec models behind a base, and returns where each begins.
func (b *Bent) Chain(base uint16, models ...[]uint16) (at []uint16) {
	next := b.Put(modbus.Holding, base, 0x5375, 0x6e53)
	for _, m := range models {
		at = append(at, next)
		next = b.Put(modbus.Holding, next, m...)
	}
	b.Put(modbus.Holding, next, 0xffff, 0)
	return at
}

// CommonModel is the SunSpec model in which a device introduces itself. option is what
// some makers say it is for.
func CommonModel(maker, name, option, serial string) []uint16 {
	m := commonModel(maker, name, serial)
	m.text(34, 8, option)
	return m
}

// MeterModel is that of a connection meter.
func MeterModel(power grid.Power, imported, exported grid.Energy) []uint16 {
	return meterModel(power, imported, exported, usualVolts, usualHertz)
}

// InverterModel is that of an inverter.
func InverterModel(produces grid.Power, produced grid.Energy) []uint16 {
	return inverterModel(produces, produced, usualVolts, usualHertz)
}

// BatteryModels are what a battery measures (701), how it is told what to do (704), and
// what it holds (713).
func BatteryModels(charging grid.Power, charge grid.PerMille) (measured, controls, holds []uint16) {
	const charged, discharged, rated = 5000, 4000, 10_000
	return measurementModel(charging, charged, discharged, usualVolts, usualHertz), controlModel(control{}), capacityModel(rated, charge)
}
