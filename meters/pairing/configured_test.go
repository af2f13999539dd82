package pairing_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// street is a bench of a community whose configuration has a meter and a battery of ann, at noon and later.
type street struct {
	*pairing.Bench

	now  time.Time
	done []string // what the running community was told
}

func configured(t *testing.T, dir string) *street {
	t.Helper()
	device := func(id string, kind grid.DeviceKind, target string) pairing.Binding {
		b := pairing.Binding{Device: grid.Device{ID: id, Kind: kind, Member: "ann", MeteringPoint: "mp-ann", Serial: id}, Target: target, Unit: 1, Profile: "sunspec-meter", Configured: true}
		if kind == grid.Meter {
			b.ImportLimit = new(grid.Power(11_000))
		}
		return b
	}
	s := &street{now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	s.Bench = pairing.Open(dir, profiles(t), []pairing.Binding{device("ann/meter", grid.Meter, "192.0.2.1"), device("ann/battery", grid.Battery, "192.0.2.2")})
	s.Clock = func() time.Time { return s.now }
	s.Adopt = func(_ context.Context, b pairing.Binding) (func(), error) {
		return func() { s.done = append(s.done, "adopted "+b.ID+" for "+b.Replaces) }, nil
	}
	s.Dismissed = func(b pairing.Binding) { s.done = append(s.done, "dismissed "+b.ID) }
	return s
}

// there are the ids of the devices of the community.
func (s *street) there(t *testing.T) string {
	t.Helper()
	bound, err := s.Bound()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, b := range bound {
		ids = append(ids, b.ID)
	}
	return strings.Join(ids, " ")
}

// TestAConfiguredDeviceIsLetGoOf lets go of a battery and a meter that stand in the configuration, by the rules of those
// that were paired: that is kept with who and why, also for another process, is taken back once, and counts from then on.
func TestAConfiguredDeviceIsLetGoOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := configured(t, dir)
	if err := s.Remove(t.Context(), "ann/meter", pairing.Removal{Sure: true}); !conflict(err, "ann/battery is behind") {
		t.Errorf("the meter first: %v", err)
	}
	if err := s.TakeBack(t.Context(), "ann/battery", "eve"); !conflict(err, "nothing to take back") {
		t.Errorf("taken back before it is gone: %v", err)
	}
	if err := s.Remove(t.Context(), "ann/battery", pairing.Removal{By: "eve", Reason: "sold"}); err != nil {
		t.Fatal(err)
	}
	s = configured(t, dir) // another process
	gone, _, err := s.Overridden()
	if b := gone["ann/battery"]; err != nil || len(gone) != 1 || b.Gone.By != "eve" || b.Gone.Reason != "sold" || !b.Until.Equal(s.now) || s.there(t) != "ann/meter" {
		t.Fatalf("of the configuration counts %s; no more %+v, %v", s.there(t), gone, err)
	}
	if err := s.Remove(t.Context(), "ann/battery", pairing.Removal{}); !errors.As(err, new(*pairing.NotFoundError)) {
		t.Errorf("it is gone: %v", err)
	}
	s.now = s.now.Add(time.Hour)
	if err := s.TakeBack(t.Context(), "ann/battery", "eve"); err != nil {
		t.Fatal(err)
	}
	removed, err := s.Removed()
	_, again, err2 := s.Overridden()
	if err != nil || err2 != nil || len(removed) != 0 || !again["ann/battery"].Equal(s.now) || s.there(t) != "ann/meter ann/battery" || strings.Join(s.done, ", ") != "adopted ann/battery for " {
		t.Errorf("taken back: there is %s, removed %+v, counts again since %v, done %v, %v", s.there(t), removed, again, s.done, errors.Join(err, err2))
	}
	past, err := s.Past()
	if err != nil || len(past) != 1 || !past[0].Gone.TakenBack.Equal(s.now) {
		t.Errorf("that it was gone is forgotten: %+v, %v", past, err)
	}
	s.Trial = true
	if err := s.Remove(t.Context(), "ann/battery", pairing.Removal{}); !conflict(err, "simulated") {
		t.Errorf("in a simulation: %v", err)
	}
}

// TestAConfiguredMeterIsReplaced pairs a meter in place of one of the configuration: it bears what that bore, and the
// entry counts no more. Taking that back lets go of the new one, and who dies in between has one meter.
func TestAConfiguredMeterIsReplaced(t *testing.T) {
	t.Parallel()
	devices, dir := neighbourhood(t, nil), t.TempDir()
	s := configured(t, dir)
	p := begin(t, s.Bench, devices["home-04/meter"])
	checked(t, s.Bench, p.ID)
	if err := s.Replace(p.ID, "ann/meter"); err != nil {
		t.Fatal(err)
	}
	id, err := s.Another("ann/meter")
	if err != nil || id != "ann/meter-2" {
		t.Errorf("another id is %q, %v", id, err)
	}
	if _, err := s.Bind(p.ID, grid.Device{ID: id, Member: "ann", MeteringPoint: "mp-ann"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Watch(t.Context(), p.ID, 3*time.Second, func(int) {}); err != nil {
		t.Fatal(err)
	}
	gone, _, err := s.Overridden()
	paired, err2 := s.Paired()
	if err != nil || err2 != nil || gone["ann/meter"].Gone.ReplacedBy != id || len(paired) != 1 || paired[0].ImportLimit == nil || *paired[0].ImportLimit != 11_000 || s.there(t) != "ann/battery ann/meter-2" {
		t.Fatalf("there is %s, paired %+v, gone %+v", s.there(t), paired, gone)
	}
	before, err := os.ReadFile(filepath.Join(dir, "devices.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	if err := s.TakeBack(t.Context(), "ann/meter", "eve"); err != nil {
		t.Fatal(err)
	}
	want := "adopted ann/meter-2 for ann/meter, adopted ann/meter for ann/meter-2"
	if s.there(t) != "ann/meter ann/battery" || strings.Join(s.done, ", ") != want {
		t.Errorf("there is %s, done %v", s.there(t), s.done)
	}
	if err := os.WriteFile(filepath.Join(dir, "devices.json"), before, 0o600); err != nil { // as if it had died in between
		t.Fatal(err)
	}
	if s.there(t) != "ann/meter ann/battery" {
		t.Errorf("who died in between has %s", s.there(t))
	}
}

// TestRatingsAsTheConfigurationHasThem says of a kept session what a plan needs to know: what the configuration would
// refuse is refused, and leaves what was said before.
func TestRatingsAsTheConfigurationHasThem(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	bench.Fits = func(b pairing.Binding) error {
		if b.Planning["tank"] == "much" {
			return &pairing.ConflictError{Reason: "tank: much of what?"}
		}
		return nil
	}
	s := begin(t, bench, devices["home-01/battery"])
	if _, err := bench.Rate(s.ID, pairing.Ratings{Planning: map[string]string{"tank": "300 l"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := bench.Rate(s.ID, pairing.Ratings{Planning: map[string]string{"tank": "much"}}); !conflict(err, "of what") {
		t.Errorf("much: %v", err)
	}
	if kept, err := bench.Session(s.ID); err != nil || kept.Finding.Planning["tank"] != "300 l" {
		t.Errorf("kept %+v, %v", kept.Finding.Ratings, err)
	}
	var r pairing.Ratings
	r.Say(map[string]string{"cop": "3", "least": "800 W"})
	if r.Say(map[string]string{"cop": ""}); len(r.Planning) != 1 || r.IsZero() {
		t.Errorf("said %v", r.Planning)
	}
}
