package config

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// effective refuses what would be read and then have no effect on a device of its kind.
func (d Device) effective(p *profile.Profile) error {
	if d.Control {
		if err := d.controllable(p); err != nil {
			return fmt.Errorf("control: %w", err)
		}
	}
	kind := d.kind(p)
	if d.Capacity.Text != "" && kind != grid.Battery && kind != grid.Charger {
		return fmt.Errorf("capacity: %q is a %s: only a battery has one, and the car at a charger: leave it out", d.ID, kind)
	}
	if err := cmp.Or(d.planned(kind), d.checkProgramme(kind, p), d.checkHeat(kind, p), d.checkCar(kind, p)); err != nil {
		return err
	}
	for _, q := range []struct{ field, text string }{{"node", d.Node}, {"import_limit", d.ImportLimit.Text}, {"export_limit", d.ExportLimit.Text}} {
		if q.text != "" && kind != grid.Meter {
			return fmt.Errorf("%s: %q is no connection meter: write it at that of %s, which it is about", q.field, d.ID, d.MeteringPoint)
		}
	}
	switch {
	case d.Part < 0:
		return fmt.Errorf("part: %d: parts are counted from 1", d.Part)
	case d.Part > 0 && len(p.SunSpec) == 0:
		return fmt.Errorf("part: %d: profile %s has fixed addresses, and reads one device behind a unit: leave it out", d.Part, p.ID)
	}
	return p.Allows(profile.Own(d.Own))
}

// controllable tells why the program cannot move a device.
func (d Device) controllable(p *profile.Profile) error {
	kind := d.kind(p)
	c := p.Acts(kind)
	switch {
	case kind == grid.Meter:
		return fmt.Errorf("%q is a %s, which measures and moves nothing: leave it out, and write it at the battery, charger or inverter", d.ID, kind)
	case c == nil && kind == grid.Inverter:
		return fmt.Errorf("profile %s does not say how an inverter is limited, so that %q would never be: leave it out, or use a profile with a limit section (docs/profiles.md)", p.ID, d.ID)
	case c == nil:
		return fmt.Errorf("profile %s does not say how a setpoint is written, so that %q would never be moved: leave it out, or use a profile with control (docs/profiles.md)", p.ID, d.ID)
	case len(c.Steps) > 0 && !d.Rated.given():
		return fmt.Errorf("profile %s moves %q in steps of what it is rated for: give it rated, as in rated: 2.5 kW", p.ID, d.ID)
	case !c.LetsGo():
		return fmt.Errorf("profile %s says nothing by which %q would return to its own logic if this program were gone: give it control.revert, control.expires_s or control.fallback (docs/profiles.md)", p.ID, d.ID)
	}
	return nil
}

// Falls says of every device that may be moved what becomes of it when the program is gone;
// empty when there is none.
func (p Plan) Falls() string {
	var lines []string
	for i, d := range p.Devices {
		if !d.Control {
			continue
		}
		const heartbeats = 3 * 5 // s
		c, what := d.Profile.Acts(d.Kind), "moved"
		switch d.Kind {
		case grid.Inverter:
			what = "limited"
		case grid.Appliance:
			what = "started"
		default:
		}
		then := "it has no timer: if this program is killed it stays as it was told until the next start"
		switch {
		case c.Revert != "":
			then = fmt.Sprintf("if this program is gone it goes back by itself after %d s", max(heartbeats, 3*c.EveryS))
		case c.ExpiresS > 0:
			then = fmt.Sprintf("if this program is gone it goes back by itself after %d s", c.ExpiresS)
		}
		line := fmt.Sprintf("devices[%d].control: %q may be %s; %s.", i, d.ID, what, then)
		if (d.Kind == grid.HeatPump || d.Kind == grid.HeatingRod) && d.Heat.Capacity == 0 {
			line += " No plan moves it: nobody says what it can store (tank or heat_capacity, with temperatures)."
		}
		if why := d.unplanned(); why != "" {
			line += " No plan has its car: " + why + "."
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Notes are what the reader of a configuration should know although nothing in it is
// wrong; empty when there is nothing. located is as of Unasked.
func (c Config) Notes(located bool) string {
	var notes []string
	if text := c.Unasked(located); text != "" {
		notes = append(notes, text)
	}
	for i, d := range c.Devices {
		if d.Gone != "" {
			notes = append(notes, fmt.Sprintf("devices[%d]: %s", i, d.Gone))
			continue
		}
		if d.Capacity.Text != "" && !d.Control {
			notes = append(notes, fmt.Sprintf("devices[%d].capacity: it has no effect without control: true: no plan moves %s, and a battery takes no part in the storage rewards.", i, d.ID))
		} else if d.Capacity.Text != "" && d.Rated.Text == "" {
			notes = append(notes, fmt.Sprintf("devices[%d].capacity: it has no effect without rated, as in rated: 11 kW: no plan moves %s, and a battery takes no part in the storage rewards.", i, d.ID))
		}
	}
	return strings.Join(notes, "\n")
}
