// Package accounts keeps who may sign in to a community: people with their role, by what
// they sign in, their sessions, the links by which they come in first or again, the keys of
// their programs, and who did what about all that. It is one database, accounts.db in the
// data directory. Of secrets (passwords, links, keys, sessions) it keeps digests alone.
//
// What is wrong with what somebody asks for is a *FieldError, that somebody has to wait a
// *WaitError, and what does not say more than that it was wrong is ErrWrong.
package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/web/auth"
)

// ErrWrong says no more than that e-mail address, password, link or passkey are not right.
var ErrWrong = errors.New("that is not right")

// ErrNone says that there is no such account, key, session, link or passkey.
var ErrNone = errors.New("there is none of that name")

// FieldError says what is wrong with what was given.
type FieldError struct {
	Field, Text string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

func wrong(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Account is a person who may sign in.
type Account struct {
	ID       string
	EMail    string // in small letters
	Name     string
	Role     auth.Role
	Member   string // whose home it is, of a homeowner; empty: nobody's
	Language string // of the pages; empty: the community's
	Created  time.Time
	Password bool // there is one

	epoch int64 // grows when rights or the password change: sessions of before are over
}

// Principal is who somebody is to the API.
func (a Account) Principal() auth.Principal {
	return auth.Principal{Role: a.Role, Name: a.Name, Member: a.Member, Account: a.ID}
}

// Book keeps all that there is of accounts, a part each. Use Open. It is safe for concurrent
// use.
type Book struct {
	People   *People
	Entrance *Entrance
	Sessions *Sessions
	Links    *Links
	Tries    *Tries
	Log      *Log
	Keys     *Keys
	Passkeys *Passkeys
	// Identities are accounts of other services by which people sign in.
	Identities *Identities

	db *sql.DB
}

// People keeps who may sign in, and as what.
type People struct {
	db    *sql.DB
	clock func() time.Time
	log   *Log
	ended func(account string) // told whose sessions are over; nil: nobody
}

// Options are by what a book is kept.
type Options struct {
	Clock func() time.Time // wall time; nil: time.Now
	Cost  Cost             // of passwords; zero: UsualCost
	Hash  Hasher           // nil: Argon2id
}

const schema = `
CREATE TABLE IF NOT EXISTS account (
	id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, member TEXT NOT NULL, language TEXT NOT NULL,
	password TEXT NOT NULL, created INTEGER NOT NULL, epoch INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS session (
	token BLOB PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, expiry INTEGER NOT NULL, begun INTEGER NOT NULL, seen INTEGER NOT NULL,
	idle INTEGER NOT NULL, browser TEXT NOT NULL, address TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_account ON session (account);
CREATE TABLE IF NOT EXISTS link (
	digest BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, account TEXT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
	member TEXT NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL, maker TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS try (what BLOB PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS log (
	number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, who TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL, address TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS log_stays BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'what was logged stays'); END;
CREATE TRIGGER IF NOT EXISTS log_is_kept BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'what was logged is kept'); END;
CREATE TABLE IF NOT EXISTS key (
	digest BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, member TEXT NOT NULL, scopes TEXT NOT NULL, made INTEGER NOT NULL, maker TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS identity (
	issuer TEXT NOT NULL, subject TEXT NOT NULL, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, email TEXT NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL,
	PRIMARY KEY (issuer, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS passkey (
	id BLOB PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
`

// Open opens or creates the accounts in a file; an empty path is a book in memory.
func Open(ctx context.Context, path string, o Options) (*Book, error) {
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("accounts: %w", err), db.Close())
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Cost == (Cost{}) {
		o.Cost = UsualCost()
	}
	if o.Hash == nil {
		o.Hash = Argon2id
	}
	p, err := newPasswords(o.Cost, o.Hash)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	b := &Book{
		Sessions: &Sessions{db, o.Clock}, Log: &Log{db, o.Clock}, Tries: &Tries{db, o.Clock}, Links: &Links{db, o.Clock}, Passkeys: &Passkeys{db, o.Clock}, db: db,
	}
	b.People, b.Keys, b.Identities = &People{db: db, clock: o.Clock, log: b.Log}, &Keys{db, o.Clock, b.Log}, &Identities{db, o.Clock, b.Log}
	b.Entrance = &Entrance{db: db, clock: o.Clock, people: b.People, passwords: p, links: b.Links, tries: b.Tries, log: b.Log}
	return b, nil
}

// Close closes the book.
func (b *Book) Close() error { return b.db.Close() }

// ForSessions is the book as sessions need it.
func (b *Book) ForSessions() auth.People {
	return struct {
		*Sessions
		*People
	}{b.Sessions, b.People}
}

// OnEnd says who is told whose sessions are over because rights or a password changed. It is
// called before the book is used.
func (p *People) OnEnd(ended func(account string)) { p.ended = ended }

const columns = `id, email, name, role, member, language, created, epoch, password <> ''`

type scanner interface{ Scan(into ...any) error }

func scanned(row scanner) (a Account, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.EMail, &a.Name, &a.Role, &a.Member, &a.Language, &created, &a.epoch, &a.Password)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNone
	}
	a.Created = time.Unix(created, 0).UTC()
	return a, err
}

// Account returns an account by its id. ErrNone: there is none.
func (p *People) Account(ctx context.Context, id string) (Account, error) {
	return scanned(p.db.QueryRowContext(ctx, `SELECT `+columns+` FROM account WHERE id = ?`, id))
}

// ByEMail returns an account by its e-mail address. ErrNone: there is none.
func (p *People) ByEMail(ctx context.Context, email string) (Account, error) {
	return scanned(p.db.QueryRowContext(ctx, `SELECT `+columns+` FROM account WHERE email = ?`, plain(email)))
}

// Accounts returns all of them, by name.
func (p *People) Accounts(ctx context.Context) (all []Account, err error) {
	rows, err := p.db.QueryContext(ctx, `SELECT `+columns+` FROM account ORDER BY name, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanned(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// Current implements auth.People: what somebody may do now.
func (p *People) Current(ctx context.Context, id string) (who auth.Principal, epoch int64, err error) {
	a, err := p.Account(ctx, id)
	if errors.Is(err, ErrNone) {
		return who, 0, auth.ErrNobody
	}
	return a.Principal(), a.epoch, err
}

// plain is an e-mail address as it is compared.
func plain(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

const (
	mostName  = 100 // bytes
	mostEMail = 254 // of an address, RFC 5321
)

// checked returns an account with its fields as they are kept, or what is wrong with them.
func checked(a Account) (Account, error) {
	a.EMail, a.Name, a.Member = plain(a.EMail), strings.TrimSpace(a.Name), strings.TrimSpace(a.Member)
	address, err := mail.ParseAddress(a.EMail)
	switch {
	case err != nil || address.Address != a.EMail || len(a.EMail) > mostEMail:
		return a, wrong("email", "%q is no e-mail address, as in ann@elm.example", a.EMail)
	case a.Name == "" || len(a.Name) > mostName || strings.ContainsFunc(a.Name, unicode.IsControl):
		return a, wrong("name", "give one, of at most %d bytes", mostName)
	}
	return a, fits(a.Role, a.Member)
}

// fits tells what is wrong with a role and the member whose home it is about.
func fits(role auth.Role, member string) error {
	switch role {
	case auth.Homeowner:
		if member == "" {
			return wrong("member", "give the member whose home it is: a homeowner sees nothing else")
		}
	case auth.Installer, auth.Utility, auth.Researcher, auth.Operator:
		if member != "" {
			return wrong("member", "leave it out: it is for homeowners")
		}
	default:
		return wrong("role", "%q is none: homeowner, installer, utility, researcher and operator are", role)
	}
	return nil
}

// insert adds an account with a password.
func (p *People) insert(ctx context.Context, tx *sql.Tx, a Account, password string) (Account, error) {
	a, err := checked(a)
	if err != nil {
		return a, err
	}
	a.ID, a.Created, a.Password, a.epoch = rand.Text(), p.clock().UTC().Truncate(time.Second), password != "", 1
	var taken bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM account WHERE email = ?)`, a.EMail).Scan(&taken); err != nil {
		return a, err
	}
	if taken {
		return a, wrong("email", "somebody signs in with %s here: sign in, or ask for a new password", a.EMail)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO account (id, email, name, role, member, language, password, created, epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.EMail, a.Name, string(a.Role), a.Member, a.Language, password, a.Created.Unix(), a.epoch)
	return a, err
}

// within carries out a change whole or not at all.
func within(ctx context.Context, db *sql.DB, change func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// end ends all sessions of an account with what changed of it.
func (p *People) end(ctx context.Context, tx *sql.Tx, account string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE account SET epoch = epoch + 1 WHERE id = ?`, account); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM session WHERE account = ?`, account)
	return err
}

// tell tells whose sessions are over.
func (p *People) tell(account string) {
	if p.ended != nil {
		p.ended(account)
	}
}
