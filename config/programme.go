package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// ProgrammeText is what an appliance does once it is started, such as a dishwasher or a pump behind a relay.
type ProgrammeText struct {
	Runs    time.Duration `yaml:"runs" eg:"2h30m" doc:"of an appliance: how long its programme takes, which is never interrupted; with control: true the home's plan starts it"`
	Energy  Quantity      `yaml:"energy" eg:"1.1 kWh" doc:"of an appliance: what its programme takes; absent: what it is rated for, all the time"`
	ReadyBy string        `yaml:"ready_by" eg:"\"07:00\"" doc:"of an appliance that tells when it was loaded: by when it shall be done, local time"`
	Daily   string        `yaml:"daily" eg:"\"08:00-20:00\"" doc:"of an appliance, in place of ready_by: within these hours it runs once every day, local time"`
}

// given tells which field of a programme is written; empty: none.
func (t ProgrammeText) given() string {
	switch {
	case t.Runs != 0:
		return "runs"
	case t.Energy.given():
		return "energy"
	case t.ReadyBy != "":
		return "ready_by"
	case t.Daily != "":
		return "daily"
	default:
		return ""
	}
}

// checkProgramme refuses what would have no effect, and an appliance that nobody could start.
func (d Device) checkProgramme(kind grid.DeviceKind, p *profile.Profile) error {
	field := d.ProgrammeText.given()
	switch {
	case kind != grid.Appliance && field != "":
		return fmt.Errorf("%s: %q is a %s, and it is about an appliance alone: leave it out", field, d.ID, kind)
	case kind != grid.Appliance || field == "" && !d.Control:
		return nil
	case d.Runs == 0:
		return fmt.Errorf("runs: missing: say how long the programme of %q takes, as in runs: 2h30m, so that a plan knows when to start it", d.ID)
	case d.Runs < 0 || d.Runs > 24*time.Hour:
		return fmt.Errorf("runs: %s: must be more than nothing and at most a day", d.Runs)
	case d.ReadyBy == "" && d.Daily == "":
		return fmt.Errorf("ready_by, daily: one is missing: say by when %q shall be done, as in ready_by: \"07:00\", or within which hours it runs every day, as in daily: \"08:00-20:00\"", d.ID)
	case d.ReadyBy != "" && d.Daily != "":
		return errors.New("ready_by, daily: give one of them: an appliance that runs every day does not wait to be loaded")
	case d.ReadyBy != "" && !p.Shows(grid.Appliance, profile.RoleCharge):
		return fmt.Errorf("ready_by: profile %s does not tell when %q was loaded, so that it would never be started: write daily: \"08:00-20:00\" in its place", p.ID, d.ID)
	case d.Daily != "" && !p.Shows(grid.Appliance, profile.RolePower) && !p.Shows(grid.Appliance, profile.RoleRunning):
		return fmt.Errorf("daily: profile %s does not tell when %q runs, so that nobody would know whether it ran: use a profile with role power or running", p.ID, d.ID)
	case d.Control && !d.Rated.given():
		return fmt.Errorf("rated: missing: say what %q takes while it runs, as in rated: 800 W, so that a plan can find the cheapest time", d.ID)
	}
	return nil
}

// programme reads what an appliance does. The error names the field, after the path.
func (d Device) programme(path string, rated grid.Power) (p agent.Programme, err error) {
	p = agent.Programme{Power: rated, Runs: d.Runs, Daily: d.Daily != ""}
	if d.Runs == 0 {
		return agent.Programme{}, nil
	}
	if d.Energy.given() {
		e, err := d.Energy.energy(path + "energy")
		if err != nil {
			return p, err
		}
		p.Power = grid.Power(float64(e) / d.Runs.Hours())
		switch {
		case p.Power <= 0:
			return p, d.Energy.wrong(path+"energy", fmt.Errorf("%q: must be above 0; leave it out where it is not known", d.Energy.Text))
		case rated > 0 && p.Power > rated:
			return p, d.Energy.wrong(path+"energy", fmt.Errorf("%q: that is %d W for %s, more than the %d W that it is rated for", d.Energy.Text, p.Power, d.Runs, rated))
		}
	}
	if d.ReadyBy != "" {
		if p.By, err = limits.ParseTimeOfDay(d.ReadyBy); err != nil {
			err = fmt.Errorf("%sready_by: %w", path, err)
		}
		return p, err
	}
	from, by, _ := strings.Cut(d.Daily, "-")
	if p.From, err = limits.ParseTimeOfDay(from); err == nil {
		p.By, err = limits.ParseTimeOfDay(by)
	}
	if err != nil {
		return p, fmt.Errorf("%sdaily: %q: want two times of day, such as 08:00-20:00", path, d.Daily)
	}
	if window := p.Window(); window < d.Runs {
		return p, fmt.Errorf("%sdaily: %q are %s, and the programme takes %s: give it more time", path, d.Daily, window, d.Runs)
	}
	return p, nil
}
