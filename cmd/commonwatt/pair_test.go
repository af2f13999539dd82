package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/web/api"
)

// field is a simulated neighbourhood whose devices the program does not know: to
// it they are real.
func field(t *testing.T, faults map[string][]sim.Fault) map[string]*sim.Device {
	t.Helper()
	return fieldAt(t, faults, fieldClock(1))
}

// fieldBegins is when the simulated world of a field begins.
func fieldBegins() time.Time { return time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC) }

// fieldClock is the time in a field, ten minutes after it began.
func fieldClock(speed float64) func() time.Time {
	return clock.Fast(fieldBegins().Add(10*time.Minute), speed)
}

func fieldAt(t *testing.T, faults map[string][]sim.Fault, clock func() time.Time) map[string]*sim.Device {
	t.Helper()
	return fieldOf(t, world.Spec{Seed: 1, Start: fieldBegins(), Latitude: 50, Homes: world.Neighbourhood(4, 1)}, faults, clock)
}

// fieldOf runs a simulated world, and returns its devices by id.
func fieldOf(t *testing.T, spec world.Spec, faults map[string][]sim.Fault, clock func() time.Time) map[string]*sim.Device {
	t.Helper()
	n, err := sim.Open(t.Context(), t.TempDir(), spec, faults)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, clock) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = n.Close()
	})
	devices := map[string]*sim.Device{}
	for _, d := range n.Devices() {
		devices[d.ID] = d
	}
	return devices
}

// ownTerms are the lines that a community with real devices needs.
const ownTerms = "community: elm\ntariff: {version: \"2026\", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}\n"

// TestAnInstallersHour finds two devices, pairs one from the command line and
// one over the API of the running community, and both are read.
func TestAnInstallersHour(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	devices := field(t, map[string][]sim.Fault{"home-04/meter": {sim.WrongSign}})
	meter, inverter := devices["home-04/meter"], devices["home-04/inverter"]
	dir := filepath.Join(t.TempDir(), "data")

	code, out, errs := execute(t, "pair", "discover", meter.Address()+","+inverter.Address(), "--json")
	var found []pairing.Finding
	if err := json.Unmarshal([]byte(out), &found); code != 0 || err != nil || len(found) != 2 || found[0].Profiles[0] != "sunspec-meter" || found[1].Profiles[0] != "sunspec-inverter" {
		t.Fatalf("discover: exit code %d, %v\n%s%s", code, err, out, errs)
	}
	code, out, errs = execute(t, "pair", "probe", meter.Address())
	if code != 0 || !strings.Contains(out, meter.Serial) || !strings.Contains(out, "good") {
		t.Fatalf("probe: exit code %d\n%s%s", code, out, errs)
	}
	own := filepath.Join(t.TempDir(), "own.yaml")
	text, err := os.ReadFile("../../meters/profile/profiles/sunspec-meter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, own, strings.Replace(string(text), "id: sunspec-meter", "id: own-meter", 1))
	target := "tcp://" + meter.Address()
	code, _, errs = execute(t, "pair", "add", target, "--data", dir, "--member", "ann", "--watch", "3s", "--profile-file", own, "--profile", "own-meter")
	if code != exitUsage || !strings.Contains(errs, "--load: missing") {
		t.Fatalf("without the load: exit code %d\n%s", code, errs)
	}
	code, _, errs = execute(t, "run", "--data", dir, "--listen", "127.0.0.1:0", "--duration", "1s")
	if code != exitUsage || !strings.Contains(errs, "being paired") {
		t.Fatalf("run where nothing is paired yet: exit code %d\n%s", code, errs)
	}
	code, _, errs = execute(t, "pair", "add", target, "--data", dir, "--profile", "sunspec-meter", "--load", "exporting")
	if code != exitUsage || !strings.Contains(errs, "--fresh") {
		t.Fatalf("with another profile: exit code %d\n%s", code, errs)
	}
	code, out, errs = execute(t, "pair", "add", target, "--data", dir, "--member", "ann", "--watch", "3s", "--load", "exporting", "--profile-file", own)
	if code != 0 || !strings.Contains(errs, "going on with the pairing") || !strings.Contains(errs, "wrong way round") || !strings.Contains(out, "ann/meter is paired") {
		t.Fatalf("add: exit code %d\n%s%s", code, out, errs)
	}

	configured := filepath.Join(t.TempDir(), "street.yaml")
	write(t, configured, fmt.Sprintf("data: %s\ndevices: [{id: ann/meter, member: ann, metering_point: mp-ann, address: %q, profile: sunspec-meter}]\n", filepath.Join(t.TempDir(), "street"), meter.Address()))
	code, _, errs = execute(t, "pair", "add", target, "--config", configured, "--member", "eve", "--watch", "3s", "--load", "exporting")
	if code != exitUsage || !strings.Contains(errs, "is bound already, as ann/meter") {
		t.Fatalf("a configured meter for another member: exit code %d\n%s", code, errs)
	}
	if code, _, errs = execute(t, "pair", "list", "--config", configured); code != 0 {
		t.Fatalf("list: exit code %d\n%s", code, errs)
	}
	code, out, errs = execute(t, "pair", "remove", target, "--config", configured)
	if code != 0 || !strings.Contains(out, "given up") {
		t.Fatalf("remove: exit code %d\n%s%s", code, out, errs)
	}

	code, _, errs = execute(t, "run", "--data", dir, "--listen", "127.0.0.1:0", "--duration", "1s")
	if code != exitUsage || !strings.Contains(errs, "\n  community: NAME\n  tariff: {version: ") {
		t.Fatalf("run without a name and a tariff: exit code %d\n%s", code, errs)
	}
	named := filepath.Join(t.TempDir(), "named.yaml")
	write(t, named, ownTerms)
	p := launch(t, dir, "--config", named)
	p.until("the meter", func(s api.Status) bool { return s.DevicesOnline == 1 && s.ReadingsTotal > 2 && s.Speed == 1 })
	key, err := os.ReadFile(filepath.Join(dir, hub.InstallerKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	call := func(path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base()+"/api/v1/pairing/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(key)))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		b, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(b)
	}
	status, body := call("sessions", `{"target": "tcp://`+inverter.Address()+`"}`)
	var s pairing.Session
	if err := json.Unmarshal([]byte(body), &s); status != http.StatusOK || err != nil || s.Profile != "sunspec-inverter" {
		t.Fatalf("begin: %d %s", status, body)
	}
	step := "sessions/" + s.ID
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{step + "/sign", `{"load": "exporting"}`, http.StatusConflict, "live values"},
		{step + "/measure", ``, http.StatusOK, inverter.Serial},
		{step + "/sign", `{"load": "maybe"}`, http.StatusBadRequest, "load"},
		{step + "/sign", `{"load": "later"}`, http.StatusOK, `"sign_unchecked":true`},
		{step + "/sign", `{"load": "exporting"}`, http.StatusOK, "sign-checked"},
		{step + "/bind", `{"id": "ann/pv", "member": "ann", "metering_point": "mp-bob"}`, http.StatusConflict, "no connection meter yet"},
		{step + "/bind", `{"id": "ann/pv", "member": "ann", "metering_point": "mp-ann"}`, http.StatusOK, "bound"},
		{step + "/watch", `{"seconds": 10}`, http.StatusOK, `"step":"watched"`},
		{"sessions/nothing/measure", ``, http.StatusNotFound, "no pairing"},
		{"sessions", `{"target": "tcp://127.0.0.1:1"}`, http.StatusBadGateway, "no connection"},
		{"sessions", `{"target": "ftp://x"}`, http.StatusBadRequest, "target"},
	} {
		if status, body := call(c.path, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Fatalf("%s %s: %d %s, want %d with %q", c.path, c.body, status, body, c.status, c.want)
		}
	}
	if r, err := http.Post(p.base()+"/api/v1/pairing/sessions", "application/json", strings.NewReader(`{"target": "x"}`)); err != nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the key: %v, %v", r, err)
	}
	p.until("the inverter, without a new start", func(s api.Status) bool { return s.DevicesOnline == 2 })
	p.kill()
	again := launch(t, dir)
	again.until("both devices", func(s api.Status) bool { return s.DevicesOnline == 2 })
	again.stop()
	code, out, errs = execute(t, "pair", "list", "--data", dir)
	if code != 0 || !strings.Contains(out, "ann/pv") || !strings.Contains(out, "ann/meter") || strings.Contains(out, "not finished") {
		t.Errorf("list: exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs = execute(t, "pair", "remove", "ann/meter", "--data", dir); code != exitUsage || !strings.Contains(errs, "ann/pv is behind") {
		t.Errorf("remove the meter first: exit code %d\n%s", code, errs)
	}
	if code, _, errs = execute(t, "pair", "remove", "ann/pv", "--data", dir); code != 0 {
		t.Errorf("remove: exit code %d\n%s", code, errs)
	}
	last := launch(t, dir)
	last.until("the meter alone", func(s api.Status) bool { return s.DevicesOnline == 1 && s.Homes == 1 })
	last.stop()
}
