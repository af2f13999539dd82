package disk

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
)

// keptKeysLast is for how long a key that a program had before keys had an end is good from the step on.
const keptKeysLast = 365 * 24 * time.Hour

// keysEnd is the step from version 6 to 7: keys of programs have an end. Those that there are end a year
// from now: none of them ends before somebody could know of it.
func keysEnd(d *Dir) (err error) {
	if _, err := os.Stat(d.File("accounts.db")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := OpenSQLite(d.File("accounts.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx := context.Background()
	columns, err := Column[string](ctx, db, `SELECT name FROM pragma_table_info('key')`)
	if err != nil || len(columns) == 0 || slices.Contains(columns, "expires") {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `ALTER TABLE key ADD COLUMN expires INTEGER NOT NULL DEFAULT 0`)
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE key SET expires = ?`, time.Now().Add(keptKeysLast).Unix())
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
