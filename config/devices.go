package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/record"
)

// kind returns what the device is read as.
func (d Device) kind(p *profile.Profile) grid.DeviceKind {
	return cmp.Or(grid.DeviceKind(d.Kind), p.Kind)
}

// Bound says what the device is and where it belongs, read by a profile.
func (d Device) Bound(p *profile.Profile) grid.Device {
	return grid.Device{ID: d.ID, Kind: d.kind(p), Member: d.Member, MeteringPoint: d.MeteringPoint, Serial: d.Serial}
}

// turned says what of a meter is the wrong way round.
func (d Device) turned() grid.Turned {
	t := grid.Turned{Power: d.Inverted, Counters: d.Inverted}
	if d.Counters != nil {
		t.Counters = *d.Counters
	}
	return t
}

// MadeFor returns the device with what it and its connection are made for, as far as it is
// known.
func (d Device) MadeFor(rated *grid.Power, capacity *grid.Energy, imports, exports *grid.Power) Device {
	d.Rated, d.Capacity = written(rated, "W"), written(capacity, "Wh")
	d.ImportLimit, d.ExportLimit = written(imports, "W"), written(exports, "W")
	return d
}

// Target says how the device is read. The error names the field, after the path.
func (d Device) Target(path string, p *profile.Profile) (t Target, err error) {
	t = Target{
		Device: d.Bound(p), Address: d.Address, Gateway: d.Gateway, Unit: p.Transport.Usual(d.Unit), Profile: p,
		Turned: d.turned(), Control: d.Control, Node: d.Node, Since: d.Since,
		Own: profile.Own(d.Own), Part: d.Part,
	}
	if t.Rated, err = d.Rated.some(path+"rated", Quantity.power); err != nil {
		return t, err
	}
	for _, q := range []struct {
		field string
		from  Quantity
		to    **grid.Power
	}{{"import_limit", d.ImportLimit, &t.Imports}, {"export_limit", d.ExportLimit, &t.Exports}} {
		if !q.from.given() {
			continue
		}
		p, err := q.from.power(path + q.field)
		if err != nil {
			return t, err
		}
		*q.to = &p
	}
	if t.Planning, err = d.planning(path, t.Kind, t.Rated); err != nil {
		return t, err
	}
	capacity, err := d.Capacity.some(path+"capacity", func(q Quantity, field string) (grid.Power, error) {
		e, err := q.energy(field)
		return grid.Power(e), err
	})
	t.Capacity = grid.Energy(capacity)
	return t, err
}

// resolveDevices checks what would otherwise show only while running.
func (c resolver) resolveDevices(p *Plan) error {
	known := map[string]bool{}
	for _, g := range c.Gateways {
		known[g.ID] = true
	}
	var err error
	if p.Devices, err = targets(c.Devices, p.Profiles, known); err != nil {
		return err
	}
	metered := map[string]bool{}
	for i, d := range p.Devices {
		if d.Kind == grid.Meter && c.Devices[i].Gone == "" {
			metered[d.MeteringPoint] = true
		}
	}
	for i, d := range p.Devices {
		if !metered[d.MeteringPoint] && c.Devices[i].Gone == "" {
			return fmt.Errorf("devices[%d].metering_point: %q has no connection meter among the devices: it could not be billed", i, d.MeteringPoint)
		}
	}
	return nil
}

// dropGone leaves out the devices that count no more. What the file says of the connection holds for the meter
// that is there in place of its own.
func (c resolver) dropGone(p *Plan) error {
	var there []Target
	for i, d := range p.Devices {
		if c.Devices[i].Gone != "" {
			p.Gone = append(p.Gone, d)
		} else {
			there = append(there, d)
		}
	}
	p.Devices = there
	for i := range p.Devices {
		p.Devices[i].Inherit(p.Gone...)
	}
	return nil
}

// Inherit has a connection meter take over the node of the one before it at its metering point, and what the
// connection bears where nobody said otherwise.
func (t *Target) Inherit(before ...Target) {
	for _, old := range before {
		if t.Kind != grid.Meter || old.Kind != grid.Meter || old.MeteringPoint != t.MeteringPoint {
			continue
		}
		t.Node = cmp.Or(t.Node, old.Node)
		t.Imports, t.Exports = cmp.Or(t.Imports, old.Imports), cmp.Or(t.Exports, old.Exports)
	}
}

// targets reads a list of devices, of which gateways that are known read some.
func targets(devices []Device, profiles *profile.Set, gateways map[string]bool) (all []Target, err error) {
	ids, meters, once := map[string]bool{}, map[string]string{}, map[string]string{}
	for i, d := range devices {
		path := fmt.Sprintf("devices[%d].", i)
		p := profiles.Get(d.Profile)
		if err := d.check(p); err != nil {
			return nil, fmt.Errorf("%s%w", path, err)
		}
		switch {
		case d.Gone != "":
			t, err := d.Target(path, p)
			if err != nil {
				return nil, err
			}
			all = append(all, t)
			continue
		case d.ID == "" || ids[d.ID]:
			return nil, fmt.Errorf("%sid: %q is missing or given twice", path, d.ID)
		case d.kind(p) == grid.Meter && meters[d.MeteringPoint] != "":
			return nil, fmt.Errorf("%smetering_point: %q has the connection meter %q already", path, d.MeteringPoint, meters[d.MeteringPoint])
		case d.Gateway != "" && !gateways[d.Gateway]:
			return nil, fmt.Errorf("%sgateway: there is no gateway %q under gateways", path, d.Gateway)
		}
		t, err := d.Target(path, p)
		if err != nil {
			return nil, err
		}
		for _, is := range t.is() {
			if other, taken := once[is]; taken {
				return nil, fmt.Errorf("%sid: %q is %s, as %q is already: a device counts once, in one home", path, d.ID, is, other)
			}
			once[is] = d.ID
		}
		ids[d.ID] = true
		if t.Kind == grid.Meter {
			meters[t.MeteringPoint] = t.ID
		}
		all = append(all, t)
	}
	return all, nil
}

// is returns by what a device is known to be the same as another one: what is read where, and
// the serial number, of its kind.
func (t Target) is() (all []string) {
	if t.Serial != "" {
		all = append(all, fmt.Sprintf("the %s with the serial number %q", t.Kind, t.Serial))
	}
	if t.Address == "" {
		return all
	}
	at := strings.TrimPrefix(strings.ToLower(t.Address), "tcp://")
	if !strings.Contains(at, "://") && !regexp.MustCompile(`:\d+$`).MatchString(at) {
		at += ":502"
	}
	what := fmt.Sprintf("the %s that is read as %s at %s unit %d", t.Kind, t.Profile.ID, at, t.Unit)
	switch { // of several behind one unit
	case t.Part > 0:
		what += fmt.Sprintf(", part %d", t.Part)
	case t.Serial != "":
		what += ", serial number " + t.Serial
	}
	return append(all, what)
}

// check checks a device by itself.
func (d Device) check(p *profile.Profile) error {
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	switch {
	case p == nil && d.Profile == "":
		return errors.New("profile: missing: say what the device is read by, as in profile: sunspec-meter (\"commonwatt pair profiles\" lists them)")
	case p == nil:
		return fmt.Errorf("profile: there is no profile %q: \"commonwatt pair profiles\" lists them, and profiles: adds files", d.Profile)
	case !slices.Contains(p.Kinds(), d.kind(p)):
		return fmt.Errorf("kind: %q: profile %s reads %v", d.Kind, p.ID, p.Kinds())
	case !name.MatchString(d.Member):
		return fmt.Errorf("member: %q: use letters, digits, - and _", d.Member)
	case !name.MatchString(d.MeteringPoint) || slices.Contains(record.SystemAccounts(), d.MeteringPoint):
		return fmt.Errorf("metering_point: %q: use letters, digits, - and _, and no name of a system account", d.MeteringPoint)
	case d.kind(p) == grid.Meter && len(p.Counters(grid.Meter)) == 0:
		return fmt.Errorf("profile: %s reads no energy register of a meter: a connection meter bills by its registers: use a profile with role import or export", p.ID)
	case d.kind(p) != grid.Meter && d.Counters != nil:
		return fmt.Errorf("inverted_counters: %q is no connection meter: leave it out", d.ID)
	case len(d.Tariff) > 0 && d.kind(p) != grid.Meter:
		return fmt.Errorf("tariff: %q is no connection meter: write it at the connection meter of %s, which it is about", d.ID, d.MeteringPoint)
	case d.Shares != nil && d.kind(p) != grid.Meter:
		return fmt.Errorf("shares: %q is no connection meter: write shares: %t at the connection meter of %s, which it is about", d.ID, *d.Shares, d.MeteringPoint)
	}
	return d.effective(p)
}

// Profiles returns those that are built in, those of the files that a data directory
// keeps, and those of files that are named.
func Profiles(named []string, kept ...string) (*profile.Set, error) {
	set, err := profile.Embedded()
	if err != nil {
		return nil, err
	}
	for _, name := range kept {
		if err := AddProfile(set, name); err != nil {
			return nil, err
		}
	}
	for i, name := range named {
		if err := AddProfile(set, name); err != nil {
			return nil, fmt.Errorf("profiles[%d]: %w", i, err)
		}
	}
	return set, nil
}

// AddProfile adds a profile from a file.
func AddProfile(set *profile.Set, file string) error {
	err := set.AddFile(file)
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%s: %w", file, Plain(err, nil, "docs/profiles.md"))
	}
	return err
}
