package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web/api"
)

// TestLimitsOutliveAKill sets limits again and again, and kills the program right after an
// answer: what was answered last is what the next start has, before what the configuration
// says.
func TestLimitsOutliveAKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program twice; make test runs it")
	}
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "c.yaml")
	const text = "simulation: {homes: 3}\nmembers: {home-01: {limits: {reserve: 10 %}}, home-02: {limits: {reserve: 15 %}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", file)
	p.until("homes", func(s api.Status) bool { return s.Homes == 3 })
	var l api.HomeLimits
	if err := p.get("/api/v1/homes/home-01/limits", &l); err != nil || l.Reserve != 100 || l.SetBy != api.Configuration {
		t.Errorf("%+v, %v", l, err)
	}
	for reserve := range 21 {
		request, err := http.NewRequest(http.MethodPut, p.base()+"/api/v1/homes/home-01/limits", strings.NewReader(fmt.Sprintf(`{"reserve":%d,"floor":80000}`, reserve)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
	}
	p.kill()

	p = launch(t, dir, "--config", file)
	p.until("homes", func(s api.Status) bool { return s.Homes == 3 })
	if err := p.get("/api/v1/homes/home-01/limits", &l); err != nil || l.Reserve != 20 || l.Floor == nil || *l.Floor != 80_000 || l.SetBy != api.Homeowner {
		t.Errorf("after the kill: %+v, %v", l, err)
	}
	if err := p.get("/api/v1/homes/home-02/limits", &l); err != nil || l.Reserve != 150 || l.SetBy != api.Configuration {
		t.Errorf("of whom nobody asked: %+v, %v", l, err)
	}
	p.stop()
}

// TestLimitsThatFitNoHomeAreRefused gives a simulated home a charger that it does not have:
// what it has is known when the simulation is made.
func TestLimitsThatFitNoHomeAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yaml")
	const text = "simulation: {homes: 3}\nmembers: {home-02: {limits: {cars: {home-03/charger: {ready_by: \"07:00\", target: 80 %}}}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := execute(t, "run", "--config", file, "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	if code != 2 || !strings.Contains(stderr, `members.home-02.limits.cars.home-03/charger: this home has no charger "home-03/charger"`) {
		t.Errorf("%d %s", code, stderr)
	}
}
