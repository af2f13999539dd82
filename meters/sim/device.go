package sim

import (
	"math"
	"sync/atomic"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Device is one simulated device behind its own Modbus TCP server.
type Device struct {
	grid.Device
	Profile string // id of the profile that reads it

	home   int
	spec   world.Home
	in     *Neighbourhood
	server *modbus.Server
	shown  atomic.Pointer[image]
	faults []Fault
	cheat  *world.Cheater // nil: it shows what is; guarded by in.mu

	requests atomic.Int64
	awake    int64 // unix time since which the panels give power, guarded by in.mu

	written control   // last written setpoint registers of a battery, guarded by in.mu
	heater  heaterAsk // and of a heat pump or rod

	appliance startAsk // and of an appliance

	one bool // a charger charges on one phase
}

// control is what was written to the battery's setpoint registers.
type control struct {
	enable uint16
	watts  int32 // + injects
	revert uint32

	// What takes their place when the time in revert is over.
	thenEnable uint16
	thenWatts  int32
}

const (
	chargerValidity = 60 // s, for which a current limit holds
	phases          = 3
	nominalVolts    = 230
)

// Address returns the HOST:PORT of the device.
func (d *Device) Address() string { return d.server.Address() }

// Stop takes the device off the network, as a lost link does; the physics go
// on. Start brings it back.
func (d *Device) Stop() error { return d.server.Stop() }

// Start serves again after Stop.
func (d *Device) Start() error { return d.server.Start() }

// Registers returns what the device shows; it is a method of modbus.Device.
func (d *Device) Registers(table modbus.Table, addr, n uint16) ([]uint16, error) {
	d.delay()
	if table != modbus.Holding {
		return nil, &modbus.ExceptionError{Code: modbus.IllegalFunction}
	}
	return d.shown.Load().read(addr, n)
}

// SetRegisters takes setpoints: active power of a battery (SunSpec model 704),
// the current limit of a charger, the power of a heat pump or rod, the start of an appliance.
func (d *Device) SetRegisters(addr uint16, words []uint16) error {
	d.delay()
	if !d.set(addr, words) {
		return &modbus.ExceptionError{Code: modbus.IllegalAddress}
	}
	return nil
}

func (d *Device) set(addr uint16, words []uint16) bool {
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	state := d.in.world.State()
	switch d.Kind {
	case grid.Battery:
		if !d.setBattery(addr, words, state) {
			return false
		}
	case grid.Charger:
		if !d.setCharger(addr, words, state) {
			return false
		}
	case grid.HeatPump, grid.HeatingRod:
		if !d.setHeater(addr, words, state) {
			return false
		}
	case grid.Appliance:
		if !d.setAppliance(addr, words, state) {
			return false
		}
	case grid.Meter, grid.Inverter:
		return false
	}
	d.show(d.in.world.State())
	return true
}

// setCharger takes a current limit, which holds for a while, and the number of phases.
func (d *Device) setCharger(addr uint16, words []uint16, state world.State) bool {
	limit := world.Setpoint{Power: d.limit(&state.Homes[d.home]), Until: state.Time + chargerValidity}
	switch {
	case addr == alfenMaxCurrent && len(words) == 2:
		limit.Power = grid.Power(float64(math.Float32frombits(uint32(words[0])<<16|uint32(words[1]))) * d.volts())
	case addr == alfenPhases && len(words) == 1 && (words[0] == 1 || words[0] == phases):
		amps := float64(limit.Power) / d.volts()
		d.one = words[0] == 1
		limit.Power = grid.Power(amps * d.volts())
	default:
		return false
	}
	d.in.world.LimitCar(d.home, &limit)
	return true
}

// volts is what an ampere means of a charger, W.
func (d *Device) volts() float64 {
	if d.one {
		return nominalVolts
	}
	return phases * nominalVolts
}

// limit is the power that a charger gives at most.
func (d *Device) limit(h *world.HomeState) grid.Power {
	if h.CarLimit != nil {
		return h.CarLimit.Power
	}
	return d.spec.Charger
}

// controlAddr is where model 704 begins: after the marker and the models
// before it.
const controlAddr = sunSpecBase + 2 + (66 + 2) + (153 + 2)

func (d *Device) setBattery(addr uint16, words []uint16, state world.State) bool {
	m := controlModel(d.controls(state))
	from := int(addr) - controlAddr
	if from < setEnable || from+len(words) > setRevert+2 {
		return false
	}
	copy(m[from:], words)
	c := control{
		enable: m[setEnable], watts: int32(m.get32(setWatts)), revert: m.get32(setRevert),
		thenEnable: m[thenEnable], thenWatts: int32(m.get32(thenWatts)),
	}
	if m[setMode] != modeWatts {
		return false
	}
	d.written = c
	var s *world.Setpoint
	if c.enable == enabled {
		s = &world.Setpoint{Power: -grid.Power(c.watts)}
		if c.revert > 0 {
			s.Until = state.Time + int64(c.revert)
		}
	}
	d.ask(s)
	return true
}

// ask has a setpoint in force; none when nil. in.mu is held.
func (d *Device) ask(s *world.Setpoint) {
	if d.cheat != nil {
		d.cheat.Asked = s
		return
	}
	d.in.world.SetBattery(d.home, s)
}

// revert does what model 704 says of a battery whose time is over: what its fallback
// registers hold is in force from then on, whoever left it there. in.mu is held.
func (d *Device) revert(state world.State) {
	over := d.Kind == grid.Battery && d.written.enable == enabled && d.written.revert > 0 && d.controls(state).enable != enabled
	if !over {
		return
	}
	d.written.enable, d.written.watts, d.written.revert = d.written.thenEnable, d.written.thenWatts, 0
	if d.written.enable == enabled {
		d.ask(&world.Setpoint{Power: -grid.Power(d.written.watts)})
	}
}

// controls returns what the setpoint registers show: the setpoint in force or,
// disabled, what was written last.
func (d *Device) controls(state world.State) control {
	s := state.Homes[d.home].Setpoint
	if d.cheat != nil {
		s = d.cheat.Asked
	}
	if s == nil {
		c := d.written
		c.enable = 0
		return c
	}
	c := control{enable: enabled, watts: int32(-s.Power), thenEnable: d.written.thenEnable, thenWatts: d.written.thenWatts}
	if s.Until > 0 {
		c.revert = uint32(max(s.Until-state.Time, 0))
	}
	return c
}

// show makes the registers follow the state.
func (d *Device) show(state world.State) {
	h := state.Homes[d.home]
	volts, hertz := mains(state.Time)
	var im image
	switch d.Kind {
	case grid.Meter:
		power, imported, exported := h.Meter, world.Energy(h.Imported), world.Energy(h.Exported)
		if d.has(WrongSign) {
			power, imported, exported = -power, exported, imported
		}
		im = sunSpec(commonModel("Commonwatt", "Simulated meter", d.Serial), meterModel(power, imported, exported, volts, hertz))
	case grid.Inverter:
		im = sunSpec(commonModel("Commonwatt", "Simulated inverter", d.Serial),
			inverterModel(-h.PV, d.produced(h, state.Time), volts, hertz))
	case grid.Battery:
		capacity, charge := d.spec.Battery.Capacity, h.Charge(d.spec)
		if d.cheat != nil {
			h, capacity, charge = d.cheat.Show(h, d.spec, state.Time)
		}
		im = sunSpec(commonModel("Commonwatt", "Simulated battery", d.Serial),
			measurementModel(h.Battery, world.Energy(h.Charged), world.Energy(h.Discharged), volts, hertz),
			controlModel(d.controls(state)),
			capacityModel(capacity, charge))
	case grid.Charger:
		im = chargerImage(&h, d, volts, hertz)
	case grid.HeatPump, grid.HeatingRod:
		im = d.heaterImage(&h, state)
	case grid.Appliance:
		im = d.applianceImage(&h, state.Time)
	}
	d.shown.Store(&im)
}
