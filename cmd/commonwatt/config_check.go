package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/commonwatt/commonwatt/usage"
)

// checkConfig checks a community's file. Which devices were paired shows in the data
// directory, when the file or the caller names it.
func checkConfig(out io.Writer, file, data string) error {
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	located := data != "" || c.given["data"]
	c.Data = cmp.Or(data, c.Data)
	if located {
		if err := c.addPaired(false); err != nil {
			return err
		}
	}
	if err := c.takeTerms(); err != nil {
		return err
	}
	if !c.hasTerms() {
		return usage.Errorf("%s: %w", file, c.errTerms())
	}
	if err := cmp.Or(c.Ledger.exists(), c.Bus.Gateways.exists(c)); err != nil {
		return usage.Errorf("%s: %w", file, err)
	}
	if located {
		err = c.validate() // with what was paired
	}
	strangers := c.validateMembers()
	if located || c.given["simulation"] {
		err, strangers = cmp.Or(err, c.sought(strangers)), nil
	}
	if err != nil {
		return usage.Errorf("%s: %w", file, err)
	}
	what := fmt.Sprintf("real devices: %d", len(c.Devices))
	if c.Simulation != nil {
		what = fmt.Sprintf("simulated homes: %d", c.Simulation.Homes)
	}
	fmt.Fprintf(out, "%s: community %q, %s, %s ledger\n", file, c.Community, what, cmp.Or(c.Ledger.Kind, embeddedLedger))
	if strangers != nil {
		fmt.Fprintf(out, "%v: unless it comes by pairing; the start looks there, and so does this check with --data DIR.\n", strangers)
	}
	if text := c.unasked(located); text != "" {
		fmt.Fprintln(out, text)
	}
	return nil
}

// unasked says that a file with a name or tariff of its own starts a simulation that
// it does not ask for, as with a mistyped data directory; empty where it does not.
func (c config) unasked(located bool) string {
	own := c.given["community"]
	for field := range (&terms{}).fields() {
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

// validateMembers checks that members who are named exist, once it is known who was
// paired. The error begins with the name of the field.
func (c config) validateMembers() error {
	err := c.Check(c.isMember)
	for i, a := range c.Agents {
		if err == nil && !c.isMember(a.Member) {
			err = fmt.Errorf("agents[%d].member: there is no member %q", i, a.Member)
		}
	}
	return err
}

// sought says where a member was looked for, when members come by their devices.
func (c config) sought(stranger error) error {
	if stranger == nil || c.Simulation != nil {
		return stranger
	}
	return fmt.Errorf("%w among the devices that are listed or paired in %s", stranger, c.Data)
}

func (c config) isMember(name string) bool {
	if c.Simulation != nil {
		var n int
		_, err := fmt.Sscanf(name, "home-%02d", &n)
		return err == nil && n >= 1 && n <= c.Simulation.Homes && name == fmt.Sprintf("home-%02d", n)
	}
	return slices.ContainsFunc(c.Devices, func(d device) bool { return d.Member == name })
}
