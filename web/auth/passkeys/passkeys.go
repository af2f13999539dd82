// Package passkeys has people sign in with a passkey (WebAuthn): a device of theirs proves
// that it has the private key, and that its owner was there. Each ceremony is begun here and
// finished within minutes, once; what is kept of a passkey is in the book of accounts.
//
// A passkey belongs to the name of the site by which it was made. What is wrong with an
// answer is accounts.ErrWrong, joined with what exactly it was, for the log.
package passkeys

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

const (
	waits       = 5 * time.Minute // between a challenge and its answer
	mostWaiting = 1000
)

// Desk has people make passkeys and sign in with them. Use New. It is safe for concurrent
// use.
type Desk struct {
	called string // the community, as people call it
	book   *accounts.Book
	clock  func() time.Time

	mu      sync.Mutex
	waiting map[string]waiting // by the id of the ceremony
}

// waiting is a ceremony that was begun.
type waiting struct {
	session webauthn.SessionData
	account string // whose passkey is made; empty: somebody signs in
	site    Site
	until   time.Time
}

// Site is where somebody asks: a passkey is good for one name.
type Site struct {
	Name   string // of the host, without its port
	Origin string // as in https://hub.example
}

// New returns a desk of the passkeys in a book.
func New(called string, book *accounts.Book, clock func() time.Time) *Desk {
	return &Desk{called: called, book: book, clock: clock, waiting: map[string]waiting{}}
}

// Possible tells whether passkeys can be made for a name: an address is none.
func Possible(name string) bool { return name != "" && net.ParseIP(name) == nil }

func (d *Desk) at(s Site) (*webauthn.WebAuthn, error) {
	if !Possible(s.Name) {
		return nil, &accounts.FieldError{Field: "passkey", Text: "passkeys are for names, and " + s.Name + " is an address: ask for the pages by a name"}
	}
	return webauthn.New(&webauthn.Config{
		RPID: s.Name, RPDisplayName: d.called, RPOrigins: []string{s.Origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
	})
}

// Add begins to make a passkey of an account. It returns what the browser is asked.
func (d *Desk) Add(ctx context.Context, s Site, account string) (id string, options map[string]any, err error) {
	at, err := d.at(s)
	if err != nil {
		return "", nil, err
	}
	one, err := d.owner(ctx, account)
	if err != nil {
		return "", nil, err
	}
	creation, session, err := at.BeginRegistration(one, webauthn.WithExclusions(webauthn.Credentials(one.credentials).CredentialDescriptors()))
	if err != nil {
		return "", nil, err
	}
	return d.keep(waiting{*session, account, s, d.clock().Add(waits)}, creation.Response)
}

// Added keeps the passkey that a browser has made.
func (d *Desk) Added(ctx context.Context, id, account, name string, credential []byte) error {
	begun, err := d.take(id)
	if err != nil || begun.account != account {
		return errors.Join(accounts.ErrWrong, err)
	}
	at, err := d.at(begun.site)
	if err != nil {
		return err
	}
	one, err := d.owner(ctx, account)
	if err != nil {
		return err
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return errors.Join(accounts.ErrWrong, err)
	}
	made, err := at.CreateCredential(one, begun.session, answer)
	if err != nil {
		return errors.Join(accounts.ErrWrong, err)
	}
	data, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return d.book.Passkeys.Add(ctx, accounts.Passkey{ID: made.ID, Account: account, Name: name, Data: data})
}

// Ask begins to sign somebody in. It returns what the browser is asked.
func (d *Desk) Ask(s Site) (id string, options map[string]any, err error) {
	at, err := d.at(s)
	if err != nil {
		return "", nil, err
	}
	assertion, session, err := at.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", nil, err
	}
	return d.keep(waiting{*session, "", s, d.clock().Add(waits)}, assertion.Response)
}

// Answer returns whose passkey has answered.
func (d *Desk) Answer(ctx context.Context, id string, credential []byte) (account string, err error) {
	begun, err := d.take(id)
	if err != nil || begun.account != "" {
		return "", errors.Join(accounts.ErrWrong, err)
	}
	at, err := d.at(begun.site)
	if err != nil {
		return "", err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return "", errors.Join(accounts.ErrWrong, err)
	}
	user, used, err := at.ValidatePasskeyLogin(func(rawID, _ []byte) (webauthn.User, error) {
		account, err := d.book.Passkeys.Owner(ctx, rawID)
		if err != nil {
			return nil, err
		}
		return d.owner(ctx, account)
	}, begun.session, answer)
	if err != nil {
		return "", errors.Join(accounts.ErrWrong, err)
	}
	if used.Authenticator.CloneWarning {
		return "", errors.Join(accounts.ErrWrong, fmt.Errorf("a passkey of %s counts backwards: there may be a copy of it", user.WebAuthnName()))
	}
	data, err := json.Marshal(used)
	if err != nil {
		return "", err
	}
	return string(user.WebAuthnID()), d.book.Passkeys.Note(ctx, used.ID, data)
}

// keep keeps a ceremony until it is answered, and returns what the browser is asked.
func (d *Desk) keep(one waiting, asked any) (id string, options map[string]any, err error) {
	text, err := json.Marshal(asked)
	if err == nil {
		err = json.Unmarshal(text, &options)
	}
	if err != nil {
		return "", nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	for key, old := range d.waiting {
		if !now.Before(old.until) {
			delete(d.waiting, key)
		}
	}
	if len(d.waiting) >= mostWaiting {
		return "", nil, &accounts.WaitError{Wait: time.Minute}
	}
	id = rand.Text()
	d.waiting[id] = one
	return id, options, nil
}

// take returns a ceremony, which nobody else can answer from then on.
func (d *Desk) take(id string) (waiting, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one, known := d.waiting[id]
	delete(d.waiting, id)
	if !known || !d.clock().Before(one.until) {
		return waiting{}, errors.New("the challenge is not known, was answered, or is too old")
	}
	return one, nil
}

// owner is a person with their passkeys. It implements webauthn.User.
type owner struct {
	accounts.Account

	credentials []webauthn.Credential
}

func (d *Desk) owner(ctx context.Context, account string) (o owner, err error) {
	if o.Account, err = d.book.People.Account(ctx, account); err != nil {
		return o, err
	}
	kept, err := d.book.Passkeys.Of(ctx, account)
	for _, k := range kept {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Data, &c); err != nil {
			return o, fmt.Errorf("passkey %s of %s: %w", k.Name, o.EMail, err)
		}
		o.credentials = append(o.credentials, c)
	}
	return o, err
}

// WebAuthnID implements webauthn.User.
func (o owner) WebAuthnID() []byte { return []byte(o.ID) }

// WebAuthnName implements webauthn.User.
func (o owner) WebAuthnName() string { return o.EMail }

// WebAuthnDisplayName implements webauthn.User.
func (o owner) WebAuthnDisplayName() string { return strings.TrimSpace(o.Name) }

// WebAuthnCredentials implements webauthn.User.
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }
