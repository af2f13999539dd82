package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// guestIn signs in to a demonstration, and returns the header to come back with.
func guestIn(t *testing.T, h http.Handler, body string) string {
	t.Helper()
	w := knock(t, h, http.MethodPost, "/api/v1/session/demonstration", body, "Content-Type: application/json")
	cookies := w.Result().Cookies()
	if w.Code != http.StatusNoContent || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%s: %d %s, cookies %v", body, w.Code, w.Body, cookies)
	}
	return "Cookie: " + cookies[0].Name + "=" + cookies[0].Value
}

// What is said where there may be an account, or what somebody looks after who has one.
const (
	accountWanted = `sign in at /signin.html, or ` + installerWanted
	keeperWanted  = `sign in at /signin.html, or ` + operatorWanted
)

// moreThan is a JSON value with a field that nobody knows in its last object.
func moreThan(body string) string {
	end := strings.LastIndex(body, "}")
	return body[:end] + `,"more":1` + body[end:]
}

// ofAccounts is what people with an account are answered where a key, which has none, is not.
func ofAccounts() map[string]int {
	return map[string]int{
		"getAccount": http.StatusOK, "setAccount": http.StatusOK, "changePassword": http.StatusUnauthorized, "endSessions": http.StatusNoContent, "endSession": http.StatusNotFound,
		"beginPasskeyAdding": http.StatusNotFound, "addPasskey": http.StatusNotFound, "beginOidcBinding": http.StatusNotFound, "removeIdentity": http.StatusNotFound, "removePasskey": http.StatusNotFound,
	}
}

// withAccountsPeople adds who may call the operations by which people sign in and look after
// accounts.
func withAccountsPeople(all map[string]string) map[string]string {
	for _, name := range []string{
		"openFirst", "beginPasskey", "openPasskey", "beginOidc", "openOidc", "lookInvitation", "acceptInvitation", "askRecovery", "recoverAccount", "getAccount", "setAccount",
		"changePassword", "endSessions", "endSession", "beginPasskeyAdding", "addPasskey", "removePasskey", "beginOidcBinding", "removeIdentity",
	} {
		all[name] = "homeowner installer utility researcher operator"
	}
	for _, name := range []string{"withdrawInvitation", "listAccounts", "inviteAccount", "changeAccount", "removeAccount", "linkAccount", "forgetTries", "getAudit"} {
		all[name] = "operator"
	}
	all["makeKey"], all["removeKey"], all["listKeys"] = "homeowner operator", "homeowner operator", "homeowner operator"
	return all
}

// withAccounts adds a request of each operation by which people sign in and look after accounts.
func withAccounts(all map[string]asked) map[string]asked {
	maps.Copy(all, map[string]asked{
		"openFirst":          {http.MethodPost, "/api/v1/session/first", `{"token":"x","email":"a@x.example","name":"A","password":"three small words"}`, "", http.StatusUnauthorized},
		"beginPasskey":       {http.MethodPost, "/api/v1/session/passkey/begin", "", "", http.StatusNotFound}, // there are none
		"openPasskey":        {http.MethodPost, "/api/v1/session/passkey/finish", `{"id":"x","credential":{}}`, "", http.StatusNotFound},
		"beginOidc":          {http.MethodPost, "/api/v1/session/oidc/begin", "", "", http.StatusNotFound},
		"openOidc":           {http.MethodGet, "/api/v1/session/oidc/callback", "", "", http.StatusNotFound},
		"lookInvitation":     {http.MethodGet, "/api/v1/invitations/x", "", "", http.StatusUnauthorized},
		"acceptInvitation":   {http.MethodPost, "/api/v1/invitations/x", `{"password":"three small words"}`, "", http.StatusUnauthorized},
		"withdrawInvitation": {http.MethodDelete, "/api/v1/invitations/x", "", operatorWanted, http.StatusNotFound},
		"askRecovery":        {http.MethodPost, "/api/v1/recovery", `{"email":"a@x.example"}`, "", http.StatusNoContent},
		"recoverAccount":     {http.MethodPost, "/api/v1/recovery/x", `{"password":"three small words"}`, "", http.StatusUnauthorized},
		"listAccounts":       {http.MethodGet, "/api/v1/accounts", "", operatorWanted, http.StatusOK},
		"inviteAccount":      {http.MethodPost, "/api/v1/accounts", `{"role":"utility"}`, operatorWanted, http.StatusOK},
		"changeAccount":      {http.MethodPut, "/api/v1/accounts/x", `{"role":"utility"}`, operatorWanted, http.StatusNotFound},
		"removeAccount":      {http.MethodDelete, "/api/v1/accounts/x", "", operatorWanted, http.StatusNotFound},
		"linkAccount":        {http.MethodPost, "/api/v1/accounts/x/link", "", operatorWanted, http.StatusNotFound},
		"forgetTries":        {http.MethodDelete, "/api/v1/tries", "", operatorWanted, http.StatusNoContent},
		"getAudit":           {http.MethodGet, "/api/v1/audit", "", operatorWanted, http.StatusOK},
		"getAccount":         {http.MethodGet, "/api/v1/account", "", accountWanted, http.StatusForbidden}, // a key has none
		"setAccount":         {http.MethodPut, "/api/v1/account", `{"name":"Ann"}`, accountWanted, http.StatusForbidden},
		"changePassword":     {http.MethodPost, "/api/v1/account/password", `{"before":"wrong","password":"three small words"}`, accountWanted, http.StatusForbidden},
		"endSessions":        {http.MethodDelete, "/api/v1/account/sessions", "", accountWanted, http.StatusForbidden},
		"endSession":         {http.MethodDelete, "/api/v1/account/sessions/x", "", accountWanted, http.StatusForbidden},
		"makeKey":            {http.MethodPost, "/api/v1/account/keys", `{"name":"k","scopes":["read"]}`, keeperWanted, http.StatusBadRequest}, // for nobody
		"listKeys":           {http.MethodGet, "/api/v1/account/keys", "", keeperWanted, http.StatusOK},
		"removeKey":          {http.MethodDelete, "/api/v1/account/keys/x", "", keeperWanted, http.StatusNotFound},
		"beginPasskeyAdding": {http.MethodPost, "/api/v1/account/passkeys/begin", "", accountWanted, http.StatusForbidden},
		"addPasskey":         {http.MethodPost, "/api/v1/account/passkeys", `{"id":"x","name":"n","credential":{}}`, accountWanted, http.StatusForbidden},
		"removePasskey":      {http.MethodDelete, "/api/v1/account/passkeys/x", "", accountWanted, http.StatusForbidden},
		"beginOidcBinding":   {http.MethodPost, "/api/v1/account/oidc/begin", "", accountWanted, http.StatusForbidden},
		"removeIdentity":     {http.MethodDelete, "/api/v1/account/identities/x", "", accountWanted, http.StatusForbidden},
	})
	return all
}

// newBook is a book of accounts in memory, in which passwords are cheap.
func newBook(t *testing.T) *accounts.Book {
	t.Helper()
	book, err := accounts.Open(t.Context(), "", accounts.Options{Cost: accounts.Cost{Memory: 64, Passes: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

const password = "three small words"

// withAccount gives somebody an account.
func withAccount(t *testing.T, book *accounts.Book, role auth.Role, member string) {
	t.Helper()
	email := string(role) + member + "@x.example"
	secret, _, err := book.Entrance.Invite(t.Context(), accounts.Link{EMail: email, Name: "The " + string(role), Role: role, Member: member}, accounts.By{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Entrance.Accept(t.Context(), secret, accounts.New{Password: password}, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
}

// signIn signs in with e-mail address and password, and returns the header to come back with.
func signIn(t *testing.T, h http.Handler, email string) string {
	t.Helper()
	w := knock(t, h, http.MethodPost, "/api/v1/session", `{"email":"`+email+`","password":"`+password+`"}`, "Content-Type: application/json")
	cookies := w.Result().Cookies()
	if w.Code != http.StatusNoContent || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%s: %d %s, cookies %v", email, w.Code, w.Body, cookies)
	}
	return "Cookie: " + cookies[0].Name + "=" + cookies[0].Value
}

// mayAgain forgets what was tried too often.
func mayAgain(t *testing.T, h http.Handler) {
	t.Helper()
	if w := knock(t, h, http.MethodDelete, "/api/v1/tries", "", "Authorization: Bearer operator's key"); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
}

// TestWhatPeopleMay tries every operation with everybody who can sign in: each may what the
// role may and nothing else, behind a closed door and in a demonstration whose pages are open.
func TestWhatPeopleMay(t *testing.T) {
	for _, closed := range []bool{true, false} {
		book := newBook(t)
		h := behindPeopled(t, web.Access{Closed: closed}, newWishes().planning(), web.People{Book: book})
		for _, role := range auth.Roles() {
			member := map[auth.Role]string{auth.Homeowner: "a"}[role]
			withAccount(t, book, role, member)
			for name, a := range operations() {
				if closed && name == "openDemonstration" {
					continue
				}
				want, other := ofAccounts()[name]
				if !other {
					want = a.code
				}
				if name == "makeKey" && role == auth.Homeowner {
					want = http.StatusOK // for the own member
				}
				mayAgain(t, h)
				path := strings.Replace(a.path, "/homes/ann/", "/homes/a/", 1)
				w := knock(t, h, a.method, path, a.body, signIn(t, h, string(role)+member+"@x.example"), "Content-Type: application/json")
				if may := slices.Contains(strings.Fields(forPeople()[name]), string(role)); may && w.Code != want {
					t.Errorf("%s as %s: %d, want %d: %.200s", name, role, w.Code, want, w.Body)
				} else if !may && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "signed in as "+string(role))) {
					t.Errorf("%s as %s: %d, want 403: %.200s", name, role, w.Code, w.Body)
				}
			}
		}
	}
}

// TestAHomeownerHasOneHome asks for every operation at a home: of the own one it is answered,
// of another it says what it says of one that does not exist, and nothing is set there.
func TestAHomeownerHasOneHome(t *testing.T) {
	wishes := newWishes()
	h := limited(t, web.Access{}, wishes)
	own, tried := guestIn(t, h, `{"role":"homeowner","home":"b"}`), 0
	for name, a := range operations() {
		if !strings.Contains(a.path, "/homes/ann/") {
			continue
		}
		tried++
		at := func(home string) string { return strings.Replace(a.path, "/homes/ann/", "/homes/"+home+"/", 1) }
		ask := func(path string) (int, string) {
			w := knock(t, h, a.method, path, a.body, own, "Content-Type: application/json")
			return w.Code, w.Body.String()
		}
		if code, body := ask(at("b")); code != a.code {
			t.Errorf("%s of the own home: %d %s", name, code, body)
		}
		delete(wishes.set, "b")
		missing, says := ask(at("zz"))
		for _, way := range []string{"a", "%61", "b%2F..%2Fa", "b/../a", "B"} {
			code, body := ask(at(way))
			if named := renamed("zz", "a", "B", "b/../a").Replace(body); code/100 == 2 || code/100 == 4 && (code != missing || named != says) {
				t.Errorf("%s of %s: %d %s, want %d %s", name, way, code, body, missing, says)
			}
		}
		if len(wishes.set) > 0 {
			t.Errorf("%s: set the limits of %v", name, wishes.set)
		}
	}
	if tried < 5 {
		t.Errorf("%d operations at a home were tried", tried)
	}
}

// TestWhoHasSignedIn is said to everybody of themselves, and what the community is called.
func TestWhoHasSignedIn(t *testing.T) {
	h := behind(t, web.Access{Site: web.Site{Community: "demo", DisplayName: "Am Anger", Zone: "Europe/Berlin", Currency: "EUR", Language: "de"}})
	said := func(headers ...string) (s api.SessionInfo) {
		w := knock(t, h, http.MethodGet, "/api/v1/session", "", headers...)
		if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return s
	}
	if s := said(); s.SignedIn || s.Role != nil || !s.Demonstration || s.DisplayName != "Am Anger" || s.Zone != "Europe/Berlin" || s.Language != "de" || s.Currency != "EUR" {
		t.Errorf("nobody: %+v", s)
	}
	if s := said(guestIn(t, h, `{"role":"homeowner"}`)); !s.SignedIn || *s.Role != "homeowner" || *s.Member != "a" || s.Expires == nil {
		t.Errorf("a homeowner: %+v", s)
	}
	if s := said("Authorization: Bearer ann's key"); !s.SignedIn || *s.Role != "key" || *s.Member != "ann" || s.Expires != nil {
		t.Errorf("an agent: %+v", s)
	}
	if s := said("Cookie: commonwatt=wrong"); s.SignedIn {
		t.Errorf("a wrong cookie: %+v", s)
	}
}

// TestNobodySignsInWithoutAPassword where there are real homes.
func TestNobodySignsInWithoutAPassword(t *testing.T) {
	h := behind(t, web.Access{Closed: true})
	for _, role := range auth.Roles() {
		w := knock(t, h, http.MethodPost, "/api/v1/session/demonstration", `{"role":"`+string(role)+`"}`, "Content-Type: application/json")
		if w.Code != http.StatusNotFound || len(w.Result().Cookies()) > 0 {
			t.Errorf("as %s: %d %s", role, w.Code, w.Body)
		}
	}
	if w := knock(t, behind(t, web.Access{}), http.MethodPost, "/api/v1/session/demonstration", `{"role":"homeowner","home":"zz"}`, "Content-Type: application/json"); w.Code != http.StatusNotFound {
		t.Errorf("of no home: %d %s", w.Code, w.Body)
	}
}

// renamed replaces names of homes, as refusals have them, by another.
func renamed(by string, names ...string) *strings.Replacer {
	var pairs []string
	for _, name := range names {
		for _, marks := range [][2]string{{`\"`, `\"`}, {`:"`, `"`}, {"“", "”"}, {"„", "“"}} {
			pairs = append(pairs, marks[0]+name+marks[1], marks[0]+by+marks[1])
		}
	}
	return strings.NewReplacer(pairs...)
}

// TestWhatOpensAnAccountForLongerWantsANewSignIn asks for a passkey, a binding and a key, and as an operator for an
// invitation, a link to a new password and another role, by a session that was begun 31 minutes ago, and by a new one: who
// comes by an open browser does not stay. Whatever else there is goes on, and the operator's key is asked for no session.
func TestWhatOpensAnAccountForLongerWantsANewSignIn(t *testing.T) {
	behind := 31 * time.Minute
	book, err := accounts.Open(t.Context(), "", accounts.Options{Cost: accounts.Cost{Memory: 64, Passes: 1, Threads: 1}, Clock: func() time.Time { return time.Now().Add(-behind) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	h := behindPeopled(t, web.Access{Closed: true}, newWishes().planning(), web.People{Book: book})
	withAccount(t, book, auth.Homeowner, "a")
	withAccount(t, book, auth.Operator, "")
	ann, err := book.People.ByEMail(t.Context(), annSigns)
	if err != nil {
		t.Fatal(err)
	}
	old, oldOperator := signIn(t, h, annSigns), signIn(t, h, operatorSigns)
	behind = 0
	fresh, operator := signIn(t, h, annSigns), signIn(t, h, operatorSigns)
	for _, c := range []struct {
		method, path, body, old, fresh string
		want                           int
	}{
		{http.MethodPost, "/api/v1/account/passkeys/begin", "", old, fresh, http.StatusNotFound}, // it is asked for, and there are none here
		{http.MethodPost, "/api/v1/account/oidc/begin", "", old, fresh, http.StatusNotFound},
		{http.MethodPost, "/api/v1/account/keys", `{"name":"k","scopes":["read"]}`, old, fresh, http.StatusOK},
		{http.MethodPost, "/api/v1/accounts", `{"role":"operator"}`, oldOperator, operator, http.StatusOK},
		{http.MethodPost, "/api/v1/accounts", `{"role":"operator"}`, oldOperator, "Authorization: Bearer operator's key", http.StatusOK},
		{http.MethodPost, "/api/v1/accounts/" + ann.ID + "/link", "", oldOperator, operator, http.StatusOK},
		{http.MethodPut, "/api/v1/accounts/" + ann.ID, `{"role":"operator"}`, oldOperator, operator, http.StatusOK},
	} {
		if w := knock(t, h, c.method, c.path, c.body, c.old, asJSON); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "more than 30 minutes ago") {
			t.Errorf("%s by an old session: %d %s", c.path, w.Code, w.Body)
		}
		if w := knock(t, h, c.method, c.path, c.body, c.fresh, asJSON); w.Code != c.want {
			t.Errorf("%s by a new session: %d %s, want %d", c.path, w.Code, w.Body, c.want)
		}
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/account", "", oldOperator); w.Code != http.StatusOK {
		t.Errorf("the account by an old session: %d %s", w.Code, w.Body)
	}
}
