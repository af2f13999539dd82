package accounts_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// cheap is what passwords cost in tests.
func cheap() accounts.Cost { return accounts.Cost{Memory: 64, Passes: 1, Threads: 1} }

// home and away are where people are.
func home() netip.Addr { return netip.MustParseAddr("192.0.2.1") }
func away() netip.Addr { return netip.MustParseAddr("198.51.100.9") }

// watch is a clock that stands still until it is moved.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func newWatch() *watch { return &watch{now: time.Now().Truncate(time.Second)} }

func (w *watch) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// open opens a book in a file, whose time is that of the watch.
func open(t *testing.T, path string, cost accounts.Cost, w *watch) *accounts.Book {
	t.Helper()
	if w == nil {
		w = newWatch()
	}
	book, err := accounts.Open(t.Context(), path, accounts.Options{Clock: w.Now, Cost: cost})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

const password = "three small words"

// member gives somebody an account.
func member(t *testing.T, book *accounts.Book, l accounts.Link) accounts.Account {
	t.Helper()
	secret, _, err := book.Entrance.Invite(t.Context(), l, accounts.By{Name: "the operator"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := book.Entrance.Accept(t.Context(), secret, accounts.New{Name: "Somebody", Password: password}, home())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ann(t *testing.T, book *accounts.Book) accounts.Account {
	t.Helper()
	return member(t, book, accounts.Link{EMail: "Ann@Elm.example ", Role: auth.Homeowner, Member: "ann"})
}

// TestWhoSignsIn takes the right password of an address in any case, and says of a wrong one
// what it says of an address that nobody has.
func TestWhoSignsIn(t *testing.T) {
	book := open(t, "", cheap(), nil)
	a := ann(t, book)
	if got, err := book.Entrance.SignIn(t.Context(), " ann@ELM.example", password, home()); err != nil || got.ID != a.ID || got.Principal() != (auth.Principal{Role: auth.Homeowner, Name: "Somebody", Member: "ann", Account: a.ID}) {
		t.Errorf("%+v, %v", got, err)
	}
	_, wrong := book.Entrance.SignIn(t.Context(), "ann@elm.example", password+"x", home())
	_, nobody := book.Entrance.SignIn(t.Context(), "bob@elm.example", password, home())
	_, none := book.Entrance.SignIn(t.Context(), "ann@elm.example", "", home())
	_, long := book.Entrance.SignIn(t.Context(), "ann@elm.example", strings.Repeat("x", 9999), home())
	for _, err := range []error{wrong, nobody, none, long} {
		if !errors.Is(err, accounts.ErrWrong) || err.Error() != wrong.Error() {
			t.Errorf("%v", err)
		}
	}
}

// TestASignInTakesTheSameForEverybody counts what a sign-in hashes: who has an account, with the right
// password or a wrong one, who has none, and who sends no password or one that is far too long, all
// have one password of the same length class tried, once and at the same cost. So how long it takes
// tells nobody whether there is an account, whatever else the machine does meanwhile.
func TestASignInTakesTheSameForEverybody(t *testing.T) {
	type hashed struct {
		cost        accounts.Cost
		salt, bytes int
	}
	var all []hashed
	book, err := accounts.Open(t.Context(), "", accounts.Options{Cost: cheap(), Hash: func(password, salt []byte, c accounts.Cost, bytes uint32) []byte {
		all = append(all, hashed{c, len(salt), int(bytes)})
		return accounts.Argon2id(password, salt, c, bytes)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	ann(t, book)
	for _, c := range []struct{ email, password string }{
		{"ann@elm.example", password},
		{"ann@elm.example", "wrong"},
		{"bob@elm.example", "wrong"},
		{"bob@elm.example", ""},
		{"ann@elm.example", ""},
		{"ann@elm.example", strings.Repeat("x", 9999)},
		{"bob@elm.example", strings.Repeat("x", 9999)},
	} {
		if err := book.Tries.Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = nil
		_, err := book.Entrance.SignIn(t.Context(), c.email, c.password, home())
		if right := c.password == password; right != (err == nil) || !right && !errors.Is(err, accounts.ErrWrong) {
			t.Fatal(err)
		}
		if len(all) != 1 || all[0] != (hashed{cheap(), 16, 32}) {
			t.Errorf("%s with %.10q: hashed %v", c.email, c.password, all)
		}
	}
}

// TestAPasswordIsMadeAnew when it costs something else now, and the old digest is gone.
func TestAPasswordIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.db")
	book := open(t, path, cheap(), nil)
	ann(t, book)
	before := digestOf(t, path)
	if !strings.HasPrefix(before, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(before, password) {
		t.Errorf("it keeps %s", before)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	book = open(t, path, accounts.Cost{Memory: 128, Passes: 2, Threads: 1}, nil)
	for range 2 {
		if _, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", password, home()); err != nil {
			t.Fatal(err)
		}
	}
	if after := digestOf(t, path); !strings.HasPrefix(after, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("it keeps %s", after)
	}
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	db, err := disk.ReadSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := disk.Column[string](t.Context(), db, `SELECT password FROM account`)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// TestWhoGuessesWaits tries wrong passwords: after some of them it waits, twice as long each
// time and not for ever, also over a restart; the owner signs in from elsewhere meanwhile,
// with the right password; and the wait says nothing of whether there is an account.
func TestWhoGuessesWaits(t *testing.T) {
	path, w := filepath.Join(t.TempDir(), "accounts.db"), newWatch()
	book := open(t, path, cheap(), w)
	ann(t, book)
	wait := func(email string, from netip.Addr) time.Duration {
		_, err := book.Entrance.SignIn(t.Context(), email, "wrong", from)
		if waits := (*accounts.WaitError)(nil); errors.As(err, &waits) {
			return waits.Wait
		}
		return 0
	}
	var all [2][]time.Duration
	for k, email := range []string{"ann@elm.example", "bob@elm.example"} {
		from := []netip.Addr{home(), netip.MustParseAddr("192.0.2.2")}[k]
		for range 40 {
			d := wait(email, from)
			all[k] = append(all[k], d)
			w.wait(d)
		}
	}
	var longest time.Duration
	for k := range all[0] {
		if all[0][k] != all[1][k] {
			t.Errorf("try %d: %s with an account, %s without", k, all[0][k], all[1][k])
		}
		longest = max(longest, all[0][k])
	}
	if all[0][4] != 0 || all[0][5] != time.Second || longest > time.Hour || longest < 10*time.Minute {
		t.Errorf("the waits are %v", all[0])
	}
	wait("ann@elm.example", home()) // counts, and makes it wait
	if _, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", password, home()); err == nil {
		t.Error("who has to wait signs in with the right password")
	}
	if _, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", password, away()); err != nil {
		t.Errorf("the owner is kept out elsewhere: %v", err)
	}
	for range 6 {
		wait("ann@elm.example", away())
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	book = open(t, path, cheap(), w)
	if wait("ann@elm.example", away()) == 0 {
		t.Error("after a restart nobody waits")
	}
	if err := book.Tries.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", password, away()); err != nil {
		t.Errorf("after the operator has forgotten the tries: %v", err)
	}
}

// TestManyGuessersDoNotKeepTheOwnerOut guesses from many addresses: the account is slowed down
// for seconds and no longer.
func TestManyGuessersDoNotKeepTheOwnerOut(t *testing.T) {
	w := newWatch()
	book := open(t, "", cheap(), w)
	ann(t, book)
	for k := range 300 {
		from := netip.AddrFrom4([4]byte{203, 0, byte(k / 250), byte(k % 250)})
		_, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", "wrong", from)
		if waits := (*accounts.WaitError)(nil); errors.As(err, &waits) && waits.Wait > 20*time.Second {
			t.Fatalf("guesser %d has it wait %s", k, waits.Wait)
		}
		w.wait(time.Second)
	}
	w.wait(20 * time.Second)
	if _, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", password, home()); err != nil {
		t.Errorf("the owner is kept out: %v", err)
	}
}

// TestGuessesAtOnceAreCounted makes many of them at the same moment.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	book := open(t, filepath.Join(t.TempDir(), "accounts.db"), cheap(), newWatch())
	ann(t, book)
	var tried sync.WaitGroup
	passed := make(chan error, 50)
	for range 50 {
		tried.Go(func() {
			_, err := book.Entrance.SignIn(context.WithoutCancel(t.Context()), "ann@elm.example", "wrong", home())
			passed <- err
		})
	}
	tried.Wait()
	close(passed)
	guesses := 0
	for err := range passed {
		if errors.Is(err, accounts.ErrWrong) {
			guesses++
		}
	}
	if guesses != 5 {
		t.Errorf("%d guesses at once were tried, want 5", guesses)
	}
}

// TestNeighboursOfIPv6 count as one.
func TestNeighboursOfIPv6(t *testing.T) {
	book := open(t, "", cheap(), newWatch())
	ann(t, book)
	waited := false
	for k := range 6 {
		from := netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 0, 0, 0, 1, 9: byte(k)})
		_, err := book.Entrance.SignIn(t.Context(), "ann@elm.example", "wrong", from)
		waits := (*accounts.WaitError)(nil)
		waited = errors.As(err, &waits)
	}
	if !waited {
		t.Error("who has many addresses of one line guesses with each of them")
	}
}

// TestTheFirstLink makes one account, of the operator, however many use it at once; it is the
// same after a restart until it is used or too old, and none is wanted then.
func TestTheFirstLink(t *testing.T) {
	path, w := filepath.Join(t.TempDir(), "accounts.db"), newWatch()
	book := open(t, path, cheap(), w)
	until, wanted, err := book.Entrance.FirstLink(t.Context(), "old")
	if err != nil || !wanted || until.Sub(w.Now()) > 8*24*time.Hour {
		t.Fatal(until, wanted, err)
	}
	w.wait(until.Sub(w.Now()))
	if _, err := book.Entrance.Begin(t.Context(), "old", accounts.New{EMail: "o@x.example", Name: "O", Password: password}, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("a link that is too old: %v", err)
	}
	if _, _, err := book.Entrance.FirstLink(t.Context(), "old"); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("a link that is too old is wanted: %v", err)
	}
	if _, _, err := book.Entrance.FirstLink(t.Context(), "new"); err != nil {
		t.Fatal(err)
	}
	_ = book.Close()
	book = open(t, path, accounts.Cost{Memory: 8 << 10, Passes: 3, Threads: 1}, w) // so that all look before one is done
	if waits, err := book.Links.HasFirst(t.Context()); err != nil || !waits {
		t.Errorf("after a restart it waits %t, %v", waits, err)
	}
	if _, err := book.Entrance.Begin(t.Context(), "new", accounts.New{EMail: "o@x.example", Name: "O", Password: "short"}, home()); !fieldIs(err, "password") {
		t.Errorf("a short password: %v", err)
	}
	var came sync.WaitGroup
	made := make(chan accounts.Account, 8)
	for k := range 8 {
		came.Go(func() {
			n := accounts.New{EMail: string(rune('a'+k)) + "@x.example", Name: "O", Password: password}
			if a, err := book.Entrance.Begin(context.WithoutCancel(t.Context()), "new", n, home()); err == nil {
				made <- a
			} else if !errors.Is(err, accounts.ErrWrong) {
				t.Errorf("%v", err)
			}
		})
	}
	came.Wait()
	close(made)
	if all, err := book.People.Accounts(t.Context()); err != nil || len(all) != 1 || len(made) != 1 || all[0].Role != auth.Operator {
		t.Errorf("%d accounts, %d made, %v", len(all), len(made), err)
	}
	if _, wanted, err := book.Entrance.FirstLink(t.Context(), "another"); err != nil || wanted {
		t.Errorf("with an operator another is wanted: %t, %v", wanted, err)
	}
	if waits, err := book.Links.HasFirst(t.Context()); err != nil || waits {
		t.Errorf("with an operator it waits %t, %v", waits, err)
	}
}

func fieldIs(err error, field string) bool {
	wrong := (*accounts.FieldError)(nil)
	return errors.As(err, &wrong) && wrong.Field == field
}

// TestAnInvitation is for whom it was made, once, for a while, and until it is withdrawn.
func TestAnInvitation(t *testing.T) {
	w := newWatch()
	book := open(t, "", cheap(), w)
	invite := func(l accounts.Link) (string, accounts.Link) {
		secret, made, err := book.Entrance.Invite(t.Context(), l, accounts.By{})
		if err != nil {
			t.Fatal(err)
		}
		return secret, made
	}
	n := accounts.New{EMail: "eve@x.example", Name: "Eve", Password: password}
	secret, _ := invite(accounts.Link{EMail: "ann@x.example", Role: auth.Homeowner, Member: "ann"})
	if _, err := book.Entrance.Reset(t.Context(), secret, accounts.NewPassword{Password: password}, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("an invitation changes a password: %v", err)
	}
	a, err := book.Entrance.Accept(t.Context(), secret, n, home())
	if err != nil || a.EMail != "ann@x.example" || a.Role != auth.Homeowner || a.Member != "ann" {
		t.Errorf("it made %+v, %v", a, err)
	}
	if _, err := book.Entrance.Accept(t.Context(), secret, n, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("used again: %v", err)
	}
	secret, made := invite(accounts.Link{Role: auth.Utility})
	if err := book.Links.Withdraw(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.Accept(t.Context(), secret, n, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("withdrawn: %v", err)
	}
	secret, _ = invite(accounts.Link{Role: auth.Utility})
	taken := n
	taken.EMail = "ANN@x.example"
	if _, err := book.Entrance.Accept(t.Context(), secret, taken, home()); !fieldIs(err, "email") {
		t.Errorf("with an address that somebody has: %v", err)
	}
	if _, err := book.Links.Look(t.Context(), accounts.Invitation, secret); err != nil {
		t.Errorf("an account that was not made used the link up: %v", err)
	}
	w.wait(15 * 24 * time.Hour)
	if _, err := book.Entrance.Accept(t.Context(), secret, n, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("too old: %v", err)
	}
	for field, l := range map[string]accounts.Link{
		"role": {Role: "viewer"}, "member": {Role: auth.Homeowner}, "email": {Role: auth.Utility, EMail: "no address"},
	} {
		if _, _, err := book.Entrance.Invite(t.Context(), l, accounts.By{}); !fieldIs(err, field) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, _, err := book.Entrance.Invite(t.Context(), accounts.Link{Role: auth.Utility, Member: "ann"}, accounts.By{}); !fieldIs(err, "member") {
		t.Errorf("a utility with a home: %v", err)
	}
}

// TestASessionEnds when the password, the role or the member changes, when the account is
// removed, when it is not used, and when it is over; a touch opens none that is closed.
func TestASessionEnds(t *testing.T) {
	w := newWatch()
	book := open(t, filepath.Join(t.TempDir(), "accounts.db"), cheap(), w)
	a := ann(t, book)
	member(t, book, accounts.Link{EMail: "o@x.example", Role: auth.Operator})
	var told []string
	book.People.OnEnd(func(account string) { told = append(told, account) })
	begin := func() {
		if err := book.Sessions.CommitCtx(t.Context(), "token", []byte("data"), w.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := book.Sessions.Own(t.Context(), "token", auth.Owner{Account: a.ID, Idle: 4 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	open := func() bool {
		_, found, err := book.Sessions.FindCtx(t.Context(), "token")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for name, end := range map[string]func() error{
		"password": func() error {
			_, err := book.Entrance.Repass(t.Context(), a.ID, password, accounts.NewPassword{Password: password + "!"}, home())
			if err == nil {
				_, err = book.Entrance.Repass(t.Context(), a.ID, password+"!", accounts.NewPassword{Password: password}, home())
			}
			return err
		},
		"recovery": func() error {
			secret, _, err := book.Entrance.Recover(t.Context(), a.ID, accounts.By{})
			if err == nil {
				_, err = book.Entrance.Reset(t.Context(), secret, accounts.NewPassword{Password: password}, home())
			}
			return err
		},
		"role":   func() error { return book.People.Entitle(t.Context(), a.ID, auth.Utility, "", accounts.By{}) },
		"member": func() error { return book.People.Entitle(t.Context(), a.ID, auth.Homeowner, "bob", accounts.By{}) },
	} {
		begin()
		_, before, _ := book.ForSessions().Current(t.Context(), a.ID)
		told = nil
		if err := end(); err != nil {
			t.Fatal(name, err)
		}
		_, after, _ := book.ForSessions().Current(t.Context(), a.ID)
		if open() || len(told) == 0 || told[0] != a.ID || after <= before {
			t.Errorf("%s: the session is open: %t, told %v, epoch %d after %d", name, open(), told, after, before)
		}
	}
	begin()
	for range 5 {
		w.wait(3 * time.Hour)
		if err := book.Sessions.Touch(t.Context(), "token"); err != nil {
			t.Fatal(err)
		}
		if !open() {
			t.Error("one that is used is over")
		}
	}
	w.wait(4*time.Hour + time.Second)
	if open() {
		t.Error("one that is not used is open")
	}
	begin()
	for range 8 {
		w.wait(3 * time.Hour)
		_ = book.Sessions.Touch(t.Context(), "token")
	}
	if open() {
		t.Error("one that is over is open, because it was used")
	}
	begin()
	if err := book.Sessions.DeleteCtx(t.Context(), "token"); err != nil {
		t.Fatal(err)
	}
	if err := book.Sessions.Touch(t.Context(), "token"); err != nil || open() {
		t.Errorf("a touch opened it: %v", err)
	}
	begin()
	if err := book.People.Remove(t.Context(), a.ID, accounts.By{}); err != nil || open() {
		t.Errorf("of an account that is gone: %t, %v", open(), err)
	}
	if _, _, err := book.ForSessions().Current(t.Context(), a.ID); !errors.Is(err, auth.ErrNobody) {
		t.Errorf("it is somebody's: %v", err)
	}
}

// TestALinkToRecover is good once and for an hour, and for nothing when the password was
// changed otherwise meanwhile.
func TestALinkToRecover(t *testing.T) {
	w := newWatch()
	book := open(t, "", cheap(), w)
	a := ann(t, book)
	link := func() string {
		secret, _, err := book.Entrance.Recover(t.Context(), a.ID, accounts.By{})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	one, other := link(), link()
	if _, err := book.Entrance.Reset(t.Context(), one, accounts.NewPassword{Password: "another few words"}, home()); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{one, other, "", "guess"} {
		if _, err := book.Entrance.Reset(t.Context(), secret, accounts.NewPassword{Password: "eve's few words"}, away()); !errors.Is(err, accounts.ErrWrong) {
			t.Errorf("%q after that: %v", secret, err)
		}
	}
	old := link()
	w.wait(time.Hour)
	if _, err := book.Entrance.Reset(t.Context(), old, accounts.NewPassword{Password: "eve's few words"}, away()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("too old: %v", err)
	}
	if _, err := book.Entrance.SignIn(t.Context(), a.EMail, "another few words", home()); err != nil {
		t.Error(err)
	}
}

// TestTheLastOperatorStays one.
func TestTheLastOperatorStays(t *testing.T) {
	book := open(t, "", cheap(), nil)
	o := member(t, book, accounts.Link{EMail: "o@x.example", Role: auth.Operator})
	if err := book.People.Entitle(t.Context(), o.ID, auth.Utility, "", accounts.By{}); !fieldIs(err, "role") {
		t.Errorf("another role: %v", err)
	}
	if err := book.People.Remove(t.Context(), o.ID, accounts.By{}); !fieldIs(err, "role") {
		t.Errorf("removed: %v", err)
	}
	if a, err := book.People.Account(t.Context(), o.ID); err != nil || a.Role != auth.Operator {
		t.Errorf("%+v, %v", a, err)
	}
	member(t, book, accounts.Link{EMail: "p@x.example", Role: auth.Operator})
	if err := book.People.Remove(t.Context(), o.ID, accounts.By{}); err != nil {
		t.Errorf("with another: %v", err)
	}
}

// TestAKeyIsGoodForItsScopes and its member, and for nothing when it is removed.
func TestAKeyIsGoodForItsScopes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.db")
	book := open(t, path, cheap(), nil)
	made := func(scopes ...accounts.Scope) (string, accounts.Key) {
		secret, k, err := book.Keys.Make(t.Context(), accounts.Key{Name: "a program", Member: "ann", Scopes: scopes}, accounts.By{Name: "Ann"})
		if err != nil {
			t.Fatal(err)
		}
		return secret, k
	}
	looking := []auth.Role{auth.Homeowner, auth.Viewer, auth.Trader, auth.TraderLooks}
	everybody := []auth.Role{auth.Viewer, auth.Trader, auth.TraderLooks} // not for homeowners
	trading, orders := []auth.Role{auth.Trader}, []auth.Role{auth.Trader, auth.TraderLooks}
	limiting := []auth.Role{auth.Homeowner, auth.TraderLimits}
	for _, c := range []struct {
		scope                                       accounts.Scope
		looks, all, trades, listsOrders, setsLimits auth.Role
	}{
		{accounts.Read, auth.Homeowner, "", "", auth.Trader, ""},
		{accounts.Trade, auth.Homeowner, "", auth.Trader, auth.Trader, ""},
		{accounts.Limits, "", "", "", "", auth.Homeowner},
	} {
		secret, kept := made(c.scope)
		for k, schemes := range [][]auth.Role{looking, everybody, trading, orders, limiting} {
			p, known, err := book.Keys.Find(t.Context(), secret, schemes)
			if want := []auth.Role{c.looks, c.all, c.trades, c.listsOrders, c.setsLimits}[k]; err != nil || p.Role != want || known != (want != "") || known && (p.Member != "ann" || p.Person()) {
				t.Errorf("%s for %v: %+v, %v", c.scope, schemes, p, err)
			}
			if _, known, _ := book.Keys.Find(t.Context(), secret+"x", schemes); known {
				t.Errorf("a wrong key is good for %v", schemes)
			}
		}
		if err := book.Keys.Remove(t.Context(), kept.ID, "bob", accounts.By{}); !errors.Is(err, accounts.ErrNone) {
			t.Errorf("bob removes it: %v", err)
		}
		if err := book.Keys.Remove(t.Context(), kept.ID, "ann", accounts.By{}); err != nil {
			t.Error(err)
		}
		if _, known, _ := book.Keys.Find(t.Context(), secret, append(looking, auth.TraderLimits)); known {
			t.Errorf("%s: removed, and good", c.scope)
		}
	}
	secret, _ := made(accounts.Read)
	db, err := disk.ReadSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if found, err := disk.Column[int](t.Context(), db, `SELECT count(*) FROM key WHERE instr(digest, ?) OR instr(name, ?) OR instr(id, ?)`, secret, secret, secret); err != nil || found[0] != 0 {
		t.Errorf("the key itself is kept: %v, %v", found, err)
	}
}

// TestTheLogIsOnlyAddedTo tells what was done, the newest first, and lets nobody change or
// remove it.
func TestTheLogIsOnlyAddedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.db")
	book := open(t, path, cheap(), nil)
	ann(t, book)
	_, _ = book.Entrance.SignIn(t.Context(), "ann@elm.example", "wrong", away())
	_, _ = book.Entrance.SignIn(t.Context(), "ann@elm.example", password, home())
	all, err := book.Log.Before(t.Context(), 0)
	if err != nil || len(all) != 4 || all[0].What != accounts.SignedIn || all[0].By.From != "192.0.2.1" || all[1].What != accounts.SignInRefused || all[1].By.From != "198.51.100.9" || all[3].By.Name != "the operator" {
		t.Errorf("%+v, %v", all, err)
	}
	if before, err := book.Log.Before(t.Context(), all[1].Number); err != nil || len(before) != 2 {
		t.Errorf("before the second %+v, %v", before, err)
	}
	db, err := disk.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{`DELETE FROM log`, `UPDATE log SET what = 'nothing'`} {
		if _, err := db.ExecContext(t.Context(), query); err == nil {
			t.Errorf("%s was carried out", query)
		}
	}
}

// TestWhoIsNoOperatorAnyMore comes in by nothing that was prepared before: invitations and links to
// passwords that an operator made are good for nothing once the operator has another role or is
// removed, and keys of programs neither. What another operator made stays.
func TestWhoIsNoOperatorAnyMore(t *testing.T) {
	for name, leave := range map[string]func(book *accounts.Book, id string) error{
		"another role": func(book *accounts.Book, id string) error {
			return book.People.Entitle(t.Context(), id, auth.Utility, "", accounts.By{Name: "another"})
		},
		"removed": func(book *accounts.Book, id string) error {
			return book.People.Remove(t.Context(), id, accounts.By{Name: "another"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := open(t, "", cheap(), nil)
			eve := member(t, book, accounts.Link{EMail: "eve@x.example", Role: auth.Operator})
			olga := member(t, book, accounts.Link{EMail: "olga@x.example", Role: auth.Operator})
			a := ann(t, book)
			made := func(by accounts.Account) (invitation, recovery, key string) {
				who := accounts.By{Account: by.ID, Name: by.Name}
				invitation, _, err1 := book.Entrance.Invite(t.Context(), accounts.Link{Role: auth.Operator}, who)
				recovery, _, err2 := book.Entrance.Recover(t.Context(), a.ID, who)
				key, _, err3 := book.Keys.Make(t.Context(), accounts.Key{Name: "k", Member: "ann", Scopes: []accounts.Scope{accounts.Read}}, who)
				if err := errors.Join(err1, err2, err3); err != nil {
					t.Fatal(err)
				}
				return invitation, recovery, key
			}
			good := func(invitation, recovery, key string) [3]bool {
				_, err1 := book.Links.Look(t.Context(), accounts.Invitation, invitation)
				_, err2 := book.Links.Look(t.Context(), accounts.Recovery, recovery)
				_, known, err := book.Keys.Find(t.Context(), key, []auth.Role{auth.TraderLooks})
				if err != nil {
					t.Fatal(err)
				}
				return [3]bool{err1 == nil, err2 == nil, known}
			}
			i, r, k := made(eve)
			ofOlga := [3]string{}
			ofOlga[0], ofOlga[1], ofOlga[2] = made(olga)
			if good(i, r, k) != [3]bool{true, true, true} {
				t.Fatal("they are good for nothing")
			}
			if err := leave(book, eve.ID); err != nil {
				t.Fatal(err)
			}
			if got := good(i, r, k); got != [3]bool{} {
				t.Errorf("invitation, recovery and key are still good: %v", got)
			}
			if got := good(ofOlga[0], ofOlga[1], ofOlga[2]); got != [3]bool{true, true, true} {
				t.Errorf("another's are good for nothing: %v", got)
			}
		})
	}
}

// TestAKeyOfTheHomeOfBefore looks into it no more when its maker has another home.
func TestAKeyOfTheHomeOfBefore(t *testing.T) {
	book := open(t, "", cheap(), nil)
	a := ann(t, book)
	key, _, err := book.Keys.Make(t.Context(), accounts.Key{Name: "k", Member: "ann", Scopes: []accounts.Scope{accounts.Read}}, accounts.By{Account: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := book.People.Entitle(t.Context(), a.ID, auth.Homeowner, "bob", accounts.By{}); err != nil {
		t.Fatal(err)
	}
	if p, known, err := book.Keys.Find(t.Context(), key, []auth.Role{auth.TraderLooks}); known || err != nil {
		t.Errorf("it is %+v, %v", p, err)
	}
}

// TestTheAddressOfAnInvitationIsNoPassword of who was invited by it, whatever address they give.
func TestTheAddressOfAnInvitationIsNoPassword(t *testing.T) {
	book := open(t, "", cheap(), nil)
	secret, _, err := book.Entrance.Invite(t.Context(), accounts.Link{EMail: "ann@elm.example", Role: auth.Utility}, accounts.By{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.Accept(t.Context(), secret, accounts.New{EMail: "other@x.example", Name: "Ann", Password: "ann@elm.example"}, home()); !fieldIs(err, "password") {
		t.Errorf("%v", err)
	}
}

// TestWhatConcernsAnAccountIsLogged: a wrong password of before, and a new name.
func TestWhatConcernsAnAccountIsLogged(t *testing.T) {
	book := open(t, "", cheap(), nil)
	a := ann(t, book)
	if _, err := book.Entrance.Repass(t.Context(), a.ID, "wrong", accounts.NewPassword{Password: password + "!"}, home()); !errors.Is(err, accounts.ErrWrong) {
		t.Fatal(err)
	}
	if err := book.People.Rename(t.Context(), a.ID, "Ann II", "de", accounts.By{Account: a.ID, Name: a.Name}); err != nil {
		t.Fatal(err)
	}
	log, err := book.Log.Before(t.Context(), 0)
	if err != nil || len(log) < 2 || log[0].What != accounts.Renamed || log[0].About != "Ann II" || log[1].What != accounts.PasswordRefused || log[1].By.From != home().String() {
		t.Errorf("%+v, %v", log, err)
	}
}
