// Command torture kills communities and pairings at bad moments, and looks whether
// anything that was acknowledged is lost or done twice.
//
//	torture -n 1000 -seed 1      kills, on streets of three homes side by side
//	torture -cuts 100            power cuts, on a small file system of its own (root, Linux)
//
// A street is a community in a directory of its own with programs that trade for two of its
// homes. What they are told is noted outside of the directory: orders, fills, cancellations,
// how many readings are stored, the postings of the ledger. Every kill is a SIGKILL at a
// moment drawn from the seed: within a start, around a gate closure, around a settlement,
// within a pairing, within an export. After every tenth one all that was noted is looked
// for again. A run that is interrupted goes on where it was.
//
// It exits with 1 when something was lost or doubled, and leaves the directory to be
// looked at.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options are what was asked for.
type options struct {
	program string
	dir     string
	seed    uint64
	kills   int
	cuts    int
	control int
	streets int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.program, "program", "bin/commonwatt", "the program to be killed")
	flag.StringVar(&o.dir, "dir", "", "directory of the streets (default: one of the seed's in the directory for temporary files)")
	flag.Uint64Var(&o.seed, "seed", 1, "of every random choice")
	flag.IntVar(&o.kills, "n", 1000, "kills")
	flag.IntVar(&o.cuts, "cuts", 0, "power cuts instead of kills")
	flag.IntVar(&o.control, "control", 5, "power cuts of the negative control, in which nothing is synced: one of them at least must lose something")
	flag.IntVar(&o.streets, "streets", 2, "communities side by side")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("%q: there are no arguments, only flags; see -help", flag.Arg(0))
	case o.kills < 1 || o.streets < 1 || o.cuts < 0 || o.control < 0:
		return errors.New("-n and -streets must be at least 1, -cuts and -control not negative")
	}
	path, err := filepath.Abs(o.program)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return fmt.Errorf("-program: %w; make build makes it", err)
	}
	o.program = path
	if o.dir == "" {
		o.dir = filepath.Join(os.TempDir(), fmt.Sprintf("commonwatt-torture-%d", o.seed))
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	began := time.Now()
	if o.cuts > 0 {
		err = cutPower(ctx, o)
	} else {
		err = kills(ctx, o)
	}
	fmt.Fprintf(os.Stderr, "%s\n", time.Since(began).Round(time.Second))
	return err
}
