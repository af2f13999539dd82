package web_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/commonwatt/commonwatt/web/api"
)

// contracted holds every answer of a handler to openapi.yaml: its status is one that stands
// there, and its body has what the schema says and nothing beside. What is no operation, and
// what becomes a WebSocket, passes.
func contracted(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spec.Components.Schemas {
		if s.Value.Properties != nil {
			s.Value.AdditionalProperties.Has = new(false)
		}
	}
	router, err := legacy.NewRouter(spec)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			h.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if route, params, err := router.FindRoute(r); err == nil && answer.Code != http.StatusMethodNotAllowed {
			fitsContract(t, r, route, params, answer)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func fitsContract(t *testing.T, r *http.Request, route *routers.Route, params map[string]string, answer *httptest.ResponseRecorder) {
	t.Helper()
	if route.Operation.Responses.Status(http.StatusSwitchingProtocols) != nil && answer.Code == http.StatusBadRequest {
		return // a WebSocket without its handshake
	}
	if refused := answer.Code == http.StatusUnauthorized || answer.Code == http.StatusForbidden; refused && len(*route.Operation.Security) > 0 && strings.HasPrefix(answer.Body.String(), `{"error":"`) {
		return // its security says that
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 answer.Code, Header: answer.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	in.SetBodyBytes(bytes.Clone(answer.Body.Bytes()))
	if err := openapi3filter.ValidateResponse(r.Context(), in); err != nil {
		t.Errorf("%s %s: the answer %d %.200s does not stand in openapi.yaml: %v", r.Method, r.URL, answer.Code, answer.Body, err)
	}
}

// TestTheContractIsHeld lets a handler answer what does not stand in openapi.yaml.
func TestTheContractIsHeld(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		body string
		good bool
	}{
		"as it stands there": {http.StatusOK, `{"member":"ann","metering_points":[],"rate":1}`, true},
		"a field more":       {http.StatusOK, `{"member":"ann","metering_points":[],"rate":1,"more":1}`, false},
		"a field less":       {http.StatusOK, `{"member":"ann","rate":1}`, false},
		"another status":     {http.StatusTeapot, `{"error":"why"}`, false},
		"no reason":          {http.StatusUnauthorized, `{}`, false},
	} {
		seen := &testing.T{}
		h := contracted(seen, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.code)
			_, _ = w.Write([]byte(c.body))
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/trader", strings.NewReader("")))
		if seen.Failed() == c.good || w.Code != c.code || w.Body.String() != c.body {
			t.Errorf("%s: held to be good: %t; %d %s", name, !seen.Failed(), w.Code, w.Body)
		}
	}
}
