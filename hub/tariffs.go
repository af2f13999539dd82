package hub

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

// TariffsFile keeps what the tariffs of a community were and are: tariff.Kept.
const TariffsFile = "tariffs.json"

// tariffs are what energy costs, by who takes it and by the delivery interval. They keep what
// was in use in the data directory, so that a configuration which changes never prices the
// past anew. They are safe for concurrent use; who asks sees one book, which never changes.
type tariffs struct {
	dir     *disk.Dir
	minutes int
	zone    *time.Location
	book    atomic.Pointer[tariff.Book]

	mu   sync.Mutex // held while what is kept changes
	kept tariff.Kept
}

// openTariffs joins what the directory keeps with what the configuration says. before is the
// usual tariff of the start before, where only the terms kept it. What a configuration must not
// change is an error of usage.
func openTariffs(dir *disk.Dir, given tariff.Given, minutes int, zone *time.Location, now time.Time, before *tariff.Tariff) (*tariffs, error) {
	t := &tariffs{dir: dir, minutes: minutes, zone: zone}
	text, err := os.ReadFile(dir.File(TariffsFile))
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &t.kept); err != nil {
			return nil, disk.Mismatch(dir.File(TariffsFile), "cannot be read: "+err.Error())
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("tariffs: %w", err)
	case before != nil:
		t.kept = tariff.Kept{Flat: []tariff.FlatSince{{Tariff: *before}}, Default: []tariff.Assignment{{}}}
	}
	kept, err := t.kept.With(given, t.clock(now))
	if err != nil {
		return nil, usage.Mark(err)
	}
	return t, t.keep(kept)
}

func (t *tariffs) clock(now time.Time) tariff.Clock {
	return tariff.Clock{Now: now, Minutes: t.minutes, Zone: t.zone}
}

// keep writes what is kept, and has it count.
func (t *tariffs) keep(kept tariff.Kept) error {
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return fmt.Errorf("tariffs: %w", err)
	}
	if before, err := os.ReadFile(t.dir.File(TariffsFile)); err != nil || string(before) != string(text)+"\n" {
		if err := t.dir.Replace(TariffsFile, append(text, '\n')); err != nil {
			return fmt.Errorf("tariffs: %w", err)
		}
	}
	t.kept = kept
	t.book.Store(tariff.NewBook(kept, t.zone))
	return nil
}

// Rates implements agent.Prices, community.Rates and metering.Rates.
func (t *tariffs) Rates(point string, i grid.Interval) (tariff.Rates, error) {
	return t.book.Load().Rates(point, i)
}

// Default implements community.Usual.
func (t *tariffs) Default(i grid.Interval) (tariff.Tariff, error) { return t.book.Load().Default(i) }

// extremes are those of all that counts now or later, also of what was pushed; usual ones
// where there is none.
func (t *tariffs) extremes(usual tariff.Extremes, now time.Time) tariff.Extremes {
	if e, err := t.book.Load().Extremes(now); err == nil {
		return e
	}
	return usual
}

// day notes that a local day has begun, whose versions are in use from now on.
func (t *tariffs) day(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.clock(now)
	if tariff.DateOf(time.Unix(t.kept.Until, 0), t.zone).Compare(c.Today()) >= 0 {
		return nil
	}
	return t.keep(t.kept.Used(c))
}

// push adds prices to the series of a tariff. Those of times that have begun stay.
func (t *tariffs) push(name string, prices []tariff.SpotPrice, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, err := t.kept.Push(name, prices, now)
	if err != nil {
		return err
	}
	return t.keep(kept)
}
