package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// nowhere takes batches and has no memory.
type nowhere struct{}

func (nowhere) PublishBatch(context.Context, string, meters.Batch) error { return nil }

func (nowhere) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

// TestMoves reads a simulated battery and holds it to what a hub answers. When the hub is gone
// it is held for as long as the last answer is valid, and then follows its own logic; when the
// hub is there again it is held again, and released at the end.
func TestMoves(t *testing.T) {
	t.Parallel()
	n, err := sim.Open(t.Context(), t.TempDir(), world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(2, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := n.Device("home-02/battery")
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	target := meters.Target{Device: d.Device, Endpoint: e, Unit: 1, Profile: profiles.Get(d.Profile), Rated: 1200}

	const hold = 2 * time.Second
	var gone atomic.Bool
	var power atomic.Int64
	power.Store(1 << 40)
	fleet := &meters.Fleet{Clock: n.Now, Sink: nowhere{}, Log: slog.New(slog.DiscardHandler), Every: 100 * time.Millisecond}
	m, err := newMoves([]Moved{{Target: target}}, fleet.Conn, func(context.Context) ([]byte, error) {
		if gone.Load() {
			return nil, errors.New("nobody answers")
		}
		return control.Orders{Hold: hold, Devices: map[string]grid.Power{d.ID: -1500}}.Encode(), nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	fleet.Heard = func(r grid.Reading) {
		m.heard(r)
		if r.Power != nil {
			power.Store(int64(*r.Power))
		}
	}
	run := func(what func(context.Context)) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			what(ctx)
		}()
		return func() { cancel(); <-done }
	}
	reads := run(func(ctx context.Context) { _ = fleet.Run(ctx, []meters.Target{target}, nowhere{}) })
	goes := run(func(ctx context.Context) { _ = n.Run(ctx, clock.Fast(n.Now(), 1)) })
	moves := run(m.run)
	defer func() {
		reads()
		goes()
		_ = n.Close()
	}()

	becomes := func(what string, held bool) time.Duration {
		t.Helper()
		began := time.Now()
		for time.Since(began) < 20*time.Second {
			if (power.Load() == -1200) == held { // the order is for more than the battery is rated for
				return time.Since(began)
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("%s: the battery does %d W", what, power.Load())
		return 0
	}
	becomes("ordered", true)
	gone.Store(true)
	if after := becomes("the hub is gone", false); after < hold/4 {
		t.Errorf("it was let go after %s already", after)
	}
	gone.Store(false)
	becomes("the hub is back", true)
	moves()
	becomes("stopped", false)
}
