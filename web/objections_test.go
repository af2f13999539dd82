package web_test

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// complaints are objections, of which number 1 is open.
type complaints struct{}

func (complaints) Values(_ context.Context, home string, i grid.Interval) ([]api.HomeValue, error) {
	if i.Minutes != 15 {
		return nil, refusedBillError{}
	}
	return []api.HomeValue{{MeteringPoint: "mp-" + home, MeteredImport: 9, Import: 7, Quality: "official-2"}}, nil
}

// List says in the reason what was asked for.
func (complaints) List(_ context.Context, home, state string) ([]api.Objection, error) {
	return []api.Objection{{Id: 1, Home: "b", State: api.ObjectionStateOpen, Reason: cmp.Or(home, "all") + ", " + state}}, nil
}

func (complaints) Object(_ context.Context, home string, i grid.Interval, r api.ObjectionRequest) (api.Objection, error) {
	return api.Objection{Id: 1, Home: home, Interval: i.String(), Reason: r.Reason, State: api.ObjectionStateOpen}, nil
}

func (complaints) Withdraw(_ context.Context, _ string, id int64) error {
	if id != 1 {
		return refusedBillError{missing: true}
	}
	return nil
}

func (complaints) Decide(_ context.Context, id int64, _ api.ObjectionDecision, role string) (api.Objection, error) {
	if id != 1 {
		return api.Objection{}, refusedBillError{conflict: true}
	}
	return api.Objection{Id: id, State: api.ObjectionStateAccepted, By: &role}, nil
}

// TestWhoDecidesIsNotedByTheRole and not by what somebody is called: of a person of the utility who calls herself
// "operator" it is noted that the utility has decided, and a homeowner who calls himself "utility" decides nothing.
func TestWhoDecidesIsNotedByTheRole(t *testing.T) {
	book := newBook(t)
	own := newOwn()
	own.Objections = complaints{}
	h := behindOwn(t, web.Access{Closed: true}, web.People{Book: book}, own)
	withAccount(t, book, auth.Utility, "")
	withAccount(t, book, auth.Homeowner, "a")
	for email, c := range map[string]struct {
		called, says string
		code         int
	}{
		"utility@x.example": {"operator", `"by":"utility"`, http.StatusOK},
		annSigns:            {"utility", "signed in as homeowner", http.StatusForbidden},
	} {
		cookie := signIn(t, h, email)
		if w := knock(t, h, http.MethodPut, "/api/v1/account", `{"name":"`+c.called+`"}`, cookie, asJSON); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
		if w := knock(t, h, http.MethodPost, "/api/v1/objections/1/decision", `{"accept":true,"reason":"seen"}`, cookie, asJSON); w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s, called %s: %d %s", email, c.called, w.Code, w.Body)
		}
	}
}

// TestObjectionsAreTheMembersToFileAndTheUtilitysToDecide asks as who has signed in: of another's
// home nothing is told, and who decides is noted by the role.
func TestObjectionsAreTheMembersToFileAndTheUtilitysToDecide(t *testing.T) {
	h := guarded(t)
	own, other, utility := guestIn(t, h, `{"role":"homeowner","home":"b"}`), guestIn(t, h, `{"role":"homeowner","home":"a"}`), guestIn(t, h, `{"role":"utility"}`)
	const (
		claim  = `{"metering_point":"mp-b","interval":"2026-06-01T10:15:00Z/15","import":1,"export":0,"reason":"so"}`
		values = "/api/v1/homes/b/values?interval=2026-06-01T10:15:00Z/15"
		claims = "/api/v1/homes/b/objections"
	)
	for _, r := range []struct {
		who, method, path, body, says string
		code                          int
	}{
		{own, http.MethodGet, values, "", `"metered_import":9`, http.StatusOK},
		{own, http.MethodGet, "/api/v1/homes/b/values?interval=noon", "", "interval", http.StatusBadRequest},
		{own, http.MethodGet, "/api/v1/homes/b/values?interval=2026-06-01T10:00:00Z/60", "", "", http.StatusBadRequest},
		{other, http.MethodGet, values, "", "", http.StatusNotFound},
		{own, http.MethodPost, claims, claim, `"state":"open"`, http.StatusOK},
		{own, http.MethodPost, claims, strings.Replace(claim, `"import":1`, `"import":-1`, 1), "import", http.StatusBadRequest},
		{other, http.MethodPost, claims, claim, "", http.StatusNotFound},
		{utility, http.MethodPost, claims, claim, "", http.StatusForbidden},
		{other, http.MethodGet, claims, "", "", http.StatusNotFound},
		{other, http.MethodDelete, claims + "/1", "", "", http.StatusNotFound},
		{own, http.MethodDelete, claims + "/2", "", "", http.StatusNotFound},
		{own, http.MethodDelete, claims + "/1", "", "", http.StatusNoContent},
		{own, http.MethodPost, "/api/v1/objections/1/decision", `{"accept":true,"reason":"mine"}`, "", http.StatusForbidden},
		{utility, http.MethodGet, "/api/v1/objections?state=open", "", `"reason":"all, open"`, http.StatusOK},
		{own, http.MethodGet, claims, "", `"reason":"b, "`, http.StatusOK},
		{utility, http.MethodPost, "/api/v1/objections/2/decision", `{"accept":false,"reason":"x"}`, "", http.StatusConflict},
		{utility, http.MethodPost, "/api/v1/objections/1/decision", `{"accept":true}`, "reason", http.StatusBadRequest},
		{utility, http.MethodPost, "/api/v1/objections/1/decision", `{"accept":true,"reason":"seen"}`, `"by":"utility"`, http.StatusOK},
	} {
		w := knock(t, h, r.method, r.path, r.body, r.who, "Content-Type: application/json")
		if w.Code != r.code || !strings.Contains(w.Body.String(), r.says) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", r.method, r.path, r.body, w.Code, w.Body, r.code, r.says)
		}
	}
}
