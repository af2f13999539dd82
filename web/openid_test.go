package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/openid"
)

// identities is a service that keeps accounts for people, and signs who they are (OpenID Connect
// Core 1.0, the code flow with PKCE).
type identities struct {
	*httptest.Server

	t     *testing.T
	key   *rsa.PrivateKey
	asked map[string]url.Values // by code
	says  map[string]any        // in the place of the usual claims
}

// identitiesKey is made once: that takes longest of all here.
var identitiesKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIdentities(t *testing.T) *identities {
	t.Helper()
	key, err := identitiesKey()
	if err != nil {
		t.Fatal(err)
	}
	s := &identities{t: t, key: key, asked: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", s.token)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *identities) token(w http.ResponseWriter, r *http.Request) {
	asked, known := s.asked[r.FormValue("code")]
	delete(s.asked, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || r.FormValue("redirect_uri") != asked.Get("redirect_uri") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{
		"iss": s.URL, "sub": "1", "aud": asked.Get("client_id"), "nonce": asked.Get("nonce"), "email": annSigns, "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, s.says)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		panic(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": raw})
}

// gone is somebody who went to the service: what it was asked, and the cookie that stays in the browser.
type gone struct {
	asked  url.Values
	cookie *http.Cookie
}

// goes has a browser begin to sign in.
func (s *identities) goes(h http.Handler) gone {
	s.t.Helper()
	return s.goesTo(h, "/api/v1/session/oidc/begin")
}

// binds has somebody who has signed in bind the account there to the one here.
func (s *identities) binds(h http.Handler, cookie string) {
	s.t.Helper()
	g := s.goesTo(h, "/api/v1/account/oidc/begin", cookie)
	if w := s.back(h, g, nil, g.header()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account.html#bound" || cookieOf(w) != "" {
		s.t.Fatalf("%d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
}

// header is what the browser sends of its own when it comes back.
func (g gone) header() string { return "Cookie: " + g.cookie.Name + "=" + g.cookie.Value }

func (s *identities) goesTo(h http.Handler, path string, headers ...string) gone {
	s.t.Helper()
	w := knock(s.t, h, http.MethodPost, path, "", append(headers, "Host: elm.example")...)
	begun := answer[api.OidcBegin](s.t, w, http.StatusOK)
	to, err := url.Parse(begun.Location)
	if err != nil || !strings.HasPrefix(begun.Location, s.URL+"/authorize?") || len(w.Result().Cookies()) != 1 {
		s.t.Fatalf("%s, %v, cookies %v", begun.Location, err, w.Result().Cookies())
	}
	return gone{to.Query(), w.Result().Cookies()[0]}
}

// back is the browser that comes back with what the service gave, and the headers that it sends.
func (s *identities) back(h http.Handler, g gone, change func(q url.Values), headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	code := rand.Text()
	s.asked[code] = g.asked
	q := url.Values{"state": {g.asked.Get("state")}, "code": {code}}
	if change != nil {
		change(q)
	}
	return knock(s.t, h, http.MethodGet, "/api/v1/session/oidc/callback?"+q.Encode(), "", append(headers, "Host: elm.example", "Sec-Fetch-Site: cross-site")...)
}

// cookieOf is the session that an answer begins; empty: none.
func cookieOf(w *httptest.ResponseRecorder) string {
	for _, c := range w.Result().Cookies() {
		if c.Name == "commonwatt" && c.Value != "" {
			return "Cookie: " + c.Name + "=" + c.Value
		}
	}
	return ""
}

// oidcPeopled is a closed community whose people may sign in with the service.
func oidcPeopled(t *testing.T, s *identities) (http.Handler, *accounts.Book) {
	t.Helper()
	book := newBook(t)
	return peopled(t, book, web.People{OpenID: openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: "x"})}), book
}

// TestSigningInWithAnotherService goes there and comes back: whose account there was bound to one here
// is signed in as that, by a new session; the state's cookie is sent to the
// callback alone, over TLS, is hidden from the page, and is gone after it; and the browser is led
// nowhere but to the pages.
func TestSigningInWithAnotherService(t *testing.T) {
	s := newIdentities(t)
	h, book := oidcPeopled(t, s)
	s.binds(h, signIn(t, h, annSigns))
	g := s.goes(h)
	if g.asked.Get("redirect_uri") != "https://elm.example/api/v1/session/oidc/callback" || g.asked.Get("response_type") != "code" || g.asked.Get("code_challenge_method") != "S256" || g.asked.Get("nonce") == "" {
		t.Errorf("it is asked %v", g.asked)
	}
	if c := g.cookie; c.Path != "/api/v1/session/oidc/callback" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge > 600 {
		t.Errorf("the cookie %+v", c)
	}
	before := signIn(t, h, "homeownerb@x.example")
	w := s.back(h, g, func(q url.Values) { q.Set("next", "https://evil.example"); q.Set("redirect", "//evil.example") }, "Cookie: "+g.cookie.Name+"="+g.cookie.Value+"; "+strings.TrimPrefix(before, "Cookie: "))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Fatalf("%d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if in := signedIn(t, h, cookieOf(w)); !in.SignedIn || *in.Email != annSigns || *in.Member != "a" {
		t.Errorf("%+v", in)
	}
	if signedIn(t, h, before).SignedIn {
		t.Error("the session of before goes on")
	}
	left := false
	for _, c := range w.Result().Cookies() {
		left = left || c.Name == g.cookie.Name && c.MaxAge >= 0
	}
	log, err := book.Log.Before(t.Context(), 0)
	if left || err != nil || log[0].What != accounts.SignedIn || log[0].About != "another service's account" {
		t.Errorf("the state's cookie stays: %t; log %+v, %v", left, log[0], err)
	}
}

// TestWhoIsNotLetInFromAnotherService comes back to the page that says so, without a session, and it
// is logged: nobody gets an account by it, nor the session of somebody who began in another browser, nor
// into an account because the service says that its e-mail address is theirs.
func TestWhoIsNotLetInFromAnotherService(t *testing.T) {
	for name, c := range map[string]struct {
		says   map[string]any
		change func(q url.Values)
		cookie string // in the place of the state's; "-": none
	}{
		"who has ann's address now":      {says: map[string]any{"sub": "2"}},
		"who has the operator's address": {says: map[string]any{"sub": "2", "email": operatorSigns}},
		"an address that nobody has":     {says: map[string]any{"sub": "2", "email": "eve@x.example"}},
		"nobody":                         {says: map[string]any{"sub": ""}},
		"another nonce":                  {says: map[string]any{"nonce": "another"}},
		"for another community":          {says: map[string]any{"aud": "another"}},
		"another browser":                {cookie: "another"},
		"no cookie":                      {cookie: "-"},
		"another state":                  {change: func(q url.Values) { q.Set("state", "another") }},
		"no code":                        {change: func(q url.Values) { q.Del("code") }},
		"an error of the service":        {change: func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newIdentities(t)
			h, book := oidcPeopled(t, s)
			s.binds(h, signIn(t, h, annSigns))
			s.says = c.says
			g := s.goes(h)
			headers := []string{"Cookie: " + g.cookie.Name + "=" + g.cookie.Value}
			switch c.cookie {
			case "":
			case "-":
				headers = nil
			default:
				headers = []string{"Cookie: " + g.cookie.Name + "=" + c.cookie}
			}
			w := s.back(h, g, c.change, headers...)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin.html#refused" || cookieOf(w) != "" {
				t.Errorf("%d to %q with %q", w.Code, w.Header().Get("Location"), cookieOf(w))
			}
			log, err := book.Log.Before(t.Context(), 0)
			if err != nil || log[0].What != accounts.SignInRefused {
				t.Errorf("log %+v, %v", log[0], err)
			}
			if all, err := book.People.Accounts(t.Context()); err != nil || len(all) != 3 {
				t.Errorf("%d accounts, %v", len(all), err)
			}
		})
	}
}

// TestComingBackTwice is good once.
func TestComingBackTwice(t *testing.T) {
	s := newIdentities(t)
	h, _ := oidcPeopled(t, s)
	s.binds(h, signIn(t, h, annSigns))
	g := s.goes(h)
	cookie := "Cookie: " + g.cookie.Name + "=" + g.cookie.Value
	for k, want := range []string{"/", "/signin.html#refused"} {
		if w := s.back(h, g, nil, cookie); w.Header().Get("Location") != want {
			t.Errorf("time %d: to %q", k+1, w.Header().Get("Location"))
		}
	}
}

// TestAServiceThatIsAway is no fault of who asks: it says to sign in otherwise.
func TestAServiceThatIsAway(t *testing.T) {
	s := newIdentities(t)
	h, _ := oidcPeopled(t, s)
	s.Close()
	if w := knock(t, h, http.MethodPost, "/api/v1/session/oidc/begin", ""); w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "sign in with your password") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestWhoIsBoundIsTheSubject binds ann's account there, whose address then changes, and is given to
// somebody else: ann goes on signing in by it, and the other does not. Nor does the same name at another
// service, nor ann when she has taken it away.
func TestWhoIsBoundIsTheSubject(t *testing.T) {
	s := newIdentities(t)
	h, book := oidcPeopled(t, s)
	ann := signIn(t, h, annSigns)
	s.binds(h, ann)
	comes := func(h http.Handler, at *identities, says map[string]any) string {
		t.Helper()
		at.says = says
		g := at.goes(h)
		w := at.back(h, g, nil, g.header())
		if info := signedIn(t, h, cookieOf(w)); info.SignedIn {
			return *info.Email
		}
		return ""
	}
	if got := comes(h, s, map[string]any{"email": "ann@new.example", "email_verified": false}); got != annSigns {
		t.Errorf("with another address ann is %q", got)
	}
	if got := comes(h, s, map[string]any{"sub": "2"}); got != "" {
		t.Errorf("who has got ann's address there is %q", got)
	}
	other := newIdentities(t)
	elsewhere := peopledAgain(t, book, web.People{OpenID: openid.New(openid.Options{Issuer: other.URL, ClientID: "commonwatt", Secret: "x"})})
	if got := comes(elsewhere, other, nil); got != "" {
		t.Errorf("the same name at another service is %q", got)
	}
	own := answer[api.OwnAccount](t, knock(t, h, http.MethodGet, "/api/v1/account", "", ann), http.StatusOK)
	if len(own.Identities) != 1 || own.Identities[0].Issuer != s.URL || *own.Identities[0].Email != annSigns {
		t.Fatalf("%+v", own.Identities)
	}
	path := "/api/v1/account/identities/" + own.Identities[0].Id
	if w := knock(t, h, http.MethodDelete, path, "", signIn(t, h, operatorSigns)); w.Code != http.StatusNotFound {
		t.Errorf("somebody else takes it away: %d %s", w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodDelete, path, "", ann); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := comes(h, s, nil); got != "" {
		t.Errorf("after ann has taken it away she is %q", got)
	}
}

// peopledAgain is another server of a community's book.
func peopledAgain(t *testing.T, book *accounts.Book, more web.People) http.Handler {
	t.Helper()
	more.Book = book
	return behindPeopled(t, web.Access{Closed: true, Secure: true, Site: web.Site{Community: "elm", Address: "https://elm.example"}}, newWishes().planning(), more)
}

// TestNothingIsBoundForOthers goes to have an account bound in ways in which it must not be.
func TestNothingIsBoundForOthers(t *testing.T) {
	for name, c := range map[string]func(t *testing.T, h http.Handler, s *identities, g gone, ann string) *httptest.ResponseRecorder{
		"in another browser": func(_ *testing.T, h http.Handler, s *identities, g gone, _ string) *httptest.ResponseRecorder {
			return s.back(h, g, nil)
		},
		"after another password": func(t *testing.T, h http.Handler, s *identities, g gone, ann string) *httptest.ResponseRecorder {
			if w := knock(t, h, http.MethodPost, "/api/v1/account/password", `{"before":"`+password+`","password":"four rather small words"}`, ann, asJSON); w.Code != http.StatusNoContent {
				t.Fatal(w.Code, w.Body)
			}
			return s.back(h, g, nil, g.header())
		},
		"what is the operator's": func(t *testing.T, h http.Handler, s *identities, g gone, _ string) *httptest.ResponseRecorder {
			s.binds(h, signIn(t, h, operatorSigns))
			return s.back(h, g, nil, g.header())
		},
		"beside another of that service": func(_ *testing.T, h http.Handler, s *identities, g gone, ann string) *httptest.ResponseRecorder {
			s.says = map[string]any{"sub": "2"}
			s.binds(h, ann)
			s.says = nil
			return s.back(h, g, nil, g.header())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newIdentities(t)
			h, _ := oidcPeopled(t, s)
			ann := signIn(t, h, annSigns)
			w := c(t, h, s, s.goesTo(h, "/api/v1/account/oidc/begin", ann), ann)
			if to := w.Header().Get("Location"); to != "/account.html#not-bound" && to != "/signin.html#refused" || cookieOf(w) != "" {
				t.Errorf("to %q", to)
			}
			g := s.goes(h)
			if info := signedIn(t, h, cookieOf(s.back(h, g, nil, g.header()))); info.SignedIn && *info.Email == annSigns {
				t.Error("it signs in as ann")
			}
		})
	}
	s := newIdentities(t)
	h, _ := oidcPeopled(t, s)
	if w := knock(t, h, http.MethodPost, "/api/v1/account/oidc/begin", "", "Host: elm.example"); w.Code != http.StatusUnauthorized {
		t.Errorf("who has not signed in: %d %s", w.Code, w.Body)
	}
}

// TestAddressesMayBeTrusted where the configuration says so: who comes for the first time is who has the
// address here that the service has verified, and stays that. An address that it has not verified, or that
// belongs to whose account there is bound already, is nobody's.
func TestAddressesMayBeTrusted(t *testing.T) {
	s, book := newIdentities(t), newBook(t)
	h := peopled(t, book, web.People{OpenID: openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: "x"}), LinkByEMail: true})
	for k, c := range []struct {
		says map[string]any
		want string
	}{
		{map[string]any{"email_verified": false}, ""},
		{map[string]any{"email": ""}, ""},
		{map[string]any{"email": "eve@x.example"}, ""},
		{nil, annSigns},
		{map[string]any{"sub": "2"}, ""}, // to whom the address was given since
		{map[string]any{"email": operatorSigns}, annSigns},
	} {
		s.says = c.says
		g := s.goes(h)
		w := s.back(h, g, nil, g.header())
		got := ""
		if info := signedIn(t, h, cookieOf(w)); info.SignedIn {
			got = *info.Email
		}
		if got != c.want {
			t.Errorf("%d: who comes is %q, want %q", k, got, c.want)
		}
	}
}
