package clock

import (
	"fmt"
	"sync"
	"time"
)

// A Judge tells the time by a clock that somebody may set, and does not believe it blindly:
// the time that has passed since the start is known from another source, which nobody sets.
// When the clock jumps, the Judge goes on by that source and says so; it believes the clock
// again as soon as that is where it should be, or once it has stayed where it went for long
// enough that somebody must have meant it. The time that it tells never goes back. It is
// safe for concurrent use.
type Judge struct {
	source Clock
	passed func() time.Duration // since whenever, by a source that nobody sets
	speed  float64              // seconds that the clock goes in one of passed
	say    func(text string)

	mu      sync.Mutex // guards what follows
	anchor  time.Time  // the last time that was believed
	since   time.Duration
	told    time.Time // the last time that was told
	floor   time.Time // before which it cannot be
	off     time.Duration
	doubted time.Duration // since when the clock is off by that; meaningful while trouble is not empty
	trouble string
}

const (
	// stepBelieved is by how much the clock may be set without a question, and driftBelieved
	// the part of the time that has passed by which it may be off in addition.
	stepBelieved  = 2 * time.Second
	driftBelieved = 0.001
	// meantAfter is for how long a clock has to stay where it jumped until it is believed.
	meantAfter = 15 * time.Minute
	anchorFor  = time.Hour
)

// NewJudge returns a judge of a clock that goes at a speed; say is told what is wrong with it
// and when it is right again.
func NewJudge(source Clock, speed float64, say func(text string)) *Judge {
	return newJudge(source, passing(), speed, say)
}

func newJudge(source Clock, passed func() time.Duration, speed float64, say func(text string)) *Judge {
	j := &Judge{source: source, passed: passed, speed: max(speed, 1), say: say}
	j.anchor, j.since = source().Round(0), passed()
	return j
}

// Now returns the time.
func (j *Judge) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	passed := j.passed()
	shown, by := j.source().Round(0), j.anchor.Add(j.world(passed-j.since))
	now := by
	switch off := shown.Sub(by); {
	case off.Abs() <= j.scaled(stepBelieved)+time.Duration(driftBelieved*float64(j.world(passed-j.since))):
		now = shown
		j.right()
		if passed-j.since > anchorFor {
			j.anchor, j.since = shown, passed
		}
	case by.Before(j.floor) && !shown.Before(j.floor): // it was wrong, and is set
		now = shown
		j.believe(shown, passed, fmt.Sprintf("this machine's clock was set forward by %s, to %s", off.Round(time.Second), shown.UTC().Format(time.RFC3339)))
	default:
		if j.doubts(off, passed) {
			now = shown
			j.believe(shown, passed, fmt.Sprintf("this machine's clock has been off by %s for %s: it is believed from now on", off.Round(time.Second), meantAfter))
		}
	}
	if now.Before(j.floor) {
		j.behind(now)
		now = j.floor
	}
	if now.Before(j.told) {
		now = j.told
	}
	j.told = now
	return now
}

// NotBefore tells that something has happened at t already: it cannot be earlier.
func (j *Judge) NotBefore(t time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t.After(j.floor) {
		j.floor = t
	}
}

// Trouble says what is wrong with the clock at present, nothing when it is right.
func (j *Judge) Trouble() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.trouble
}

// world is how much time of the clock passes in a time of passed.
func (j *Judge) world(d time.Duration) time.Duration { return j.scaled(d) }

func (j *Judge) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * j.speed)
}

// doubts notes that the clock is off, and tells whether it has been so for long enough.
func (j *Judge) doubts(off, passed time.Duration) (meant bool) {
	if j.trouble == "" || (off-j.off).Abs() > j.scaled(stepBelieved)+time.Duration(driftBelieved*float64(j.world(passed-j.doubted))) {
		j.off, j.doubted = off, passed
		way := "ahead"
		if off < 0 {
			way = "back"
		}
		j.complain(fmt.Sprintf("this machine's clock jumped %s by %s: it is not believed, time goes on by what has passed since; set the clock right", way, off.Abs().Round(time.Second)))
	}
	return passed-j.doubted >= meantAfter
}

// behind says that the clock is before what has happened already.
func (j *Judge) behind(now time.Time) {
	if j.trouble == "" {
		j.complain(fmt.Sprintf("this machine's clock says %s, but something has happened at %s already: time stands still until then; set the clock right",
			now.UTC().Format(time.RFC3339), j.floor.UTC().Format(time.RFC3339)))
	}
}

func (j *Judge) complain(text string) {
	j.trouble = text
	j.say(text)
}

func (j *Judge) believe(shown time.Time, passed time.Duration, text string) {
	j.anchor, j.since, j.trouble = shown, passed, ""
	j.say(text)
}

// right notes that the clock is where it should be.
func (j *Judge) right() {
	if j.trouble != "" && !j.anchor.Before(j.floor) {
		j.trouble = ""
		j.say("this machine's clock is right again")
	}
}
