package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
)

// Query selects postings; empty fields select all.
type Query struct {
	Account  string
	Interval string
	Reason   string
	Hash     string // of the leaf, base64, as tlog writes it
	ID       string
	From     int64 // first leaf
	Limit    int

	Backwards bool // the last first
}

// Entry is a posting and where it stands.
type Entry struct {
	Leaf     int64
	Block    int64
	Tx       string
	Interval string // empty outside of the runs
	Posting  []byte // canonical JSON
}

// reader reads a database.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// finder reads what is in an index.
type finder struct{ q reader } // the database, or a snapshot of it

// Find shows the postings that a query selects, in the order of the log.
func (f finder) Find(ctx context.Context, q Query, see func(Entry) error) error {
	where, args := "leaf >= ?", []any{q.From}
	for clause, value := range map[string]string{
		"interval = ?": q.Interval, "reason = ?": q.Reason, "leaf IN (SELECT leaf FROM by_account JOIN accounts ON n = by_account.account WHERE accounts.account = ?)": q.Account,
	} {
		if value != "" {
			where += " AND " + clause
			args = append(args, value)
		}
	}
	if q.ID != "" {
		where += " AND json_extract(posting, '$.id') = ?"
		args = append(args, q.ID)
		if i := record.IntervalOf(q.ID); i != "" {
			where += " AND interval = ?"
			args = append(args, i)
		}
	}
	if q.Hash != "" {
		h, err := tlog.ParseHash(q.Hash)
		if err != nil {
			return fmt.Errorf("hash %q: %w", q.Hash, err)
		}
		where += " AND hash = ?"
		args = append(args, short(h))
	}
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	order := "ASC"
	if q.Backwards {
		order = "DESC"
	}
	found, err := f.q.QueryContext(ctx, `SELECT leaf, block, tx, interval, posting FROM postings WHERE `+where+` ORDER BY leaf `+order+` LIMIT ?`, append(args, limit)...)
	if err != nil {
		return fmt.Errorf("find postings: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var e Entry
		if err := found.Scan(&e.Leaf, &e.Block, &e.Tx, &e.Interval, &e.Posting); err != nil {
			return fmt.Errorf("find postings: %w", err)
		}
		if err := see(e); err != nil {
			return err
		}
	}
	return found.Err()
}

// ByAccount shows by which accounts postings are found. Errors: *DamagedError.
func (f finder) ByAccount(ctx context.Context, see func(leaf int64, account string) error) error {
	found, err := f.q.QueryContext(ctx, `SELECT leaf, accounts.account FROM by_account JOIN accounts ON n = by_account.account`)
	if err != nil {
		return &DamagedError{Reason: "index: " + err.Error()}
	}
	defer found.Close()
	for found.Next() {
		var leaf int64
		var account string
		if err := found.Scan(&leaf, &account); err != nil {
			return &DamagedError{Reason: "index: " + err.Error()}
		}
		if err := see(leaf, account); err != nil {
			return err
		}
	}
	return found.Err()
}

// Records shows all records in the order of the chain.
func (f finder) Records(ctx context.Context, see func(record []byte) error) error {
	found, err := f.q.QueryContext(ctx, `SELECT record FROM records ORDER BY n`)
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var record []byte
		if err := found.Scan(&record); err != nil {
			return fmt.Errorf("records: %w", err)
		}
		if err := see(record); err != nil {
			return err
		}
	}
	return found.Err()
}

// MeteringPoints returns the metering points of a member, by pseudonyms; all without
// one.
func (f finder) MeteringPoints(ctx context.Context, member string) (points []string, err error) {
	err = f.Records(ctx, func(text []byte) error {
		var r Record
		if err := json.Unmarshal(text, &r); err != nil || r.Kind != chaincode.KindMeteringPoint {
			return err
		}
		var p struct{ Value chaincode.MeteringPoint }
		err := json.Unmarshal(r.Value, &p)
		if (member == "" || p.Value.Member == member) && !slices.Contains(points, p.Value.ID) {
			points = append(points, p.Value.ID)
		}
		return err
	})
	return points, err
}

// PostingsOf returns the postings of an interval over its runs.
func (f finder) PostingsOf(ctx context.Context, interval string) (all []record.Posting, err error) {
	return f.postings(ctx, Query{Interval: interval})
}

// PostingsBy returns the postings of a reason in log order.
func (f finder) PostingsBy(ctx context.Context, reason string) (all []record.Posting, err error) {
	return f.postings(ctx, Query{Reason: reason})
}

func (f finder) postings(ctx context.Context, q Query) (all []record.Posting, err error) {
	err = f.Find(ctx, q, func(e Entry) error {
		var p record.Posting
		err := json.Unmarshal(e.Posting, &p)
		all = append(all, p)
		return err
	})
	return all, err
}

// Checkpoint returns the last checkpoint, signed; nil when there is none yet.
func (f finder) Checkpoint(ctx context.Context) (signed []byte, size int64, err error) {
	err = f.q.QueryRowContext(ctx, `SELECT note, size FROM checkpoints ORDER BY size DESC, records DESC LIMIT 1`).Scan(&signed, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("checkpoint: %w", err)
	}
	return signed, size, nil
}

// Checkpoints shows all checkpoints by size.
func (f finder) Checkpoints(ctx context.Context, see func(size int64, signed []byte) error) error {
	found, err := f.q.QueryContext(ctx, `SELECT size, note FROM checkpoints ORDER BY size, records`)
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var size int64
		var signed []byte
		if err := found.Scan(&size, &signed); err != nil {
			return fmt.Errorf("checkpoints: %w", err)
		}
		if err := see(size, signed); err != nil {
			return err
		}
	}
	return found.Err()
}

func short(h tlog.Hash) int64 {
	var n int64
	for _, b := range h[:8] {
		n = n<<8 | int64(b)
	}
	return n
}
