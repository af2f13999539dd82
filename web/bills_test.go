package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/web/api"
)

// oneBill is a desk with one bill, which cannot be cancelled and has no lines.
type oneBill struct{}

// refusedBillError is why something cannot be done.
type refusedBillError struct{ missing, conflict bool }

func (refusedBillError) Error() string                       { return "because" }
func (r refusedBillError) Refused() (missing, conflict bool) { return r.missing, r.conflict }

func theBill() api.BillSummary {
	return api.BillSummary{Id: "2026-000001", State: "approved", Member: "ann", Period: "2026-06", Currency: "EUR", Digits: 2, Total: -3_980_000, Due: -3_980_000, Deliveries: []api.BillDelivery{}}
}

func (oneBill) List(_ context.Context, period, _, _ string) ([]api.BillSummary, error) {
	if period != "2026-06" {
		return nil, nil
	}
	return []api.BillSummary{theBill()}, nil
}

func (oneBill) Draft(_ context.Context, month, _ string) (api.BillsDrafted, error) {
	if month != "2026-06" {
		return api.BillsDrafted{}, refusedBillError{}
	}
	return api.BillsDrafted{Left: []api.BillLeft{{Id: "ann", Why: "it is billed"}}}, nil
}

func (oneBill) Get(context.Context, string) (api.Bill, error) {
	content := billing.Bill{Community: "demo", Member: "ann", Points: []billing.PointPart{}, Compared: []billing.Alternative{}}
	return api.Bill{Summary: theBill(), Content: content, Words: []api.BillWords{}}, nil
}
func (oneBill) Approve(context.Context, string) (api.BillSummary, error) { return theBill(), nil }
func (oneBill) Cancel(context.Context, string) (api.BillSummary, error) {
	return api.BillSummary{}, refusedBillError{conflict: true}
}
func (oneBill) Pay(context.Context, string, string) (api.BillSummary, error) { return theBill(), nil }
func (oneBill) Print(context.Context, string) ([]byte, error)                { return []byte("%PDF"), nil }
func (oneBill) Line(context.Context, string, string, string, bool) ([]api.BillInterval, error) {
	return nil, refusedBillError{missing: true}
}

func (oneBill) Postings(context.Context, string, string, grid.Interval) ([]api.BillPosting, error) {
	return nil, nil
}

func (oneBill) Export(_ context.Context, format, period string) (api.BillFile, error) {
	return api.BillFile{Name: period + "." + format, Type: "text/csv", Data: []byte("a,b\n")}, nil
}

func (oneBill) Send(_ context.Context, ids []string) (api.BillsSent, error) {
	return api.BillsSent{Sent: ids}, nil
}

// TestBillsOverTheAPI asks for what a desk has: refusals keep their kind, and empty lists are
// lists.
func TestBillsOverTheAPI(t *testing.T) {
	h := guarded(t)
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{http.MethodGet, "/api/v1/bills?period=2026-05", "", http.StatusOK, `{"bills":[]}`},
		{http.MethodGet, "/api/v1/bills?period=2026-06", "", http.StatusOK, `"due":-3980000`},
		{http.MethodPost, "/api/v1/bills", `{"month":"2026-06"}`, http.StatusOK, `{"bills":[],"left":[{"id":"ann","why":"it is billed"}]}`},
		{http.MethodPost, "/api/v1/bills", `{"month":"June"}`, http.StatusBadRequest, "because"},
		{http.MethodPost, "/api/v1/bills", `{}`, http.StatusBadRequest, "month"},
		{http.MethodPost, "/api/v1/bills/2026-000001/cancellation", "", http.StatusConflict, "because"},
		{http.MethodGet, "/api/v1/bills/2026-000001/line?point=p&kind=own", "", http.StatusNotFound, "because"},
		{http.MethodGet, "/api/v1/bills/2026-000001/postings?point=p&interval=2026-06-01T12:00:00Z/15", "", http.StatusOK, `{"postings":[]}`},
		{http.MethodGet, "/api/v1/bills/2026-000001/pdf", "", http.StatusOK, "%PDF"},
		{http.MethodGet, "/api/v1/bill-files?format=csv&period=2026-06", "", http.StatusOK, `"data":"YSxiCg=="`},
		{http.MethodPost, "/api/v1/bill-letters", `{"ids":["2026-000001"]}`, http.StatusOK, `"sent":["2026-000001"]`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer operator's key")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s: %d %s, want %d and %s", c.method, c.path, c.body, w.Code, w.Body, c.code, c.want)
		}
	}
}
