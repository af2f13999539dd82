package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// TestTwentyKills is the beginning of make torture.
func TestTwentyKills(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "commonwatt")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/commonwatt").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o := options{program: program, dir: t.TempDir(), seed: 1, kills: 20, streets: 2}
	if err := kills(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsFoundWrong tells a fill, an order or a cancellation that is lost, and what is
// there twice.
func TestWhatIsFoundWrong(t *testing.T) {
	o := client.Order{ClientID: "a-1", Interval: grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), minutes), Side: grid.Bid, Energy: 100, Price: 120_000}
	stands := func(change func(*client.Standing)) client.Standing {
		s := client.Standing{Number: "n-1", Order: o, Status: client.Waiting, Filled: 40, Left: 60}
		if change != nil {
			change(&s)
		}
		return s
	}
	for want, c := range map[string]struct{ before, now client.Standing }{
		"":                     {stands(nil), stands(func(s *client.Standing) { s.Filled, s.Left, s.Status = 100, 0, client.Filled })},
		"a fill is lost":       {stands(nil), stands(func(s *client.Standing) { s.Filled, s.Left = 0, 100 })},
		"entered twice":        {stands(nil), stands(func(s *client.Standing) { s.Number = "n-2" })},
		"of 100 Wh":            {stands(nil), stands(func(s *client.Standing) { s.Filled = 140 })},
		"was sent as":          {stands(nil), stands(func(s *client.Standing) { s.Price++ })},
		"had come to its end":  {stands(func(s *client.Standing) { s.Status, s.Left = client.Cancelled, 0 }), stands(nil)},
		"a fill is lost; it s": {stands(func(s *client.Standing) { s.Status, s.Left = client.Cancelled, 0 }), stands(func(s *client.Standing) { s.Status, s.Left, s.Filled = client.Cancelled, 0, 0 })},
	} {
		n := newNotes()
		n.sending("a", o)
		if err := n.heard(c.before); err != nil {
			t.Fatal(err)
		}
		switch err := n.heard(c.now); {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := newNotes().heard(stands(nil)); err == nil {
		t.Error("an order that was never sent is no surprise")
	}
}

// TestATortureGoesOn keeps how far it has come.
func TestATortureGoesOn(t *testing.T) {
	dir := t.TempDir()
	s, err := openState(dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.note(func() { s.Kills[clearing] += 3; s.Kills[pairing]++ }); err != nil {
		t.Fatal(err)
	}
	if again, err := openState(dir, 7); err != nil || again.total() != 4 || again.Kills[clearing] != 3 {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := openState(dir, 8); err == nil || !strings.Contains(err.Error(), "-seed 7") {
		t.Errorf("another seed: %v", err)
	}
}
