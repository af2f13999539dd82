// Package rows inserts many rows into SQLite with few statements: a call of the
// driver costs more than a row.
package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// together is how many rows one statement inserts.
const together = 64

// Inserter collects rows of one table and inserts them in order. It belongs to
// one transaction.
type Inserter struct {
	tx            *sql.Tx
	before, after string
	columns       int
	many          *sql.Stmt
	pending       []any
}

// New returns an inserter: before is the statement up to VALUES, after what
// follows the rows.
func New(tx *sql.Tx, before string, columns int, after string) *Inserter {
	return &Inserter{tx: tx, before: before, after: after, columns: columns, pending: make([]any, 0, together*columns)}
}

func (r *Inserter) statement(rows int) string {
	row := "(?" + strings.Repeat(", ?", r.columns-1) + ")"
	return r.before + " VALUES " + row + strings.Repeat(", "+row, rows-1) + " " + r.after
}

// Add adds a row.
func (r *Inserter) Add(ctx context.Context, values ...any) (err error) {
	r.pending = append(r.pending, values...)
	if len(r.pending) < together*r.columns {
		return nil
	}
	if r.many == nil {
		if r.many, err = r.tx.PrepareContext(ctx, r.statement(together)); err != nil {
			return fmt.Errorf("insert rows: %w", err)
		}
	}
	_, err = r.many.ExecContext(ctx, r.pending...)
	r.pending = r.pending[:0]
	if err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	return nil
}

// Flush inserts what is left.
func (r *Inserter) Flush(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	_, err := r.tx.ExecContext(ctx, r.statement(len(r.pending)/r.columns), r.pending...)
	r.pending = r.pending[:0]
	if err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	return nil
}
