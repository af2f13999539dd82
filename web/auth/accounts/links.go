package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/commonwatt/commonwatt/web/auth"
)

// Kind is what a link is for.
type Kind string

// The kinds of links.
const (
	First      Kind = "first"      // makes the operator's account of a new community
	Invitation Kind = "invitation" // makes an account
	Recovery   Kind = "recovery"   // gives an account a new password
)

// How long links are good for.
const (
	firstLasts      = 7 * 24 * time.Hour
	invitationLasts = 14 * 24 * time.Hour
	recoveryLasts   = time.Hour
)

// Link is by what somebody comes in once. Its secret is known to who has it alone.
type Link struct {
	ID      string
	Kind    Kind
	Account string // of a recovery
	EMail   string // of an invitation; empty: who takes it gives it
	Name    string
	Role    auth.Role
	Member  string
	Maker   string // account of who made it; empty: nobody who has signed in
	Made    time.Time
	Expires time.Time
}

// Links keeps the links that wait.
type Links struct {
	db    *sql.DB
	clock func() time.Time
}

// make keeps a new link and returns its secret.
func (l *Links) make(ctx context.Context, to execer, one Link, secret string, lasts time.Duration) (Link, error) {
	now := l.clock().UTC().Truncate(time.Second)
	one.ID, one.Made, one.Expires = rand.Text(), now, now.Add(lasts)
	_, err := to.ExecContext(ctx, `INSERT INTO link (digest, id, kind, account, email, name, role, member, made, expires, used, maker) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
		digested(secret), one.ID, string(one.Kind), one.Account, one.EMail, one.Name, string(one.Role), one.Member, now.Unix(), one.Expires.Unix(), one.Maker)
	return one, err
}

const linkColumns = `id, kind, account, email, name, role, member, made, expires`

func scannedLink(row scanner) (one Link, err error) {
	var made, expires int64
	err = row.Scan(&one.ID, &one.Kind, &one.Account, &one.EMail, &one.Name, &one.Role, &one.Member, &made, &expires)
	one.Made, one.Expires = time.Unix(made, 0).UTC(), time.Unix(expires, 0).UTC()
	return one, err
}

// Look returns the link of a secret while it is good. ErrWrong: it is none, was used, or is
// over.
func (l *Links) Look(ctx context.Context, kind Kind, secret string) (Link, error) {
	one, err := scannedLink(l.db.QueryRowContext(ctx, `SELECT `+linkColumns+` FROM link WHERE digest = ? AND kind = ? AND used = 0 AND expires > ?`, digested(secret), string(kind), l.clock().Unix()))
	if errors.Is(err, sql.ErrNoRows) {
		return one, ErrWrong
	}
	return one, err
}

// use returns the link of a secret, which nobody else can use from then on.
func (l *Links) use(ctx context.Context, tx *sql.Tx, kind Kind, secret string) (Link, error) {
	now := l.clock().Unix()
	one, err := scannedLink(tx.QueryRowContext(ctx, `UPDATE link SET used = ? WHERE digest = ? AND kind = ? AND used = 0 AND expires > ? RETURNING `+linkColumns, now, digested(secret), string(kind), now))
	if errors.Is(err, sql.ErrNoRows) {
		return one, ErrWrong
	}
	return one, err
}

// Waiting returns the invitations that nobody has taken, the newest first.
func (l *Links) Waiting(ctx context.Context) (all []Link, err error) {
	rows, err := l.db.QueryContext(ctx, `SELECT `+linkColumns+` FROM link WHERE kind = ? AND used = 0 AND expires > ? ORDER BY made DESC, id`, string(Invitation), l.clock().Unix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scannedLink(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// Withdraw makes an invitation good for nothing. ErrNone: none of that id waits.
func (l *Links) Withdraw(ctx context.Context, id string) error {
	return some(l.db.ExecContext(ctx, `UPDATE link SET used = ? WHERE id = ? AND kind = ? AND used = 0`, l.clock().Unix(), id, string(Invitation)))
}

// HasFirst tells whether the link of the first start waits for the operator.
func (l *Links) HasFirst(ctx context.Context) (waits bool, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM link WHERE kind = ? AND used = 0 AND expires > ?) AND NOT EXISTS (SELECT 1 FROM account WHERE role = 'operator')`,
		string(First), l.clock().Unix()).Scan(&waits)
	return waits, err
}
