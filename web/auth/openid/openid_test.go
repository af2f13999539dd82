package openid_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/commonwatt/commonwatt/web/auth/openid"
)

// service is an OpenID provider: it says where it is asked, gives codes out, and signs who
// somebody is (OpenID Connect Core 1.0, the code flow; RFC 7636).
type service struct {
	*httptest.Server

	key    *rsa.PrivateKey
	signs  *rsa.PrivateKey // with which it signs; usually key
	says   map[string]any  // beside or instead of the usual claims
	asked  map[string]url.Values
	secret string
}

func newService(t *testing.T) *service {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{key: key, signs: key, asked: map[string]url.Values{}, secret: "the client's secret"}
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

// token exchanges a code, once, for who it was given to: the client has to show its secret, and
// what it asked with.
func (s *service) token(w http.ResponseWriter, r *http.Request) {
	asked, known := s.asked[r.FormValue("code")]
	delete(s.asked, r.FormValue("code"))
	_, secret, _ := r.BasicAuth()
	if secret == "" {
		secret = r.FormValue("client_secret")
	} else {
		secret, _ = url.QueryUnescape(secret)
	}
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || secret != s.secret || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || asked.Get("code_challenge_method") != "S256" {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{
		"iss": s.URL, "sub": "1", "aud": asked.Get("client_id"), "nonce": asked.Get("nonce"), "email": "ann@elm.example", "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, s.says)
	if s.signs == nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": unsigned(claims)})
		return
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.signs}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
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

// unsigned is who somebody is, with the words that nobody has signed it (RFC 7519, 6).
func unsigned(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

// agree is what the service does when somebody agrees: it gives a code out for what was asked.
func (s *service) agree(t *testing.T, location string) (state, code string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	code = rand.Text()
	s.asked[code] = u.Query()
	return u.Query().Get("state"), code
}

// TestWhoComesBackFromAnotherService is who it says, if it has signed that, for this community,
// in answer to what this browser asked, in time and once.
func TestWhoComesBackFromAnotherService(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(s *service)
		back  func(kept, state, code *string)
		after time.Duration
		holds bool
	}{
		"as it should":               {holds: true},
		"another's signature":        {spoil: func(s *service) { s.signs = stranger }},
		"for another community":      {spoil: func(s *service) { s.says = map[string]any{"aud": "another"} }},
		"of another service":         {spoil: func(s *service) { s.says = map[string]any{"iss": "https://evil.example"} }},
		"another nonce":              {spoil: func(s *service) { s.says = map[string]any{"nonce": "another"} }},
		"too old":                    {spoil: func(s *service) { s.says = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()} }},
		"about nobody":               {spoil: func(s *service) { s.says = map[string]any{"sub": ""} }},
		"no nonce":                   {spoil: func(s *service) { s.says = map[string]any{"nonce": ""} }},
		"given to another party":     {spoil: func(s *service) { s.says = map[string]any{"azp": "another"} }},
		"for several, given to none": {spoil: func(s *service) { s.says = map[string]any{"aud": []string{"commonwatt", "another"}} }},
		"for several, given to this": {spoil: func(s *service) {
			s.says = map[string]any{"aud": []string{"commonwatt", "another"}, "azp": "commonwatt"}
		}, holds: true},
		"not signed":              {spoil: func(s *service) { s.signs = nil }},
		"another client's secret": {spoil: func(s *service) { s.secret = "another" }},
		"another browser":         {back: func(kept, _, _ *string) { *kept = "another's" }},
		"no browser":              {back: func(kept, _, _ *string) { *kept = "" }},
		"a state of nobody":       {back: func(kept, state, _ *string) { *kept, *state = "x", "x" }},
		"a code of nobody":        {back: func(_, _, code *string) { *code = "x" }},
		"no code":                 {back: func(_, _, code *string) { *code = "" }},
		"long after":              {after: 10 * time.Minute, spoil: func(s *service) { s.says = map[string]any{"exp": time.Now().Add(time.Hour).Unix()} }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			now := time.Now()
			other := openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: "the client's secret", Clock: func() time.Time { return now }})
			location, kept, err := other.Begin(t.Context(), "https://hub.example/back", openid.Asker{Account: "ann", Epoch: 7})
			if err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(s)
			}
			state, code := s.agree(t, location)
			if c.back != nil {
				c.back(&kept, &state, &code)
			}
			now = now.Add(c.after)
			who, err := other.Finish(t.Context(), kept, state, code)
			want := openid.Identity{Issuer: s.URL, Subject: "1", EMail: "ann@elm.example", Verified: true, Asker: openid.Asker{Account: "ann", Epoch: 7}}
			if c.holds != (err == nil) || c.holds && who != want || !c.holds && (!errors.Is(err, openid.ErrWrong) || who != openid.Identity{}) {
				t.Fatalf("%+v, %v", who, err)
			}
			_, code = s.agree(t, location) // the service would let it pass
			if who, err := other.Finish(t.Context(), kept, state, code); !errors.Is(err, openid.ErrWrong) {
				t.Errorf("again: %+v, %v", who, err)
			}
		})
	}
}

// TestAServiceThatDoesNotAnswer is asked again the next time.
func TestAServiceThatDoesNotAnswer(t *testing.T) {
	s := newService(t)
	silent := true
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if silent {
			return nil, errors.New("no answer")
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	other := openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: s.secret, Client: client})
	if _, _, err := other.Begin(t.Context(), "https://hub.example/back", openid.Asker{}); err == nil {
		t.Error("it has answered")
	}
	silent = false
	if _, _, err := other.Begin(t.Context(), "https://hub.example/back", openid.Asker{}); err != nil {
		t.Error(err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
