package accounts

import (
	"context"
	"database/sql"
	"time"
)

// What is logged.
const (
	SignedIn         = "signed in"
	SignInRefused    = "sign-in refused"
	SignedOut        = "signed out"
	OperatorMade     = "operator's account made by the first link"
	Invited          = "invited"
	InvitationTaken  = "invitation taken"
	InvitationGone   = "invitation withdrawn"
	RoleChanged      = "role changed"
	Removed          = "account removed"
	PasswordChanged  = "password changed"
	PasswordRefused  = "password of before refused"
	KeyShown         = "signed in by a key"
	KeyRefused       = "sign-in by a key refused"
	Renamed          = "name or language changed"
	BackupMade       = "backup made"
	RecoveryAsked    = "recovery asked for"
	RecoveryLinkMade = "recovery link made"
	Recovered        = "recovered by link"
	Unlocked         = "tries forgotten"
	KeyMade          = "key made"
	KeyRemoved       = "key removed"
	PasskeyAdded     = "passkey added"
	PasskeyRemoved   = "passkey removed"
	SessionsEnded    = "sessions ended"
	IdentityBound    = "another service's account bound"
	IdentityRemoved  = "another service's account removed"
	OthersForgotten  = "passkeys, other services' accounts and keys removed"
)

// By is who does something, and from where.
type By struct {
	Account string // empty: nobody who has signed in
	Name    string
	From    string // address
}

// Entry is a line of the log.
type Entry struct {
	Number int64
	Time   time.Time
	By     By
	What   string
	About  string // whom or what it was about
}

// Log is who did what about accounts. It is only added to.
type Log struct {
	db    *sql.DB
	clock func() time.Time
}

// execer is a database or a change of it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Add notes that somebody did something.
func (l *Log) Add(ctx context.Context, by By, what, about string) error {
	return l.add(ctx, l.db, by, what, about)
}

func (l *Log) add(ctx context.Context, to execer, by By, what, about string) error {
	_, err := to.ExecContext(ctx, `INSERT INTO log (time, who, name, what, about, address) VALUES (?, ?, ?, ?, ?, ?)`, l.clock().Unix(), by.Account, by.Name, what, about, by.From)
	return err
}

// mostEntries is how many are read at once.
const mostEntries = 200

// Before returns the last entries before one, the newest first; 0: the last of all.
func (l *Log) Before(ctx context.Context, number int64) (all []Entry, err error) {
	rows, err := l.db.QueryContext(ctx, `SELECT number, time, who, name, what, about, address FROM log WHERE number < ? OR ? = 0 ORDER BY number DESC LIMIT ?`, number, number, mostEntries)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var at int64
		if err := rows.Scan(&e.Number, &at, &e.By.Account, &e.By.Name, &e.What, &e.About, &e.By.From); err != nil {
			return nil, err
		}
		e.Time = time.Unix(at, 0).UTC()
		all = append(all, e)
	}
	return all, rows.Err()
}
