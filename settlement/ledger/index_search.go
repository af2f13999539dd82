package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Selection selects the postings for which all that it says holds; what is empty selects all.
type Selection struct {
	Accounts [][]string // of each list, one account pays or receives
	Interval string
	From     string // intervals that begin then or later, RFC 3339 in UTC
	Until    string // intervals that begin earlier than that
	Reason   string
	ID       string
	Hash     *tlog.Hash // of the leaf
	Size     int64      // leaves below it; 0: all
}

// isAll tells whether the selection leaves out nothing but what came later.
func (s Selection) isAll() bool {
	return len(s.Accounts) == 0 && s.Interval == "" && s.From == "" && s.Until == "" && s.Reason == "" && s.ID == "" && s.Hash == nil
}

// where is the selection in the terms of the database.
func (s Selection) where() (where string, args []any, err error) {
	clauses := []string{"TRUE"}
	add := func(clause string, value any) {
		clauses, args = append(clauses, clause), append(args, value)
	}
	for _, of := range s.Accounts {
		text, err := json.Marshal(of)
		if err != nil {
			return "", nil, err
		}
		add("leaf IN (SELECT leaf FROM by_account JOIN accounts ON n = by_account.account WHERE accounts.account IN (SELECT value FROM json_each(?)))", string(text))
	}
	for _, c := range []struct{ clause, value string }{
		{"interval = ?", s.Interval}, {"interval >= ?", s.From}, {"interval < ?", s.Until}, {"reason = ?", s.Reason},
	} {
		if c.value != "" {
			add(c.clause, c.value)
		}
	}
	if s.Until != "" { // what is outside of the runs belongs to no time
		clauses = append(clauses, "interval != ''")
	}
	if s.ID != "" {
		add("interval = ?", record.IntervalOf(s.ID)) // which finds it fast
		add("json_extract(posting, '$.id') = ?", s.ID)
	}
	if s.Hash != nil {
		add("hash = ?", short(*s.Hash))
	}
	if s.Size > 0 {
		add("leaf < ?", s.Size)
	}
	return strings.Join(clauses, " AND "), args, nil
}

// Count returns how many postings are selected.
func (f finder) Count(ctx context.Context, s Selection) (n int64, err error) {
	where, args, err := s.where()
	if err != nil {
		return 0, err
	}
	if err := f.q.QueryRowContext(ctx, `SELECT count(*) FROM postings WHERE `+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count postings: %w", err)
	}
	return n, nil
}

// Page returns some of the postings that are selected, the last ones first, after so many
// that it skips.
func (f finder) Page(ctx context.Context, s Selection, skip int64, limit int) (all []Entry, err error) {
	where, args, err := s.where()
	if err != nil {
		return nil, err
	}
	if s.isAll() && s.Size > 0 { // leaves have no gaps
		where, args, skip = "leaf < ?", []any{s.Size - skip}, 0
	}
	return f.entries(ctx, `WHERE `+where+` ORDER BY leaf DESC LIMIT ? OFFSET ?`, append(args, limit, skip)...)
}

// After returns some of the postings that are selected in log order, from a leaf on. It holds
// nothing in the database when it returns: who writes slowly is in nobody's way.
func (f finder) After(ctx context.Context, s Selection, leaf int64, limit int) ([]Entry, error) {
	where, args, err := s.where()
	if err != nil {
		return nil, err
	}
	return f.entries(ctx, `WHERE leaf >= ? AND `+where+` ORDER BY leaf LIMIT ?`, append(append([]any{leaf}, args...), limit)...)
}

func (f finder) entries(ctx context.Context, after string, args ...any) (all []Entry, err error) {
	found, err := f.q.QueryContext(ctx, `SELECT leaf, block, tx, interval, posting FROM postings `+after, args...)
	if err != nil {
		return nil, fmt.Errorf("find postings: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var e Entry
		if err := found.Scan(&e.Leaf, &e.Block, &e.Tx, &e.Interval, &e.Posting); err != nil {
			return nil, fmt.Errorf("find postings: %w", err)
		}
		all = append(all, e)
	}
	return all, found.Err()
}

// Sum is what the postings of an interval and a reason come to.
type Sum struct {
	Interval string // empty outside of the runs
	Reason   string
	Postings int64
	Amount   grid.Money  // moved
	Energy   grid.Energy // Wh
	Received grid.Money  // by the accounts that were asked for
	Paid     grid.Money  // by them
}

// Sums shows what the selected postings come to, by interval and reason, in the order of the
// intervals. Received and Paid are those of the accounts.
func (f finder) Sums(ctx context.Context, s Selection, accounts []string, see func(Sum) error) error {
	where, args, err := s.where()
	if err != nil {
		return err
	}
	of, err := json.Marshal(accounts)
	if err != nil {
		return err
	}
	found, err := f.q.QueryContext(ctx, `WITH mine(account) AS (SELECT value FROM json_each(?)),
		p AS (SELECT interval, reason, json_extract(posting, '$.amount') AS amount, json_extract(posting, '$.energy') AS energy,
			json_extract(posting, '$.debit') AS debit, json_extract(posting, '$.credit') AS credit FROM postings WHERE `+where+`)
		SELECT interval, reason, count(*), sum(amount), sum(energy),
			sum(CASE WHEN credit IN (SELECT account FROM mine) THEN amount ELSE 0 END), sum(CASE WHEN debit IN (SELECT account FROM mine) THEN amount ELSE 0 END)
		FROM p GROUP BY interval, reason ORDER BY interval, reason`, append([]any{string(of)}, args...)...)
	if err != nil {
		return fmt.Errorf("sum postings: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var one Sum
		if err := found.Scan(&one.Interval, &one.Reason, &one.Postings, &one.Amount, &one.Energy, &one.Received, &one.Paid); err != nil {
			return fmt.Errorf("sum postings: %w", err)
		}
		if err := see(one); err != nil {
			return err
		}
	}
	return found.Err()
}

// HasAccount tells whether a posting names an account.
func (f finder) HasAccount(ctx context.Context, account string) (some bool, err error) {
	if err := f.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM accounts WHERE account = ?)`, account).Scan(&some); err != nil {
		return false, fmt.Errorf("find account: %w", err)
	}
	return some, nil
}

// Blocks returns how many blocks of the chain the index has.
func (x *Index) Blocks() int64 {
	x.trees.mu.Lock()
	defer x.trees.mu.Unlock()
	return max(x.next-1, 0)
}

// IsSettled tells whether a run of an interval is known to be closed.
func (c *closedRuns) IsSettled(interval string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.days[interval]
}
