package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// field has devices to be paired: to the program they are real.
type field struct {
	meter *sim.Device // which exports
	close func()
}

// openField opens a simulated home at noon.
func openField(ctx context.Context, dir string) (*field, error) {
	dir = filepath.Join(dir, "field")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	begin, started := time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC), time.Now()
	n, err := sim.Open(ctx, dir, world.Spec{Seed: 1, Start: begin, Latitude: 50, Homes: world.Neighbourhood(4, 1)}, nil)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- n.Run(ctx, func() time.Time { return begin.Add(10*time.Minute + time.Since(started)) })
	}()
	f := &field{close: func() {
		stop()
		<-done
		_ = n.Close() // nothing is read from it any more
	}}
	for _, d := range n.Devices() {
		if d.ID == "home-04/meter" {
			f.meter = d
			return f, nil
		}
	}
	f.close()
	return nil, errors.New("the field has no meter")
}

// workshop pairs a device again and again, in a directory for each time.
type workshop struct {
	program string
	dir     string
	random  *rand.Rand
	job     *job // which goes on; nil: none
	done    int  // jobs
}

// job is a pairing that is killed several times before it may come to its end.
type job struct {
	dir   string
	kills int // before that
}

// kill kills a pairing, and finishes it some time.
func (w *workshop) kill(ctx context.Context, site *field) error {
	const mostKills = 4
	add := func() []string {
		if w.job == nil {
			w.done++
			w.job = &job{dir: filepath.Join(w.dir, fmt.Sprintf("pairing-%d", w.done)), kills: 1 + w.random.IntN(mostKills)}
		}
		return w.line(site)
	}
	early := func() error { return w.finish(ctx, site) }
	if err := killed(ctx, w.program, w.random, 1800*time.Millisecond, early, add); err != nil {
		return err
	}
	if w.job.kills--; w.job.kills > 0 {
		return nil
	}
	return w.finish(ctx, site)
}

// line is the command line.
func (w *workshop) line(site *field) []string {
	return []string{"pair", "add", "tcp://" + site.meter.Address(), "--member", "ann", "--watch", "1s", "--load", "exporting", "--data", w.job.dir}
}

// finish lets a pairing come to its end, and looks whether the device is there, once.
func (w *workshop) finish(ctx context.Context, site *field) error {
	listed, before := w.paired(ctx)
	if before == nil && len(listed) == 1 {
		w.job = nil
		return nil // it had come to its end
	}
	if _, err := finish(ctx, w.program, w.line(site)...); err != nil {
		return err
	}
	listed, err := w.paired(ctx)
	if err != nil {
		return err
	}
	if len(listed) != 1 || listed[0].Serial != site.meter.Serial || listed[0].Member != "ann" {
		return fmt.Errorf("the pairing was killed, and finished: there are %+v", listed)
	}
	w.job = nil
	return nil
}

// device is a device that is paired.
type device struct {
	ID     string `json:"id"`
	Member string `json:"member"`
	Serial string `json:"serial"`
}

// paired lists the devices that were paired.
func (w *workshop) paired(ctx context.Context) ([]device, error) {
	text, err := finish(ctx, w.program, "pair", "list", "--json", "--data", w.job.dir)
	if err != nil {
		return nil, err
	}
	var all struct {
		Devices []device `json:"devices"`
	}
	return all.Devices, json.Unmarshal([]byte(text), &all)
}
