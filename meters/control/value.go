package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// errNoRating reports a device that does not show of what its setpoint is a percentage.
var errNoRating = errors.New("the device does not show the power of which its setpoint is a part: it is not moved")

// errUnrated reports a device that is moved in steps of what it is rated for, which is not known.
var errUnrated = errors.New("it is moved in steps of what it is rated for, and nobody says what that is: it is not moved")

// value is a power in the unit and sign of a point that takes the setpoint.
func (g *Guard) value(ctx context.Context, l profile.Located, power grid.Power) (float64, error) {
	const whole, kilo = 100, 1000
	v := float64(power) * float64(l.Sign)
	if l.Writable.Abs {
		v = math.Abs(v)
	}
	switch {
	case l.Writable.Of != "":
		rated, err := g.rating(ctx, l.Writable.Of)
		if err != nil {
			return 0, err
		}
		v *= whole / rated
	case l.Unit == "kW":
		v /= kilo
	}
	return v, nil
}

// rating reads the power, in W, of which a setpoint is a percentage.
func (g *Guard) rating(ctx context.Context, name string) (float64, error) {
	const kilo = 1000
	shown, err := g.read(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if g.Target.Profile.Unit(name) == "kW" {
		shown.Number *= kilo
	}
	if shown.Number <= 0 {
		return 0, fmt.Errorf("%s: %w", name, errNoRating)
	}
	return shown.Number, nil
}

// atRest is for how many seconds a charger's phases are not switched again: cars and
// contactors suffer from it.
const atRest = 300

// charge sets a charger to a current that the power allows on the phases on which its car
// charges, or pauses it where that is less than it takes. The power is never exceeded: a
// current is rounded down.
func (g *Guard) charge(ctx context.Context, power grid.Power) error {
	c := g.section()
	least, most, step, err := g.currents(ctx)
	if err != nil {
		return err
	}
	on, err := g.phasesFor(ctx, power, least)
	if err != nil {
		return err
	}
	amps := math.Min(math.Floor(float64(power)/float64(g.volts()*on)/step)*step, most)
	if amps < least {
		if len(c.Pause) == 0 {
			return errTooLittle // more than what is allowed would be written
		}
		if err := g.setTimer(ctx, c.Revert); err != nil {
			return err
		}
		return g.writeAll(ctx, c.Pause)
	}
	if err := g.writeAll(ctx, c.Before); err != nil {
		return err
	}
	for _, name := range c.Setpoint {
		if err := g.write(ctx, name, constant(amps)); err != nil {
			return err
		}
	}
	return g.enable(ctx, power)
}

// iec61851 is the least current of a charging car, A.
const iec61851 = 6

// currents returns what a phase takes at least and at most, and by which steps, in A.
func (g *Guard) currents(ctx context.Context) (least, most, step float64, err error) {
	const finest = 0.1
	least, most, step = iec61851, math.Inf(1), finest
	for _, name := range g.section().Setpoint {
		conn := g.Conn()
		if conn == nil {
			return 0, 0, 0, modbus.ErrConnect
		}
		l, err := g.locate(ctx, conn, name)
		if err != nil {
			return 0, 0, 0, err
		}
		if !strings.EqualFold(l.Unit, "A") {
			return 0, 0, 0, fmt.Errorf("%s: a charger's setpoint is in A, not in %q", name, l.Unit)
		}
		least, most, step = max(least, l.Writable.Min), min(most, l.Writable.Max), max(step, l.Scale)
	}
	if g.Supply.Amps > 0 {
		most = min(most, float64(g.Supply.Amps))
	}
	return least, most, step, nil
}

func (g *Guard) volts() int {
	if g.Supply.Volts > 0 {
		return g.Supply.Volts
	}
	return volts
}

// phasesFor returns on how many phases the car charges, and switches them where the
// charger can and the power wants it.
func (g *Guard) phasesFor(ctx context.Context, power grid.Power, least float64) (int, error) {
	of := g.section().Phases
	most := of.Most
	if g.Supply.Phases > 0 {
		most = g.Supply.Phases
	}
	if most == 0 {
		most = phases
	}
	if of.Switch == "" || most == 1 || g.fixed {
		return most, nil
	}
	want := float64(power) >= least*float64(g.volts()*most)
	if g.three == nil || *g.three != want && time.Since(g.since) >= g.lasts(atRest) {
		to := of.One
		if want {
			to = of.Three
		}
		// Not every charger of the family has a contactor for it, and some take what is written
		// and do not do it.
		switch err := g.fallBackTo(ctx, of.Switch, to); {
		case errors.Is(err, errUntaken) || err != nil && g.unlessLacking(of.Switch, err) == nil:
			g.fixed = true
			return most, nil
		case err != nil:
			return 0, err
		}
		g.three, g.since = &want, time.Now()
	}
	if *g.three {
		return most, nil
	}
	return 1, nil
}
