package passkeys_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/passkeys"
)

// community is one to which people sign in with passkeys.
type community struct {
	t    *testing.T
	book *accounts.Book
	desk *passkeys.Desk
	now  time.Time
}

var elm = passkeys.Site{Name: "elm.example", Origin: "https://elm.example"}

func newCommunity(t *testing.T) *community {
	t.Helper()
	book, err := accounts.Open(t.Context(), "", accounts.Options{Cost: accounts.Cost{Memory: 64, Passes: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	c := &community{t: t, book: book, now: time.Now()}
	c.desk = passkeys.New("Elm Street", book, func() time.Time { return c.now })
	return c
}

// account gives somebody an account, and returns its id.
func (c *community) account(name string) string {
	c.t.Helper()
	secret, _, err := c.book.Entrance.Invite(c.t.Context(), accounts.Link{EMail: name + "@elm.example", Name: name, Role: auth.Utility}, accounts.By{})
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := c.book.Entrance.Accept(c.t.Context(), secret, accounts.New{Password: "three small words"}, netip.Addr{})
	if err != nil {
		c.t.Fatal(err)
	}
	return a.ID
}

// add has an account make a passkey.
func (c *community) add(account string, a *authenticator) error {
	c.t.Helper()
	id, options, err := c.desk.Add(c.t.Context(), elm, account)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.desk.Added(c.t.Context(), id, account, "a phone", a.create(options, elm.Origin))
}

// ask begins to sign somebody in.
func (c *community) ask() (id string, options map[string]any) {
	c.t.Helper()
	id, options, err := c.desk.Ask(elm)
	if err != nil {
		c.t.Fatal(err)
	}
	return id, options
}

// signIn returns who signs in by an authenticator.
func (c *community) signIn(a *authenticator) (account string, err error) {
	c.t.Helper()
	id, options := c.ask()
	return c.desk.Answer(c.t.Context(), id, a.get(options, elm.Origin))
}

// TestWhoHasAPasskeySignsIn makes two people's passkeys and signs in with each: again and again, by
// the same phone, and whose it is follows from the passkey alone.
func TestWhoHasAPasskeySignsIn(t *testing.T) {
	c := newCommunity(t)
	for _, name := range []string{"ann", "bob"} {
		id, phone := c.account(name), newAuthenticator(t)
		if err := c.add(id, phone); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := c.signIn(phone); err != nil || got != id {
				t.Errorf("%s signs in as %s, %v, want %s", name, got, err, id)
			}
		}
		kept, err := c.book.Passkeys.Of(t.Context(), id)
		if err != nil || len(kept) != 1 || kept[0].Name != "a phone" {
			t.Errorf("%+v, %v", kept, err)
		}
	}
}

// TestWhoIsNotLetInByAPasskey spoils one thing each of what has to be right.
func TestWhoIsNotLetInByAPasskey(t *testing.T) {
	for name, spoil := range map[string]func(c *community, a *authenticator){
		"another site's page":               func(_ *community, a *authenticator) { a.origin = "https://evil.example" },
		"the same name at another port":     func(_ *community, a *authenticator) { a.origin = "https://elm.example:8443" },
		"without TLS":                       func(_ *community, a *authenticator) { a.origin = "http://elm.example" },
		"another site's passkey":            func(_ *community, a *authenticator) { a.site = "evil.example" },
		"an answer to another question":     func(_ *community, a *authenticator) { a.challenge = b64([]byte("0123456789abcdef0123456789abcdef")) },
		"an answer to the making of one":    func(_ *community, a *authenticator) { a.kind = "webauthn.create" },
		"another's signature":               func(_ *community, a *authenticator) { a.signs = newKey(a.t) },
		"nobody was there":                  func(_ *community, a *authenticator) { a.absent = true },
		"it is not known who was there":     func(_ *community, a *authenticator) { a.unverified = true },
		"a passkey that nobody has made":    func(_ *community, a *authenticator) { a.id = []byte("another") },
		"as another than it was made for":   func(c *community, a *authenticator) { a.owner = []byte(c.account("bob")) },
		"a copy that counts behind":         func(_ *community, a *authenticator) { a.counter = 3 },
		"one that was taken away since":     func(c *community, a *authenticator) { c.remove(a) },
		"an account that was removed since": func(c *community, a *authenticator) { c.removeAccount(string(a.owner)) },
	} {
		t.Run(name, func(t *testing.T) {
			c, phone := newCommunity(t), newAuthenticator(t)
			id := c.account("ann")
			c.operator()
			phone.counter = 10
			if err := c.add(id, phone); err != nil {
				t.Fatal(err)
			}
			if got, err := c.signIn(phone); err != nil || got != id {
				t.Fatal(got, err)
			}
			spoil(c, phone)
			if got, err := c.signIn(phone); !errors.Is(err, accounts.ErrWrong) || got != "" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func (c *community) remove(a *authenticator) {
	if err := c.book.Passkeys.Remove(c.t.Context(), string(a.owner), a.id); err != nil {
		c.t.Fatal(err)
	}
}

func (c *community) removeAccount(id string) {
	if err := c.book.People.Remove(c.t.Context(), id, accounts.By{}); err != nil {
		c.t.Fatal(err)
	}
}

// operator makes one, who stays.
func (c *community) operator() {
	secret, _, err := c.book.Entrance.Invite(c.t.Context(), accounts.Link{EMail: "o@elm.example", Name: "O", Role: auth.Operator}, accounts.By{})
	if err == nil {
		_, err = c.book.Entrance.Accept(c.t.Context(), secret, accounts.New{Password: "three small words"}, netip.Addr{})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// TestAnAnswerIsGoodOnce, in time, and for what was asked.
func TestAnAnswerIsGoodOnce(t *testing.T) {
	c, phone := newCommunity(t), newAuthenticator(t)
	ann, bob := c.account("ann"), c.account("bob")
	if err := c.add(ann, phone); err != nil {
		t.Fatal(err)
	}
	id, options := c.ask()
	answer := phone.get(options, elm.Origin)
	if got, err := c.desk.Answer(t.Context(), id, answer); err != nil || got != ann {
		t.Fatal(got, err)
	}
	if got, err := c.desk.Answer(t.Context(), id, answer); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("again: %q, %v", got, err)
	}
	another, _ := c.ask()
	if got, err := c.desk.Answer(t.Context(), another, answer); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("to another question: %q, %v", got, err)
	}
	id, options = c.ask()
	c.now = c.now.Add(5 * time.Minute)
	if got, err := c.desk.Answer(t.Context(), id, phone.get(options, elm.Origin)); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("too late: %q, %v", got, err)
	}
	id, options, err := c.desk.Add(t.Context(), elm, ann)
	if err != nil {
		t.Fatal(err)
	}
	tablet := newAuthenticator(t)
	made := tablet.create(options, elm.Origin)
	if err := c.desk.Added(t.Context(), id, bob, "ann's tablet", made); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("what ann was asked makes a passkey of bob: %v", err)
	}
	if err := c.desk.Added(t.Context(), id, ann, "a tablet", made); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("the question was answered before: %v", err)
	}
	if kept, err := c.book.Passkeys.Of(t.Context(), bob); err != nil || len(kept) > 0 {
		t.Errorf("bob has %v, %v", kept, err)
	}
}

// TestAPasskeyIsMadeWhereItIsAskedFor: nothing that another page asked for, or that nobody was there
// for, is kept, and a passkey that there is is not made again.
func TestAPasskeyIsMadeWhereItIsAskedFor(t *testing.T) {
	c := newCommunity(t)
	ann := c.account("ann")
	for name, spoil := range map[string]func(a *authenticator){
		"another site's page":           func(a *authenticator) { a.origin = "https://evil.example" },
		"another site's passkey":        func(a *authenticator) { a.site = "evil.example" },
		"an answer to another question": func(a *authenticator) { a.challenge = b64([]byte("0123456789abcdef0123456789abcdef")) },
		"a sign-in":                     func(a *authenticator) { a.kind = "webauthn.get" },
		"nobody was there":              func(a *authenticator) { a.absent = true },
		"it is not known who was there": func(a *authenticator) { a.unverified = true },
	} {
		phone := newAuthenticator(t)
		spoil(phone)
		if err := c.add(ann, phone); !errors.Is(err, accounts.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	phone := newAuthenticator(t)
	if err := c.add(ann, phone); err != nil {
		t.Fatal(err)
	}
	_, options, err := c.desk.Add(context.WithoutCancel(t.Context()), elm, ann)
	if excluded, _ := options["excludeCredentials"].([]any); err != nil || len(excluded) != 1 || excluded[0].(map[string]any)["id"] != b64(phone.id) {
		t.Errorf("%v are left out, %v", options["excludeCredentials"], err)
	}
	if kept, err := c.book.Passkeys.Of(t.Context(), ann); err != nil || len(kept) != 1 {
		t.Errorf("%v, %v", kept, err)
	}
}

// TestAnAddressHasNoPasskeys, since a passkey belongs to a name.
func TestAnAddressHasNoPasskeys(t *testing.T) {
	c := newCommunity(t)
	for _, name := range []string{"", "192.0.2.1", "::1"} {
		if _, _, err := c.desk.Ask(passkeys.Site{Name: name, Origin: "https://" + name}); err == nil {
			t.Errorf("%q", name)
		}
	}
}

// TestAPasskeyIsItsOwnersAlone has ann's phone answer in bob's place in each way in which it can: by the name that
// bob has here, by the id of his passkey, by both, and by an id of its own that bob's passkey has. It signs nobody in,
// and what was ann's stays hers.
func TestAPasskeyIsItsOwnersAlone(t *testing.T) {
	c, anns, bobs := newCommunity(t), newAuthenticator(t), newAuthenticator(t)
	ann, bob := c.account("ann"), c.account("bob")
	if err := errors.Join(c.add(ann, anns), c.add(bob, bobs)); err != nil {
		t.Fatal(err)
	}
	id, owner := anns.id, anns.owner
	for name, as := range map[string]func(){
		"bob's name":      func() { anns.owner = bobs.owner },
		"bob's id":        func() { anns.id = bobs.id },
		"bob's both":      func() { anns.id, anns.owner = bobs.id, bobs.owner },
		"nobody's name":   func() { anns.owner = []byte("nobody") },
		"another account": func() { anns.owner = []byte(c.account("cy")) },
	} {
		as()
		got, err := c.signIn(anns)
		if !errors.Is(err, accounts.ErrWrong) || got != "" {
			t.Errorf("%s: signs in as %q, %v", name, got, err)
		}
		anns.id, anns.owner = id, owner
	}
	stolen := newAuthenticator(t)
	stolen.id = bobs.id
	if err := c.add(ann, stolen); err == nil {
		t.Error("ann's account has the id of bob's passkey")
	}
	for want, phone := range map[string]*authenticator{ann: anns, bob: bobs} {
		if got, err := c.signIn(phone); err != nil || got != want {
			t.Errorf("after all that %q signs in, %v, want %q", got, err, want)
		}
	}
}
