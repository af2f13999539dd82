package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"
)

// Identity is somebody's account at another service, by which they sign in here. Issuer and
// Subject together name it: whoever has the e-mail address there later is somebody else.
type Identity struct {
	ID              string // by which it is removed
	Issuer, Subject string
	EMail           string // as the service said when it was bound; for people to read alone
	Account         string
	Made, Used      time.Time
}

// Identities keeps which accounts of other services are bound to accounts here.
type Identities struct {
	db    *sql.DB
	clock func() time.Time
	log   *Log
}

const mostIdentities = 10 // of an account

// ErrBound says that an account of another service is bound to another account here, or the account
// here to another of the same service.
var ErrBound = errors.New("it is bound otherwise already")

// Owner returns to whose account one of another service is bound. ErrNone: to nobody's.
func (all *Identities) Owner(ctx context.Context, issuer, subject string) (account string, err error) {
	err = all.db.QueryRowContext(ctx, `SELECT account FROM identity WHERE issuer = ? AND subject = ?`, issuer, subject).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNone
	}
	return account, err
}

// Bind binds an account of another service to one here. Doing it again changes nothing. ErrBound:
// it is somebody else's here, or the account here has another one of that service, which its owner
// takes away first: so nobody comes into an account by an address that was given to them since.
func (all *Identities) Bind(ctx context.Context, one Identity, by By) error {
	return within(ctx, all.db, func(tx *sql.Tx) error {
		var same, others, held int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE issuer = ?1 AND subject = ?2 AND account = ?3), count(*) FILTER (WHERE issuer = ?1 AND (subject = ?2) <> (account = ?3)), count(*) FILTER (WHERE account = ?3) FROM identity`,
			one.Issuer, one.Subject, one.Account).Scan(&same, &others, &held)
		switch {
		case err != nil:
			return err
		case others > 0 || held >= mostIdentities:
			return ErrBound
		case same > 0:
			return nil
		}
		now := all.clock().Unix()
		if _, err := tx.ExecContext(ctx, `INSERT INTO identity (issuer, subject, id, account, email, made, used) VALUES (?, ?, ?, ?, ?, ?, ?)`, one.Issuer, one.Subject, rand.Text(), one.Account, one.EMail, now, now); err != nil {
			return err
		}
		return all.log.add(ctx, tx, by, IdentityBound, one.Issuer+" "+one.Subject)
	})
}

// Note notes that somebody has signed in by an account of another service.
func (all *Identities) Note(ctx context.Context, issuer, subject string) error {
	return some(all.db.ExecContext(ctx, `UPDATE identity SET used = ? WHERE issuer = ? AND subject = ?`, all.clock().Unix(), issuer, subject))
}

// Of returns which accounts of other services are bound to one here.
func (all *Identities) Of(ctx context.Context, account string) (found []Identity, err error) {
	rows, err := all.db.QueryContext(ctx, `SELECT id, issuer, subject, email, made, used FROM identity WHERE account = ? ORDER BY made, id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one := Identity{Account: account}
		var made, used int64
		if err := rows.Scan(&one.ID, &one.Issuer, &one.Subject, &one.EMail, &made, &used); err != nil {
			return nil, err
		}
		one.Made, one.Used = time.Unix(made, 0).UTC(), time.Unix(used, 0).UTC()
		found = append(found, one)
	}
	return found, rows.Err()
}

// Remove takes away that an account of another service is bound to one here. ErrNone: there is none
// of that id.
func (all *Identities) Remove(ctx context.Context, account, id string, by By) error {
	return within(ctx, all.db, func(tx *sql.Tx) error {
		if err := some(tx.ExecContext(ctx, `DELETE FROM identity WHERE account = ? AND id = ?`, account, id)); err != nil {
			return err
		}
		return all.log.add(ctx, tx, by, IdentityRemoved, id)
	})
}
