package accounts

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Passkey is by what somebody signs in without a password. Its data is that of who checks it.
type Passkey struct {
	ID         []byte
	Account    string
	Name       string
	Data       []byte
	Made, Used time.Time
}

// Passkeys keeps passkeys.
type Passkeys struct {
	db    *sql.DB
	clock func() time.Time
}

const mostPasskeys = 20 // of an account

// Add keeps a new passkey of an account.
func (p *Passkeys) Add(ctx context.Context, one Passkey) error {
	held, err := p.Of(ctx, one.Account)
	if err != nil {
		return err
	}
	if len(held) >= mostPasskeys {
		return wrong("name", "there are %d passkeys already: remove one first", len(held))
	}
	now := p.clock().Unix()
	_, err = p.db.ExecContext(ctx, `INSERT INTO passkey (id, account, name, data, made, used) VALUES (?, ?, ?, ?, ?, ?)`, one.ID, one.Account, one.Name, one.Data, now, now)
	return err
}

// Of returns the passkeys of an account.
func (p *Passkeys) Of(ctx context.Context, account string) (all []Passkey, err error) {
	rows, err := p.db.QueryContext(ctx, `SELECT id, account, name, data, made, used FROM passkey WHERE account = ? ORDER BY made, id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Passkey
		var made, used int64
		if err := rows.Scan(&one.ID, &one.Account, &one.Name, &one.Data, &made, &used); err != nil {
			return nil, err
		}
		one.Made, one.Used = time.Unix(made, 0).UTC(), time.Unix(used, 0).UTC()
		all = append(all, one)
	}
	return all, rows.Err()
}

// Owner returns whose a passkey is. ErrNone: nobody's.
func (p *Passkeys) Owner(ctx context.Context, id []byte) (account string, err error) {
	err = p.db.QueryRowContext(ctx, `SELECT account FROM passkey WHERE id = ?`, id).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNone
	}
	return account, err
}

// Note keeps what who checks it notes of a passkey when it was used.
func (p *Passkeys) Note(ctx context.Context, id, data []byte) error {
	return some(p.db.ExecContext(ctx, `UPDATE passkey SET data = ?, used = ? WHERE id = ?`, data, p.clock().Unix(), id))
}

// Remove removes a passkey of an account. ErrNone: it has none of that id.
func (p *Passkeys) Remove(ctx context.Context, account string, id []byte) error {
	return some(p.db.ExecContext(ctx, `DELETE FROM passkey WHERE account = ? AND id = ?`, account, id))
}
