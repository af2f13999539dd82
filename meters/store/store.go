// Package store keeps telemetry: one row a device and instant. Two drivers, the
// embedded SQLite and InfluxDB, answer the same questions alike; one
// conformance suite holds both to it.
//
// Writing a reading again changes nothing, so a backfill may repeat. Energy is
// in Wh, power in W, times in UTC with a resolution of one millisecond.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Store is what the drivers have in common.
type Store interface {
	// Write keeps the readings; it returns when they are durable.
	Write(ctx context.Context, readings []grid.Reading) error
	// Last returns the latest reading of a device, nil when there is none.
	Last(ctx context.Context, device string) (*grid.Reading, error)
	// Range returns the readings of [from, to), by time. With a step other than
	// Raw each is the mean of a step's powers with the last of its registers,
	// timed at the step's start; empty steps are absent.
	Range(ctx context.Context, device string, from, to time.Time, step Step) ([]grid.Reading, error)
	// Around returns the last registers read at or before t and the first at or
	// after it, nil where there is none within reach.
	Around(ctx context.Context, device string, t time.Time, reach time.Duration) (before, after *grid.Registers, err error)
	// Totals returns the last registers that were read, import and export each
	// on its own, nil when there are none. The time is that of the older one: what
	// either gained since was gained after it.
	Totals(ctx context.Context, device string) (*grid.Reading, error)
	// Count returns how many readings are kept.
	Count(ctx context.Context) (int64, error)
	// Kind names the driver.
	Kind() string
	Close() error
}

// Step is a resolution of Range.
type Step time.Duration

// The resolutions that both drivers know.
const (
	Raw     Step = 0
	Minute  Step = Step(time.Minute)
	Quarter Step = Step(15 * time.Minute)
	Hour    Step = Step(time.Hour)
)

// Run lets a store work that works of itself, as an Outbox does, until ctx ends: whoever opens
// it calls Run before it is closed. Any other store has nothing to do.
func Run(ctx context.Context, s Store) error {
	if runner, works := s.(interface {
		Run(ctx context.Context) error
	}); works {
		return runner.Run(ctx)
	}
	return nil
}

// Waits returns what a store holds that its database does not have yet, and why.
func Waits(s Store) State {
	if outbox, is := s.(interface{ State() State }); is {
		return outbox.State()
	}
	return State{}
}

// RefusedPoint is a reading that a server does not take, now or later.
type RefusedPoint struct {
	Device string
	Time   time.Time
	Err    error
}

// RefusedPointsError reports the readings that a server refuses for good. All
// others of the batch are written.
type RefusedPointsError struct{ Points []RefusedPoint }

func (e *RefusedPointsError) Error() string {
	first := e.Points[0]
	return fmt.Sprintf("%d readings refused for good, the first of %s at %s: %v", len(e.Points), first.Device, first.Time.UTC().Format(time.RFC3339), first.Err)
}

// ErrIncomplete reports registers that are not there (yet).
var ErrIncomplete = errors.New("registers at the boundary were not read")

const (
	// Reach is how far from a boundary a register may have been read to serve
	// for interpolation at all.
	Reach = 30 * 24 * time.Hour
)

// Energy returns the energy of an interval from the cumulative registers of a
// meter, interpolated at the boundaries. It is Estimated when the registers on
// the two sides of a boundary lie further apart than a few minutes, and where
// the registers run backwards, which a replaced meter's do: then what they
// gained before and after counts. Errors: ErrIncomplete.
func Energy(ctx context.Context, s Store, device string, i grid.Interval) (grid.Flow, grid.Quality, error) {
	begin, q1, err1 := registersAt(ctx, s, device, i.Begin())
	end, q2, err2 := registersAt(ctx, s, device, i.End())
	broken := end.Import < begin.Import || end.Export < begin.Export
	switch err := errors.Join(err1, err2); {
	case errors.Is(err, ErrIncomplete):
		return grid.Flow{}, "", err
	case errors.Is(err, grid.ErrBackwards) || err == nil && broken:
		flow, err := gains(ctx, s, device, i)
		return flow, grid.Estimated, err
	case err != nil:
		return grid.Flow{}, "", err
	}
	quality := grid.Good
	if q1 == grid.Estimated || q2 == grid.Estimated {
		quality = grid.Estimated
	}
	return grid.Flow{Import: end.Import - begin.Import, Export: end.Export - begin.Export}, quality, nil
}

func registersAt(ctx context.Context, s Store, device string, t time.Time) (grid.Registers, grid.Quality, error) {
	before, after, err := s.Around(ctx, device, t, Reach)
	if err != nil {
		return grid.Registers{}, "", err
	}
	if before == nil || after == nil {
		return grid.Registers{}, "", fmt.Errorf("%s at %s: %w", device, t.UTC().Format(time.RFC3339), ErrIncomplete)
	}
	at, err := grid.At(*before, *after, t)
	if err != nil {
		return grid.Registers{}, "", fmt.Errorf("%s: %w", device, err)
	}
	if after.Time.Sub(before.Time) > proof.Fresh || before.Quality == grid.Estimated || after.Quality == grid.Estimated {
		return at, grid.Estimated, nil
	}
	return at, grid.Good, nil
}

// gains adds up what the registers gained from reading to reading within the
// interval, from minute to minute where readings are not kept in full any more; a
// step backwards counts as nothing.
func gains(ctx context.Context, s Store, device string, i grid.Interval) (grid.Flow, error) {
	readings, err1 := s.Range(ctx, device, i.Begin(), i.End(), Raw)
	minutes, err2 := s.Range(ctx, device, i.Begin(), i.End(), Minute)
	if err := errors.Join(err1, err2); err != nil {
		return grid.Flow{}, err
	}
	if covered(readings) < len(minutes) {
		readings = minutes
	}
	var flow grid.Flow
	var last *grid.Reading
	for k := range readings {
		r := &readings[k]
		if r.Import == nil || r.Export == nil {
			continue
		}
		if last != nil {
			flow.Import += max(*r.Import-*last.Import, 0)
			flow.Export += max(*r.Export-*last.Export, 0)
		}
		last = r
	}
	return flow, nil
}

// covered counts the minutes that readings, which are in order, fall into.
func covered(readings []grid.Reading) (n int) {
	var last time.Time
	for _, r := range readings {
		if at := r.Time.Truncate(time.Minute); n == 0 || !at.Equal(last) {
			last = at
			n++
		}
	}
	return n
}

// totals are a device's last registers, each nil or read at its time.
func totals(device string, imported *grid.Energy, at1 time.Time, exported *grid.Energy, at2 time.Time) *grid.Reading {
	switch {
	case imported == nil && exported == nil:
		return nil
	case imported == nil || exported != nil && at2.Before(at1):
		at1 = at2
	}
	return &grid.Reading{Device: device, Time: at1, Import: imported, Export: exported, Quality: grid.Good}
}

// Gap is a time without readings, [From, To).
type Gap struct {
	From, To time.Time
}

// Gaps returns the times within [from, to) in which a device was silent for
// longer than least.
func Gaps(ctx context.Context, s Store, device string, from, to time.Time, least time.Duration) ([]Gap, error) {
	readings, err := s.Range(ctx, device, from, to, Raw)
	if err != nil {
		return nil, err
	}
	var gaps []Gap
	last := from
	for _, r := range readings {
		if r.Time.Sub(last) > least {
			gaps = append(gaps, Gap{From: last, To: r.Time})
		}
		last = r.Time
	}
	if to.Sub(last) > least {
		gaps = append(gaps, Gap{From: last, To: to})
	}
	return gaps, nil
}

// Known returns what is known of an interval whose boundaries were not both
// read: the difference between the last registers at or before its end and
// those at its start, or the first read within it. It is zero when nothing was
// read: what flowed meanwhile shows when the meter answers again.
func Known(ctx context.Context, s Store, device string, i grid.Interval) (grid.Flow, error) {
	before, after, err := s.Around(ctx, device, i.Begin(), Reach)
	if err != nil {
		return grid.Flow{}, err
	}
	last, _, err := s.Around(ctx, device, i.End(), Reach)
	if err != nil || last == nil || !last.Time.After(i.Begin()) || after == nil {
		return grid.Flow{}, err
	}
	begin := *after
	if before != nil {
		begin, err = grid.At(*before, *after, i.Begin())
		if errors.Is(err, grid.ErrBackwards) {
			return gains(ctx, s, device, i)
		}
		if err != nil {
			return grid.Flow{}, err
		}
	}
	return grid.Flow{Import: max(last.Import-begin.Import, 0), Export: max(last.Export-begin.Export, 0)}, nil
}
