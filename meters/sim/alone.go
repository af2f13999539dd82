package sim

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// boundary is the raster of times at which it is kept what the homes would have done
// alone: every length of a delivery interval is a multiple of it. keptAlone is for how
// long (world time).
const (
	boundary  = 5 * time.Minute
	keptAlone = 48 * time.Hour
)

const aloneSchema = `CREATE TABLE IF NOT EXISTS alone (time INTEGER PRIMARY KEY, registers TEXT NOT NULL) WITHOUT ROWID`

// moveTo moves the world up to t, and keeps on the way what the homes would have done
// alone. n.mu is held.
func (n *Neighbourhood) moveTo(ctx context.Context, t time.Time) error {
	for next := n.world.Now().Truncate(boundary).Add(boundary); !next.After(t); next = next.Add(boundary) {
		n.world.Advance(next)
		if err := n.keepAlone(ctx, next); err != nil {
			return err
		}
	}
	n.world.Advance(t)
	return nil
}

// keepAlone keeps the registers of the homes alone at the time that the world is at.
func (n *Neighbourhood) keepAlone(ctx context.Context, at time.Time) error {
	state := n.world.State()
	registers := make([]grid.Flow, len(state.Homes))
	for i, h := range state.Homes {
		registers[i] = grid.Flow{Import: world.Energy(h.Alone.Imported), Export: world.Energy(h.Alone.Exported)}
	}
	text, err := json.Marshal(registers)
	if err == nil {
		_, err = n.db.ExecContext(ctx, `INSERT INTO alone (time, registers) VALUES (?, ?) ON CONFLICT DO NOTHING`, at.Unix(), text)
	}
	if err == nil {
		_, err = n.db.ExecContext(ctx, `DELETE FROM alone WHERE time < ?`, at.Add(-keptAlone).Unix())
	}
	if err != nil {
		return fmt.Errorf("save world: %w", err)
	}
	return nil
}

// Alone returns what the meter of a home would have shown of an interval if nobody had
// moved its battery or its car; known is false where that is not kept.
func (n *Neighbourhood) Alone(ctx context.Context, home string, i grid.Interval) (f grid.Flow, known bool, err error) {
	var ends [2]grid.Flow
	for k, t := range []time.Time{i.Begin(), i.End()} {
		var text []byte
		err := n.db.QueryRowContext(ctx, `SELECT registers FROM alone WHERE time = ?`, t.Unix()).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return f, false, nil
		}
		var registers []grid.Flow
		if err == nil {
			err = json.Unmarshal(text, &registers)
		}
		if err != nil {
			return f, false, fmt.Errorf("what the homes would have done alone: %w", err)
		}
		for h, spec := range n.world.Spec().Homes {
			if spec.ID == home && h < len(registers) {
				ends[k], known = registers[h], true
			}
		}
	}
	return grid.Flow{Import: ends[1].Import - ends[0].Import, Export: ends[1].Export - ends[0].Export}, known, nil
}
