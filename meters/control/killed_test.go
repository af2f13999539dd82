package control_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// The process that TestAKilledProgramIsMadeGoodAtTheNextStart starts and kills is this test,
// with these in its environment.
const (
	held   = "CONTROL_TEST_DEVICE"  // where the device is
	family = "CONTROL_TEST_PROFILE" // by which it is moved
	wanted = "CONTROL_TEST_SET"     // anything: it is asked for 1500 W
)

// TestAKilledProgramIsMadeGoodAtTheNextStart has a process hold a battery that has no timer,
// and kills it with SIGKILL: the battery stays as it was told. The next process, which asks
// for nothing, gives it back.
func TestAKilledProgramIsMadeGoodAtTheNextStart(t *testing.T) {
	if at := os.Getenv(held); at != "" {
		guardFrom(t, at)
		return
	}
	t.Parallel()
	for _, of := range makers() {
		if of.kind != grid.Battery || of.silence > 0 {
			continue
		}
		t.Run(of.profile, func(t *testing.T) {
			t.Parallel()
			m := of.open(t)
			watch := &keeper{t: t, m: m}
			first := process(t, m, true)
			watch.until("the process holds it", func(w float64, on bool) bool { return on && w == 1500 })
			if err := first.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = first.Wait()
			m.ahead.Add(int64(24 * time.Hour))
			if w, on := of.does(m); !on || w != 1500 {
				t.Errorf("the process is dead, and the battery does %g W, held %t: then there is nothing to make good", w, on)
			}
			next := process(t, m, false)
			watch.until("the next process gives it back", func(w float64, on bool) bool { return !on && w == of.free })
			_ = next.Process.Kill()
			_ = next.Wait()
		})
	}
}

// process starts this test anew as a program that guards a device.
func process(t *testing.T, m *machine, asks bool) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAKilledProgramIsMadeGoodAtTheNextStart$")
	c.Env = append(os.Environ(), held+"="+m.Target(), family+"="+m.of.profile)
	if asks {
		c.Env = append(c.Env, wanted+"=1")
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// guardFrom guards a device until it is killed.
func guardFrom(t *testing.T, at string) {
	t.Helper()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e, err := modbus.ParseEndpoint(at)
	if err != nil {
		t.Fatal(err)
	}
	by := set.Get(os.Getenv(family))
	conn := modbus.Open(e, modbus.Options{Timeout: time.Second})
	g := &control.Guard{
		Target: meters.Target{Device: grid.Device{Kind: grid.Battery}, Unit: by.Transport.Usual(nil), Profile: by}, Speed: 1, Every: beat,
		Log: slog.New(slog.DiscardHandler), Conn: func() *modbus.Conn { return conn }, Bounds: func() (grid.Power, grid.Power) { return -most, most },
	}
	if err := g.Begin(); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(wanted) != "" {
		g.Set(1500)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	go func() {
		for ctx.Err() == nil {
			g.See()
			<-time.After(beat / 2)
		}
	}()
	g.Run(ctx)
}
