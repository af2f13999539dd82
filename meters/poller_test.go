package meters

import (
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// registers are what a device shows, by address.
type registers map[uint16]uint16

func (r registers) Registers(_ modbus.Table, addr, n uint16) ([]uint16, error) {
	words := make([]uint16, n)
	for k := range words {
		words[k] = r[addr+uint16(k)]
	}
	return words, nil
}

func (registers) SetRegisters(uint16, []uint16) error { return nil }

// energy sets a register of 32 bits.
func (r registers) energy(addr uint16, value uint32) {
	b := binary.BigEndian.AppendUint32(nil, value)
	r[addr], r[addr+1] = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}

// said returns what a reading says, or that it says nothing.
func said[T any](v *T) any {
	if v == nil {
		return "nothing"
	}
	return *v
}

// TestImplausibleValuesAreLeftOut reads a meter rated 10 kW, a minute apart. With the
// five minutes of slack that a counter has, its register can gain 1000 Wh in a minute.
func TestImplausibleValuesAreLeftOut(t *testing.T) {
	const profiled = `{id: x, version: 1, kind: meter, document: d, points: [
{name: p, role: power, unit: W, addr: 1, type: int16, range: [-12000, 12000]},
{name: i, role: import, unit: Wh, addr: 2, type: uint32, counter: {kind: lifetime, width: 32, zero_is: valid}},
{name: e, role: export, unit: Wh, addr: 4, type: uint32, counter: {kind: lifetime, width: 32, zero_is: valid}}]}`
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	p, err := profiles.Parse([]byte(profiled))
	if err != nil {
		t.Fatal(err)
	}
	shown := registers{}
	server, err := modbus.Serve("127.0.0.1:0", 0, map[uint8]modbus.Device{1: shown})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	endpoint, err := modbus.ParseEndpoint("tcp://" + server.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(endpoint, modbus.Options{Timeout: requestTimeout})
	defer conn.Close()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	device := Target{Device: grid.Device{ID: "ann/meter", Kind: grid.Meter}, Unit: 1, Profile: p, Rated: 10_000}
	poller := newPoller(device, conn, time.Minute, func() time.Time { return now }, nil, nil, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		name            string
		power           int16
		imports         uint32
		powerIs, energy bool // what is believed
	}{
		{"at first", 500, 100_000, true, true},
		{"what the rating allows", 12_000, 100_900, true, true},
		{"a register that gained more", 500, 102_000, true, false},
		{"a power beyond its range", 12_001, 100_950, false, true},
		{"both", -12_001, 140_000, false, false},
	} {
		shown[1] = uint16(c.power)
		shown.energy(2, c.imports)
		shown.energy(4, 50_000)
		r, err := poller.read(t.Context())
		now = now.Add(time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if (r.Power != nil) != c.powerIs || c.powerIs && *r.Power != grid.Power(c.power) {
			t.Errorf("%s: the power of %d W was read as %v", c.name, c.power, said(r.Power))
		}
		if (r.Import != nil) != c.energy || c.energy && *r.Import != grid.Energy(c.imports) {
			t.Errorf("%s: the register of %d Wh was read as %v", c.name, c.imports, said(r.Import))
		}
		if good := c.powerIs && c.energy; (r.Quality == grid.Good) != good || !good && r.Quality != grid.Suspect {
			t.Errorf("%s: the reading is %s", c.name, r.Quality)
		}
		if r.Export == nil || *r.Export != 50_000 {
			t.Errorf("%s: what is right was left out as well: %+v", c.name, r)
		}
	}
}
