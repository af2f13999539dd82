// Package evidence keeps the signed batches of readings, apart from telemetry: by them a
// bill can be recomputed and proved. It checks key, chain and time of what comes in, sets
// aside what a gateway may not report, thins out what no bill can need any more, and keeps
// how each settlement run came about. Who opens a Log closes it; it starts nothing.
package evidence

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Log is the evidence of a community. Batches may come in whatever order. It is safe for
// concurrent use.
type Log struct {
	// May tells why a gateway may not report what a batch says, nil when it may; it
	// is set before the first batch is received. What it refuses is set aside, for
	// Reconsider.
	May func(proof.Batch) error

	db        *sql.DB
	community string
	packer    *packer
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
CREATE INDEX IF NOT EXISTS batches_member ON batches (member, first);
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
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Log{db: db, community: community, packer: packer}, nil
}

// Close closes the database.
func (e *Log) Close() error { return e.db.Close() }

// Admit takes a gateway's key, for the batches after those that are kept. A key
// that is known already stays as it is: one that a gateway announced itself is
// not taken back by an old configuration.
func (e *Log) Admit(ctx context.Context, gateway string, key *ecdsa.PublicKey) error {
	text, err := proof.EncodeKey(key)
	if err != nil {
		return err
	}
	_, err = e.db.ExecContext(ctx, `INSERT INTO keys (gateway, since, key)
SELECT ?1, (SELECT COALESCE(MAX(sequence), 0) + 1 FROM batches WHERE gateway = ?1), ?2
WHERE NOT EXISTS (SELECT 1 FROM keys WHERE gateway = ?1 AND key = ?2)
ON CONFLICT (gateway, since) DO UPDATE SET key = excluded.key`, gateway, text)
	if err != nil {
		return fmt.Errorf("admit gateway %s: %w", gateway, err)
	}
	return nil
}

// AdmitGateway admits what a gateway on another machine signs with a key (proof.EncodeKey),
// until it is revoked; a zero time says that it is not. The error begins with the name of
// the field.
func (e *Log) AdmitGateway(ctx context.Context, gateway, key string, revoked time.Time) error {
	public, err := proof.DecodeKey(key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if err := e.Admit(ctx, gateway, public); err != nil {
		return err
	}
	if revoked.IsZero() {
		return nil
	}
	return e.Revoke(ctx, gateway, revoked)
}

// Key is a gateway's public key, as proof.EncodeKey writes it.
type Key struct{ Gateway, Key string }

// Keys returns the keys that sign, in the order in which each gateway has had them.
func (e *Log) Keys(ctx context.Context) (keys []Key, err error) {
	rows, err := e.db.QueryContext(ctx, `SELECT gateway, key FROM keys ORDER BY gateway, since`)
	if err != nil {
		return nil, fmt.Errorf("gateways' keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var k Key
		if err := rows.Scan(&k.Gateway, &k.Key); err != nil {
			return nil, fmt.Errorf("gateways' keys: %w", err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// Revoke ends a gateway's keys: readings from t on are refused, those before it
// stay what they are.
func (e *Log) Revoke(ctx context.Context, gateway string, t time.Time) error {
	_, err := e.db.ExecContext(ctx, `UPDATE keys SET until = ? WHERE gateway = ? AND until IS NULL`, t.UnixMilli(), gateway)
	return err
}

// A RefusedError says why a batch is not evidence.
type RefusedError struct {
	Gateway  string
	Sequence uint64
	Reason   string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("batch %d of gateway %q refused: %s", e.Sequence, e.Gateway, e.Reason)
}

const (
	mostAhead = 5 * time.Second     // that a reading's time may be ahead of the receiver's
	mostLate  = 30 * 24 * time.Hour // that a batch may come late
)

// Receive takes a signed batch and returns its readings when it is durable. fresh
// is false for one that is kept already: a repetition changes nothing. Readings of
// a gateway whose clock is off are marked estimated. Errors: *RefusedError.
func (e *Log) Receive(ctx context.Context, signed []byte, now time.Time) (b proof.Batch, fresh bool, err error) {
	batches, refused, err := e.ReceiveAll(ctx, [][]byte{signed}, now)
	switch {
	case err != nil:
		return b, false, err
	case len(refused) > 0:
		return b, false, refused[0]
	default:
		return batches[0].Batch, batches[0].Fresh, nil
	}
}

// Received is a batch that was accepted.
type Received struct {
	proof.Batch

	Fresh bool // it was not kept before
}

// ReceiveAll is Receive for many batches, durable together. What is refused does
// not hold up the others.
func (e *Log) ReceiveAll(ctx context.Context, signed [][]byte, now time.Time) (accepted []Received, refused []error, err error) {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	for _, s := range signed {
		b, fresh, err := e.receive(ctx, tx, s, now)
		if no := (*RefusedError)(nil); errors.As(err, &no) {
			refused = append(refused, no)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("receive batches: %w", err)
		}
		accepted = append(accepted, Received{b, fresh})
	}
	if err := tx.Commit(); err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	return accepted, refused, nil
}

func (e *Log) receive(ctx context.Context, tx *sql.Tx, signed []byte, now time.Time) (proof.Batch, bool, error) {
	b, digest, err := proof.ReadBatch(signed)
	refuse := func(reason string, args ...any) (proof.Batch, bool, error) {
		return b, false, &RefusedError{b.Gateway, b.Sequence, fmt.Sprintf(reason, args...)}
	}
	if err != nil {
		return refuse("%v", err)
	}
	if b.Community != e.community || b.Sequence == 0 {
		return refuse("it is for the community %q", b.Community)
	}
	key, until, err := keyOf(ctx, tx, b)
	if err != nil {
		return b, false, err
	}
	if key == nil {
		return refuse("the gateway is not admitted")
	}
	if err := proof.VerifyBatch(signed, key); err != nil {
		return refuse("%v", err)
	}
	var kept, previous, next string
	var forgotten bool
	const around = `SELECT COALESCE((SELECT digest FROM batches WHERE gateway = ?1 AND sequence = ?2), ''),
	COALESCE((SELECT digest FROM batches WHERE gateway = ?1 AND sequence = ?2 - 1), (SELECT digest FROM forgotten WHERE gateway = ?1 AND last = ?2 - 1), ''),
	COALESCE((SELECT previous FROM batches WHERE gateway = ?1 AND sequence = ?2 + 1), (SELECT previous FROM forgotten WHERE gateway = ?1 AND first = ?2 + 1), ''),
	COALESCE((SELECT last >= ?2 FROM forgotten WHERE gateway = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1), FALSE)`
	if err := tx.QueryRowContext(ctx, around, b.Gateway, b.Sequence).Scan(&kept, &previous, &next, &forgotten); err != nil {
		return b, false, err
	}
	switch {
	case forgotten:
		return refuse("a batch with this number was there, and was thinned out long ago")
	case kept == string(digest):
		return judged(b), false, nil
	case kept != "":
		return refuse("another batch with this number is kept: the gateway's key is used twice, or its chain was rewritten")
	case previous != "" && previous != string(b.Previous), next != "" && next != string(digest), b.Sequence == 1 && b.Previous != "":
		return refuse("the chain is broken: it does not fit the batch beside it")
	}
	first, last, reason := times(b, now, until)
	if reason != "" {
		return refuse("%s", reason)
	}
	if e.May != nil {
		if err := e.May(b); err != nil {
			const aside = `INSERT INTO set_aside (gateway, sequence, signed, came) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
			if _, err := tx.ExecContext(ctx, aside, b.Gateway, b.Sequence, signed, now.UnixMilli()); err != nil {
				return b, false, err
			}
			return refuse("%v: it is set aside until the next start", err)
		}
	}
	if _, err := proof.DecodeKey(b.NextKey); b.NextKey != "" && err != nil {
		return refuse("next key: %v", err)
	}
	const insert = `INSERT INTO batches (gateway, sequence, member, first, last, previous, digest, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	if _, err := tx.ExecContext(ctx, insert, b.Gateway, b.Sequence, b.Member, first, last, string(b.Previous), string(digest), e.packer.pack(signed)); err != nil {
		return b, false, err
	}
	if b.NextKey != "" {
		const rotate = `INSERT INTO keys (gateway, since, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
		if _, err := tx.ExecContext(ctx, rotate, b.Gateway, b.Sequence+1, b.NextKey); err != nil {
			return b, false, err
		}
	}
	return judged(b), true, nil
}

// reconsiderAtOnce bounds how many batches Reconsider takes at once.
const reconsiderAtOnce = 500

// Reconsider takes batches that were set aside and that the gateway may report by
// now. They are forgotten there when take is done with them; before that they come
// again. What has been set aside for longer than a batch may be late is forgotten.
func (e *Log) Reconsider(ctx context.Context, now time.Time, take func(context.Context, []Received) error) error {
	if _, err := e.db.ExecContext(ctx, `DELETE FROM set_aside WHERE came < ?`, now.Add(-mostLate).UnixMilli()); err != nil {
		return fmt.Errorf("batches set aside: %w", err)
	}
	for {
		var able [][]byte
		var done []proof.Batch
		err := e.aside(ctx, func(b proof.Batch, signed []byte) bool {
			if e.May(b) == nil {
				able, done = append(able, signed), append(done, b)
			}
			return len(able) < reconsiderAtOnce
		})
		if err != nil || len(able) == 0 {
			return err
		}
		accepted, _, err := e.ReceiveAll(ctx, able, now)
		if err == nil {
			err = take(ctx, accepted)
		}
		if err == nil {
			err = e.dropAside(ctx, done)
		}
		if err != nil {
			return fmt.Errorf("batches set aside: %w", err)
		}
	}
}

func (e *Log) dropAside(ctx context.Context, batches []proof.Batch) error {
	for _, b := range batches {
		if _, err := e.db.ExecContext(ctx, `DELETE FROM set_aside WHERE gateway = ? AND sequence = ?`, b.Gateway, b.Sequence); err != nil {
			return err
		}
	}
	return nil
}

// aside shows the batches that were set aside, in order, until see returns false.
func (e *Log) aside(ctx context.Context, see func(b proof.Batch, signed []byte) bool) error {
	rows, err := e.db.QueryContext(ctx, `SELECT signed FROM set_aside ORDER BY gateway, sequence`)
	if err != nil {
		return fmt.Errorf("batches set aside: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var signed []byte
		if err := rows.Scan(&signed); err != nil {
			return fmt.Errorf("batches set aside: %w", err)
		}
		if b, _, err := proof.ReadBatch(signed); err == nil && !see(b, signed) {
			break
		}
	}
	return rows.Err()
}

// keyOf returns the key that signs the batch, nil when the gateway has none.
func keyOf(ctx context.Context, tx *sql.Tx, b proof.Batch) (*ecdsa.PublicKey, *int64, error) {
	var text string
	var until *int64
	err := tx.QueryRowContext(ctx, `SELECT key, until FROM keys WHERE gateway = ? AND since <= ? ORDER BY since DESC LIMIT 1`, b.Gateway, b.Sequence).Scan(&text, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	key, err := proof.DecodeKey(text)
	return key, until, err
}

// times returns the span of the readings in unix ms, nil without any, and why
// they cannot be.
func times(b proof.Batch, now time.Time, until *int64) (first, last *int64, reason string) {
	for _, r := range b.Readings {
		ms := r.Time.UnixMilli()
		if first == nil || ms < *first {
			first = &ms
		}
		if last == nil || ms > *last {
			last = &ms
		}
	}
	switch {
	case last == nil && until != nil:
		return nil, nil, "the gateway's key is revoked"
	case last == nil:
		return nil, nil, ""
	case *last > now.Add(mostAhead).UnixMilli():
		return nil, nil, fmt.Sprintf("a reading is %s ahead of the clock", time.UnixMilli(*last).Sub(now).Round(time.Second))
	case *first < now.Add(-mostLate).UnixMilli():
		return nil, nil, "it is more than 30 days late"
	case until != nil && (*last >= *until || b.NextKey != ""):
		return nil, nil, "the gateway's key is revoked"
	}
	return first, last, ""
}

// judged marks the readings of a gateway whose clock is off.
func judged(b proof.Batch) proof.Batch {
	if skew := time.Duration(b.SkewMS) * time.Millisecond; skew.Abs() > proof.MostSkew {
		for i := range b.Readings {
			b.Readings[i].Quality = grid.Estimated
		}
	}
	return b
}

// Missing is a run of batches that a gateway sent and that never came.
type Missing struct {
	Gateway  string
	From, To uint64 // sequences, both missing
}

// Gaps returns what is missing between the batches that are kept.
func (e *Log) Gaps(ctx context.Context) ([]Missing, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT gateway, before + 1, sequence - 1 FROM
	(SELECT gateway, sequence, LAG(last, 1, 0) OVER (PARTITION BY gateway ORDER BY sequence) AS before FROM
		(SELECT gateway, sequence, sequence AS last FROM batches UNION ALL SELECT gateway, first, last FROM forgotten))
WHERE sequence > before + 1 ORDER BY gateway, sequence`)
	if err != nil {
		return nil, fmt.Errorf("gaps: %w", err)
	}
	defer rows.Close()
	var gaps []Missing
	for rows.Next() {
		var m Missing
		if err := rows.Scan(&m.Gateway, &m.From, &m.To); err != nil {
			return nil, fmt.Errorf("gaps: %w", err)
		}
		gaps = append(gaps, m)
	}
	return gaps, rows.Err()
}

// Last returns the number and digest of a gateway's last batch, 0 when there is
// none.
func (e *Log) Last(ctx context.Context, gateway string) (sequence uint64, digest proof.Digest, err error) {
	err = e.db.QueryRowContext(ctx, `SELECT sequence, digest FROM batches WHERE gateway = ? ORDER BY sequence DESC LIMIT 1`, gateway).Scan(&sequence, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return sequence, digest, err
}

// nearby bounds how many batches around an instant are looked into.
const nearby = 512

// Around returns the digests of the batches by which the registers of a member's
// device at t are known: that with the last reading at or before t, and that with
// the first at or after it; empty where there is none.
func (e *Log) Around(ctx context.Context, member, device string, t time.Time) (before, after proof.Digest, err error) {
	ms := t.UnixMilli()
	before, err = e.holding(ctx, device, `SELECT digest, signed FROM batches WHERE member = ? AND first <= ? ORDER BY first DESC LIMIT ?`, member, ms, func(r grid.Reading) bool { return !r.Time.After(t) })
	if err != nil {
		return "", "", err
	}
	after, err = e.holding(ctx, device, `SELECT digest, signed FROM batches WHERE member = ? AND first IS NOT NULL AND last >= ? ORDER BY first LIMIT ?`, member, ms, func(r grid.Reading) bool { return !r.Time.Before(t) })
	return before, after, err
}

func (e *Log) holding(ctx context.Context, device, query, member string, ms int64, fits func(grid.Reading) bool) (proof.Digest, error) {
	rows, err := e.db.QueryContext(ctx, query, member, ms, nearby)
	if err != nil {
		return "", fmt.Errorf("evidence of %s: %w", device, err)
	}
	defer rows.Close()
	for rows.Next() {
		var digest proof.Digest
		var signed []byte
		if err := rows.Scan(&digest, &signed); err != nil {
			return "", fmt.Errorf("evidence of %s: %w", device, err)
		}
		if signed, err = e.packer.unpack(signed); err != nil {
			return "", fmt.Errorf("evidence of %s: batch %s: %w", device, digest, err)
		}
		b, _, err := proof.ReadBatch(signed)
		if err != nil {
			continue // thinned out
		}
		for _, r := range b.Readings {
			if r.Device == device && r.Registers() != nil && fits(r) {
				return digest, nil
			}
		}
	}
	return "", rows.Err()
}

// Signed returns the bytes of a batch, nil when they are not kept any more.
func (e *Log) Signed(ctx context.Context, digest proof.Digest) (signed []byte, err error) {
	err = e.db.QueryRowContext(ctx, `SELECT signed FROM batches WHERE digest = ?`, string(digest)).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if signed, err = e.packer.unpack(signed); err != nil {
		return nil, fmt.Errorf("batch %s: %w", digest, err)
	}
	return signed, nil
}

// KeepWorking keeps how a settlement run came about, by the reading root that it
// led to: of several tries the ledger has one.
func (e *Log) KeepWorking(ctx context.Context, interval string, run int, root string, working []byte) error {
	_, err := e.db.ExecContext(ctx, `INSERT INTO workings (interval, run, root, working) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET working = excluded.working`, interval, run, root, e.packer.pack(working))
	if err != nil {
		return fmt.Errorf("keep working of %s run %d: %w", interval, run, err)
	}
	return nil
}

// Working returns how a run came about, by its reading root; nil when it is not kept.
func (e *Log) Working(ctx context.Context, interval string, run int, root string) (working []byte, err error) {
	err = e.db.QueryRowContext(ctx, `SELECT working FROM workings WHERE interval = ? AND run = ? AND root = ?`, interval, run, root).Scan(&working)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		working, err = e.packer.unpack(working)
	}
	if err != nil {
		return nil, fmt.Errorf("working of %s run %d: %w", interval, run, err)
	}
	return working, nil
}

// Workings shows what is kept, by interval and run, with its reading root.
func (e *Log) Workings(ctx context.Context, see func(root string, working []byte) error) error {
	rows, err := e.db.QueryContext(ctx, `SELECT root, working FROM workings ORDER BY interval, run, root`)
	if err != nil {
		return fmt.Errorf("workings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var root string
		var working []byte
		if err := rows.Scan(&root, &working); err != nil {
			return fmt.Errorf("workings: %w", err)
		}
		if working, err = e.packer.unpack(working); err != nil {
			return fmt.Errorf("working of %s: %w", root, err)
		}
		if err := see(root, working); err != nil {
			return err
		}
	}
	return rows.Err()
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
	return &Log{db: db, packer: packer}, nil
}

// Erase forgets the readings of a member. Digests stay: they tell nothing.
func (e *Log) Erase(ctx context.Context, member string) error {
	_, err := e.db.ExecContext(ctx, `UPDATE batches SET signed = NULL, member = '' WHERE member = ?`, member)
	var aside []proof.Batch
	if err == nil {
		err = e.aside(ctx, func(b proof.Batch, _ []byte) bool {
			if b.Member == member {
				aside = append(aside, b)
			}
			return true
		})
	}
	if err == nil {
		err = e.dropAside(ctx, aside)
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
