package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// peopled is a closed server with an operator and the homeowners of a and b.
func peopled(t *testing.T, book *accounts.Book, more web.People) http.Handler {
	t.Helper()
	for role, members := range map[auth.Role][]string{auth.Operator: {""}, auth.Homeowner: {"a", "b"}} {
		for _, member := range members {
			withAccount(t, book, role, member)
		}
	}
	more.Book = book
	return behindPeopled(t, web.Access{Closed: true, Secure: true, Site: web.Site{Community: "elm", DisplayName: "Elm Street", Address: "https://elm.example"}}, newWishes().planning(), more)
}

const (
	annSigns      = "homeownera@x.example"
	operatorSigns = "operator@x.example"
	asJSON        = "Content-Type: application/json"
)

func answer[T any](t *testing.T, w *httptest.ResponseRecorder, code int) (v T) {
	t.Helper()
	if w.Code != code {
		t.Fatalf("%d %s, want %d", w.Code, w.Body, code)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func signedIn(t *testing.T, h http.Handler, cookie string) api.SessionInfo {
	t.Helper()
	return answer[api.SessionInfo](t, knock(t, h, http.MethodGet, "/api/v1/session", "", cookie), http.StatusOK)
}

// TestASessionIsAlwaysANewOne signs in with a cookie that somebody else may have put there, be
// it of no session or of an open one: who put it there is not signed in by it.
func TestASessionIsAlwaysANewOne(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	theirs := signIn(t, h, "homeownerb@x.example")
	for _, planted := range []string{"Cookie: commonwatt=chosen-by-somebody-else-0123456789012345678", theirs} {
		w := knock(t, h, http.MethodPost, "/api/v1/session", `{"email":"`+annSigns+`","password":"`+password+`"}`, asJSON, planted)
		if w.Code != http.StatusNoContent {
			t.Fatal(w.Code, w.Body)
		}
		got := "Cookie: commonwatt=" + w.Result().Cookies()[0].Value
		if got == planted || signedIn(t, h, planted).SignedIn {
			t.Errorf("%s is signed in", planted)
		}
		if s := signedIn(t, h, got); !s.SignedIn || *s.Email != annSigns || *s.Member != "a" || !w.Result().Cookies()[0].Secure {
			t.Errorf("%+v", s)
		}
	}
}

// TestACookieIsNoGoodAfterSigningOut, nor one that was changed.
func TestACookieIsNoGoodAfterSigningOut(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	cookie := signIn(t, h, annSigns)
	stays := signIn(t, h, annSigns)
	value := strings.TrimPrefix(cookie, "Cookie: commonwatt=")
	flipped := "A" + value[1:]
	if value[0] == 'A' {
		flipped = "B" + value[1:]
	}
	for _, tampered := range []string{flipped, value[:len(value)-1], value + "A", strings.ToLower(value) + "x", strings.Repeat("x", 4000), `"` + value[1:] + `"`, ""} {
		if signedIn(t, h, "Cookie: commonwatt="+tampered).SignedIn {
			t.Errorf("%.60s is signed in", tampered)
		}
	}
	if w := knock(t, h, http.MethodDelete, "/api/v1/session", "", cookie); w.Code != http.StatusNoContent || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d %v", w.Code, w.Result().Cookies())
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/state", "", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", w.Code)
	}
	if !signedIn(t, h, stays).SignedIn {
		t.Error("another session of the same person is over")
	}
}

// TestRightsChangeWhileASessionLives: it is over, and so are those of an account that is
// removed, or whose password was changed; only who changed the own goes on, by a new one.
func TestRightsChangeWhileASessionLives(t *testing.T) {
	book := newBook(t)
	h := peopled(t, book, web.People{})
	a, err := book.People.ByEMail(t.Context(), annSigns)
	if err != nil {
		t.Fatal(err)
	}
	operator, cookie := signIn(t, h, operatorSigns), signIn(t, h, annSigns)
	change := func(body string) {
		if w := knock(t, h, http.MethodPut, "/api/v1/accounts/"+a.ID, body, operator, asJSON); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	for _, body := range []string{`{"role":"homeowner","member":"b"}`, `{"role":"installer"}`, `{"role":"homeowner","member":"a"}`} {
		change(body)
		if w := knock(t, h, http.MethodGet, "/api/v1/state", "", cookie); w.Code != http.StatusUnauthorized {
			t.Errorf("after %s: %d", body, w.Code)
		}
		cookie = signIn(t, h, annSigns)
	}
	other := signIn(t, h, annSigns)
	w := knock(t, h, http.MethodPost, "/api/v1/account/password", `{"before":"`+password+`","password":"four other small words"}`, cookie, asJSON)
	if w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	if signedIn(t, h, cookie).SignedIn || signedIn(t, h, other).SignedIn || !signedIn(t, h, "Cookie: commonwatt="+w.Result().Cookies()[0].Value).SignedIn {
		t.Error("after another password sessions of before are open, or the new one is not")
	}
	now := "Cookie: commonwatt=" + w.Result().Cookies()[0].Value
	if w := knock(t, h, http.MethodDelete, "/api/v1/accounts/"+a.ID, "", operator); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/state", "", now); w.Code != http.StatusUnauthorized {
		t.Errorf("of an account that is gone: %d", w.Code)
	}
}

// TestSessionsSurviveARestart of the program, with what somebody may do by them.
func TestSessionsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.db")
	open := func() *accounts.Book {
		book, err := accounts.Open(t.Context(), path, accounts.Options{Cost: accounts.Cost{Memory: 64, Passes: 1, Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		return book
	}
	book := open()
	cookie := signIn(t, peopled(t, book, web.People{}), annSigns)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	book = open()
	defer book.Close()
	again := behindPeopled(t, web.Access{Closed: true}, newWishes().planning(), web.People{Book: book})
	if s := signedIn(t, again, cookie); !s.SignedIn || *s.Member != "a" {
		t.Errorf("%+v", s)
	}
	if w := knock(t, again, http.MethodGet, "/api/v1/homes/b/plan", "", cookie); w.Code != http.StatusNotFound {
		t.Errorf("another's home: %d", w.Code)
	}
}

// TestAnotherSitesPageDoesNothingByACookie sends what a browser would send for a page of
// another site, with the cookie of an operator.
func TestAnotherSitesPageDoesNothingByACookie(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	operator := signIn(t, h, operatorSigns)
	for _, header := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		for name, a := range operations() {
			if name == "openOidc" && strings.HasPrefix(header, "Sec-Fetch-Site") {
				continue // another service sends the browser back to it
			}
			if w := knock(t, h, a.method, a.path, a.body, operator, asJSON, header); w.Code != http.StatusForbidden {
				t.Errorf("%s with %s: %d %.100s", name, header, w.Code, w.Body)
			}
		}
	}
}

// TestWhoGuessesOverTheNetworkWaits, also one who says to come from elsewhere each time; what
// a proxy says that is known counts.
func TestWhoGuessesOverTheNetworkWaits(t *testing.T) {
	proxy := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		name    string
		proxies []netip.Addr
		from    func(k int) []string
		waits   bool
	}{
		{"the same", nil, func(int) []string { return []string{"From: 198.51.100.1:4711"} }, true},
		{"one that lies", nil, func(k int) []string {
			return []string{"From: 198.51.100.1:4711", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", k)}
		}, true},
		{"one that lies to a proxy", []netip.Addr{proxy}, func(k int) []string {
			return []string{"From: 192.0.2.1:4711", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d, 198.51.100.1", k)}
		}, true},
		{"many by a proxy", []netip.Addr{proxy}, func(k int) []string {
			return []string{"From: 192.0.2.1:4711", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", k)}
		}, false},
	} {
		h := behindPeopled(t, web.Access{Closed: true, Proxies: c.proxies}, newWishes().planning(), web.People{Book: newBook(t)})
		waited := false
		for k := range 12 {
			w := knock(t, h, http.MethodPost, "/api/v1/session", `{"email":"ann@x.example","password":"a guess"}`, append(c.from(k), asJSON)...)
			if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "" {
				waited = true
			} else if w.Code != http.StatusUnauthorized {
				t.Fatal(w.Code, w.Body)
			}
		}
		if waited != c.waits {
			t.Errorf("%s: waited %t", c.name, waited)
		}
	}
}

// postbox keeps letters. It implements web.Letters.
type postbox struct {
	mu  sync.Mutex
	all []string
}

func (p *postbox) Send(_ context.Context, to, subject, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, to+"\n"+subject+"\n"+text)
	return nil
}

// TestLinksGoOutByLetter asks for a new password for somebody and for nobody: both are
// answered alike, and one letter goes out, by whose link the password is changed.
func TestLinksGoOutByLetter(t *testing.T) {
	book, box := newBook(t), &postbox{}
	post := web.NewPost(box, book, slog.New(slog.DiscardHandler))
	h := peopled(t, book, web.People{Post: post})
	var answers []string
	for _, email := range []string{annSigns, "nobody@x.example"} {
		w := knock(t, h, http.MethodPost, "/api/v1/recovery", `{"email":"`+email+`"}`, asJSON)
		answers = append(answers, fmt.Sprint(w.Code, w.Body, w.Header()))
	}
	if answers[0] != answers[1] {
		t.Errorf("%s for somebody, %s for nobody", answers[0], answers[1])
	}
	invited := answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"utility","email":"u@x.example"}`, signIn(t, h, operatorSigns), asJSON), http.StatusOK)
	if invited.Url == nil || *invited.Url != "https://elm.example"+invited.Link {
		t.Errorf("the whole link is %v", invited.Url)
	}
	if !invited.Sent || !strings.HasPrefix(invited.Qr, "<?xml") && !strings.HasPrefix(invited.Qr, "<svg") {
		t.Errorf("%t %.40s", invited.Sent, invited.Qr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- post.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		box.mu.Lock()
		n := len(box.all)
		box.mu.Unlock()
		if n == 2 || time.Now().After(deadline) {
			break
		}
	}
	cancel()
	if err := <-done; err != nil || len(box.all) != 2 || !strings.HasPrefix(box.all[0], annSigns+"\nNew password: Elm Street\n") || !strings.Contains(box.all[1], "https://elm.example"+invited.Link) {
		t.Fatalf("%q, %v", box.all, err)
	}
	_, secret, _ := strings.Cut(box.all[0], "https://elm.example/signin.html#recovery=")
	secret, _, _ = strings.Cut(secret, "\n")
	w := knock(t, h, http.MethodPost, "/api/v1/recovery/"+secret, `{"password":"four other small words"}`, asJSON)
	if w.Code != http.StatusNoContent || len(w.Result().Cookies()) != 1 {
		t.Fatal(w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodPost, "/api/v1/session", `{"email":"`+annSigns+`","password":"`+password+`"}`, asJSON); w.Code != http.StatusUnauthorized {
		t.Errorf("with the password of before: %d", w.Code)
	}
}

// TestAnInvitationOverTheAPI is made by an operator, looked at and taken by who has it, and
// withdrawn.
func TestAnInvitationOverTheAPI(t *testing.T) {
	book := newBook(t)
	h := peopled(t, book, web.People{Member: func(m string) bool { return m == "a" || m == "b" }})
	operator := signIn(t, h, operatorSigns)
	if w := knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"homeowner","member":"zz"}`, operator, asJSON); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"member:`) && !strings.Contains(w.Body.String(), `member: `) {
		t.Errorf("for no home: %d %s", w.Code, w.Body)
	}
	made := answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"homeowner","member":"a","name":"Al"}`, operator, asJSON), http.StatusOK)
	path := "/api/v1/invitations/" + strings.TrimPrefix(made.Link, "/signin.html#invitation=")
	if i := answer[api.Invitation](t, knock(t, h, http.MethodGet, path, ""), http.StatusOK); i.Role != api.RoleHomeowner || *i.Member != "a" || *i.Name != "Al" {
		t.Errorf("%+v", i)
	}
	w := knock(t, h, http.MethodPost, path, `{"email":"al@x.example","password":"`+password+`","language":"de"}`, asJSON)
	if w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	if s := signedIn(t, h, "Cookie: commonwatt="+w.Result().Cookies()[0].Value); *s.Name != "Al" || *s.Role != api.SignedHomeowner || s.Language != "de" {
		t.Errorf("%+v", s)
	}
	if w := knock(t, h, http.MethodPost, path, `{"email":"eve@x.example","password":"`+password+`"}`, asJSON); w.Code != http.StatusUnauthorized {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	made = answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"operator"}`, operator, asJSON), http.StatusOK)
	if w := knock(t, h, http.MethodDelete, "/api/v1/invitations/"+made.Id, "", operator); w.Code != http.StatusNoContent {
		t.Errorf("withdrawn: %d %s", w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/invitations/"+strings.TrimPrefix(made.Link, "/signin.html#invitation="), ""); w.Code != http.StatusUnauthorized {
		t.Errorf("after it was withdrawn: %d", w.Code)
	}
	log := knock(t, h, http.MethodGet, "/api/v1/audit", "", operator)
	for _, secret := range []string{password, strings.TrimPrefix(path, "/api/v1/invitations/")} {
		if strings.Contains(log.Body.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if all := answer[api.Audit](t, log, http.StatusOK).Entries; len(all) < 5 || all[0].What != accounts.InvitationGone || all[0].Who != "The operator" || all[0].Account == "" || !slices.ContainsFunc(all, func(e api.AuditEntry) bool { return e.Who != all[0].Who && e.Account != all[0].Account }) {
		t.Errorf("%+v", all)
	}
}

// TestAProgramOfAHomeowner looks at and sets what its key is good for, of one home, until the
// key is removed.
func TestAProgramOfAHomeowner(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	cookie := signIn(t, h, annSigns)
	keyed := func(body string) string {
		return "Authorization: Bearer " + answer[api.MadeKey](t, knock(t, h, http.MethodPost, "/api/v1/account/keys", body, cookie, asJSON), http.StatusOK).Key
	}
	if w := knock(t, h, http.MethodPost, "/api/v1/account/keys", `{"name":"k","member":"b","scopes":["read"]}`, cookie, asJSON); w.Code != http.StatusForbidden {
		t.Errorf("for another's home: %d %s", w.Code, w.Body)
	}
	read, limits := keyed(`{"name":"r","scopes":["read"]}`), keyed(`{"name":"l","scopes":["limits"]}`)
	for _, c := range []struct {
		key, method, path string
		code              int
	}{
		{read, http.MethodGet, "/api/v1/homes/a/plan", http.StatusOK},
		{read, http.MethodGet, "/api/v1/homes/b/plan", http.StatusNotFound},
		{read, http.MethodGet, "/api/v1/state", http.StatusOK},
		{read, http.MethodGet, "/api/v1/postings?interval=2026-06-01T10:15:00Z/15", http.StatusUnauthorized},
		{read, http.MethodPut, "/api/v1/homes/a/limits", http.StatusUnauthorized},
		{read, http.MethodPost, "/api/v1/orders", http.StatusUnauthorized},
		{read, http.MethodGet, "/api/v1/accounts", http.StatusUnauthorized},
		{read, http.MethodGet, "/api/v1/account", http.StatusUnauthorized},
		{limits, http.MethodPut, "/api/v1/homes/a/limits", http.StatusOK},
		{limits, http.MethodPut, "/api/v1/homes/b/limits", http.StatusNotFound},
		{limits, http.MethodGet, "/api/v1/homes/a/plan", http.StatusUnauthorized},
	} {
		if w := knock(t, h, c.method, c.path, `{"reserve":1}`, c.key, asJSON); w.Code != c.code {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, w.Code, w.Body, c.code)
		}
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/state", "", read); strings.Contains(w.Body.String(), `"mp-b"`) || !strings.Contains(w.Body.String(), `"mp-a"`) {
		t.Errorf("it sees %s", w.Body)
	}
	own := answer[api.OwnAccount](t, knock(t, h, http.MethodGet, "/api/v1/account", "", cookie), http.StatusOK)
	if len(own.Keys) != 2 || len(own.Sessions) != 1 || !own.Sessions[0].This {
		t.Errorf("%+v", own)
	}
	for _, k := range own.Keys {
		if w := knock(t, h, http.MethodDelete, "/api/v1/account/keys/"+k.Id, "", signIn(t, h, "homeownerb@x.example")); w.Code != http.StatusNotFound {
			t.Errorf("another removes it: %d", w.Code)
		}
		if w := knock(t, h, http.MethodDelete, "/api/v1/account/keys/"+k.Id, "", cookie); w.Code != http.StatusNoContent {
			t.Errorf("removing it: %d", w.Code)
		}
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/homes/a/plan", "", read); w.Code != http.StatusUnauthorized {
		t.Errorf("after it was removed: %d", w.Code)
	}
}

// TestSomebodyEndsTheirSessions sees where they are signed in, ends one, and all others.
func TestSomebodyEndsTheirSessions(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	here, phone, lost := signIn(t, h, annSigns), signIn(t, h, annSigns), signIn(t, h, annSigns)
	others := signIn(t, h, "homeownerb@x.example")
	theirs := answer[api.OwnAccount](t, knock(t, h, http.MethodGet, "/api/v1/account", "", others), http.StatusOK).Sessions[0].Id
	if w := knock(t, h, http.MethodDelete, "/api/v1/account/sessions/"+theirs, "", here); w.Code != http.StatusNotFound || !signedIn(t, h, others).SignedIn {
		t.Errorf("somebody else's is ended: %d", w.Code)
	}
	for _, s := range answer[api.OwnAccount](t, knock(t, h, http.MethodGet, "/api/v1/account", "", lost), http.StatusOK).Sessions {
		if s.This {
			if w := knock(t, h, http.MethodDelete, "/api/v1/account/sessions/"+s.Id, "", here); w.Code != http.StatusNoContent {
				t.Error(w.Code, w.Body)
			}
		}
	}
	if signedIn(t, h, lost).SignedIn || !signedIn(t, h, phone).SignedIn {
		t.Error("another was ended than the one that was meant")
	}
	if w := knock(t, h, http.MethodDelete, "/api/v1/account/sessions", "", here); w.Code != http.StatusNoContent || signedIn(t, h, phone).SignedIn || !signedIn(t, h, here).SignedIn {
		t.Errorf("all others: %d", w.Code)
	}
}
