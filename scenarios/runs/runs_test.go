package runs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/scenarios/runs"
)

// program is commonwatt itself, built once.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "commonwatt-runs-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "commonwatt")
	build := exec.Command("go", "build", "-o", program, "github.com/commonwatt/commonwatt/cmd/commonwatt")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make builds it
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// library is a short day and a long month.
func library(t *testing.T) []scenarios.Offered {
	t.Helper()
	var all []scenarios.Offered
	for name, change := range map[string][2]string{"short": {"homes: 12", "homes: 2"}, "long": {"days: 1", "days: 20"}} {
		text, err := os.ReadFile("../summer-day.yaml")
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(bytes.Replace(text, []byte("name: summer-day"), []byte("name: "+name), 1), []byte(change[0]), []byte(change[1]), 1)
		s, err := scenarios.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, scenarios.Offered{Scenario: s, Text: text})
	}
	return all
}

// open opens a manager that runs until the test ends, or stop is called.
func open(t *testing.T, o runs.Options) (m *runs.Manager, stop func()) {
	t.Helper()
	o.Program, o.Version, o.Library, o.Clock, o.Log = program, "v-test", library(t), time.Now, slog.New(slog.DiscardHandler)
	m, err := runs.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return m, stop
}

func started(t *testing.T, m *runs.Manager, a runs.Asked) runs.Run {
	t.Helper()
	r, err := m.Start(a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// until waits until a run is as wanted: a process outside tells nobody how far it has come.
func until(t *testing.T, m *runs.Manager, id string, wanted func(runs.Run) bool) runs.Run {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-again.C {
		r, err := m.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("it stays %+v", r)
		}
	}
}

func is(s runs.State) func(runs.Run) bool { return func(r runs.Run) bool { return r.State == s } }

// TestRunsAreCarriedOutOneAfterTheOther asks for two short days, of which each gives the same
// numbers as the same replay by hand, and draws both.
func TestRunsAreCarriedOutOneAfterTheOther(t *testing.T) {
	t.Parallel()
	m, _ := open(t, runs.Options{Dir: t.TempDir()})
	seed := uint64(7)
	first, second := started(t, m, runs.Asked{Scenario: "short"}), started(t, m, runs.Asked{Scenario: "short", Seed: &seed, Sharing: "market"})
	if r := until(t, m, second.ID, is(runs.Done)); r.Progress != 100 || r.Bytes == 0 || r.Ended.Before(r.Started) {
		t.Errorf("the second: %+v", r)
	}
	a, _ := m.Get(first.ID)
	b, _ := m.Get(second.ID)
	if a.State != runs.Done || b.Started.Before(a.Ended) {
		t.Errorf("they ran at once: %+v, %+v", a, b)
	}
	byHand := t.TempDir()
	text := filepath.Join(t.TempDir(), "short.yaml")
	for _, one := range library(t) {
		if one.Name == "short" {
			if err := os.WriteFile(text, one.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.Command(program, "replay", text, "--seed", "7", "--out", byHand).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, dir, err := m.Result(second.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scenarios.Files() {
		got, err1 := os.ReadFile(filepath.Join(dir, name))
		want, err2 := os.ReadFile(filepath.Join(byHand, name))
		if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the replay by hand: %v, %v", name, err1, err2)
		}
	}
	for _, of := range runs.Plots() {
		picture, err := m.Plot([]string{first.ID, second.ID}, of)
		if err != nil {
			t.Fatal(err)
		}
		if drawn, err := png.Decode(bytes.NewReader(picture)); err != nil || drawn.Bounds().Dx() < 500 {
			t.Errorf("%s: %v", of, err)
		}
	}
	if r := until(t, m, started(t, m, runs.Asked{Scenario: "short", Sharing: "at-eeg"}).ID, func(r runs.Run) bool { return !r.Ended.IsZero() }); r.State != runs.Done {
		t.Errorf("by rules of a country: %+v", r)
	}
	if err := m.End(first.ID); err != nil {
		t.Error(err)
	}
	if _, err := m.Get(first.ID); err == nil {
		t.Error("it was removed, and is there")
	}
}

// TestALongRunIsCancelledAndAStopIsNoted cancels a run that has begun, and stops the program
// during another: what waits is carried out at the next start, what ran says what happened.
func TestALongRunIsCancelledAndAStopIsNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, stop := open(t, runs.Options{Dir: dir})
	long, another, waits, never := started(t, m, runs.Asked{Scenario: "long"}), started(t, m, runs.Asked{Scenario: "long"}), started(t, m, runs.Asked{Scenario: "short"}), started(t, m, runs.Asked{Scenario: "short"})
	until(t, m, long.ID, func(r runs.Run) bool { return r.Progress > 0 && r.Progress < 100 })
	if _, _, err := m.Result(long.ID); err == nil {
		t.Error("it has results while it runs")
	}
	if err := errors.Join(m.End(never.ID), m.End(long.ID)); err != nil {
		t.Fatal(err)
	}
	until(t, m, long.ID, is(runs.Cancelled))
	until(t, m, another.ID, is(runs.Running))
	stop()
	m, _ = open(t, runs.Options{Dir: dir})
	if r, err := m.Get(another.ID); err != nil || r.State != runs.Interrupted || !strings.Contains(r.Problem, "start it again") {
		t.Errorf("after the stop: %+v, %v", r, err)
	}
	until(t, m, waits.ID, is(runs.Done))
	for id, want := range map[string]runs.State{long.ID: runs.Cancelled, never.ID: runs.Cancelled} {
		if r, err := m.Get(id); err != nil || r.State != want {
			t.Errorf("%+v, %v, want it %s", r, err, want)
		}
		if _, err := os.Stat(filepath.Join(dir, id, "result")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("of %s something is left: %v", id, err)
		}
	}
}

// TestAKilledProgramsRunIsInterrupted finds a run that was running when nobody could note its end.
func TestAKilledProgramsRunIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o700), os.WriteFile(filepath.Join(dir, "a", "run.json"), []byte(`{"id":"a","scenario":"short","state":"running","queued":"2026-06-01T10:00:00Z"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	m, _ := open(t, runs.Options{Dir: dir})
	if r, err := m.Get("a"); err != nil || r.State != runs.Interrupted {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestBoundsOfRuns refuses what is wrong before anything runs, more runs than are kept, and has a
// run fail that needs more memory than there is for it.
func TestBoundsOfRuns(t *testing.T) {
	t.Parallel()
	m, _ := open(t, runs.Options{Dir: t.TempDir(), Most: 2, Memory: 24 << 20})
	for want, a := range map[string]runs.Asked{
		"there is no scenario": {Scenario: "../short"}, "mechanism:": {Scenario: "short", Mechanism: "roulette"}, "sharing": {Scenario: "short", Sharing: "nobody"},
	} {
		if _, err := m.Start(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	r := started(t, m, runs.Asked{Scenario: "short"})
	if r = until(t, m, r.ID, func(r runs.Run) bool { return r.State != runs.Waiting && r.State != runs.Running }); r.State != runs.Failed || !strings.Contains(r.Problem, "more memory") {
		t.Errorf("with 24 MB: %+v", r)
	}
	started(t, m, runs.Asked{Scenario: "short"})
	if _, err := m.Start(runs.Asked{Scenario: "short"}); err == nil || !strings.Contains(err.Error(), "remove some") {
		t.Errorf("a third: %v", err)
	}
	if _, err := m.Plot([]string{r.ID}, runs.OfPrice); err == nil {
		t.Error("a run that failed was drawn")
	}
}
