package gateway

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Moved is a device that the market may move.
type Moved struct {
	meters.Target

	Supply control.Supply // of a charger
}

// moves asks the hub what is wanted of the devices, and holds them to it for as long as that
// is valid. A hub that is gone wants nothing.
type moves struct {
	ask    func(ctx context.Context) ([]byte, error)
	log    *slog.Logger
	guards map[string]*control.Guard
	until  time.Time // for which the last orders hold; zero: there are none
}

const (
	askEvery  = time.Second
	askWithin = time.Second
)

// newMoves makes the guards. Errors: control.ErrNoControl.
func newMoves(all []Moved, conn func(modbus.Endpoint) *modbus.Conn, ask func(ctx context.Context) ([]byte, error), log *slog.Logger) (*moves, error) {
	m := &moves{ask: ask, log: log, guards: map[string]*control.Guard{}}
	for _, d := range all {
		most := d.Rated
		if most == 0 {
			most = math.MaxInt32 // the device keeps to its own rating
		}
		g := &control.Guard{
			Target: d.Target, Speed: 1, Supply: d.Supply, Log: log, Conn: func() *modbus.Conn { return conn(d.Endpoint) },
			Bounds: func() (grid.Power, grid.Power) { return -most, most },
		}
		if err := g.Begin(); err != nil {
			return nil, err
		}
		m.guards[d.ID] = g
	}
	return m, nil
}

// heard tells of a reading.
func (m *moves) heard(r grid.Reading) {
	if g := m.guards[r.Device]; g != nil {
		g.See()
	}
}

// run holds the devices until ctx ends, and then releases them.
func (m *moves) run(ctx context.Context) {
	if len(m.guards) == 0 {
		return
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, g := range m.guards {
		running.Go(func() { g.Run(ctx) })
	}
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.step(ctx)
		}
	}
}

// step asks once.
func (m *moves) step(ctx context.Context) {
	asked, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	answer, err := m.ask(asked)
	var o control.Orders
	if err == nil {
		o, err = control.ReadOrders(answer)
	}
	if err != nil {
		m.without(ctx, err)
		return
	}
	m.until = time.Now().Add(o.Hold)
	for id, g := range m.guards {
		if p, wanted := o.Devices[id]; wanted {
			g.Set(p)
		} else {
			g.Release()
		}
	}
}

// without forgets orders that hold no longer.
func (m *moves) without(ctx context.Context, err error) {
	if m.until.IsZero() || time.Now().Before(m.until) || ctx.Err() != nil {
		return
	}
	m.until = time.Time{}
	m.log.WarnContext(ctx, "the hub says nothing any more of what devices shall do: they go back to their own logic", slog.String("error", err.Error()))
	for _, g := range m.guards {
		g.Release()
	}
}
