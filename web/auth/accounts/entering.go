package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/netip"
	"time"

	"github.com/commonwatt/commonwatt/web/auth"
)

// Entrance is where people come in: by what they know, and by links.
type Entrance struct {
	db        *sql.DB
	clock     func() time.Time
	people    *People
	passwords *passwords
	links     *Links
	tries     *Tries
	log       *Log
}

// SignIn returns whose e-mail address and password those are. *WaitError: too many were tried;
// ErrWrong: they are nobody's, whichever of them is wrong.
func (e *Entrance) SignIn(ctx context.Context, email, password string, from netip.Addr) (a Account, err error) {
	if err := e.tries.Begin(ctx, email, from); err != nil {
		return a, err
	}
	a, err = e.people.ByEMail(ctx, email)
	if err != nil && !errors.Is(err, ErrNone) {
		return a, err
	}
	digest := ""
	if err == nil {
		if err := e.db.QueryRowContext(ctx, `SELECT password FROM account WHERE id = ?`, a.ID).Scan(&digest); err != nil {
			return a, err
		}
	}
	right, old, err := e.passwords.try(ctx, digest, password)
	if err != nil {
		return a, err
	}
	by := By{a.ID, a.Name, from.String()}
	if !right {
		if err := e.log.Add(ctx, by, SignInRefused, ""); err != nil {
			return a, err
		}
		return Account{}, ErrWrong
	}
	if old {
		err = e.renew(ctx, a, digest, password)
	}
	return a, errors.Join(err, e.tries.Right(ctx, email, from), e.log.Add(ctx, by, SignedIn, "password"))
}

// renew keeps a digest of the same password that takes what one takes now.
func (e *Entrance) renew(ctx context.Context, a Account, before, password string) error {
	digest, err := e.passwords.digest(ctx, password)
	if err == nil {
		_, err = e.db.ExecContext(ctx, `UPDATE account SET password = ? WHERE id = ? AND password = ?`, digest, a.ID, before)
	}
	return err
}

// FirstLink has the operator of a new community come in by a secret. It returns until when,
// and false where nobody may: there is an operator already. A secret whose time is over is
// given up: ErrWrong says that another is wanted.
func (e *Entrance) FirstLink(ctx context.Context, secret string) (until time.Time, wanted bool, err error) {
	var operators, known int
	if err := e.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM account WHERE role = 'operator'), (SELECT count(*) FROM link WHERE digest = ?)`, digested(secret)).Scan(&operators, &known); err != nil {
		return until, false, err
	}
	if operators > 0 {
		return until, false, nil
	}
	if known > 0 {
		one, err := e.links.Look(ctx, First, secret)
		return one.Expires, true, err
	}
	one, err := e.links.make(ctx, e.db, Link{Kind: First, Role: auth.Operator}, secret, firstLasts)
	return one.Expires, true, err
}

// New is what somebody gives who comes in by a link.
type New struct {
	EMail, Name, Password, Language string
}

// Begin makes the operator's account by the link of the first start, once.
func (e *Entrance) Begin(ctx context.Context, secret string, n New, from netip.Addr) (Account, error) {
	return e.enter(ctx, First, secret, n, from, OperatorMade)
}

// Accept makes an account by an invitation, once.
func (e *Entrance) Accept(ctx context.Context, secret string, n New, from netip.Addr) (Account, error) {
	return e.enter(ctx, Invitation, secret, n, from, InvitationTaken)
}

// enter makes an account by a link. A link is used up with the account that it makes, or not
// at all.
func (e *Entrance) enter(ctx context.Context, kind Kind, secret string, n New, from netip.Addr, what string) (a Account, err error) {
	if err := e.tries.Knock(ctx, from); err != nil {
		return a, err
	}
	waits, err := e.links.Look(ctx, kind, secret)
	if err != nil {
		return a, err
	}
	for _, email := range []string{n.EMail, waits.EMail} { // it was sent to the second, where there is one
		if err := chosen(n.Password, Account{EMail: email}); err != nil {
			return a, err
		}
	}
	digest, err := e.passwords.digest(ctx, n.Password)
	if err != nil {
		return a, err
	}
	err = within(ctx, e.db, func(tx *sql.Tx) error {
		link, err := e.links.use(ctx, tx, kind, secret)
		if err != nil {
			return err
		}
		if link.EMail != "" {
			n.EMail = link.EMail // to whom it was sent
		}
		if n.Name == "" {
			n.Name = link.Name
		}
		a, err = e.people.insert(ctx, tx, Account{EMail: n.EMail, Name: n.Name, Role: link.Role, Member: link.Member, Language: n.Language}, digest)
		if err != nil {
			return err
		}
		return e.log.add(ctx, tx, By{a.ID, a.Name, from.String()}, what, string(a.Role)+" "+a.Member)
	})
	if err != nil {
		return a, err
	}
	return a, e.tries.Came(ctx, from)
}

// Invite makes a link by which somebody gets an account, and returns its secret.
func (e *Entrance) Invite(ctx context.Context, l Link, by By) (secret string, made Link, err error) {
	l.Kind, l.EMail, l.Maker = Invitation, plain(l.EMail), by.Account
	if l.EMail != "" {
		if _, err := e.people.ByEMail(ctx, l.EMail); err == nil {
			return "", l, wrong("email", "somebody signs in with %s here", l.EMail)
		}
	}
	probe := Account{EMail: l.EMail, Name: l.Name, Role: l.Role, Member: l.Member}
	if probe.EMail == "" {
		probe.EMail = "somebody@example.org"
	}
	if probe.Name == "" {
		probe.Name = "somebody"
	}
	if _, err := checked(probe); err != nil {
		return "", l, err
	}
	secret = rand.Text()
	if made, err = e.links.make(ctx, e.db, l, secret, invitationLasts); err != nil {
		return "", made, err
	}
	return secret, made, e.log.Add(ctx, by, Invited, string(l.Role)+" "+l.Member+" "+l.EMail)
}

// Recover makes a link by which somebody gets a new password, and returns its secret. by is
// who makes it, of the log.
func (e *Entrance) Recover(ctx context.Context, account string, by By) (secret string, made Link, err error) {
	a, err := e.people.Account(ctx, account)
	if err != nil {
		return "", made, err
	}
	secret = rand.Text()
	if made, err = e.links.make(ctx, e.db, Link{Kind: Recovery, Account: a.ID, EMail: a.EMail, Name: a.Name, Role: a.Role, Maker: by.Account}, secret, recoveryLasts); err != nil {
		return "", made, err
	}
	return secret, made, e.log.Add(ctx, by, RecoveryLinkMade, a.EMail)
}

// NewPassword is one that somebody chooses in the place of another.
type NewPassword struct {
	Password string
	// Alone takes away all else by which the account is come into: passkeys, accounts of other services,
	// and what it gave out, the keys of its programs and links that wait. Somebody else may have been in.
	Alone bool
}

// Reset gives an account a new password by a link, once, and ends its sessions.
func (e *Entrance) Reset(ctx context.Context, secret string, n NewPassword, from netip.Addr) (a Account, err error) {
	if err := e.tries.Knock(ctx, from); err != nil {
		return a, err
	}
	link, err := e.links.Look(ctx, Recovery, secret)
	if err != nil {
		return a, err
	}
	if err := chosen(n.Password, Account{EMail: link.EMail}); err != nil {
		return a, err
	}
	digest, err := e.passwords.digest(ctx, n.Password)
	if err != nil {
		return a, err
	}
	err = within(ctx, e.db, func(tx *sql.Tx) error {
		if _, err := e.links.use(ctx, tx, Recovery, secret); err != nil {
			return err
		}
		return e.repass(ctx, tx, repassing{link.Account, digest, n.Alone, By{link.Account, link.Name, from.String()}, Recovered})
	})
	if err != nil {
		return a, err
	}
	e.people.tell(link.Account)
	if a, err = e.people.Account(ctx, link.Account); err != nil {
		return a, err
	}
	return a, e.tries.Right(ctx, a.EMail, from)
}

// repassing is a change of a password.
type repassing struct {
	account, digest string
	alone           bool
	by              By
	what            string // of the log
}

// repass changes the password of an account with all that follows: its sessions are over, and
// links to it good for nothing.
func (e *Entrance) repass(ctx context.Context, tx *sql.Tx, r repassing) error {
	if err := some(tx.ExecContext(ctx, `UPDATE account SET password = ? WHERE id = ?`, r.digest, r.account)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE link SET used = ? WHERE account = ? AND used = 0`, e.clock().Unix(), r.account); err != nil {
		return err
	}
	if r.alone {
		if err := e.people.forget(ctx, tx, r.account, r.by); err != nil {
			return err
		}
	}
	return errors.Join(e.people.end(ctx, tx, r.account), e.log.add(ctx, tx, r.by, r.what, ""))
}

// Repass changes the own password, with the one of before, and ends all sessions. ErrWrong:
// that was not it.
func (e *Entrance) Repass(ctx context.Context, account, before string, n NewPassword, from netip.Addr) (Account, error) {
	a, err := e.people.Account(ctx, account)
	if err != nil {
		return a, err
	}
	if err := e.tries.Begin(ctx, a.EMail, from); err != nil {
		return a, err
	}
	var digest string
	if err := e.db.QueryRowContext(ctx, `SELECT password FROM account WHERE id = ?`, account).Scan(&digest); err != nil {
		return a, err
	}
	right, _, err := e.passwords.try(ctx, digest, before)
	if err != nil {
		return a, err
	}
	if !right {
		return a, errors.Join(ErrWrong, e.log.Add(ctx, By{account, a.Name, from.String()}, PasswordRefused, ""))
	}
	if err := chosen(n.Password, a); err != nil {
		return a, err
	}
	if digest, err = e.passwords.digest(ctx, n.Password); err != nil {
		return a, err
	}
	err = within(ctx, e.db, func(tx *sql.Tx) error {
		return e.repass(ctx, tx, repassing{account, digest, n.Alone, By{account, a.Name, from.String()}, PasswordChanged})
	})
	if err != nil {
		return a, err
	}
	e.people.tell(account)
	if a, err = e.people.Account(ctx, account); err != nil {
		return a, err
	}
	return a, e.tries.Right(ctx, a.EMail, from)
}
