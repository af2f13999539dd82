package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/web"
)

// community is a program within the test, whose clock the test gives.
type inProcess struct {
	t    *testing.T
	base string
	dir  string
	stop func()
}

// runs starts the program with a clock.
func runs(t *testing.T, dir, text string, clock func() time.Time) *inProcess {
	t.Helper()
	c, err := parseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Listen, c.clock = dir, free(t), clock
	if err := c.addPaired(false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := &bytes.Buffer{}
	ended := make(chan error, 1)
	go func() { ended <- runNode(ctx, c, 0, slog.New(slog.NewTextHandler(log, nil)), io.Discard) }()
	p := &inProcess{t: t, base: "http://" + c.Listen, dir: dir}
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	}
	t.Cleanup(p.stop)
	return p
}

// call asks the installer's desk.
func (p *inProcess) call(path, body string, into any) {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, installerKeyFile))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+"/api/v1/pairing/"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(key)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s %s", path, body, response.Status, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			p.t.Fatalf("%s: %v", path, err)
		}
	}
}

// pair goes through the steps of a pairing.
func (p *inProcess) pair(device *sim.Device, member string, load pairing.Load) {
	p.t.Helper()
	var s pairing.Session
	p.call("sessions", fmt.Sprintf(`{"target": "tcp://%s"}`, device.Address()), &s)
	step := "sessions/" + s.ID
	p.call(step+"/measure", "", nil)
	p.call(step+"/sign", fmt.Sprintf(`{"load": %q}`, load), nil)
	p.call(step+"/bind", fmt.Sprintf(`{"id": "%s/%s", "member": %q, "metering_point": "mp-%s"}`, member, device.Kind, member, member), nil)
	p.call(step+"/watch", `{"seconds": 10}`, nil)
}

// state waits until the state is as wanted.
func (p *inProcess) state(what string, wanted func(web.State) bool) (s web.State) {
	p.t.Helper()
	for deadline := time.Now().Add(100 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		s = web.State{}
		response, err := http.Get(p.base + "/api/v1/state")
		if err != nil {
			continue
		}
		err = json.NewDecoder(response.Body).Decode(&s)
		_ = response.Body.Close()
		if err == nil && wanted(s) {
			return s
		}
	}
	p.t.Fatalf("no %s within 100 s: %+v", what, s)
	return s
}

func everyHome(s web.State, n int, is func(web.Home) bool) bool {
	for _, h := range s.Homes {
		if !is(h) {
			return false
		}
	}
	return len(s.Homes) == n
}

// TestPairedWhileRunning pairs two meters on a running community that has none: from
// then on their homes are shown, trade and are billed, without a new start; what came
// before is neither held up nor estimated because of them.
func TestPairedWhileRunning(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	const speed = 60
	clock := fieldClock(speed)
	devices := fieldAt(t, nil, clock)
	dir := filepath.Join(t.TempDir(), "data")
	const text = ownTerms + "devices: []\ninterval: 5\ngate_closure: 1m\ndeadline: 2m\n"
	p := runs(t, dir, text, clock)
	p.state("empty community", func(s web.State) bool { return s.Status.IntervalsCleared > 0 && len(s.Homes) == 0 })
	p.pair(devices["home-04/meter"], "ann", pairing.Exporting)
	p.pair(devices["home-03/meter"], "bob", pairing.Importing)
	billed := func(s web.State) bool {
		return s.Status.Homes == 2 && s.Status.OrdersTotal > 0 && everyHome(s, 2, func(h web.Home) bool { return h.Today.Intervals > 1 && h.Devices[0].Online })
	}
	s := p.state("bill of both homes", billed)
	for _, i := range s.Intervals {
		if i.Settled && i.Estimated {
			t.Errorf("the interval of %s is estimated", i.Interval.Start)
		}
	}
	doubts := func(s web.State) int {
		n := 0
		for _, h := range s.Homes {
			for _, d := range h.Devices {
				if d.Warning != nil {
					n++
				}
			}
		}
		return n
	}
	p.state("doubt: a home without panels exports", func(s web.State) bool { return doubts(s) == 1 && s.Homes[0].Devices[0].Warning != nil })
	p.pair(devices["home-04/inverter"], "ann", pairing.Exporting)
	p.state("end of the doubt: there are panels", func(s web.State) bool { return doubts(s) == 0 && len(s.Homes[0].Devices) == 2 })
	p.stop()
	verified(t, dir)

	again := runs(t, dir, text, clock)
	again.state("bill of both homes after a new start", func(s web.State) bool {
		return s.Status.IntervalsSettled > 0 && billed(s)
	})
	again.stop()
	verified(t, dir)
}
