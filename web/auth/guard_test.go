package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// contract has one operation of each kind of security.
const contract = `
openapi: 3.0.3
info: {title: a test, version: "1"}
paths:
  /open: {get: {security: [], responses: {}}}
  /default: {get: {security: [{installer: []}], responses: {}}}
  /either: {get: {security: [{key: []}, {installer: []}], responses: {}}}
  /mixed/{id}: {get: {security: [], responses: {}}, put: {security: [{key: []}], responses: {}}}
  /mixed/ws: {get: {security: [{key: []}], responses: {}}}
  /deep/{id}/part: {get: {security: [{key: []}], responses: {}}}
components:
  securitySchemes:
    key: {type: http, scheme: bearer}
    installer: {type: http, scheme: bearer}
`

func read(t *testing.T, text string) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// named answers with who came.
func named(w http.ResponseWriter, r *http.Request) {
	p, _ := auth.From(r.Context())
	fmt.Fprintf(w, "%s/%s", p.Role, p.Name)
}

func TestTheGuardReadsTheContract(t *testing.T) {
	keys := auth.Keys{}
	keys.Grant("a", auth.Principal{Role: auth.Trader, Name: "ann"})
	keys.Grant("b", auth.Principal{Role: auth.Installer, Name: "ines"})
	keys.Grant("both", auth.Principal{Role: auth.Trader, Name: "bo"})
	keys.Grant("both", auth.Principal{Role: auth.Installer, Name: "bo"})
	keys.Grant("", auth.Principal{Role: auth.Trader, Name: "nobody"})
	h, err := auth.Door{Keys: keys}.Guard(read(t, contract), http.HandlerFunc(named))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ask, nobody, ann, ines, both string }{
		{"GET /open", "/", "key/ann", "installer/ines", "installer/bo"},
		{"GET /default", "", "", "installer/ines", "installer/bo"},
		{"POST /default", "", "", "installer/ines", "installer/bo"},
		{"GET /either", "", "key/ann", "installer/ines", "key/bo"},
		{"GET /mixed/1", "/", "key/ann", "installer/ines", "installer/bo"},
		{"HEAD /mixed/1", "/", "key/ann", "installer/ines", "installer/bo"},
		{"PUT /mixed/1", "", "key/ann", "", "key/bo"},
		{"DELETE /mixed/1", "/", "/", "/", "/"}, // is no operation, nor are all at its path closed
		{"GET /mixed/ws", "", "key/ann", "", "key/bo"},
		{"HEAD /mixed/ws", "", "key/ann", "", "key/bo"},
		{"PUT /mixed/ws", "", "key/ann", "", "key/bo"}, // of the id ws
		{"GET /mixed/%77s", "", "key/ann", "", "key/bo"},
		{"GET /mixed/a%2Fws", "/", "key/ann", "installer/ines", "installer/bo"},
		{"GET /deep/1/part", "", "key/ann", "", "key/bo"},
		{"GET /deep/1/other", "", "key/ann", "", "key/bo"},
		{"GET /deep/", "", "key/ann", "", "key/bo"},
		{"GET /elsewhere", "/", "/", "/", "/"},
	} {
		for key, want := range map[string]string{"": c.nobody, "a": c.ann, "b": c.ines, "both": c.both, "c": c.nobody} {
			method, path, _ := strings.Cut(c.ask, " ")
			r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Body.String(); want != "" && got != want || want == "" && (w.Code != http.StatusUnauthorized || !strings.Contains(got, `"error":"send `)) {
				t.Errorf("%s with %q: %d %s, want %q", c.ask, key, w.Code, got, want)
			}
		}
	}
}

// TestARequestOfTwoNames is answered with both ways in.
func TestARequestOfTwoNames(t *testing.T) {
	h, err := auth.Door{}.Guard(read(t, contract), http.HandlerFunc(named))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/either", http.NoBody))
	if got := w.Body.String(); !strings.Contains(got, "an agent's key") || !strings.Contains(got, ", or send the installer's key") {
		t.Errorf("%s", got)
	}
}

// TestAPathThatIsWrittenAnotherWay comes to the same operation, or to none.
func TestAPathThatIsWrittenAnotherWay(t *testing.T) {
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	reached := false
	h, err := auth.Door{}.Guard(spec, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/api/v1/orders", "/api/v1/orders/o1", "/api/v1/orders/", "/api/v1/orders//o1", "//api/v1/orders/o1", "/api/v1/./orders/o1", "/api/v1/x/../orders/o1",
		"/api/v1/orders/o%2F1", "/api/v1/%6Frders/o1", "/api/v1/trader", "/api/v1/pairing/devices", "/api/v1/pairing//devices",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
			reached = false
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			if reached {
				t.Errorf("%s %s: came through without a key", method, path)
			}
		}
	}
}

func TestAContractThatNobodyCanKeepIsRefused(t *testing.T) {
	for security, want := range map[string]string{
		"":                           "GET /open: it has no security: list who may call it, [] for everybody",
		"[{demonstration: []}]":      "GET /open: its security has to name a role beside demonstration",
		"[{key: [], installer: []}]": "GET /open: each of its security has to be one scheme, not 2",
		"[{}]":                       "GET /open: each of its security has to be one scheme, not 0",
		"[{member: []}]":             `GET /open: nobody can have the security scheme "member"`,
	} {
		_, err := auth.Door{}.Guard(read(t, strings.Replace(contract, "security: [], ", strings.ReplaceAll("security: "+security+", ", "security: , ", ""), 1)), http.NotFoundHandler())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", security, err, want)
		}
	}
}
