package agent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
)

// chores is a lane in which the home a has a dishwasher that tells what it has to do, and a pump that is due
// every day and of which only is known what it took.
type chores struct {
	lane
	done *grid.PerMille                   // of the dishwasher's programme
	ran  func(i grid.Interval) grid.Power // by the pump
}

func (c *chores) Energies(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	all, err := c.lane.Energies(ctx, device, first, n)
	for k := range all {
		switch i := first.Shift(k); {
		case device == "a/pump" && !i.End().After(c.now):
			all[k] = float64(c.ran(i)) / 4
		case device == "a/dishes":
			all[k] = 0
		}
	}
	return all, err
}

func (c *chores) MeanPower(ctx context.Context, device string, from, to time.Time) (*grid.Power, error) {
	switch device {
	case "a/pump":
		return new(c.ran(grid.IntervalAt(from, 15))), nil
	case "a/dishes":
		return new(grid.Power(0)), nil
	}
	return c.lane.MeanPower(ctx, device, from, to)
}

func (c *chores) Last(ctx context.Context, device string) (*grid.Reading, error) {
	r, err := c.lane.Last(ctx, device)
	switch device {
	case "a/pump":
		r.Power = new(c.ran(grid.IntervalAt(c.now, 15)))
	case "a/dishes":
		r.Charge = c.done
	}
	return r, err
}

// appliances returns the agents of the home a.
func (c *chores) appliances() *agent.Traders {
	o := laneOptions(c)
	own := o.Rating
	o.Rating = func(device string) agent.Rating {
		switch device {
		case "a/pump":
			return agent.Rating{Power: 800, Controlled: true, Programme: agent.Programme{Power: 800, Runs: 4 * time.Hour, Daily: true, From: 8 * 60, By: 20 * 60}}
		case "a/dishes":
			return agent.Rating{Power: 2000, Controlled: true, Programme: agent.Programme{Power: 500, Runs: 2 * time.Hour, By: 7 * 60}}
		}
		return own(device)
	}
	t := agent.NewTraders(o)
	for _, name := range []string{"pump", "dishes"} {
		t.Add(grid.Device{ID: "a/" + name, Kind: grid.Appliance, Member: "a", MeteringPoint: "mp-a"})
	}
	return t
}

// planAt has the home plan at a time, and returns the plan.
func (c *chores) planAt(t *testing.T, at time.Time) agent.Planned {
	t.Helper()
	c.now = at
	traders := c.appliances()
	if err := traders.Replan(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	p, known := traders.Planned("mp-a")
	if !known {
		t.Fatal("there is no plan")
	}
	return p
}

// takes sums up what a device takes by the plan within hours, with the interval that runs.
func takes(p agent.Planned, device string, from, to time.Time) (wh grid.Energy) {
	for _, s := range p.Steps {
		if !s.Interval.Begin().Before(from) && !s.Interval.End().After(to) {
			wh += s.Devices[device]
		}
	}
	return wh
}

func at(day, hour, minute int) time.Time {
	return time.Date(2026, 6, day, hour, minute, 0, 0, time.UTC)
}

// TestAnApplianceWaitsForItsTime loads a dishwasher in the evening: it is told to wait, runs once before
// seven in the morning, and never on when it has nothing to do. One that runs already is let run, and has
// only the rest of its programme before it.
func TestAnApplianceWaitsForItsTime(t *testing.T) {
	t.Parallel()
	c := &chores{ran: func(grid.Interval) grid.Power { return 0 }}
	p := c.planAt(t, at(20, 19, 50))
	if w, told := p.Running.Powers["a/dishes"]; !told || w != 0 || takes(p, "a/dishes", at(20, 20, 0), at(22, 19, 0)) != 0 {
		t.Errorf("empty, it is told %d W (%t), and planned for %d Wh", w, told, takes(p, "a/dishes", at(20, 20, 0), at(22, 19, 0)))
	}
	c.done = new(grid.PerMille(0))
	p = c.planAt(t, at(20, 19, 50))
	if wh := takes(p, "a/dishes", at(20, 20, 0), at(21, 7, 0)); wh < 990 || wh > 1010 {
		t.Errorf("loaded, it is planned for %d Wh until seven, not 1 kWh: %s", wh, p.Why)
	}
	if !strings.Contains(p.Why, "appliance a/dishes runs from") {
		t.Errorf("it is not said when: %s", p.Why)
	}
	c.done = new(grid.PerMille(250))
	p = c.planAt(t, at(20, 23, 50))
	if w := p.Running.Powers["a/dishes"]; w != 2000 {
		t.Errorf("it runs, and is told %d W", w)
	}
	if wh := takes(p, "a/dishes", at(21, 0, 0), at(22, 19, 0)); wh < 640 || wh > 680 { // an hour and twenty minutes of 500 W
		t.Errorf("a quarter of its programme is done, and %d Wh are planned from midnight on", wh)
	}
	c.done = new(grid.PerMille(0))
	if p = c.planAt(t, at(21, 5, 30)); !strings.Contains(strings.Join(p.Unmet, " "), "a/dishes cannot be ready in time") || p.Running.Powers["a/dishes"] != 2000 {
		t.Errorf("loaded too late, it is not started at once, or it is not said that it will be late: %v, %d W", p.Unmet, p.Running.Powers["a/dishes"])
	}
}

// TestAPumpRunsOnceADay has a pump that is due for four hours between eight and twenty o'clock: it is
// planned for today and tomorrow, for what is left where it ran for an hour, and not at all where it ran for
// four.
func TestAPumpRunsOnceADay(t *testing.T) {
	t.Parallel()
	c := &chores{ran: func(grid.Interval) grid.Power { return 0 }}
	p := c.planAt(t, at(20, 7, 0))
	if p.Running.Powers["a/pump"] != 0 {
		t.Error("it is started before its hours")
	}
	for day := 20; day <= 21; day++ {
		if wh := takes(p, "a/pump", at(day, 8, 0), at(day, 20, 0)); wh < 3190 || wh > 3210 {
			t.Errorf("on %d June it is planned for %d Wh, not 3200", day, wh)
		}
	}
	c.ran = func(i grid.Interval) grid.Power {
		if !i.Begin().Before(at(20, 9, 0)) && i.Begin().Before(at(20, 10, 0)) || !i.Begin().Before(at(19, 8, 0)) && i.Begin().Before(at(19, 20, 0)) {
			return 800
		}
		return 0
	}
	p = c.planAt(t, at(20, 11, 0))
	if wh := takes(p, "a/pump", at(20, 11, 0), at(20, 20, 0)); wh < 2200 || wh > 2600 {
		t.Errorf("it ran for an hour today, and %d Wh are planned", wh)
	}
	c.ran = func(i grid.Interval) grid.Power {
		if !i.Begin().Before(at(20, 9, 0)) && i.Begin().Before(at(20, 13, 0)) {
			return 800
		}
		return 0
	}
	p = c.planAt(t, at(20, 13, 30))
	if wh := takes(p, "a/pump", at(20, 13, 0), at(20, 20, 0)); wh != 0 || p.Running.Powers["a/pump"] != 0 {
		t.Errorf("it ran for four hours today, and %d Wh are planned", wh)
	}
	if wh := takes(p, "a/pump", at(21, 8, 0), at(21, 20, 0)); wh < 3190 || wh > 3210 {
		t.Errorf("tomorrow it is planned for %d Wh, not 3200", wh)
	}
	c.ran = func(i grid.Interval) grid.Power {
		if !i.Begin().Before(at(20, 9, 0)) {
			return 800
		}
		return 0
	}
	if p = c.planAt(t, at(20, 10, 5)); p.Running.Powers["a/pump"] != 800 || p.Intent.Powers["a/pump"] != 800 {
		t.Errorf("it runs, and is told %d and then %d W", p.Running.Powers["a/pump"], p.Intent.Powers["a/pump"])
	}
}
