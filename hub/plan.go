package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
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
	if c, err = withOverridden(c, bench); err != nil {
		return c, err
	}
	if len(paired) > 0 {
		all := make([]config.Device, len(paired))
		for i, b := range paired {
			if all[i], err = OfBinding(b); err != nil {
				return c, fmt.Errorf("paired device %s: %w", b.ID, err)
			}
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

// withOverridden has the entries of the configuration count no more whose devices were let go of, and those that were
// taken back count from then on.
func withOverridden(c config.Config, bench *pairing.Bench) (config.Config, error) {
	gone, again, err := bench.Overridden()
	if err != nil {
		return c, err
	}
	c.Devices = slices.Clone(c.Devices)
	for i := range c.Devices {
		d := &c.Devices[i]
		d.Since = again[d.ID]
		if b, is := gone[d.ID]; is {
			d.Gone = overridden(b)
		}
	}
	return c, nil
}

// overridden says why the entry of a device counts no more, and what can be done about it.
func overridden(b pairing.Binding) string {
	text := fmt.Sprintf("%q is not read as the file says: it was removed at %s", b.ID, b.Until.UTC().Format("2006-01-02 15:04 UTC"))
	if by := b.Gone.ReplacedBy; by != "" {
		text = fmt.Sprintf("%q is not read as the file says: %q took its place at %s", b.ID, by, b.Until.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if b.Gone.By != "" {
		text += ", by " + b.Gone.By
	}
	if b.Gone.Reason != "" {
		text += " (" + b.Gone.Reason + ")"
	}
	return fmt.Sprintf("%s. \"commonwatt pair restore %s\" or the installer's page takes that back; or take the entry out of the file.", text, b.ID)
}

// OfBinding is the configuration of a device that was paired. The error begins with the name of a field.
func OfBinding(b pairing.Binding) (config.Device, error) {
	d := config.Device{
		ID: b.ID, Member: b.Member, MeteringPoint: b.MeteringPoint, Address: b.Target, Unit: &b.Unit,
		Profile: b.Profile, Kind: string(b.Kind), Inverted: b.Inverted, Counters: b.Counters, Serial: b.Serial, Since: b.Since, Control: b.Control,
		How: config.How{Part: b.Part, Own: config.Own(b.Own)},
	}.MadeFor(b.Rated, b.Capacity, b.ImportLimit, b.ExportLimit)
	return d.Said(b.Planning)
}

// Fits returns what refuses a device of which something is said that the configuration would refuse. currency is that of
// the tariffs; where it is empty, as before the terms are known, what is in it is checked at the next start.
func Fits(profiles *profile.Set, currency string) func(pairing.Binding) error {
	return func(b pairing.Binding) error {
		p := profiles.Get(b.Profile)
		d, err := OfBinding(b)
		if err == nil && p == nil {
			err = fmt.Errorf("there is no profile %q", b.Profile)
		}
		if currency == "" {
			d.Wear = config.Quantity{}
		}
		if err == nil {
			_, err = d.Sized(p, currency)
		}
		if err != nil {
			return &pairing.ConflictError{Reason: err.Error()}
		}
		return nil
	}
}
