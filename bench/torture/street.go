package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// The world of a street: an interval lasts two and a half seconds.
const (
	speed       = 120
	minutes     = 5
	gateClosure = time.Minute
	deadline    = 30 * time.Second
)

// street is a community that is killed, and what is known of it outside of its directory.
type street struct {
	program string
	dir     string // with keys, configuration, what is exported
	data    string // of the community
	life    int
	random  *rand.Rand
	notes   *notes
	wrap    []string // what the community is run by; nil: nothing

	at      *process // nil: none runs
	trading func()   // ends the trade and waits for that; nil: none

	workshop workshop // beside the community
}

// newStreet lays out a street; nothing runs yet.
func newStreet(program, dir string, life int, random *rand.Rand) (*street, error) {
	if err := os.RemoveAll(dir); err != nil { // of a torture that was interrupted
		return nil, err
	}
	s := &street{program: program, dir: dir, data: filepath.Join(dir, "data"), life: life, random: random, notes: newNotes()}
	s.workshop = workshop{program: program, dir: dir, random: random}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var agents strings.Builder
	for _, member := range traders() {
		file := filepath.Join(dir, member+".key")
		if err := os.WriteFile(file, []byte(keyOf(member)+"\n"), 0o600); err != nil {
			return nil, err
		}
		fmt.Fprintf(&agents, "  - {name: %s, member: %s, key_file: %s, rate: 1000}\n", member, member, file)
	}
	text := fmt.Sprintf("simulation: {homes: 3}\ntrading: continuous\nspeed: %d\ninterval: %d\ngate_closure: %s\ndeadline: %s\nagents:\n%s", speed, minutes, gateClosure, deadline, &agents)
	return s, os.WriteFile(s.config(), []byte(text), 0o600)
}

func (s *street) config() string { return filepath.Join(s.dir, "street.yaml") }

// traders are the members for whom programs outside trade; the third has its own agent.
func traders() []string { return []string{"home-01", "home-02"} }

func keyOf(member string) string { return strings.Repeat(member, 6) }

func (s *street) client(member string) *client.Client { return client.New(s.at.base(), keyOf(member)) }

// launch starts the community.
func (s *street) launch() (err error) {
	line := append(slices.Clone(s.wrap), s.program, "run", "--config", s.config(), "--data", s.data, "--listen", "127.0.0.1:0")
	s.at, err = start(line[0], line[1:]...)
	return err
}

// boot has the community run, and its members trade.
func (s *street) boot(ctx context.Context) error {
	if s.at != nil && !s.at.ended() {
		return nil
	}
	if s.at != nil {
		return fmt.Errorf("the program ended by itself (%w); it said:\n%s", s.at.err, s.at.said)
	}
	if err := s.launch(); err != nil {
		return err
	}
	if err := s.at.ready(ctx); err != nil {
		return err
	}
	if err := s.settleUnknown(ctx); err != nil {
		return err
	}
	s.trading = s.trade(ctx)
	return nil
}

// cut kills the community while its members trade.
func (s *street) cut() {
	if s.at != nil {
		s.at.kill()
		s.at = nil
	}
	if s.trading != nil {
		s.trading()
		s.trading = nil
	}
}

// killStart kills the community while it starts.
func (s *street) killStart(ctx context.Context) error {
	const aStart = 2 * time.Second
	s.cut()
	if err := s.launch(); err != nil {
		return err
	}
	err := pause(ctx, time.Duration(s.random.Int64N(int64(aStart))))
	if s.at.ended() {
		return fmt.Errorf("the program ended while it started (%w); it said:\n%s", s.at.err, s.at.said)
	}
	s.cut()
	return err
}

// killAround kills the community a little before or after what comes next.
func (s *street) killAround(ctx context.Context, next func(context.Context) (time.Time, error)) error {
	const before, after = 200 * time.Millisecond, 600 * time.Millisecond
	if err := s.boot(ctx); err != nil {
		return err
	}
	at, err := next(ctx)
	if err != nil {
		return err
	}
	err = pause(ctx, time.Until(at)-before+time.Duration(s.random.Int64N(int64(before+after))))
	if s.at.ended() {
		return fmt.Errorf("the program ended by itself (%w); it said:\n%s", s.at.err, s.at.said)
	}
	s.cut()
	return err
}

// nextGate returns when the next gate closes, wall time.
func (s *street) nextGate(ctx context.Context) (time.Time, error) {
	return s.next(ctx, -gateClosure)
}

// nextSettlement returns when the next interval can be settled, wall time.
func (s *street) nextSettlement(ctx context.Context) (time.Time, error) {
	return s.next(ctx, 0)
}

// next returns when it is so long after the next end of an interval.
func (s *street) next(ctx context.Context, after time.Duration) (time.Time, error) {
	status, err := s.at.status(ctx)
	if err != nil {
		return time.Time{}, err
	}
	asked, least := time.Now(), 300*time.Millisecond*speed
	at := grid.IntervalAt(status.WorldTime, minutes).End().Add(after)
	for at.Before(status.WorldTime.Add(least)) {
		at = at.Add(minutes * time.Minute)
	}
	return asked.Add(at.Sub(status.WorldTime) / speed), nil
}

// pause waits so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
