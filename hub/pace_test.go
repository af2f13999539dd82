package hub

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/grid"
)

// TestAWorldThatFallsBehindIsToldOnce runs a world at speed 600 that keeps up, that has hiccups, that goes at half
// the speed, and that stands still because the disk is full. Only the one that is too slow is told, once.
func TestAWorldThatFallsBehindIsToldOnce(t *testing.T) {
	const speed = 600
	for name, c := range map[string]struct {
		shown  func(passed time.Duration) time.Duration // world time, of the wall time that passed
		halted bool
		want   int
	}{
		"keeps up":         {func(passed time.Duration) time.Duration { return passed * speed }, false, 0},
		"hiccups":          {func(passed time.Duration) time.Duration { return (passed - passed%(8*time.Second)) * speed }, false, 0},
		"is too slow":      {func(passed time.Duration) time.Duration { return passed * speed / 2 }, false, 1},
		"waits for a disk": {func(time.Duration) time.Duration { return 0 }, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			origin, began := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC), time.Now()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			p := pace{speed, slog.New(slog.NewTextHandler(&said, nil))}
			if err := p.follow(ctx, func() time.Time { return origin.Add(c.shown(time.Since(began))) }, clock.Fast(origin, speed), func() bool { return c.halted }); err != nil {
				t.Error(err)
			}
			if got := strings.Count(said.String(), "too slow for this speed"); got != c.want || got > 0 && !strings.Contains(said.String(), "lower --speed than 600") {
				t.Errorf("a world that %s: told %d times, want %d\n%s", name, got, c.want, said.String())
			}
		})
	}
}

// TestLateQuotesAreOneSentence counts them, and says what helps: a lower speed of a simulation, more of the machine
// for real devices.
func TestLateQuotesAreOneSentence(t *testing.T) {
	for speed, remedy := range map[float64]string{60: "lower --speed than 60", 1: "leave the machine to this program"} {
		var said bytes.Buffer
		pace{speed, slog.New(slog.NewTextHandler(&said, nil))}.late(t.Context(), 10, grid.IntervalAt(time.Unix(0, 0), 15))
		if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "10 quotes came after the gate had closed") || !strings.Contains(text, remedy) {
			t.Errorf("at speed %g is said %s", speed, text)
		}
	}
}
