package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// tries is how often something is begun that is to be killed: it may be too fast.
const tries = 20

// killExport kills an export, and exports again.
func (s *street) killExport(ctx context.Context) error {
	if err := s.boot(ctx); err != nil {
		return err
	}
	if err := s.at.until(ctx, "a posting is on the ledger", func() bool {
		var ledger api.Ledger
		return s.at.get(ctx, "/api/v1/ledger", &ledger) == nil && ledger.Checkpoint != nil
	}); err != nil {
		return err
	}
	out := filepath.Join(s.dir, "bundle")
	export := []string{"ledger", "export", "--data", s.data, "--format", "bundle", "--out", out}
	empty := func() error { return os.RemoveAll(out) }
	if err := empty(); err != nil {
		return err
	}
	if err := killed(ctx, s.program, s.random, 300*time.Millisecond, empty, func() []string { return export }); err != nil {
		return err
	}
	if _, err := os.Stat(out); err == nil { // what bears the name is whole
		return s.verifyBundle(ctx, out)
	}
	if _, err := finish(ctx, s.program, export...); err != nil {
		return fmt.Errorf("after the kill: %w", err)
	}
	return s.verifyBundle(ctx, out)
}

func (s *street) verifyBundle(ctx context.Context, out string) error {
	_, err := finish(ctx, s.program, "ledger", "verify", "--bundle", out, "--key", filepath.Join(s.data, "ledger.pub"))
	return err
}

// killed starts the program and kills it within so long. A run that comes to its end before
// counts for nothing: early is told, and the program is started anew, to be killed sooner.
func killed(ctx context.Context, program string, random *rand.Rand, within time.Duration, early func() error, args func() []string) error {
	for range tries {
		p, err := start(program, args()...)
		if err != nil {
			return err
		}
		err = pause(ctx, time.Duration(random.Int64N(int64(within))))
		ended := p.ended()
		p.kill()
		switch {
		case err != nil:
			return err
		case !ended:
			return nil
		case p.err != nil:
			return fmt.Errorf("it failed by itself: %w; it said:\n%s", p.err, p.said)
		}
		if err := early(); err != nil {
			return err
		}
		within = within * 3 / 4
	}
	return errors.New("it ends before it can be killed")
}
