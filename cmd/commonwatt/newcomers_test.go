package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// inProcess is a program within the test, whose clock the test gives.
type inProcess struct {
	t    *testing.T
	said *printed
	dir  string
	stop func()
}

// runs starts the program with a clock, which goes that many times as fast as the wall's.
func runs(t *testing.T, dir, text string, clock func() time.Time, speed float64) *inProcess {
	t.Helper()
	return runsSaying(t, slog.LevelInfo, dir, text, clock, speed)
}

// runsSaying starts it with a log of a level.
func runsSaying(t *testing.T, level slog.Level, dir, text string, clock func() time.Time, speed float64) *inProcess {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, text)
	c, err := hub.ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Listen, c.Speed = dir, "127.0.0.1:0", speed
	if c, err = hub.WithPaired(c, true); err != nil {
		t.Fatal(err)
	}
	c.Speed = 1 // that of real devices
	plan, err := hub.Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	plan.Speed = speed
	ctx, cancel := context.WithCancel(context.Background())
	said := &printed{}
	ended := make(chan error, 1)
	go func() {
		ended <- runHub(ctx, hub.Options{Plan: plan, Clock: clock, Version: version(), Log: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: level}))}, 0, said, false)
	}()
	p := &inProcess{t: t, said: said, dir: dir}
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
			t.Log(said)
		}
	}
	t.Cleanup(p.stop)
	return p
}

// call asks the installer's desk.
func (p *inProcess) call(path, body string, into any) {
	p.t.Helper()
	p.ask(http.MethodPost, "/api/v1/pairing/"+path, body, into)
}

// ask asks the API with the installer's key.
func (p *inProcess) ask(method, path, body string, into any) {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, hub.InstallerKeyFile))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.said.base()+path, strings.NewReader(body))
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
	if response.StatusCode/100 != 2 {
		p.t.Fatalf("%s %s: %s %s", path, body, response.Status, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			p.t.Fatalf("%s: %v", path, err)
		}
	}
}

// pair goes through the steps of a pairing at the member's metering point.
func (p *inProcess) pair(device *sim.Device, member string, load pairing.Load) {
	p.t.Helper()
	p.pairAt(device, fmt.Sprintf("%s/%s", member, device.Kind), member, "mp-"+member, load)
}

func (p *inProcess) pairAt(device *sim.Device, id, member, point string, load pairing.Load) {
	p.t.Helper()
	var s pairing.Session
	p.call("sessions", fmt.Sprintf(`{"target": "tcp://%s"}`, device.Address()), &s)
	p.call("sessions/"+s.ID+"/measure", "", nil)
	p.bind(s, id, member, point, load)
}

// bind ends a pairing with the shortest watch.
func (p *inProcess) bind(s pairing.Session, id, member, point string, load pairing.Load) {
	p.t.Helper()
	step := "sessions/" + s.ID
	p.call(step+"/sign", fmt.Sprintf(`{"load": %q}`, load), nil)
	p.call(step+"/bind", fmt.Sprintf(`{"id": %q, "member": %q, "metering_point": %q}`, id, member, point), nil)
	p.call(step+"/watch", `{"seconds": 10}`, nil)
}

// pairMade pairs a device of Ann of which is said, in JSON, what it is made for. A connection meter is taken to be
// mounted the right way round.
func (p *inProcess) pairMade(device *sim.Device, made string) {
	p.t.Helper()
	const member = "ann"
	var s pairing.Session
	p.call("sessions", fmt.Sprintf(`{"target": "tcp://%s", "kind": %q%s}`, device.Address(), device.Kind, made), &s)
	watts := p.measured(s)
	load := pairing.Later
	if device.Kind == grid.Meter {
		load = pairing.Importing
		const enough = 200 // W, for which way round it is mounted
		if !eventually(func() bool { watts = p.measured(s); return math.Abs(watts) >= enough }) {
			p.t.Fatalf("the meter shows %g W", watts)
		}
		if watts < 0 {
			load = pairing.Exporting
		}
	}
	p.bind(s, fmt.Sprintf("%s/%s", member, device.Kind), member, "mp-"+member, load)
}

// measured reads a device that is being paired, and returns the power that it shows, W.
func (p *inProcess) measured(s pairing.Session) (watts float64) {
	p.t.Helper()
	var seen struct{ Live pairing.Live }
	p.call("sessions/"+s.ID+"/measure", "", &seen)
	for _, x := range seen.Live.Points {
		if shown, is := x.Value.(float64); is && x.Role == "power" {
			watts = shown
		}
	}
	return watts
}

// shown reads what the pages show, and tells whether there is an answer.
func (p *inProcess) shown(path string, into any) bool {
	response, err := look(p.said.base()+path, p.dir)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(into) == nil
}

// state waits until the state is as wanted.
func (p *inProcess) state(what string, wanted func(api.State) bool) (s api.State) {
	p.t.Helper()
	come := eventually(func() bool { s = api.State{}; return p.shown("/api/v1/state", &s) && wanted(s) })
	if !come {
		p.t.Fatalf("no %s within %s: %+v", what, patience, s)
	}
	return s
}

func everyHome(s api.State, n int, is func(api.Home) bool) bool {
	for _, h := range s.Homes {
		if !is(h) {
			return false
		}
	}
	return len(s.Homes) == n
}

// doubted tells whether the sign of a member's meter is doubted.
func doubted(s api.State, member string) bool {
	for _, h := range s.Homes {
		if h.Id == member {
			return h.Devices[0].Warning != nil
		}
	}
	return false
}

// TestPairedWhileRunning pairs two meters on a running community that has none: from
// then on their homes are shown, trade and are billed, without a new start; what came
// before is neither held up nor estimated because of them. A third meter gives one of the
// homes another metering point, which is forecast beside the first.
func TestPairedWhileRunning(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	const speed = 60
	clock := fieldClock(speed)
	devices := fieldAt(t, map[string][]sim.Fault{"home-03/meter": {sim.WrongSign}}, clock)
	dir := filepath.Join(t.TempDir(), "data")
	const text = ownTerms + "devices: []\ninterval: 5\ngate_closure: 1m\ndeadline: 2m\n"
	p := runs(t, dir, text, clock, speed)
	p.state("empty community", func(s api.State) bool { return s.Status.IntervalsCleared > 0 && len(s.Homes) == 0 })
	p.pair(devices["home-04/meter"], "ann", pairing.Exporting)
	p.pair(devices["home-03/meter"], "bob", pairing.Exporting) // the installer was mistaken
	billed := func(s api.State) bool {
		return s.Status.Homes == 2 && s.Status.OrdersTotal > 0 && everyHome(s, 2, func(h api.Home) bool { return h.Today.Intervals > 1 && h.Devices[0].Online })
	}
	s := p.state("bill of both homes", billed)
	for _, i := range s.Intervals {
		if i.Settled && i.Estimated {
			t.Errorf("the interval of %s is estimated", i.Interval.Start)
		}
	}
	p.state("doubt about both meters: homes without panels export", func(s api.State) bool { return doubted(s, "ann") && doubted(s, "bob") })
	p.pair(devices["home-04/inverter"], "ann", pairing.Exporting)
	p.state("end of the doubt where there are panels", func(s api.State) bool { return !doubted(s, "ann") && doubted(s, "bob") })
	p.pairAt(devices["home-02/meter"], "roof/meter", "ann", "mp-roof", pairing.Exporting)
	unknown := func(h api.Home) bool { return h.Id == "ann" && h.Expected == nil }
	p.state("forecast of both metering points of a member", func(s api.State) bool {
		return s.Status.Homes == 2 && len(s.Homes) == 2 && !slices.ContainsFunc(s.Homes, unknown)
	})
	p.stop()
	verified(t, dir)

	again := runs(t, dir, text, clock, speed)
	again.state("bill of both homes after a new start", func(s api.State) bool {
		return s.Status.IntervalsSettled > 0 && billed(s)
	})
	again.stop()
	verified(t, dir)
}

// TestTheFirstLinkIsForWhoStarted says the link of the operator's account on a terminal, and never where a log may be read by others.
func TestTheFirstLinkIsForWhoStarted(t *testing.T) {
	for _, private := range []bool{true, false} {
		var said strings.Builder
		sayBegan(usage.Redacting(&said), hub.State{FirstLink: "http://127.0.0.1/signin.html#first=SECRET"}, private)
		if strings.Contains(said.String(), "#first=SECRET") != private || !strings.Contains(said.String(), "Nobody has an account yet") {
			t.Errorf("private %v: %s", private, said.String())
		}
	}
}
