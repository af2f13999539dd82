package meters

import (
	"encoding/binary"
	"log/slog"
	"math"
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

const twoCounters = `{id: x, version: 1, kind: meter, document: d, points: [
{name: p, role: power, unit: W, addr: 1, type: int32, range: [-2000000, 2000000]},
{name: i, role: import, unit: Wh, addr: 3, type: uint32, counter: {kind: lifetime, width: 32, zero_is: valid}},
{name: e, role: export, unit: Wh, addr: 5, type: uint32, counter: {kind: lifetime, width: 32, zero_is: valid}}]}`

// bench is a poller of a meter that shows what a test has it show.
type bench struct {
	*poller

	shown registers
	now   time.Time
}

func newBench(t *testing.T, device Target, last *grid.Reading) *bench {
	t.Helper()
	device.Profile = parsed(t, twoCounters)
	b := &bench{shown: registers{}, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	device.ID, device.Kind = "ann/meter", grid.Meter
	b.poller = polling(t, device, b.shown, func() time.Time { return b.now }, last)
	return b
}

// parsed reads a profile.
func parsed(t *testing.T, text string) *profile.Profile {
	t.Helper()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	p, err := profiles.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// polling polls a device that shows registers, over Modbus.
func polling(t *testing.T, target Target, shown registers, clock func() time.Time, last *grid.Reading) *poller {
	t.Helper()
	server, err := modbus.Serve("127.0.0.1:0", 0, map[uint8]modbus.Device{1: shown})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	endpoint, err := modbus.ParseEndpoint("tcp://" + server.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(endpoint, modbus.Options{Timeout: requestTimeout})
	t.Cleanup(conn.Close)
	target.Unit = 1
	return newPoller(target, conn, time.Minute, clock, last, nil, slog.New(slog.DiscardHandler))
}

// shows reads the meter while it shows some values, and lets time pass.
func (b *bench) shows(t *testing.T, power int32, imports, exports uint32, pass time.Duration) []grid.Reading {
	t.Helper()
	b.shown.energy(1, uint32(power))
	b.shown.energy(3, imports)
	b.shown.energy(5, exports)
	readings, err := b.read(t.Context())
	b.now = b.now.Add(pass)
	if err != nil {
		t.Fatal(err)
	}
	return readings
}

// TestImplausibleValuesAreLeftOut reads a meter rated 10 kW, a minute apart. An eighth
// more, 11,250 W, is believed; with the half a minute for which a register may stand
// still, it can gain 282 Wh in a minute.
func TestImplausibleValuesAreLeftOut(t *testing.T) {
	b := newBench(t, Target{Rated: 10_000}, nil)
	for _, c := range []struct {
		name            string
		power           int32
		imports         uint32
		powerIs, energy bool // what is believed
	}{
		{"at first", 500, 100_000, true, true},
		{"what the rating allows", 11_250, 100_282, true, true},
		{"a register that gained more", 500, 102_000, true, false},
		{"a power beyond the rating", 11_251, 100_500, false, true},
		{"a torn power", 65_540, 100_510, false, true},
		{"another one", 19_960, 100_520, false, true},
		{"both", -12_001, 140_000, false, false},
	} {
		all := b.shows(t, c.power, c.imports, 50_000, time.Minute)
		r := all[len(all)-1]
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

// TestPowersAreBounded holds what is believed of a power against ratings and limits: the
// largest that is known, and an eighth more.
func TestPowersAreBounded(t *testing.T) {
	for _, c := range []struct {
		ratings []grid.Power
		want    grid.Power
	}{
		{nil, 200_000},
		{[]grid.Power{0, 0, 0}, 200_000},
		{[]grid.Power{10_000, 11_000, 0}, 12_375},
		{[]grid.Power{400_000}, 450_000},
		{[]grid.Power{math.MaxInt64}, 200_000},
	} {
		if got := Bound(c.ratings...); got != c.want {
			t.Errorf("ratings %v: %d W, want %d", c.ratings, got, c.want)
		}
	}
}

// TestAReplacedMeterCountsFromItsFirstReading replaces a meter that takes 3 kW. The new
// one's registers are believed after a minute; then its first reading is told as well, so
// that what it counted in that minute counts.
func TestAReplacedMeterCountsFromItsFirstReading(t *testing.T) {
	b := newBench(t, Target{Rated: 10_000}, nil)
	replaced := b.now.Add(30 * time.Second)
	said := map[time.Time]grid.Energy{}
	for k := range 120 {
		imports := 9_000_000 + uint32(k)*3000/3600
		exports := uint32(700_000)
		if k >= 30 {
			imports, exports = uint32(k-30)*3000/3600, 0
		}
		for _, r := range b.shows(t, 3000, imports, exports, time.Second) {
			if r.Import != nil && r.Export != nil {
				said[r.Time] = *r.Import
			}
		}
	}
	if got, is := said[replaced]; !is || got != 0 {
		t.Errorf("the new meter's first reading is told as %d Wh, %t", got, is)
	}
	if got := said[replaced.Add(75*time.Second)]; got != 62 {
		t.Errorf("after it is believed the new meter is told as %d Wh, want 62", got)
	}
}

// TestPowerAndCountersTurnSeparately reads a meter whose power, whose counters, and both of
// which are the wrong way round, also after a restart.
func TestPowerAndCountersTurnSeparately(t *testing.T) {
	for _, turned := range []grid.Turned{{}, {Power: true}, {Counters: true}, {Power: true, Counters: true}} {
		var last *grid.Reading
		for restart := range 2 {
			b := newBench(t, Target{Turned: turned}, last)
			power, imports, exports := int32(3000), uint32(1000+restart), uint32(50_000)
			if turned.Power {
				power = -power
			}
			if turned.Counters {
				imports, exports = exports, imports
			}
			all := b.shows(t, power, imports, exports, time.Second)
			last = &all[0]
			if *last.Power != 3000 || *last.Import != grid.Energy(1000+restart) || *last.Export != 50_000 {
				t.Errorf("%+v, start %d: %d W, import %d, export %d", turned, restart, *last.Power, *last.Import, *last.Export)
			}
		}
	}
}
