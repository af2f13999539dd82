package accounts_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// TestAKeyEnds when its days are over, to the second, and not before; how many days it may have is bounded,
// and where nothing is said it has a year's. What has ended stays in the list, with its end.
func TestAKeyEnds(t *testing.T) {
	w := newWatch()
	book := open(t, "", cheap(), w)
	made := func(days int) (string, accounts.Key, error) {
		k := accounts.Key{Name: "a program", Member: "ann", Scopes: []accounts.Scope{accounts.Trade}}
		if days != 0 {
			k.Ends = w.Now().Add(time.Duration(days) * 24 * time.Hour)
		}
		return book.Keys.Make(t.Context(), k, accounts.By{})
	}
	for _, days := range []int{-1, accounts.MostKeyDays + 1} {
		if _, _, err := made(days); !fieldIs(err, "days") {
			t.Errorf("of %d days: %v", days, err)
		}
	}
	for days, want := range map[int]int{1: 1, 0: accounts.UsualKeyDays, accounts.MostKeyDays: accounts.MostKeyDays} {
		began := w.Now()
		secret, k, err := made(days)
		if err != nil || !k.Ends.Equal(began.Add(time.Duration(want)*24*time.Hour)) {
			t.Fatalf("%+v, %v", k, err)
		}
		for _, after := range []struct {
			at   time.Time
			good bool
		}{{k.Ends.Add(-time.Second), true}, {k.Ends, false}, {k.Ends.Add(time.Hour), false}} {
			w.wait(after.at.Sub(w.Now()))
			for _, schemes := range [][]auth.Role{{auth.Trader}, {auth.Trader, auth.TraderLooks}, {auth.Homeowner, auth.Trader}} {
				if p, known, err := book.Keys.Find(t.Context(), secret, schemes); known != after.good || err != nil || !known && p != (auth.Principal{}) {
					t.Errorf("%d days, %s before its end, for %v: %+v, %v", days, k.Ends.Sub(after.at), schemes, p, err)
				}
			}
		}
		kept, err := book.Keys.Of(t.Context(), "ann")
		if err != nil || len(kept) != 1 || !kept[0].Ends.Equal(k.Ends) {
			t.Errorf("kept %+v, %v", kept, err)
		}
		if err := book.Keys.Remove(t.Context(), k.ID, "", accounts.By{}); err != nil {
			t.Fatal(err)
		}
		w.wait(began.Sub(w.Now()))
	}
}

// TestAnAccountElsewhereIsBoundOnce to one account here, by service and name: it is another one where
// either differs. Who has one of a service takes it away first, and only its owner does; with the account it
// is gone.
func TestAnAccountElsewhereIsBoundOnce(t *testing.T) {
	book := open(t, "", cheap(), nil)
	member(t, book, accounts.Link{EMail: "o@x.example", Role: auth.Operator})
	a := ann(t, book)
	b := member(t, book, accounts.Link{EMail: "bob@elm.example", Role: auth.Homeowner, Member: "bob"})
	bind := func(issuer, subject, account string) error {
		return book.Identities.Bind(t.Context(), accounts.Identity{Issuer: issuer, Subject: subject, EMail: "x@x.example", Account: account}, accounts.By{Account: account})
	}
	for _, c := range []struct {
		issuer, subject, account string
		want                     error
	}{
		{"https://one.example", "1", a.ID, nil},
		{"https://one.example", "1", a.ID, nil}, // again
		{"https://one.example", "1", b.ID, accounts.ErrBound},
		{"https://one.example", "2", a.ID, accounts.ErrBound},
		{"https://two.example", "1", b.ID, nil},
		{"https://two.example", "2", a.ID, nil},
		{"https://two.example", "2", b.ID, accounts.ErrBound},
	} {
		if err := bind(c.issuer, c.subject, c.account); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for name, want := range map[string]string{"https://one.example 1": a.ID, "https://two.example 2": a.ID, "https://two.example 1": b.ID, "https://one.example 2": "", "1 https://one.example": ""} {
		issuer, subject, _ := strings.Cut(name, " ")
		if got, err := book.Identities.Owner(t.Context(), issuer, subject); got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, accounts.ErrNone) {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
	anns, err := book.Identities.Of(t.Context(), a.ID)
	if err != nil || len(anns) != 2 {
		t.Fatalf("%+v, %v", anns, err)
	}
	if err := book.Identities.Remove(t.Context(), b.ID, anns[0].ID, accounts.By{}); !errors.Is(err, accounts.ErrNone) {
		t.Errorf("bob takes ann's away: %v", err)
	}
	if err := book.People.Remove(t.Context(), a.ID, accounts.By{}); err != nil {
		t.Fatal(err)
	}
	for _, one := range anns {
		if got, err := book.Identities.Owner(t.Context(), one.Issuer, one.Subject); !errors.Is(err, accounts.ErrNone) {
			t.Errorf("of an account that is gone: %q, %v", got, err)
		}
	}
	if got, err := book.Identities.Owner(t.Context(), "https://two.example", "1"); got != b.ID || err != nil {
		t.Errorf("bob's: %q, %v", got, err)
	}
}

// TestAloneIsLogged: what is taken away with a new password is a line of its own, and links that the account
// has given out are good for nothing.
func TestAloneIsLogged(t *testing.T) {
	book := open(t, "", cheap(), nil)
	o := member(t, book, accounts.Link{EMail: "o@x.example", Role: auth.Operator})
	by := accounts.By{Account: o.ID, Name: o.Name}
	invitation, _, err := book.Entrance.Invite(t.Context(), accounts.Link{Role: auth.Operator}, by)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.Repass(t.Context(), o.ID, password, accounts.NewPassword{Password: password + "!", Alone: true}, home()); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.Accept(t.Context(), invitation, accounts.New{EMail: "eve@x.example", Name: "Eve", Password: password}, away()); !errors.Is(err, accounts.ErrWrong) {
		t.Errorf("an invitation of before: %v", err)
	}
	log, err := book.Log.Before(t.Context(), 0)
	if err != nil || len(log) < 2 || log[0].What != accounts.PasswordChanged || log[1].What != accounts.OthersForgotten || log[1].By.Account != o.ID {
		t.Errorf("%+v, %v", log, err)
	}
}
