package bench

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

func TestDevicesReadsWhatTheOtherProcessServes(t *testing.T) {
	t.Parallel()
	o := DevicesOptions{Count: 3, Duration: time.Second, Connect: 1500 * time.Millisecond}
	r, err := Devices(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Devices != 3 || r.Seconds != 1 || r.Readings < 1 || r.Readings+r.Missed < 3 || r.MaxMS <= 0 || r.P50MS > r.P99MS || r.P99MS > r.MaxMS {
		t.Errorf("got %+v", r)
	}
}

func TestPollsCountWhatWasDueMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := DevicesOptions{Count: 2, Duration: 4 * time.Second, Connect: 3 * time.Second}
		begin := time.Now()
		var p polls
		type poll struct{ due, took time.Duration }
		for _, c := range []poll{
			{2999 * time.Millisecond, 5 * time.Millisecond}, // connecting
			{3000 * time.Millisecond, 10 * time.Millisecond},
			{4500 * time.Millisecond, 30 * time.Millisecond},
			{6999 * time.Millisecond, 500 * time.Millisecond}, // it ends later
			{7000 * time.Millisecond, 7 * time.Millisecond},   // too late
		} {
			go func() {
				time.Sleep(c.due + c.took)
				p.seen(begin.Add(c.due), time.Now())
			}()
		}
		if _, err := p.measure(o); err != nil {
			t.Fatal(err)
		}
		want := DevicesResult{Devices: 2, Seconds: 4, Readings: 3, Missed: 5, P50MS: 30, P99MS: 30, MaxMS: 500, ReaderCores: 0.25}
		if got := p.result(o, 0.25); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestDevicesThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	var p polls
	if got, want := p.result(DevicesOptions{Count: 2, Duration: time.Second}, 0), (DevicesResult{Devices: 2, Seconds: 1, Missed: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheMeterIsRegisteredAsSunSpec(t *testing.T) {
	t.Parallel()
	m := meter{began: time.Now().Add(-time.Hour)}
	words := func(at, n uint16) []uint16 {
		w, err := m.Registers(modbus.Holding, at, n)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	// "SunS", three-phase wye meter, its length, and after it the end of the chain.
	if w := words(40000, 4); w[0] != 0x5375 || w[1] != 0x6e53 || w[2] != 203 || w[3] != 105 {
		t.Errorf("the chain begins with %x", w)
	}
	if w := words(40109, 1); w[0] != 0xffff {
		t.Errorf("the chain ends with %x", w)
	}
	// Exported and imported Wh, 32 bits: 1 MWh, and 10 Wh a second.
	for _, at := range []uint16{40040, 40048} {
		if w := words(at, 2); uint32(w[0])<<16|uint32(w[1]) < 1_036_000 {
			t.Errorf("register %d is %x after an hour", at, w)
		}
	}
	for _, at := range []uint16{39999, 40111} {
		if _, err := m.Registers(modbus.Holding, at, 1); exception(err) != modbus.IllegalAddress {
			t.Errorf("register %d: %v", at, err)
		}
	}
	if err := m.SetRegisters(40000, []uint16{1}); exception(err) != modbus.IllegalFunction {
		t.Errorf("a meter was written: %v", err)
	}
}

func exception(err error) uint8 {
	if e := (*modbus.ExceptionError)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestServeMetersEndsWithItsParentOrItsContext(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := ServeMeters(t.Context(), 2, strings.NewReader(""), &out); err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	all, err := targets(strings.Fields(out.String()), profiles.Get("sunspec-meter"))
	if err != nil || len(all) != 2 || all[0].Endpoint == all[1].Endpoint {
		t.Errorf("two meters: %v, %v", all, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	held, parent := io.Pipe()
	defer parent.Close()
	if err := ServeMeters(ended, 1, held, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestTargetsAreFourAHome(t *testing.T) {
	t.Parallel()
	all, err := targets([]string{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "tcp://127.0.0.1:3", "tcp://127.0.0.1:4", "tcp://127.0.0.1:5"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if all[3].Device.Member != "home-0000" || all[4].Device.Member != "home-0001" || all[4].Device.Kind != grid.Meter || all[4].Device.ID != "meter-0004" {
		t.Errorf("got %+v and %+v", all[3].Device, all[4].Device)
	}
	if _, err := targets([]string{"http://nowhere"}, nil); err == nil {
		t.Error("an address that is none became a target")
	}
}

func TestDevicesResult(t *testing.T) {
	t.Parallel()
	r := DevicesResult{Devices: 5000, Seconds: 20, Readings: 99_990, Missed: 10, P50MS: 1.25, P99MS: 8, MaxMS: 40.5, ReaderCores: 0.75}
	printed(t, r, `5000 devices, 99990 readings in 20 s, 10 polls missed
from due to done: p50 1.2 ms, p99 8.0 ms, at most 40.5 ms
the reader took 0.75 of a core
`)
	marshalled(t, r, `{"devices":5000,"seconds":20,"readings":99990,"missed_polls":10,"due_to_done_ms_p50":1.25,"due_to_done_ms_p99":8,"due_to_done_ms_max":40.5,"reader_cores":0.75}`)
}
