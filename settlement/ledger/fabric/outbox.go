package fabric

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/commonwatt/commonwatt/disk"
)

// OutboxFile is the name of the outbox in a data directory.
const OutboxFile = "fabric-outbox.db"

// outbox keeps signed transactions until their commit was seen.
type outbox struct {
	db *sql.DB
	mu sync.Mutex // one writer: SQLite has no more, and who waits here need not poll
}

const outboxSchema = `CREATE TABLE IF NOT EXISTS transactions (id TEXT PRIMARY KEY, signed BLOB NOT NULL) WITHOUT ROWID`

func openOutbox(ctx context.Context, path string) (*outbox, error) {
	db, err := disk.OpenSQLite(path)
	if err == nil {
		_, err = db.ExecContext(ctx, outboxSchema)
	}
	if err != nil {
		return nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	return &outbox{db: db}, nil
}

func (o *outbox) keep(ctx context.Context, id string, signed []byte) error {
	return o.write(ctx, `INSERT OR REPLACE INTO transactions VALUES (?, ?)`, id, signed)
}

func (o *outbox) drop(ctx context.Context, id string) error {
	return o.write(ctx, `DELETE FROM transactions WHERE id = ?`, id)
}

func (o *outbox) write(ctx context.Context, statement string, id string, more ...any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.db.ExecContext(ctx, statement, append([]any{id}, more...)...); err != nil {
		return fmt.Errorf("outbox: transaction %s: %w", id, err)
	}
	return nil
}

// kept is a transaction in the outbox.
type kept struct {
	id     string
	signed []byte
}

func (o *outbox) left(ctx context.Context) ([]kept, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT id, signed FROM transactions ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer rows.Close()
	var all []kept
	for rows.Next() {
		var k kept
		if err := rows.Scan(&k.id, &k.signed); err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
		all = append(all, k)
	}
	return all, rows.Err()
}
