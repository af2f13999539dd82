package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

// totalsFile keeps the last good registers of every device, against which the first ones
// after a start are judged.
const totalsFile = "totals.json"

// totals are these registers. They implement meters.Memory.
type totals struct {
	dir  *disk.Dir
	kept bool // there were some at the start: this gateway has read before

	mu   sync.Mutex              // guards what follows
	last map[string]grid.Reading // by device
}

func openTotals(dir *disk.Dir) (*totals, error) {
	t := &totals{dir: dir, last: map[string]grid.Reading{}}
	b, err := os.ReadFile(dir.File(totalsFile))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == 0 {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	t.kept = true
	if err := json.Unmarshal(b, &t.last); err != nil {
		return nil, fmt.Errorf("%s: %w", dir.File(totalsFile), err)
	}
	return t, nil
}

func (t *totals) save() error {
	t.mu.Lock()
	b, err := json.Marshal(t.last)
	t.mu.Unlock()
	if err != nil {
		return err
	}
	return t.dir.Replace(totalsFile, b)
}

// Totals returns a device's last good registers, nil if none are known.
func (t *totals) Totals(_ context.Context, device string) (*grid.Reading, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r, known := t.last[device]; known {
		return &r, nil
	}
	return nil, nil
}

// note remembers the registers of readings.
func (t *totals) note(readings []grid.Reading) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range readings {
		last := t.last[r.Device]
		if r.Import == nil {
			r.Import = last.Import
		}
		if r.Export == nil {
			r.Export = last.Export
		}
		t.last[r.Device] = grid.Reading{Device: r.Device, Time: r.Time, Import: r.Import, Export: r.Export, Quality: r.Quality}
	}
}
