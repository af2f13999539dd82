package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// purses is a register with one member, who owes, and a fund.
type purses struct{}

func (purses) Import(_ context.Context, list []byte, apply bool) (api.MemberImport, error) {
	if string(list) != "number,name\n1,Ann\n" {
		return api.MemberImport{}, &web.RefusedError{Code: http.StatusBadRequest, Text: "line 1: is no list"}
	}
	return api.MemberImport{Applied: apply, Rows: []api.MemberRow{{Line: 2, Number: "1", Name: "Ann", Outcome: api.New, Fields: []string{"name"}}}}, nil
}

func (purses) Persons(context.Context) ([]api.Person, error) { return nil, nil }

func (purses) Balance(_ context.Context, member string) (api.MemberBalance, error) {
	if member != "1" {
		return api.MemberBalance{}, &web.RefusedError{Code: http.StatusNotFound, Text: "no such member"}
	}
	return api.MemberBalance{Number: member, Currency: "EUR", Balance: -1}, nil
}

func (p purses) Transfer(ctx context.Context, member, _, reference string, _ grid.Money) (api.MemberBalance, error) {
	if reference == "used" {
		return api.MemberBalance{}, &web.RefusedError{Code: http.StatusConflict, Text: "reference: is used"}
	}
	return p.Balance(ctx, member)
}

func (purses) Fund(_ context.Context, whole bool) (api.Fund, error) {
	three := 3
	if whole {
		three = 2
	}
	return api.Fund{Currency: "EUR", Balance: 7, Months: []api.FundMonth{{Month: "2026-06", Sums: []api.FundSum{{Reason: "guarantee", Amount: -3, Members: &three}}}}}, nil
}

// TestTheOperatorKeepsMembersAndMoney asks for everything of members and money, and is told
// why something is not done.
func TestTheOperatorKeepsMembersAndMoney(t *testing.T) {
	h := guarded(t)
	for ask, want := range map[string]string{
		"POST /api/v1/members number,name\n1,Ann\n":                                     `200 {"applied":false,"problems":[],"rows":[{"fields":["name"],"line":2,`,
		"POST /api/v1/members?apply=true number,name\n1,Ann\n":                          `200 {"applied":true,`,
		"POST /api/v1/members nonsense":                                                 `400 {"error":"line 1: is no list"}`,
		"GET /api/v1/members ":                                                          `200 []`,
		"GET /api/v1/members/1/balance ":                                                `200 {"balance":-1,`,
		"GET /api/v1/members/2/balance ":                                                `404 {"error":"no such member"}`,
		`POST /api/v1/members/1/transfers {"reference":"r","amount":5}`:                 `200 {"balance":-1,`,
		`POST /api/v1/members/2/transfers {"reference":"r","amount":5}`:                 `404 {"error":"no such member"}`,
		`POST /api/v1/members/1/transfers {"reference":"used","amount":5}`:              `409 {"error":"reference: is used"}`,
		`POST /api/v1/members/1/transfers {"reference":"a/b","amount":5}`:               `400 {"error":"reference`,
		`POST /api/v1/members/1/transfers {"reference":"","amount":5}`:                  `400 {"error":"reference`,
		`POST /api/v1/members/1/transfers {"reference":"r","amount":5,"amount":6}`:      `400 {"error":"amount`,
		`POST /api/v1/members/1/transfers {"reference":"r","amount":5,"colour":"blue"}`: `400 {"error":"property \"colour\"`,
		"GET /api/v1/fund ": `200 {"balance":7,"currency":"EUR","months":[{"month":"2026-06","sums":[{"amount":-3,"members":2,"reason":"guarantee"}]}]}`,
	} {
		method, rest, _ := strings.Cut(ask, " ")
		path, body, _ := strings.Cut(rest, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer operator's key")
		r.Header.Set("Content-Type", "application/json")
		if path := r.URL.Path; path == "/api/v1/members" {
			r.Header.Set("Content-Type", "application/octet-stream")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", ask, got, want)
		}
	}
}

// TestOnlyTheOperatorSeesTheWholeFund asks for the fund with each key and without one.
func TestOnlyTheOperatorSeesTheWholeFund(t *testing.T) {
	h := guarded(t)
	for key, want := range map[string]string{"operator's key": `"members":2`, "installer's key": `"members":3`, "ann's key": `"members":3`, "": `"members":3`} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/fund", http.NoBody)
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("with %q: %d %s, want %s", key, w.Code, w.Body, want)
		}
	}
}

// TestPostingsOutsideOfIntervalsAreNotShown asks for those that belong to no interval: deposits
// and the guarantee of each account.
func TestPostingsOutsideOfIntervalsAreNotShown(t *testing.T) {
	h := guarded(t)
	for _, interval := range []string{"", "guarantee", "2026-06", "%25"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/postings?interval="+interval, http.NoBody)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("interval %q: %d %s", interval, w.Code, w.Body)
		}
	}
}
