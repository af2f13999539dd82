package clock

import (
	"strings"
	"testing"
	"time"
)

// bench is a judge whose clock and whose passing of time the test sets.
type bench struct {
	*Judge

	passed time.Duration
	off    time.Duration // of the clock
	said   []string
}

func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func newBench(speed float64) *bench {
	b := &bench{}
	source := func() time.Time { return noon().Add(time.Duration(float64(b.passed)*speed) + b.off) }
	b.Judge = newJudge(source, func() time.Duration { return b.passed }, speed, func(text string) { b.said = append(b.said, text) })
	return b
}

// after lets time pass, and expects the clock to tell a time after noon.
func (b *bench) after(t *testing.T, d, want time.Duration) {
	t.Helper()
	b.passed += d
	if got := b.Now().Sub(noon()); got != want {
		t.Errorf("%s after noon by what has passed, with a clock off by %s: told %s, want %s", b.passed, b.off, got, want)
	}
}

func (b *bench) says(t *testing.T, want ...string) {
	t.Helper()
	if len(b.said) != len(want) {
		t.Fatalf("said %q, want %q", b.said, want)
	}
	for k := range want {
		if !strings.Contains(b.said[k], want[k]) {
			t.Errorf("said %q, want %q", b.said[k], want[k])
		}
	}
	if wrong := b.Trouble(); (wrong == "") != (len(want) == 0 || strings.Contains(want[len(want)-1], "again") || strings.Contains(want[len(want)-1], "believed from") || strings.Contains(want[len(want)-1], "was set")) {
		t.Errorf("trouble %q after %q", wrong, b.said)
	}
}

// TestAJumpIsNotBelieved has the clock jump by ten days for twenty seconds: time goes on as
// if it had not, and the clock is named.
func TestAJumpIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{10 * 24 * time.Hour, -10 * 24 * time.Hour, time.Minute, -time.Minute} {
		b := newBench(1)
		b.after(t, time.Minute, time.Minute)
		b.off = jump
		for k := range 20 {
			b.after(t, time.Second, time.Minute+time.Duration(k+1)*time.Second)
		}
		b.off = 0
		b.after(t, time.Second, time.Minute+21*time.Second)
		b.says(t, "clock jumped", "right again")
	}
}

// TestSmallStepsAndDriftAreBelieved follows a clock that is set by a second or goes a little
// wrong, as clocks do that others set; the time never goes back.
func TestSmallStepsAndDriftAreBelieved(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	b.off = time.Second
	b.after(t, time.Minute, 61*time.Second)
	b.off = -time.Second
	b.after(t, time.Second, 61*time.Second) // not back
	b.after(t, 9*time.Second, 69*time.Second)
	for hour := range 100 { // 0.05 % too fast
		b.off += 1800 * time.Millisecond
		b.after(t, time.Hour, 69*time.Second+time.Duration(hour+1)*(time.Hour+1800*time.Millisecond))
	}
	b.says(t)
}

// TestAClockThatStaysIsMeant believes a clock after a quarter of an hour where it went; back
// it does not go, but stands still until the clock has come up.
func TestAClockThatStaysIsMeant(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	b.after(t, time.Minute, time.Minute)
	b.off = 3 * time.Hour
	b.after(t, time.Second, 61*time.Second)
	b.after(t, 14*time.Minute, 14*time.Minute+61*time.Second)
	b.after(t, time.Minute, 15*time.Minute+61*time.Second+3*time.Hour)
	b.says(t, "jumped ahead by 3h0m0s", "believed from now on")
	b.off = 2 * time.Hour
	b.after(t, time.Second, 15*time.Minute+62*time.Second+3*time.Hour)
	b.after(t, 15*time.Minute, 15*time.Minute+62*time.Second+3*time.Hour)
	b.after(t, time.Hour, 30*time.Minute+62*time.Second+3*time.Hour)
}

// TestAClockThatWandersIsNotMeant jumps from place to place for an hour.
func TestAClockThatWandersIsNotMeant(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	for minute := range 60 {
		b.off = time.Duration(minute+1) * time.Hour
		b.after(t, time.Minute, time.Duration(minute+1)*time.Minute)
	}
}

// TestItIsNotBeforeWhatHasHappened stands still while the clock is before the last entry of
// the order log, and goes on at once when it is set.
func TestItIsNotBeforeWhatHasHappened(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	b.NotBefore(noon().Add(56 * 365 * 24 * time.Hour))
	b.after(t, time.Second, 56*365*24*time.Hour)
	b.after(t, time.Minute, 56*365*24*time.Hour)
	b.off = 56*365*24*time.Hour + 10*time.Minute
	b.after(t, time.Second, 56*365*24*time.Hour+11*time.Minute+2*time.Second)
	b.says(t, "something has happened at", "was set forward")
	b.NotBefore(noon())
	b.after(t, time.Second, 56*365*24*time.Hour+11*time.Minute+3*time.Second)
}

// TestAFastClockIsJudgedAtItsSpeed follows a clock that goes sixty times as fast as life.
func TestAFastClockIsJudgedAtItsSpeed(t *testing.T) {
	t.Parallel()
	b := newBench(60)
	b.after(t, time.Minute, time.Hour)
	b.off = 24 * time.Hour
	b.after(t, time.Minute, 2*time.Hour)
	b.says(t, "jumped ahead by 24h0m0s")
}

// TestARealClockIsBelieved asks the clock of this machine.
func TestARealClockIsBelieved(t *testing.T) {
	t.Parallel()
	j := NewJudge(time.Now, 1, func(text string) { t.Error(text) })
	for range 1000 {
		if off := time.Until(j.Now()).Abs(); off > time.Second {
			t.Fatalf("off by %s", off)
		}
	}
}
