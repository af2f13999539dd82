package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// errNoTimer reports a device that would stay for good where it is held.
var errNoTimer = errors.New("the device has no timer by which it would return to its own logic when nobody tells it anything any more: it is not moved")

// errUntaken reports a device that acknowledges what is written, and does not take it.
var errUntaken = errors.New("the device does not keep what was written, so that it cannot be told what to do when nobody tells it anything any more: it is not moved")

// fallBack makes sure of what the device does when nobody tells it anything any more,
// before anything is asked of it: another controller may have left anything there, before
// or meanwhile. What stands there already is not written again, for registers wear out.
func (g *Guard) fallBack(ctx context.Context, values map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := g.fallBackTo(ctx, name, values[name]); err != nil {
			return fmt.Errorf("fallback %s: %w", name, err)
		}
	}
	return nil
}

func (g *Guard) fallBackTo(ctx context.Context, name string, value float64) error {
	if !g.Target.Profile.Readable(name) {
		if g.secured {
			return nil
		}
		return g.unlessLacking(name, g.write(ctx, name, constant(value)))
	}
	stands, err := g.shows(ctx, name, value)
	if errors.Is(err, profile.ErrNotImplemented) {
		return nil // what the device does not have nobody can have left otherwise
	}
	if stands || err != nil {
		return g.unlessLacking(name, err)
	}
	if err := g.write(ctx, name, constant(value)); err != nil {
		return err
	}
	if stands, err = g.shows(ctx, name, value); err == nil && !stands {
		err = errUntaken
	}
	return err
}

// shows tells whether a point has a value, as far as its register can hold it.
func (g *Guard) shows(ctx context.Context, name string, value float64) (bool, error) {
	v, err := g.read(ctx, name)
	return err == nil && math.Abs(v.Number-value) <= v.Step/2, err
}

// unlessLacking is nil where a device of the family may lack the point and refuses it for
// good, and else the error.
func (g *Guard) unlessLacking(name string, err error) error {
	refused := (*modbus.ExceptionError)(nil)
	lacking := errors.Is(err, modbus.ErrRefusesAll) || errors.As(err, &refused) && refused.ForGood()
	if lacking && g.Target.Profile.MayLack(name) {
		return nil
	}
	return err
}

// setTimer sets the time after which the device returns to its own logic, and makes sure
// before it is held for the first time that the device has such a timer, or is given back
// by its fallback.
func (g *Guard) setTimer(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	first := !g.secured && g.Target.Profile.Readable(name)
	if first && g.section().Undoes() {
		_, err := g.read(ctx, name)
		g.untimed = errors.Is(err, profile.ErrNotImplemented)
	}
	if g.untimed {
		return nil
	}
	seconds := (beats * max(g.Every, g.lasts(g.section().EveryS))).Seconds() * g.Speed
	if err := g.write(ctx, name, func(l profile.Located) (float64, error) {
		const minute = 60
		if l.Unit == "min" {
			return math.Ceil(seconds / minute), nil
		}
		return math.Ceil(seconds), nil
	}); err != nil || !first {
		return err
	}
	runs, err := g.read(ctx, name)
	if errors.Is(err, profile.ErrNotImplemented) || err == nil && runs.Number <= 0 {
		return fmt.Errorf("%s: %w", name, errNoTimer)
	}
	return err
}

// read returns what a point shows now, as it is written.
func (g *Guard) read(ctx context.Context, name string) (profile.Value, error) {
	conn := g.Conn()
	if conn == nil {
		return profile.Value{}, modbus.ErrConnect
	}
	l, err := g.locate(ctx, conn, name)
	if err != nil {
		return profile.Value{}, err
	}
	words, err := meters.NewReader([]profile.Located{l}, g.Target.Quirks()).Read(ctx, conn, g.Target.Unit)
	if err != nil {
		return profile.Value{}, err
	}
	return l.Value(words.At)
}

func (g *Guard) writeAll(ctx context.Context, values map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := g.write(ctx, name, constant(values[name])); err != nil {
			return err
		}
	}
	return nil
}

// constant is a value that a point is written with whatever the device shows.
func constant(value float64) func(profile.Located) (float64, error) {
	return func(profile.Located) (float64, error) { return value, nil }
}

// write writes one point, within the bounds that its profile sets. A device that does not
// know function 16 is asked by function 6.
func (g *Guard) write(ctx context.Context, name string, of func(profile.Located) (float64, error)) error {
	conn := g.Conn()
	if conn == nil {
		return modbus.ErrConnect
	}
	l, err := g.locate(ctx, conn, name)
	if err != nil {
		return err
	}
	exponent := 0
	if l.ScaleAddr != 0 {
		words, err := conn.Read(ctx, g.Target.Unit, modbus.Table(l.FC), l.ScaleAddr, 1)
		if err != nil {
			return err
		}
		if exponent = int(int16(words[0])); exponent < -10 || exponent > 10 {
			return fmt.Errorf("%s: the device shows no scale factor", name)
		}
	}
	v, err := of(l)
	if err != nil {
		return err
	}
	v = math.Max(math.Min(v, l.Writable.Max), l.Writable.Min)
	if modbus.Table(l.FC) == modbus.Coil {
		return conn.WriteCoil(ctx, g.Target.Unit, l.Addr, v != 0)
	}
	if g.Target.Kind == grid.Inverter && slices.Contains(g.section().Setpoint, name) {
		v = below(v, l.Scale*math.Pow10(exponent))
	}
	words, err := l.Encode(v, exponent)
	if err != nil {
		return err
	}
	single := g.Target.Quirks().WriteSingle && len(words) == 1
	if !single {
		err = conn.Write(ctx, g.Target.Unit, l.Addr, words)
		if refused := (*modbus.ExceptionError)(nil); len(words) > 1 || !errors.As(err, &refused) || refused.Code != modbus.IllegalFunction {
			return err
		}
	}
	return conn.WriteOne(ctx, g.Target.Unit, l.Addr, words[0])
}

// below rounds a limit down to the steps of its register.
func below(v, step float64) float64 {
	const noise = 1e-9
	return math.Floor(v/step*(1+noise)) * step
}

// locate finds a point on the device. What is written must not go where the models were
// before the device moved them.
func (g *Guard) locate(ctx context.Context, conn *modbus.Conn, name string) (profile.Located, error) {
	if g.chain == nil {
		g.chain = meters.NewChain(g.Target)
	}
	for range 2 {
		models, _, err := g.chain.Models(ctx, conn)
		if err != nil {
			return profile.Located{}, err
		}
		l, err := g.Target.Profile.LocateNamed(name, models)
		if err != nil || l.In == (profile.Model{}) || g.checked == l.In {
			return l, err
		}
		head, err := conn.Read(ctx, g.Target.Unit, modbus.Table(l.FC), l.In.Addr, 2)
		if err != nil {
			return profile.Located{}, err
		}
		if head[0] == l.In.ID && head[1] == l.In.Length {
			g.checked = l.In
			return l, nil
		}
		g.chain.Forget()
	}
	return profile.Located{}, errMoving
}

// errMoving reports a device that is written to when it stands still.
var errMoving = errors.New("the device moves its registers: nothing is written until they stay where they are")
