package desk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/billing"
)

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// execer carries out statements: the database, or a transaction of it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// put stores a record, in the place of the one of its id.
func put(ctx context.Context, db execer, r Record) error {
	bill, err := json.Marshal(r.Bill)
	if err != nil {
		return err
	}
	made, err := json.Marshal(r.Made)
	if err != nil {
		return err
	}
	var year, number any
	if r.Number != nil {
		year, number = r.Number.Year, r.Number.Number
	}
	_, err = db.ExecContext(ctx, `INSERT OR REPLACE INTO bills (id, year, number, of, member, period, ends, state, changed, bill, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, year, number, r.CreditOf, r.Bill.Member, r.Bill.Period.Name, r.Bill.Period.To.Unix(), r.State, r.Changed.Unix(), string(bill), string(made))
	if err != nil {
		return fmt.Errorf("keep bill %s: %w", r.ID, err)
	}
	return nil
}

const columns = `id, year, number, of, state, changed, bill, made`

func scan(row interface{ Scan(...any) error }) (r Record, err error) {
	var year, number sql.NullInt64
	var changed int64
	var bill, made string
	if err := row.Scan(&r.ID, &year, &number, &r.CreditOf, &r.State, &changed, &bill, &made); err != nil {
		return r, err
	}
	if number.Valid {
		r.Number = &chaincode.BillNumber{Year: int(year.Int64), Number: int(number.Int64)}
	}
	r.Changed = time.Unix(changed, 0).UTC()
	return r, errors.Join(json.Unmarshal([]byte(bill), &r.Bill), json.Unmarshal([]byte(made), &r.Made))
}

// Get returns a bill by its number, or a draft by its id.
func (d *Desk) Get(ctx context.Context, id string) (Record, error) {
	r, err := scan(d.db.QueryRowContext(ctx, `SELECT `+columns+` FROM bills WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, &RefusedError{Missing: true, Reason: fmt.Sprintf("there is no bill %q: commonwatt bill list shows them", id)}
	}
	if err != nil {
		return r, fmt.Errorf("bill %s: %w", id, err)
	}
	r.Delivery, err = d.deliveries(ctx, id)
	return r, err
}

func (d *Desk) deliveries(ctx context.Context, id string) (all []Delivery, err error) {
	rows, err := d.db.QueryContext(ctx, `SELECT recipient, channel, time FROM deliveries WHERE id = ? ORDER BY time`, id)
	if err != nil {
		return nil, fmt.Errorf("deliveries of bill %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var one Delivery
		var at int64
		if err := rows.Scan(&one.Recipient, &one.Channel, &at); err != nil {
			return nil, err
		}
		one.Time = time.Unix(at, 0).UTC()
		all = append(all, one)
	}
	return all, rows.Err()
}

// Filter selects bills; empty fields select all.
type Filter struct {
	Period, Member string
	State          State
}

// List returns bills, drafts first, then by number.
func (d *Desk) List(ctx context.Context, f Filter) (all []Record, err error) {
	rows, err := d.db.QueryContext(ctx, `SELECT `+columns+` FROM bills WHERE (? = '' OR period = ?) AND (? = '' OR member = ?) AND (? = '' OR state = ?) ORDER BY year IS NOT NULL, year, number, id`,
		f.Period, f.Period, f.Member, f.Member, f.State, f.State)
	if err != nil {
		return nil, fmt.Errorf("bills: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("bills: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// priors returns what the last bill that counts leaves to the next, of one member or, without
// a name, of each.
func (d *Desk) priors(ctx context.Context, member string) (map[string]billing.Prior, error) {
	const counting = `of = '' AND state IN ('approving', 'approved', 'sent', 'paid')`
	rows, err := d.db.QueryContext(ctx, `SELECT `+columns+` FROM bills AS b WHERE (? = '' OR member = ?) AND `+counting+`
		AND ends = (SELECT max(ends) FROM bills WHERE member = b.member AND `+counting+`)`, member, member)
	if err != nil {
		return nil, fmt.Errorf("bills: %w", err)
	}
	defer rows.Close()
	priors := map[string]billing.Prior{}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("bills: %w", err)
		}
		priors[r.Bill.Member] = billing.Prior{Number: r.ID, Cut: r.Bill.Cut, Through: r.Bill.Period.To, Brought: r.Bill.Due}
	}
	return priors, rows.Err()
}

// set changes the state of a bill.
func (d *Desk) set(ctx context.Context, db execer, id string, s State) error {
	_, err := db.ExecContext(ctx, `UPDATE bills SET state = ?, changed = ? WHERE id = ?`, s, d.Clock().Unix(), id)
	if err != nil {
		return fmt.Errorf("bill %s: %w", id, err)
	}
	return nil
}

// together does something in one transaction.
func (d *Desk) together(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("bills: %w", err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
