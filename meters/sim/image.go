package sim

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// A registers image is what a device shows, from base on.
type image struct {
	base  uint16
	words []uint16
}

func (im image) read(addr, n uint16) ([]uint16, error) {
	from := int(addr) - int(im.base)
	if from < 0 || from+int(n) > len(im.words) {
		return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
	}
	return im.words[from : from+int(n)], nil
}

// model is one SunSpec model: its id, its length and its registers, which at first
// all say that the device has no such point. Offsets count from the id register as
// in the SunSpec documents.
type model []uint16

func newModel(id, length uint16) model {
	m := make(model, length+2)
	for i := range m {
		m[i] = 0x8000 // how SunSpec's types int16 and sunssf say that the device has no such point
	}
	m[0], m[1] = id, length
	return m
}

func (m model) u16(offset int, v uint16) { m[offset] = v }

func (m model) i16(offset int, v int64) { m[offset] = uint16(int16(v)) }

func (m model) u32(offset int, v uint64) { m[offset], m[offset+1] = uint16(v>>16), uint16(v) }

func (m model) get32(offset int) uint32 { return uint32(m[offset])<<16 | uint32(m[offset+1]) }

func (m model) u64(offset int, v uint64) {
	m.u32(offset, v>>32)
	m.u32(offset+2, v)
}

func (m model) text(offset, words int, s string) {
	b := make([]byte, 2*words)
	copy(b, s)
	for i := range words {
		m[offset+i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
}

// absent gives unsigned registers the value by which SunSpec says that a device does not
// have the point. Signed ones have their own such value from the beginning.
func (m model) absent(offsets ...int) {
	for _, o := range offsets {
		m[o] = 0xffff
	}
}

const sunSpecBase = 40000

// sunSpec chains models behind the marker and closes the chain.
func sunSpec(models ...model) image {
	words := []uint16{0x5375, 0x6e53}
	for _, m := range models {
		words = append(words, m...)
	}
	return image{base: sunSpecBase, words: append(words, 0xffff, 0)}
}

func commonModel(maker, name, serial string) model {
	m := newModel(1, 66)
	m.text(2, 16, maker)
	m.text(18, 16, name)
	m.text(34, 8, "")
	m.text(42, 8, "1.0")
	m.text(50, 16, serial)
	m.u16(66, 1)
	return m
}

// meterModel is model 203, a wye-connected three-phase meter. Power is a whole
// number of W up to 32 kW and of tens of W above.
func meterModel(power grid.Power, imported, exported grid.Energy, volts, hertz float64) model {
	m := newModel(203, 105)
	for _, o := range []int{8, 9, 10} {
		m.i16(o, int64(math.Round(volts*10)))
	}
	m.i16(7, int64(math.Round(volts*10)))
	m.i16(15, -1)
	m.i16(16, int64(math.Round(hertz*100)))
	m.i16(17, -2)
	value, factor := fit(power)
	m.i16(18, value)
	m.i16(22, factor)
	for o := 38; o < 54; o += 2 {
		m.u32(o, 0) // accumulators of single phases: not accumulated
	}
	m.u32(38, uint64(exported))
	m.u32(46, uint64(imported))
	m.i16(54, 0)
	for o := 55; o < 71; o += 2 {
		m.u32(o, 0)
	}
	for o := 72; o < 104; o += 2 {
		m.u32(o, 0)
	}
	m.u32(105, 0)
	return m
}

// inverterModel is model 103, a three-phase inverter. It counts production as
// positive.
func inverterModel(produces grid.Power, produced grid.Energy, volts, hertz float64) model {
	const mppt, sleeping = 4, 2
	m := newModel(103, 50)
	for _, o := range []int{2, 3, 4, 5, 7, 8, 9, 27, 29} {
		m.absent(o)
	}
	for _, o := range []int{10, 11, 12} {
		m.u16(o, uint16(math.Round(volts*10)))
	}
	m.i16(13, -1)
	value, factor := fit(produces)
	m.i16(14, value)
	m.i16(15, factor)
	m.u16(16, uint16(math.Round(hertz*100)))
	m.i16(17, -2)
	m.u32(24, uint64(produced))
	m.i16(26, 0)
	m.u16(38, sleeping)
	if produces > 0 {
		m.u16(38, mppt)
	}
	m.absent(39)
	m.u32(40, 0)
	m.u32(42, 0)
	m.u32(44, 0)
	m.u32(46, 0)
	m.u32(48, 0)
	m.u32(50, 0)
	return m
}

// measurementModel is model 701 of a battery inverter. It counts injection,
// that is discharging, as positive.
func measurementModel(charging grid.Power, charged, discharged grid.Energy, volts, hertz float64) model {
	const threePhase, on, running = 2, 1, 3
	m := newModel(701, 153)
	for o := 2; o < 155; o++ {
		m.absent(o)
	}
	for _, o := range []int{10, 11, 12, 13, 14, 35, 36, 37, 38, 39, 40} {
		m.u16(o, 0x8000)
	}
	m.u16(2, threePhase)
	m.u16(3, on)
	m.u16(4, running)
	m.u16(5, on)
	m.u32(6, 0)
	m.u32(8, 0)
	value, factor := fit(-charging)
	m.i16(10, value)
	m.u16(16, uint16(math.Round(volts*10)))
	m.u32(17, uint64(math.Round(hertz*100)))
	m.u64(19, uint64(discharged))
	m.u64(23, uint64(charged))
	for o := 113; o <= 122; o++ {
		m.u16(o, 0x8000)
	}
	m.i16(114, -1)
	m.i16(115, -2)
	m.i16(116, factor)
	m.i16(120, 0)
	m.text(123, 32, "")
	return m
}

// capacityModel is model 713: rated energy, available energy, state of charge.
func capacityModel(rated grid.Energy, charge grid.PerMille) model {
	m := newModel(713, 7)
	m.u16(2, uint16(rated/10))
	m.u16(3, uint16(int64(rated)*int64(charge)/1000/10))
	m.u16(4, uint16(charge))
	m.u16(5, 1000)
	m.u16(6, 0)
	m.i16(7, 1)
	m.i16(8, -1)
	return m
}

// Offsets in model 704, DER AC controls: the active power setpoint.
const (
	setEnable  = 22
	setMode    = 23
	setWatts   = 24 // int32, + injects
	thenWatts  = 26 // int32, what is in force once the time of setRevert is over
	thenEnable = 30
	setRevert  = 31 // uint32, s
	modeWatts  = 1
	enabled    = 1
	controlLen = 65
)

// controlModel is model 704 with the active power setpoint alone.
func controlModel(c control) model {
	m := newModel(704, controlLen)
	for o := 2; o < controlLen+2; o++ {
		m.absent(o)
	}
	for o := 53; o <= 58; o++ {
		m.u16(o, 0x8000)
	}
	m.u16(setEnable, c.enable)
	m.u16(setMode, modeWatts)
	m.u32(setWatts, uint64(uint32(c.watts)))
	m.u32(thenWatts, uint64(uint32(c.thenWatts)))
	m.u16(thenEnable, c.thenEnable)
	m.u32(setRevert, uint64(c.revert))
	m.i16(55, 0)
	return m
}

// fit gives a power as a register value and a power of ten.
func fit(p grid.Power) (value, factor int64) {
	if p > math.MaxInt16 || p < -math.MaxInt16 {
		return int64(p) / 10, 1
	}
	return int64(p), 0
}

// Registers of the Alfen charger (Implementation of Modbus Slave TCP/IP for
// Alfen NG9xx platform): values are IEEE floats, high word first.
const (
	alfenBase       = 300
	alfenEnd        = 1216
	alfenVoltage    = 306
	alfenFrequency  = 336
	alfenPower      = 344
	alfenEnergy     = 374
	alfenStatus     = 1201 // five registers of text
	alfenValidTime  = 1208
	alfenApplied    = 1206
	alfenMaxCurrent = 1210
	alfenPhases     = 1215
)

// Beyond Alfen's registers stand those of a charger whose car tells it its state, as of ISO 15118
// (docs/world.md); no Alfen has them.
const (
	vehicleCharge   = 1300 // 0.1 %, 0xffff: no car, or it does not say
	vehicleCapacity = 1301 // Wh, two registers
	vehicleEnd      = 1303
)

func chargerImage(h *world.HomeState, d *Device, volts, hertz float64) image {
	words := make(model, vehicleEnd-alfenBase)
	words.absent(vehicleCharge-alfenBase, vehicleCapacity-alfenBase, vehicleCapacity+1-alfenBase)
	f32 := func(addr int, v float64) { words.u32(addr-alfenBase, uint64(math.Float32bits(float32(v)))) }
	f32(alfenVoltage, volts)
	f32(alfenFrequency, hertz)
	f32(alfenPower, float64(h.Car))
	words.u64(alfenEnergy-alfenBase, math.Float64bits(float64(world.Energy(h.Delivered))))
	state := "A" // IEC 61851: no car
	switch {
	case h.Car > 0:
		state = "C2" // charging
	case h.CarHere && h.CarNeeds > 0:
		state = "C1" // wants to, and may not
	case h.CarHere:
		state = "B2" // may, and wants nothing
	}
	words.text(alfenStatus-alfenBase, 5, state)
	words.u32(alfenValidTime-alfenBase, chargerValidity)
	f32(alfenApplied, float64(d.limit(h))/d.volts())
	f32(alfenMaxCurrent, float64(d.limit(h))/d.volts())
	words.u16(alfenPhases-alfenBase, phases)
	if d.one {
		words.u16(alfenPhases-alfenBase, 1)
	}
	if charge, known := h.CarCharge(d.spec); known {
		words.u16(vehicleCharge-alfenBase, uint16(charge))
		words.u32(vehicleCapacity-alfenBase, uint64(d.spec.CarCapacity()))
	}
	return image{base: alfenBase, words: words}
}
