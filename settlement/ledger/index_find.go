package ledger

import (
	"context"
	"encoding/json"
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

// Find shows the postings that a query selects, in the order of the log.
func (x *Index) Find(ctx context.Context, q Query, see func(Entry) error) error {
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
	found, err := x.q.QueryContext(ctx, `SELECT leaf, block, tx, interval, posting FROM postings WHERE `+where+` ORDER BY leaf `+order+` LIMIT ?`, append(args, limit)...)
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
func (x *Index) ByAccount(ctx context.Context, see func(leaf int64, account string) error) error {
	found, err := x.q.QueryContext(ctx, `SELECT leaf, accounts.account FROM by_account JOIN accounts ON n = by_account.account`)
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
func (x *Index) Records(ctx context.Context, see func(record []byte) error) error {
	found, err := x.q.QueryContext(ctx, `SELECT record FROM records ORDER BY n`)
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
func (x *Index) MeteringPoints(ctx context.Context, member string) (points []string, err error) {
	err = x.Records(ctx, func(text []byte) error {
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
func (x *Index) PostingsOf(ctx context.Context, interval string) (all []record.Posting, err error) {
	err = x.Find(ctx, Query{Interval: interval}, func(e Entry) error {
		var p record.Posting
		err := json.Unmarshal(e.Posting, &p)
		all = append(all, p)
		return err
	})
	return all, err
}

func short(h tlog.Hash) int64 {
	var n int64
	for _, b := range h[:8] {
		n = n<<8 | int64(b)
	}
	return n
}
