// Package evidence keeps the signed batches of readings, apart from telemetry: by them a
// bill can be recomputed and proved. It checks key, chain and time of what comes in, sets
// aside what a gateway may not report, thins out what no bill can need any more, and keeps
// how each settlement run came about. Who opens a Log closes it; it starts nothing.
package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
)

// Log is the evidence of a community. Batches may come in whatever order. It is safe for
// concurrent use.
type Log struct {
	// May tells why a gateway may not report what a batch says, nil when it may; it
	// is set before the first batch is received. What it refuses is set aside, for
	// Reconsider.
	May func(proof.Batch) error
	// Meters tells whether the registers of a device are looked for later (Registers); it is
	// set before the first batch is received. Nil: those of all devices.
	Meters func(device string) bool

	keys
	chain
	registers
	setAside
	thinner
	workings

	db        *sql.DB
	community string
	path      string
}

// newLog returns the log of a database, whose parts all work on it: what spans several of
// them is one transaction.
func newLog(db *sql.DB, community string, packer *packer) *Log {
	return &Log{
		keys: keys{db}, chain: chain{db, packer}, registers: registers{db, packer}, setAside: setAside{db}, thinner: thinner{db, packer, registers{db, packer}}, workings: workings{db, packer},
		db: db, community: community,
	}
}

// Open opens or creates the database at path.
func Open(ctx context.Context, path, community string) (*Log, error) {
	packer, err := newPacker()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := disk.OpenElastic(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	const schema = `
CREATE TABLE IF NOT EXISTS keys (
	gateway TEXT NOT NULL, since INTEGER NOT NULL, -- the sequence from which on the key signs
	key TEXT NOT NULL, until INTEGER, -- unix ms after which its readings are refused
	PRIMARY KEY (gateway, since)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
	gateway TEXT NOT NULL, sequence INTEGER NOT NULL,
	member TEXT NOT NULL, first INTEGER, last INTEGER, -- unix ms of the readings
	previous TEXT NOT NULL, digest TEXT NOT NULL,
	signed BLOB, -- packed or plain; NULL once it was erased
	kept INTEGER NOT NULL DEFAULT 0, -- 1: was looked at, and is not to be forgotten yet; 2: stays for good
	PRIMARY KEY (gateway, sequence)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside ( -- batches that the gateway may not report as things are
	gateway TEXT NOT NULL, sequence INTEGER NOT NULL, signed BLOB NOT NULL, came INTEGER NOT NULL, -- unix ms
	PRIMARY KEY (gateway, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batches_reach ON batches (member, first, last);
CREATE INDEX IF NOT EXISTS batches_span ON batches (member, last - first);
DROP INDEX IF EXISTS batches_member; -- batches_reach does what it did
CREATE INDEX IF NOT EXISTS batches_digest ON batches (digest);
CREATE TABLE IF NOT EXISTS workings (
	interval TEXT NOT NULL, run INTEGER NOT NULL, root TEXT NOT NULL, -- the reading root
	working BLOB NOT NULL, -- packed or plain
	PRIMARY KEY (interval, run, root)
) WITHOUT ROWID;`
	_, err = db.ExecContext(ctx, schema)
	if err == nil {
		err = upgrade(ctx, db)
	}
	if err == nil {
		err = disk.MakeElastic(ctx, db)
	}
	if err == nil {
		err = registers{db, packer}.fill(ctx)
	}
	if err != nil {
		return nil, errors.Join(disk.Unreadable(path, err), db.Close())
	}
	e := newLog(db, community, packer)
	e.path = path
	return e, nil
}

// Read opens the database at path to look at it; a program may be writing
// it.
func Read(path string) (*Log, error) {
	packer, err := newPacker()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := disk.ReadSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if _, err := disk.Column[string](context.Background(), db, `SELECT name FROM sqlite_master`); err != nil {
		return nil, errors.Join(disk.Unreadable(path, err), db.Close())
	}
	return newLog(db, "", packer), nil
}

// Close closes the database.
func (e *Log) Close() error { return e.db.Close() }

// Erase forgets the readings of a member. Digests stay: they tell nothing.
func (e *Log) Erase(ctx context.Context, member string) error {
	_, err := e.db.ExecContext(ctx, `UPDATE batches SET signed = NULL, member = '' WHERE member = ?`, member)
	if err == nil {
		err = e.registers.erase(ctx, member)
	}
	var aside []proof.Batch
	if err == nil {
		err = e.setAside.each(ctx, func(b proof.Batch, _ []byte) bool {
			if b.Member == member {
				aside = append(aside, b)
			}
			return true
		})
	}
	if err == nil {
		err = e.setAside.drop(ctx, aside)
	}
	if err != nil {
		return fmt.Errorf("erase the evidence of %s: %w", member, err)
	}
	// What was deleted is still in free pages and in the log beside the database.
	for _, clean := range []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := e.db.ExecContext(ctx, clean); err != nil {
			return fmt.Errorf("erase the evidence of %s: %w", member, err)
		}
	}
	return nil
}
