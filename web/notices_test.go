package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// TestEachAccountChoosesItsNotices has two accounts of one home, one of another, and a demonstration's
// guest choose: each for itself. The key of a program, which acts for a home, is told nothing.
func TestEachAccountChoosesItsNotices(t *testing.T) {
	book, board := newBook(t), &noticeBoard{}
	own := newOwn()
	own.Notices = board
	h := behindOwn(t, web.Access{}, web.People{Book: book}, own)
	ids := map[string]string{}
	for _, email := range []string{"ann@x.example", "cleo@x.example", "bob@x.example"} {
		member := map[bool]string{true: "b", false: "a"}[email == "bob@x.example"]
		secret, _, err := book.Entrance.Invite(t.Context(), accounts.Link{EMail: email, Name: email, Role: auth.Homeowner, Member: member}, accounts.By{})
		if err != nil {
			t.Fatal(err)
		}
		a, err := book.Entrance.Accept(t.Context(), secret, accounts.New{Password: password}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		ids[email] = a.ID
	}
	choose := func(header string) int {
		return knock(t, h, http.MethodPut, "/api/v1/account/notices", `{"kinds":[{"kind":"bill","email":true}]}`, header, "Content-Type: application/json").Code
	}
	for _, email := range []string{"ann@x.example", "cleo@x.example", "bob@x.example"} {
		if code := choose(signIn(t, h, email)); code != http.StatusOK {
			t.Errorf("%s: %d", email, code)
		}
	}
	if code := choose(guestIn(t, h, `{"role":"homeowner","home":"a"}`)); code != http.StatusOK {
		t.Errorf("a guest: %d", code)
	}
	want := fmt.Sprint([]web.Recipient{{Account: ids["ann@x.example"], Member: "a"}, {Account: ids["cleo@x.example"], Member: "a"}, {Account: ids["bob@x.example"], Member: "b"}, {Account: auth.Guest, Member: "a"}})
	if got := fmt.Sprint(board.chose); got != want {
		t.Errorf("%s chose, want %s", got, want)
	}
	key, _, err := book.Keys.Make(t.Context(), accounts.Key{Name: "k", Member: "a", Scopes: []accounts.Scope{accounts.Read, accounts.Limits}}, accounts.By{})
	if err != nil {
		t.Fatal(err)
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/account/notices", "", "Authorization: Bearer "+key); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "sign in") {
		t.Errorf("a program: %d %s", w.Code, w.Body)
	}
}
