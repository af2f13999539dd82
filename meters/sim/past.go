package sim

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// pastSchema is what the devices would have counted before the world began: one row a device,
// each of whole intervals of so many minutes. It stands beside the world that it is the past of,
// and nowhere else: nobody read or signed it, so that it is neither telemetry nor evidence, and
// nothing settles by it.
const pastSchema = `;
CREATE TABLE IF NOT EXISTS past (
	device  TEXT PRIMARY KEY,
	minutes INTEGER NOT NULL,
	begin   INTEGER NOT NULL, -- of the first interval, unix s
	imports BLOB NOT NULL, exports BLOB NOT NULL -- Wh of each interval, as unsigned varints
) WITHOUT ROWID`

const (
	fineStep   = time.Minute     // of the physics of a past
	coarseStep = 5 * time.Minute // of a large street, so that its start takes a few seconds
	largeFrom  = 200             // homes
)

// Recall gives a street that has not begun to move a past: what its devices would have counted in
// the intervals of the time before, so that whoever forecasts has days to learn from. A street that
// has a past keeps it, and one that was begun without stays so. No history, no past.
func (n *Neighbourhood) Recall(ctx context.Context, history time.Duration, minutes int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var has bool
	if err := n.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM past)`).Scan(&has); err != nil {
		return fmt.Errorf("past of the simulation: %w", err)
	}
	if has || history <= 0 || n.world.Now().After(n.spec.Start) {
		return nil
	}
	if err := n.keepPast(ctx, n.live(history, minutes)); err != nil {
		return fmt.Errorf("past of the simulation: %w", err)
	}
	return nil
}

// past is what one device counted from a time on.
type past struct {
	minutes          int
	begin            int64
	imports, exports []byte
}

// live has the street live through its past.
func (n *Neighbourhood) live(history time.Duration, minutes int) []past {
	length := time.Duration(minutes) * time.Minute
	spec, step := n.spec, fineStep
	if len(spec.Homes) > largeFrom {
		step = coarseStep
	}
	spec.Start = spec.Start.Truncate(length)
	from := spec.Start.Add(-history.Truncate(length))
	pasts, last := make([]past, len(n.devices)), make([]grid.Flow, len(n.devices))
	first := true
	world.Before(spec, from, step, length, func(s world.State) {
		for k, d := range n.devices {
			now := d.counts(&s.Homes[d.home])
			if p := &pasts[k]; first {
				p.minutes, p.begin = minutes, from.Unix()
			} else {
				p.imports = binary.AppendUvarint(p.imports, uint64(now.Import-last[k].Import))
				p.exports = binary.AppendUvarint(p.exports, uint64(now.Export-last[k].Export))
			}
			last[k] = now
		}
		first = false
	})
	return pasts
}

func (n *Neighbourhood) keepPast(ctx context.Context, pasts []past) error {
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	insert, err := tx.PrepareContext(ctx, `INSERT INTO past (device, minutes, begin, imports, exports) VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for k, p := range pasts {
		if _, err := insert.ExecContext(ctx, n.devices[k].ID, p.minutes, p.begin, p.imports, p.exports); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Past returns the net energies in Wh (+ import) that a device would have counted in so many
// intervals from first on, NaN where they are not of its past, or not made up of whole intervals of it.
func (n *Neighbourhood) Past(ctx context.Context, device string, first grid.Interval, count int) ([]float64, error) {
	energies := make([]float64, count)
	for k := range energies {
		energies[k] = math.NaN()
	}
	var p past
	err := n.db.QueryRowContext(ctx, `SELECT minutes, begin, imports, exports FROM past WHERE device = ?`, device).Scan(&p.minutes, &p.begin, &p.imports, &p.exports)
	if errors.Is(err, sql.ErrNoRows) || err == nil && first.Minutes%p.minutes != 0 {
		return energies, nil
	}
	if err != nil {
		return nil, fmt.Errorf("past of %s: %w", device, err)
	}
	known, parts := p.nets(), int64(first.Minutes/p.minutes)
	length := int64(p.minutes) * int64(time.Minute/time.Second)
	for k := range energies {
		offset := first.Shift(k).Start - p.begin
		from := offset / length
		if offset < 0 || offset%length != 0 || from+parts > int64(len(known)) {
			continue
		}
		energies[k] = 0
		for _, e := range known[from : from+parts] {
			energies[k] += float64(e)
		}
	}
	return energies, nil
}

// nets returns the net energy of each interval.
func (p past) nets() (all []grid.Energy) {
	for len(p.imports) > 0 && len(p.exports) > 0 {
		in, n1 := binary.Uvarint(p.imports)
		out, n2 := binary.Uvarint(p.exports)
		if n1 <= 0 || n2 <= 0 {
			return all
		}
		all = append(all, grid.Energy(in)-grid.Energy(out))
		p.imports, p.exports = p.imports[n1:], p.exports[n2:]
	}
	return all
}

// counts returns what the device's counters show of a home, as its readings have it.
func (d *Device) counts(h *world.HomeState) grid.Flow {
	f := h.Counted(d.Kind)
	if d.Kind == grid.Meter && d.has(WrongSign) {
		f.Import, f.Export = f.Export, f.Import
	}
	return f
}
