package pairing_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// TestProbe reads a meter by the profile that fits, and finds nobody at a unit that is not
// there.
func TestProbe(t *testing.T) {
	d := neighbourhood(t, nil)["home-04/meter"]
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	var asked []uint8
	search := pairing.Search{Access: pairing.Access{Profiles: profiles(t)}, Progress: func(unit uint8) { asked = append(asked, unit) }}
	p, err := pairing.Probe(t.Context(), e, search)
	if err != nil || p.Profile != "sunspec-meter" || p.Identity.Serial != d.Serial || len(p.Points) == 0 || len(asked) != 1 {
		t.Fatalf("%v: asked units %v, read %+v", err, asked, p)
	}
	if len(p.Readings) != 1 || p.Readings[0].Kind != grid.Meter || p.Readings[0].Power == nil || p.Readings[0].Import == nil || p.Readings[0].Quality != grid.Good {
		t.Errorf("readings %+v", p.Readings)
	}
	search.Units = []uint8{99}
	if _, err := pairing.Probe(t.Context(), e, search); !errors.Is(err, pairing.ErrSilent) {
		t.Errorf("a unit that is not there: error %v, want ErrSilent", err)
	}
}

// TestProbeDoubts reads a meter by the profile of another make: it warns of what could not
// be taken, and uses the connection by which the community reads already.
func TestProbeDoubts(t *testing.T) {
	d := neighbourhood(t, nil)["home-04/meter"]
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(e, modbus.Options{})
	defer conn.Close()
	shared := 0
	search := pairing.Search{Progress: quiet, Access: pairing.Access{Profiles: profiles(t), Shared: func(modbus.Endpoint) *modbus.Conn { shared++; return conn }}}
	search.Profile = "eastron-sdm120"
	p, err := pairing.Probe(t.Context(), e, search)
	if shared != 2 {
		t.Errorf("the shared connection was taken %d times, want for looking and for reading", shared)
	}
	if err != nil || p.Profile != "eastron-sdm120" || len(p.Readings) != 1 || p.Readings[0].Quality != grid.Suspect || !strings.Contains(strings.Join(p.Warnings, "\n"), "meter: voltage: register 0 was not read") {
		t.Errorf("%v: another make was read: %+v, %q", err, p.Readings, p.Warnings)
	}
	nobody, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.Address = nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	search.Shared = nil
	if _, err := pairing.Probe(t.Context(), e, search); !errors.Is(err, modbus.ErrConnect) {
		t.Errorf("where nobody listens: error %v, want ErrConnect", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
