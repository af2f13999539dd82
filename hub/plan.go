package hub

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/usage"
)

// ReadConfig reads a community's file and checks it, also against the profiles that its
// data directory keeps. Errors are usage errors that name file and line.
func ReadConfig(path string) (config.Config, error) {
	c, err := config.Read(path)
	if err != nil {
		return c, err
	}
	if _, err := Resolve(c); err != nil {
		return config.Config{}, usage.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// KeptProfiles is where the data directory holds the profiles with which devices were
// paired.
const KeptProfiles = "profiles"

// Resolve makes a plan of a configuration, and checks what belongs to protocol,
// simulation and rewards.
func Resolve(c config.Config) (config.Plan, error) {
	kept, err := filepath.Glob(filepath.Join(c.Data, KeptProfiles, "*.yaml"))
	if err != nil {
		return config.Plan{}, err
	}
	p, err := c.Resolve(kept...)
	if err != nil {
		return p, err
	}
	for i, d := range p.Devices {
		if _, err := modbus.ParseUnit(d.Address, d.Unit); err != nil && d.Gateway == "" {
			return p, fmt.Errorf("devices[%d].address: %w", i, err)
		}
	}
	if p.Ledger.Profile != nil {
		if err := Profile(*p.Ledger.Profile).Validate(); err != nil {
			return p, fmt.Errorf("ledger.profile.%w", err)
		}
	}
	if p.Simulation != nil {
		for i, f := range p.Simulation.Faults {
			if _, err := sim.ParseFault(f.Fault); err != nil {
				return p, fmt.Errorf("simulation.faults[%d].fault: %w", i, err)
			}
		}
	}
	terms := rewards.Terms{Rewards: p.Rewards}
	if _, err := terms.Programme(p.Market.Minutes, p.Tariff.Currency); err != nil && !terms.Off {
		return p, fmt.Errorf("rewards.%w", err)
	}
	return p, nil
}

// WithPaired returns the configuration with the devices that were paired on the data
// directory. Without configured devices they take the place of the simulation, which
// never shares a directory with them. fast says that the speed was given.
func WithPaired(c config.Config, fast bool) (config.Config, error) {
	bench := pairing.Open(c.Data, nil, nil)
	paired, err := bench.Paired()
	if err != nil {
		return c, err
	}
	if len(paired) > 0 {
		all := make([]config.Device, len(paired))
		for i, b := range paired {
			all[i] = OfBinding(b)
		}
		return c.WithDevices(fast, all...), nil
	}
	begun, err := bench.Sessions()
	if len(begun) > 0 && c.Simulation != nil && !IsSimulated(c.Data) {
		return c, usage.Errorf("--data %s: a device is being paired there, and none is paired yet: finish it (commonwatt pair list shows it), give it up (pair remove), or give a simulated neighbourhood another directory", c.Data)
	}
	if keepsTerms(c.Data) && !c.Given("simulation") {
		c = c.WithDevices(fast) // all of its devices were removed
	}
	return c, err
}

// IsSimulated tells whether a data directory is a simulated neighbourhood's.
func IsSimulated(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "simulation.db"))
	return err == nil
}

// OfBinding is the configuration of a device that was paired.
func OfBinding(b pairing.Binding) config.Device {
	return config.Device{
		ID: b.ID, Member: b.Member, MeteringPoint: b.MeteringPoint, Address: b.Target, Unit: &b.Unit,
		Profile: b.Profile, Kind: string(b.Kind), Inverted: b.Inverted, Counters: b.Counters, Serial: b.Serial, Since: b.Since, Control: b.Control,
		How: config.How{Part: b.Part, Own: config.Own(b.Own)},
	}.MadeFor(b.Rated, b.Capacity, b.ImportLimit, b.ExportLimit)
}
