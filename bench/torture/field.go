package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// job is a pairing that is killed several times before it may come to its end.
type job struct {
	dir   string
	kills int // before that
}

// killPairing kills a pairing, and finishes it some time.
func (s *street) killPairing(ctx context.Context, site *field) error {
	const mostKills = 4
	add := func() []string {
		if s.job == nil {
			s.job = &job{dir: filepath.Join(s.dir, fmt.Sprintf("pairing-%d", s.notes.number())), kills: 1 + s.random.IntN(mostKills)}
		}
		return s.pairing(site)
	}
	if err := s.killed(ctx, 1800*time.Millisecond, func() error { return s.finishPairing(ctx, site) }, add); err != nil {
		return err
	}
	if s.job.kills--; s.job.kills > 0 {
		return nil
	}
	return s.finishPairing(ctx, site)
}

// pairing is the command line.
func (s *street) pairing(site *field) []string {
	return []string{"pair", "add", "tcp://" + site.meter.Address(), "--member", "ann", "--watch", "1s", "--load", "exporting", "--data", s.job.dir}
}

// finishPairing lets a pairing come to its end, and looks whether the device is there, once.
func (s *street) finishPairing(ctx context.Context, site *field) error {
	listed, before := s.paired(ctx)
	if before == nil && len(listed) == 1 {
		s.job = nil
		return nil // it had come to its end
	}
	if _, err := finish(ctx, s.program, s.pairing(site)...); err != nil {
		return err
	}
	listed, err := s.paired(ctx)
	if err != nil {
		return err
	}
	if len(listed) != 1 || listed[0].Serial != site.meter.Serial || listed[0].Member != "ann" {
		return fmt.Errorf("the pairing was killed, and finished: there are %+v", listed)
	}
	s.job = nil
	return nil
}

// device is a device that is paired.
type device struct {
	ID     string `json:"id"`
	Member string `json:"member"`
	Serial string `json:"serial"`
}

// paired lists the devices that were paired.
func (s *street) paired(ctx context.Context) ([]device, error) {
	text, err := finish(ctx, s.program, "pair", "list", "--json", "--data", s.job.dir)
	if err != nil {
		return nil, err
	}
	var all struct {
		Devices []device `json:"devices"`
	}
	return all.Devices, json.Unmarshal([]byte(text), &all)
}
