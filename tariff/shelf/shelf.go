// Package shelf keeps what energy costs in the data directory of a community at work: it joins
// what was in use with what the configuration says, so that a configuration which changes never
// prices the past anew.
//
// Who opens a Shelf tells it of every local day that begins (Day) and of prices that are pushed
// (Push). What is kept is written whole before it counts. Nothing is to be closed.
package shelf

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// File keeps in a data directory what the tariffs of a community were and are: tariff.Kept.
const File = "tariffs.json"

// Options are what a Shelf works by.
type Options struct {
	Given   tariff.Given   // by the configuration
	Minutes int            // of a delivery interval
	Zone    *time.Location // the community's local time
	Before  *tariff.Tariff // the usual tariff of the start before, where only its terms kept it; nil: none
}

// Shelf is what energy costs, by who takes it and by the delivery interval. It is safe for
// concurrent use; who asks sees one book, which never changes.
type Shelf struct {
	dir     *disk.Dir
	minutes int
	zone    *time.Location
	book    atomic.Pointer[tariff.Book]

	mu   sync.Mutex // held while what is kept changes
	kept tariff.Kept
}

// Open joins what the directory keeps with what the configuration says, now being the world's
// time. What a configuration must not change is an error of usage; a file that cannot be read
// is a *disk.PartError.
func Open(dir *disk.Dir, o Options, now time.Time) (*Shelf, error) {
	t := &Shelf{dir: dir, minutes: o.Minutes, zone: o.Zone}
	text, err := os.ReadFile(dir.File(File))
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &t.kept); err != nil {
			return nil, disk.Mismatch(dir.File(File), "cannot be read: "+err.Error())
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("tariffs: %w", err)
	case o.Before != nil:
		t.kept = tariff.Kept{Flat: []tariff.FlatSince{{Tariff: *o.Before}}, Default: []tariff.Assignment{{}}}
	}
	kept, err := t.kept.With(o.Given, t.clock(now))
	if err != nil {
		return nil, usage.Mark(err)
	}
	return t, t.keep(kept)
}

func (t *Shelf) clock(now time.Time) tariff.Clock {
	return tariff.Clock{Now: now, Minutes: t.minutes, Zone: t.zone}
}

// keep writes what is kept, and has it count.
func (t *Shelf) keep(kept tariff.Kept) error {
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return fmt.Errorf("tariffs: %w", err)
	}
	if before, err := os.ReadFile(t.dir.File(File)); err != nil || string(before) != string(text)+"\n" {
		if err := t.dir.Replace(File, append(text, '\n')); err != nil {
			return fmt.Errorf("tariffs: %w", err)
		}
	}
	t.kept = kept
	t.book.Store(tariff.NewBook(kept, t.zone))
	return nil
}

// Rates implements agent.Prices, community.Rates and metering.Rates.
func (t *Shelf) Rates(point string, i grid.Interval) (tariff.Rates, error) {
	return t.book.Load().Rates(point, i)
}

// Default implements community.Usual.
func (t *Shelf) Default(i grid.Interval) (tariff.Tariff, error) { return t.book.Load().Default(i) }

// Book returns what counts now and counted before.
func (t *Shelf) Book() *tariff.Book { return t.book.Load() }

// Extremes are those of all that counts now or later, also of what was pushed; usual ones
// where there is none.
func (t *Shelf) Extremes(usual tariff.Extremes, now time.Time) tariff.Extremes {
	if e, err := t.book.Load().Extremes(now); err == nil {
		return e
	}
	return usual
}

// Day notes that a local day has begun, whose versions are in use from now on.
func (t *Shelf) Day(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.clock(now)
	if tariff.DateOf(time.Unix(t.kept.Until, 0), t.zone).Compare(c.Today()) >= 0 {
		return nil
	}
	return t.keep(t.kept.Used(c))
}

// Push adds prices to the series of a tariff. Those of times that have begun stay. Errors:
// tariff.ErrUnknown, *tariff.UsedPriceError, *tariff.PricesError, or that nothing could be kept.
func (t *Shelf) Push(name string, prices []tariff.SpotPrice, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, err := t.kept.Push(name, prices, now)
	if err != nil {
		return err
	}
	return t.keep(kept)
}
