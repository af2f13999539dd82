package sim_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// silent is a unit that does not answer in time.
type silent struct{}

func (silent) Registers(modbus.Table, uint16, uint16) ([]uint16, error) {
	time.Sleep(3 * time.Second) // too slow, by the clock that the reader's timeout goes by
	return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
}

func (silent) SetRegisters(uint16, []uint16) error { return nil }

// TestADeadUnitOnASharedBus reads two units behind one address, one of them
// silent: the other goes on being read, and misses no more polls than one timeout
// costs each time the dead one is probed.
func TestADeadUnitOnASharedBus(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), 1)
	alive := n.Devices()[0]
	server, err := modbus.Serve("127.0.0.1:0", 0, map[uint8]modbus.Device{1: alive, 2: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	e, err := modbus.ParseEndpoint(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	dead := grid.Device{ID: "dead/meter", Kind: grid.Meter, Member: "dead"}
	s := newSink()
	fleet := &meters.Fleet{Clock: time.Now, Sink: s, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- fleet.Run(ctx, []meters.Target{
			{Device: alive.Device, Endpoint: e, Unit: 1, Profile: profiles.Get(alive.Profile)},
			{Device: dead, Endpoint: e, Unit: 2, Profile: profiles.Get("sunspec-meter")},
		}, noMemory{})
	}()
	readings := of(s.wait(t, func(all []grid.Reading) bool { return len(of(all, alive.ID)) >= 15 }), alive.ID)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	longest := time.Duration(0)
	for i := 1; i < len(readings); i++ {
		longest = max(longest, readings[i].Time.Sub(readings[i-1].Time))
	}
	span := readings[len(readings)-1].Time.Sub(readings[0].Time)
	t.Logf("15 readings in %s beside a dead unit, the longest gap %s (a timeout is 2 s, the period 1 s)", span.Round(time.Millisecond), longest.Round(time.Millisecond))
	// Without a backoff of the dead unit every poll would wait for a timeout: 45 s.
	if span > 30*time.Second {
		t.Errorf("15 readings took %s: the dead unit holds up the bus", span)
	}
}
