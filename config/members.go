package config

import (
	"fmt"
	"slices"
	"strings"
)

// Strangers checks that members who are named exist, once it is known who was paired.
// The error begins with the name of the field.
func (c Config) Strangers() error {
	err := c.Check(c.IsMember)
	if err == nil {
		err = c.Sharing.Strangers(c.isPoint)
	}
	if err == nil {
		err = c.MoneyText.Strangers(c.isPoint)
	}
	for i, a := range c.Agents {
		if err == nil && !c.IsMember(a.Member) {
			err = fmt.Errorf("agents[%d].member: there is no member %q", i, a.Member)
		}
	}
	if err == nil {
		err = c.strangers(c.IsMember)
	}
	return err
}

// StrangersHere is Strangers, and says where members were looked for when they come by
// their devices: in what is listed and in what was paired.
func (c Config) StrangersHere() error {
	err := c.Strangers()
	if err == nil || c.Simulation != nil {
		return err
	}
	return fmt.Errorf("%w among the devices that are listed or paired in %s", err, c.Data)
}

// IsMember tells whether a home is simulated under the name, or a device is the
// member's.
func (c Config) IsMember(name string) bool {
	if c.Simulation != nil {
		var n int
		_, err := fmt.Sscanf(name, "home-%02d", &n)
		return err == nil && n >= 1 && n <= c.Simulation.Homes && name == fmt.Sprintf("home-%02d", n)
	}
	return slices.ContainsFunc(c.Devices, func(d Device) bool { return d.Member == name })
}

// isPoint tells whether a metering point is that of a home that is simulated, or of a device.
func (c Config) isPoint(name string) bool {
	if c.Simulation != nil {
		home, ok := strings.CutPrefix(name, "mp-")
		return ok && c.IsMember(home)
	}
	return slices.ContainsFunc(c.Devices, func(d Device) bool { return d.MeteringPoint == name })
}

// Unasked says that a file with a name or tariff of its own starts a simulation that
// it does not ask for, as with a mistyped data directory; empty where it does not.
// located tells whether it is known which data directory counts.
func (c Config) Unasked(located bool) string {
	own := c.given["community"]
	for field := range (&Terms{}).Fields() {
		own = own || c.given[field]
	}
	if c.Simulation == nil || c.given["simulation"] || !own {
		return ""
	}
	if !located {
		return fmt.Sprintf("No device is listed: unless one is paired in the data directory, this is a simulation of %d homes. To run without any, write devices: [].", c.Simulation.Homes)
	}
	return fmt.Sprintf("No device is listed or paired in %s: this is a simulation of %d homes. To run without any, write devices: [].", c.Data, c.Simulation.Homes)
}
