package disk

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// keptKeysLast is for how long a key that a program had before keys had an end is good from the step on.
const keptKeysLast = 365 * 24 * time.Hour

// keysEnd is the step from version 6 to 7: keys of programs have an end. Those that there are end a year
// from now: none of them ends before somebody could know of it.
func keysEnd(d *Dir) error {
	done := func(columns []string) bool { return slices.Contains(columns, "expires") }
	return alter(d.File("accounts.db"), "key", done, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE key ADD COLUMN expires INTEGER NOT NULL DEFAULT 0`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE key SET expires = ?`, time.Now().Add(keptKeysLast).Unix())
		return err
	})
}
