package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// MemberText is what the agent of a member's home is, and what the homeowner wants of it.
type MemberText struct {
	Agent  string     `yaml:"agent" eg:"planner" doc:"instead of strategy"`
	Limits LimitsText `yaml:"limits" doc:"what counts until the homeowner sets limits on the page (docs/homes.md)"`
}

// LimitsText are limits.Limits as people write them.
type LimitsText struct {
	Reserve    Quantity           `yaml:"reserve" eg:"20 %" doc:"of the batteries, kept for a blackout"`
	Floor      Quantity           `yaml:"floor" eg:"0.08 EUR/kWh" doc:"the least at which the home sells to neighbours"`
	Ceiling    Quantity           `yaml:"ceiling" eg:"0.25 EUR/kWh" doc:"the most that it pays them"`
	Prefer     string             `yaml:"prefer" eg:"neighbours" doc:"or solar: that energy goes before other where it costs little more; absent: only the price counts"`
	ZeroExport bool               `yaml:"zero_export" eg:"false" doc:"true: nothing is fed into the grid as far as devices can be held back"`
	AwayUntil  time.Time          `yaml:"away_until" eg:"2026-08-16T18:00:00Z" doc:"until then nobody is home, and ready-by times rest"`
	Cars       map[string]CarText `yaml:"cars" key:"ann/charger" doc:"by the id of their charger"`
}

// CarText is limits.Car as people write it.
type CarText struct {
	ReadyBy string   `yaml:"ready_by" eg:"\"07:00\"" doc:"local time, each day"`
	Target  Quantity `yaml:"target" eg:"80 %" doc:"charge that the car has then"`
}

// checkMembers checks the agents. The error begins with the name of the field.
func (t StrategyText) checkMembers(isMember func(name string) bool) error {
	for _, member := range slices.Sorted(maps.Keys(t.Members)) {
		path, name := "members."+member, t.Members[member].Agent
		if !isMember(member) {
			return fmt.Errorf("%s: there is no member %q", path, member)
		}
		if _, twice := t.Strategies[member]; twice && name != "" {
			return fmt.Errorf("%s.agent: strategies.%s says it already: give one of them", path, member)
		}
		if _, err := agent.ParseStrategy(name); err != nil {
			return fmt.Errorf("%s.agent: %w", path, err)
		}
	}
	return nil
}

// Limits reads the limits of the members that have some. The error begins with the name of the
// field.
func (t StrategyText) Limits(currency string) (map[string]limits.Limits, error) {
	all := map[string]limits.Limits{}
	for _, member := range slices.Sorted(maps.Keys(t.Members)) {
		path := "members." + member + ".limits."
		l, err := t.Members[member].Limits.read(path, currency)
		if err != nil {
			return nil, err
		}
		if err := l.Check(); err != nil {
			return nil, fmt.Errorf("%s%w", path, err)
		}
		if !l.Equal(limits.Limits{}) {
			all[member] = l
		}
	}
	return all, nil
}

// read reads the limits. The error names the field, after the path.
func (t LimitsText) read(path, currency string) (l limits.Limits, err error) {
	l = limits.Limits{Prefer: limits.Preference(t.Prefer), ZeroExport: t.ZeroExport}
	if t.Reserve.given() {
		if l.Reserve, err = t.Reserve.share(path + "reserve"); err != nil {
			return l, err
		}
	}
	if !t.AwayUntil.IsZero() {
		l.AwayUntil = new(t.AwayUntil)
	}
	for _, q := range []struct {
		field string
		from  Quantity
		to    **grid.Price
	}{{"floor", t.Floor, &l.Floor}, {"ceiling", t.Ceiling, &l.Ceiling}} {
		if !q.from.given() {
			continue
		}
		p, err := q.from.Price(path+q.field, currency)
		if err != nil {
			return l, err
		}
		*q.to = &p
	}
	for _, charger := range slices.Sorted(maps.Keys(t.Cars)) {
		car, err := t.Cars[charger].read(path + "cars." + charger + ".")
		if err != nil {
			return l, err
		}
		if l.Cars == nil {
			l.Cars = map[string]limits.Car{}
		}
		l.Cars[charger] = car
	}
	return l, nil
}

func (t CarText) read(path string) (c limits.Car, err error) {
	if c.ReadyBy, err = limits.ParseTimeOfDay(t.ReadyBy); err != nil {
		return c, fmt.Errorf("%sready_by: %w", path, err)
	}
	c.Target, err = t.Target.share(path + "target")
	return c, err
}

// share reads "20 %" or "72.5 %".
func (q Quantity) share(field string) (grid.PerMille, error) {
	const whole = 1000
	m := regexp.MustCompile(`^([0-9]{1,3})(?:\.([0-9]))? ?%$`).FindStringSubmatch(strings.TrimSpace(q.Text))
	if m == nil {
		return 0, q.wrong(field, fmt.Errorf("%q: want a share, such as 20 %%", q.Text))
	}
	n, err := strconv.Atoi(m[1] + (m[2] + "0")[:1])
	if err == nil && n > whole {
		err = fmt.Errorf("%q: must be at most 100 %%", q.Text)
	}
	if err != nil {
		return 0, q.wrong(field, err)
	}
	return grid.PerMille(n), nil
}

// resolveHomes reads the limits of the homeowners, and checks them against the devices that
// their homes have; what a simulated home has is known to the simulation alone.
func (c resolver) resolveHomes(p *Plan) (err error) {
	if p.Limits, err = c.Limits(p.Tariff.Currency); err != nil || c.Simulation != nil {
		return err
	}
	for _, member := range slices.Sorted(maps.Keys(p.Limits)) {
		if err := p.Limits[member].Fits(p.home(member)); err != nil {
			return fmt.Errorf("members.%s.limits.%w", member, err)
		}
	}
	return nil
}

// home is what a member's limits can be about.
func (p Plan) home(member string) (h limits.Home) {
	for _, d := range p.Devices {
		if d.Member == member {
			h.Add(d.Device)
		}
	}
	return h
}

// PlanningText is what a plan needs to know of a device.
type PlanningText struct {
	Wear       Quantity `yaml:"wear" eg:"0.03 EUR/kWh" doc:"of a battery: what a kWh that it gives wears it; absent: nothing"`
	Efficiency Quantity `yaml:"efficiency" eg:"90 %" doc:"of a battery: what comes out of what went in; absent: it is learnt from its readings"`
	Phases     int      `yaml:"phases" eg:"3" doc:"of a charger: 1 or 3 phases over which the car charges; absent: as the profile says, else 3"`
	Arrives    Quantity `yaml:"arrives" eg:"40 %" doc:"of a charger that does not tell the charge of its car: what the car usually has left when it comes, from which its charge is reckoned; absent: 50 %"`

	ProgrammeText `yaml:",inline"`
	HeatText      `yaml:",inline"`
}

// Planning is what a plan needs to know of a device.
type Planning struct {
	Wear       grid.Price      // of a battery, for each kWh that it gives
	Efficiency grid.PerMille   // of a battery, from what goes in to what comes out; 0: not given
	Phases     int             // of a charger, 1 or 3; 0: not given
	Arrives    grid.PerMille   // of a charger that does not tell the charge of its car: with what it usually comes
	Programme  agent.Programme // of an appliance
	Heat       Heat            // of a heat pump or a heating rod
}

// leastEfficiency is that of which no battery is worse.
const leastEfficiency = 500

// planning reads what a plan needs to know, but for what is in a currency. The error names the
// field, after the path.
func (d Device) planning(path string, kind grid.DeviceKind, rated grid.Power) (p Planning, err error) {
	p.Phases = d.Phases
	if p.Programme, err = d.programme(path, rated); err != nil {
		return p, err
	}
	if p.Heat, err = d.heat(path, kind, rated); err != nil {
		return p, err
	}
	if p.Arrives, err = d.arrives(path, kind); err != nil {
		return p, err
	}
	if !d.Efficiency.given() {
		return p, nil
	}
	if p.Efficiency, err = d.Efficiency.share(path + "efficiency"); err == nil && p.Efficiency < leastEfficiency {
		err = d.Efficiency.wrong(path+"efficiency", fmt.Errorf("%q: must be from 50 %% to 100 %%", d.Efficiency.Text))
	}
	return p, err
}

// planned refuses what would be read of a device of another kind, and then have no effect.
func (d Device) planned(kind grid.DeviceKind) error {
	for _, q := range []struct {
		field string
		given bool
		of    grid.DeviceKind
	}{{"wear", d.Wear.given(), grid.Battery}, {"efficiency", d.Efficiency.given(), grid.Battery}, {"phases", d.Phases != 0, grid.Charger}} {
		if q.given && kind != q.of {
			return fmt.Errorf("%s: %q is a %s, and it is about a %s alone: leave it out", q.field, d.ID, kind, q.of)
		}
	}
	if d.Phases != 0 && d.Phases != 1 && d.Phases != 3 {
		return fmt.Errorf("phases: %d: must be 1 or 3", d.Phases)
	}
	return nil
}

// resolveWear reads what is in the currency of the tariffs.
func (c resolver) resolveWear(p *Plan) (err error) {
	for i, d := range c.Devices {
		if !d.Wear.given() {
			continue
		}
		if p.Devices[i].Wear, err = d.wear(fmt.Sprintf("devices[%d].wear", i), p.Tariff.Currency); err != nil {
			return err
		}
	}
	return nil
}

// wear reads what a kWh that a battery gives wears it. The error names the field.
func (d Device) wear(field, currency string) (p grid.Price, err error) {
	if p, err = d.Wear.Price(field, currency); err == nil && p < 0 {
		err = d.Wear.wrong(field, errors.New("must not be negative"))
	}
	return p, err
}
