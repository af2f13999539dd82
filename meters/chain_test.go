package meters

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// bent serves a device, and returns how to poll it by a profile.
func bent(t *testing.T, b *sim.Bent, id string, target Target) *poller {
	t.Helper()
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := modbus.ParseEndpoint(b.Target())
	if err != nil {
		t.Fatal(err)
	}
	target.Profile, target.Unit, target.Endpoint = profiles.Get(id), 1, endpoint
	if target.Kind == "" {
		target.Kind = target.Profile.Kind
	}
	conn := modbus.Open(endpoint, Careful(modbus.Options{}, target.Quirks()))
	t.Cleanup(conn.Close)
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Minute); return now }
	return newPoller(target, conn, time.Second, clock, nil, nil, slog.New(slog.DiscardHandler))
}

// latest polls once.
func latest(t *testing.T, p *poller) (grid.Reading, error) {
	t.Helper()
	readings, err := p.read(t.Context())
	if err != nil {
		return grid.Reading{}, err
	}
	return readings[len(readings)-1], nil
}

// TestAMapThatMovesIsReadAnew puts a model before the meter's while it is read, and then
// makes one before it shorter: the next reading is right, none is of other registers.
func TestAMapThatMovesIsReadAnew(t *testing.T) {
	b := &sim.Bent{Units: []uint8{1}}
	common := sim.CommonModel("Acme", "M", "", "S1")
	b.Chain(40000, common, sim.MeterModel(1200, 5000, 100))
	p := bent(t, b, "sunspec-meter", Target{})
	power := func() grid.Power {
		t.Helper()
		r, err := latest(t, p)
		if err != nil || r.Power == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		return *r.Power
	}
	if got := power(); got != 1200 {
		t.Fatalf("at first %d W", got)
	}
	b.Chain(40000, common, sim.InverterModel(7000, 9), sim.MeterModel(1300, 5001, 100))
	if got := power(); got != 1300 {
		t.Errorf("with an inverter before the meter %d W", got)
	}
	short := common[:67]
	short[1] = 65 // as some makers have it
	b.Chain(40000, short, sim.MeterModel(1400, 5002, 100))
	if got := power(); got != 1400 {
		t.Errorf("with a shorter common model %d W", got)
	}
	b.Drop(modbus.Holding, 40000, 400)
	b.Chain(50000, short, sim.MeterModel(1500, 5003, 100))
	if got := power(); got != 1500 {
		t.Errorf("with another base %d W", got)
	}
	b.Bend = func(r sim.Request) *sim.Reply {
		const head = 50069
		if at, reads := r.Read(); reads && at.Addr <= head && head < at.Addr+at.Count && at.Count != 2 {
			return &sim.Reply{Code: modbus.IllegalAddress}
		}
		return nil
	}
	if got := power(); got != 1500 {
		t.Errorf("where a head can be read alone only %d W", got)
	}
}

// solarEdge has two meters behind an inverter: what counts production, and the
// connection meter.
func solarEdge(first, second string) *sim.Bent {
	b := &sim.Bent{Units: []uint8{1}}
	b.Chain(40000, sim.CommonModel("SolarEdge", "SE10K", "", "INV"), sim.InverterModel(5000, 9),
		sim.CommonModel("SolarEdge", "MTR", first, "M1"), sim.MeterModel(5000, 100, 20_000),
		sim.CommonModel("SolarEdge", "MTR", second, "M2"), sim.MeterModel(-1200, 777, 3000))
	return b
}

// TestWhichMeterIsRead reads one of two meters behind one unit: the one that is asked for
// by number or serial number, else the one that says that it is the connection meter. A
// device that was bound by the inverter's serial number is read as it always was.
func TestWhichMeterIsRead(t *testing.T) {
	const exportImport, none = "Export+Import", ""
	for _, c := range []struct {
		name, first, second string
		part                int
		serial              string
		want                grid.Power
		refused             string
	}{
		{"the second says it", "Production", exportImport, 0, "", -1200, ""},
		{"the first says it", exportImport, "Production", 0, "", 5000, ""},
		{"by number", "Production", exportImport, 1, "", 5000, ""},
		{"by serial number", none, none, 0, "M2", -1200, ""},
		{"nothing tells", none, none, 0, "", 5000, ""},
		{"bound by the inverter's serial number", "Production", exportImport, 0, "INV", 5000, ""},
		{"another device", "Production", exportImport, 0, "X", 0, "swapped or replaced"},
		{"another one at the place", "Production", exportImport, 2, "M1", 0, "swapped or replaced"},
		{"there is no third", "Production", exportImport, 3, "", 0, "has no part 3: it has 1: SolarEdge MTR Production, serial number M1; 2:"},
	} {
		p := bent(t, solarEdge(c.first, c.second), "sunspec-meter", Target{Device: grid.Device{Serial: c.serial}, Part: c.part})
		r, err := latest(t, p)
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want it refused", c.name, err)
			}
		case err != nil || r.Power == nil || *r.Power != c.want:
			t.Errorf("%s: %v W, %v, want %d", c.name, said(r.Power), err, c.want)
		}
	}
}

// TestLimitsOfOneDevice reads a device that stands behind a stick with limits of its own,
// which its profile does not know.
func TestLimitsOfOneDevice(t *testing.T) {
	b := &sim.Bent{Units: []uint8{1}}
	b.Chain(40000, sim.CommonModel("Acme", "M", "", "S1"), sim.MeterModel(1200, 5000, 100))
	b.Bend = func(r sim.Request) *sim.Reply {
		if at, reads := r.Read(); reads && at.Count > 16 {
			return &sim.Reply{Code: 6} // busy for ever: not what is split
		}
		return nil
	}
	p := bent(t, b, "sunspec-meter", Target{Own: profile.Own{MaxRegs: new(uint16(16)), MaxHole: new(uint16(0))}})
	if r, err := latest(t, p); err != nil || r.Power == nil || *r.Power != 1200 {
		t.Errorf("%+v, %v", r, err)
	}
	options := Careful(modbus.Options{}, profile.UsualQuirks().With(profile.Own{TimeoutMS: new(7000), GapMS: new(30), ConnectDelayMS: new(900)}))
	if want := (modbus.Options{Timeout: 7 * time.Second, Gap: 30 * time.Millisecond, ConnectDelay: 900 * time.Millisecond}); options != want {
		t.Errorf("a connection with %+v, want %+v", options, want)
	}
	if soon := Careful(modbus.Options{}, profile.UsualQuirks().With(profile.Own{TimeoutMS: new(500)})); soon.Timeout != 500*time.Millisecond {
		t.Errorf("a timeout of 500 ms that is given is %s", soon.Timeout)
	}
	if quirks := (profile.Quirks{GapMS: 50}).With(profile.Own{GapMS: new(0)}); quirks.GapMS != 0 {
		t.Errorf("a gap of 0 that is given is %d", quirks.GapMS)
	}
}

// TestAValueAndItsScaleFactorApart reads a battery's power (701), whose scale factor stands
// 106 registers further, from a stick that refuses what is between them.
func TestAValueAndItsScaleFactorApart(t *testing.T) {
	b := &sim.Bent{Units: []uint8{1}}
	measured, controls, holds := sim.BatteryModels(1500, 650)
	b.Chain(40000, sim.CommonModel("Acme", "B", "", "S1"), measured, controls, holds)
	b.Bend = func(r sim.Request) *sim.Reply {
		const hole = 40070 + 60
		if at, reads := r.Read(); reads && at.Addr <= hole && hole < at.Addr+at.Count {
			return &sim.Reply{Code: modbus.IllegalAddress}
		}
		return nil
	}
	p := bent(t, b, "sunspec-storage", Target{})
	if r, err := latest(t, p); err != nil || r.Power == nil || *r.Power != 1500 || r.Charge == nil || r.Import == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestATextIsReadInParts: a device does not answer reads as long as a SunSpec name, or refuses
// them: its serial number is read in parts, and its registers besides.
func TestATextIsReadInParts(t *testing.T) {
	for name, reply := range map[string]sim.Reply{"silent": {Silent: true}, "refuses the length": {Code: modbus.IllegalValue}, "refuses the registers": {Code: modbus.IllegalAddress}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &sim.Bent{Units: []uint8{1}}
			b.Chain(40000, sim.CommonModel("Acme", "A long name of a meter", "", "SERIAL-0123456789"), sim.MeterModel(1200, 5000, 100))
			b.Bend = func(r sim.Request) *sim.Reply {
				if at, reads := r.Read(); reads && at.Count > 9 {
					return &reply
				}
				return nil
			}
			p := bent(t, b, "sunspec-meter", Target{Device: grid.Device{Serial: "SERIAL-0123456789"}})
			if r, err := latest(t, p); err != nil || r.Power == nil || *r.Power != 1200 || r.Import == nil || r.Export == nil {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
