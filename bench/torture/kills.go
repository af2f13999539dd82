package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// A moment is when something is killed.
type moment string

const (
	starting  moment = "start"
	clearing  moment = "clearing"
	settling  moment = "settlement"
	pairing   moment = "pairing"
	exporting moment = "export"
)

// moments are in the order in which they are drawn.
func moments() []moment { return []moment{starting, clearing, settling, pairing, exporting} }

// ledgerOf is what is known of a torture, kept so that it can go on.
type ledgerOf struct {
	mu   sync.Mutex
	path string

	Seed   uint64         `json:"seed"`
	Kills  map[moment]int `json:"kills"`
	Checks int            `json:"checks"`
	Lives  int            `json:"lives"` // data directories that were begun
}

// openState reads how far a torture has come.
func openState(dir string, seed uint64) (*ledgerOf, error) {
	s := &ledgerOf{path: filepath.Join(dir, "state.json"), Seed: seed, Kills: map[moment]int{}}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	if s.Seed != seed {
		return nil, fmt.Errorf("%s is of seed %d: give -seed %d to go on with it, or another -dir", s.path, s.Seed, s.Seed)
	}
	return s, nil
}

// note changes what is known and keeps it.
func (s *ledgerOf) note(change func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	part := s.path + ".part"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, s.path)
}

// total is how many kills there were.
func (s *ledgerOf) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.Kills {
		n += k
	}
	return n
}

func (s *ledgerOf) print() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, k := range s.Kills {
		n += k
	}
	fmt.Fprintf(os.Stderr, "%d kills", n)
	for _, m := range moments() {
		fmt.Fprintf(os.Stderr, ", %d in a %s", s.Kills[m], m)
	}
	fmt.Fprintf(os.Stderr, "; %d checks, %d lives\n", s.Checks, s.Lives)
}

// killsALife is how often one data directory is killed before the next one begins.
const killsALife = 50

// kills kills until it was done as often as wanted, or something is wrong.
func kills(ctx context.Context, o options) error {
	state, err := openState(o.dir, o.seed)
	if err != nil {
		return err
	}
	site, err := openField(ctx, o.dir)
	if err != nil {
		return err
	}
	defer site.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, o.streets)
	for n := range o.streets {
		go func() {
			// What is drawn depends on how far the torture has come, so that it may go on.
			random := rand.New(rand.NewPCG(o.seed, uint64(state.total())<<8|uint64(n))) //nolint:gosec // repeatable, not secret
			err := torment(ctx, o, n, random, state, site)
			if err != nil && ctx.Err() != nil {
				err = nil // another one ended this
			}
			if err != nil {
				stop()
			}
			ended <- err
		}()
	}
	var problems []error
	for range o.streets {
		problems = append(problems, <-ended)
	}
	state.print()
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w\nwhat is left lies in %s", err, o.dir)
	}
	if state.total() < o.kills {
		return fmt.Errorf("interrupted: the same command goes on from here (%s)", state.path)
	}
	fmt.Fprintln(os.Stderr, "nothing was lost, nothing was doubled")
	return os.RemoveAll(o.dir)
}

// torment lives lives on one street.
func torment(ctx context.Context, o options, n int, random *rand.Rand, state *ledgerOf, site *field) error {
	for state.total() < o.kills {
		var life int
		if err := state.note(func() { state.Lives++; life = state.Lives }); err != nil {
			return err
		}
		s, err := newStreet(o.program, filepath.Join(o.dir, fmt.Sprintf("street-%d-life-%d", n, life)), life, random)
		if err != nil {
			return err
		}
		if err := live(ctx, o, s, state, site); err != nil {
			return fmt.Errorf("street %d, life %d: %w", n, life, err)
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return err
		}
	}
	return nil
}

const checkEvery = 10 // kills

// live kills one data directory again and again, and checks it.
func live(ctx context.Context, o options, s *street, state *ledgerOf, site *field) error {
	defer s.cut()
	for n := 1; n <= killsALife && state.total() < o.kills; n++ {
		m := moments()[s.random.IntN(len(moments()))]
		if err := s.kill(ctx, m, site); err != nil {
			return fmt.Errorf("kill %d, in a %s: %w", n, m, err)
		}
		if err := state.note(func() { state.Kills[m]++ }); err != nil {
			return err
		}
		if n%checkEvery == 0 || n == killsALife {
			if err := s.check(ctx); err != nil {
				return fmt.Errorf("check after kill %d, in a %s: %w", n, m, err)
			}
			if err := state.note(func() { state.Checks++ }); err != nil {
				return err
			}
			state.print()
		}
	}
	return nil
}

// kill kills at one of the moments.
func (s *street) kill(ctx context.Context, m moment, site *field) error {
	switch m {
	case starting:
		return s.killStart(ctx)
	case clearing:
		return s.killAround(ctx, s.nextGate)
	case settling:
		return s.killAround(ctx, s.nextSettlement)
	case pairing:
		return s.workshop.kill(ctx, site)
	case exporting:
		return s.killExport(ctx)
	}
	return fmt.Errorf("no such moment: %q", m)
}
