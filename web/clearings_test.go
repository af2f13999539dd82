package web_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// asking notes who asked, and for which interval.
type asking struct{ last string }

func (a *asking) note(i grid.Interval, of web.Reader) error {
	a.last = fmt.Sprintf("%s for %s, merged %t, summed %t", i, of.Member, of.Merged, of.Summed)
	if i.Minutes == 5 {
		return &web.RefusedError{Code: http.StatusConflict, Text: "not yet"}
	}
	return nil
}

func (a *asking) Why(i grid.Interval, of web.Reader) (api.WhyPrice, error) {
	return api.WhyPrice{Reason: api.PriceReason{Kind: api.PriceReasonKindOpen}, Supply: []api.CurveStep{}, Demand: []api.CurveStep{}, Lines: []api.FullLine{}, Nodes: []api.NodePrice{}, Own: []api.OwnOrder{}}, a.note(i, of)
}

func (a *asking) Record(i grid.Interval, of web.Reader) (api.IntervalRecord, error) {
	return api.IntervalRecord{Nodes: []api.RecordNode{}, Steps: []api.RecordStep{}}, a.note(i, of)
}

func (a *asking) List(l web.Listing, of web.Reader) (api.Auctions, error) {
	a.last = fmt.Sprintf("%+v, merged %t", l, of.Merged)
	return api.Auctions{Total: 1, Rows: []api.AuctionSummary{{Interval: api.Interval{Start: now, Minutes: 15}, Gate: now, Volume: 7, Price: new(int64(-5)), Full: []string{"a", "b"}}}}, nil
}

// TestWhoSeesWhatOfACall asks for an interval with the eyes of each role of a demonstration.
func TestWhoSeesWhatOfACall(t *testing.T) {
	entry, err := web.NewOrderEntry("demo", nil, time.Now, map[string]web.Trader{"a's key": {Name: "agent", Member: "a"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var asked asking
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Cleared(&asked).Handler()
	if err != nil {
		t.Fatal(err)
	}
	h = contracted(t, h)
	for who, want := range map[string]string{
		"":           "for , merged false, summed false",
		"a's key":    "for a, merged true, summed true",
		"homeowner":  "for a, merged true, summed true",
		"researcher": "for , merged true, summed false",
		"utility":    "for , merged false, summed false",
		"operator":   "for , merged false, summed false",
		"installer":  "",
	} {
		header := "Authorization: Bearer " + who
		if who != "" && !strings.Contains(who, "key") {
			answer := knock(t, h, http.MethodPost, "/api/v1/session/demonstration", fmt.Sprintf(`{"role":%q}`, who), "Content-Type: application/json")
			cookie, _, _ := strings.Cut(answer.Header().Get("Set-Cookie"), ";")
			header = "Cookie: " + cookie
		}
		for _, path := range []string{"price", "record"} {
			asked.last = ""
			w := knock(t, h, http.MethodGet, "/api/v1/intervals/2026-06-01T12:00:00Z/"+path, "", header)
			if code := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[want != ""]; w.Code != code {
				t.Errorf("%q: %d, want %d: %s", who, w.Code, code, w.Body)
			}
			if want != "" && asked.last != "2026-06-01T12:00:00Z/15 "+want {
				t.Errorf("%q: asked %s, want %s", who, asked.last, want)
			}
		}
	}
	for query, code := range map[string]int{"record?minutes=5": http.StatusConflict, "price?minutes=x": http.StatusBadRequest, "price?minutes=60": http.StatusOK} {
		if w := knock(t, h, http.MethodGet, "/api/v1/intervals/2026-06-01T12:00:00Z/"+query, ""); w.Code != code {
			t.Errorf("%s: %d, want %d: %s", query, w.Code, code, w.Body)
		}
	}
}

// TestAuctionsComeInPagesAndAsAFile asks within and beyond what may be asked for.
func TestAuctionsComeInPagesAndAsAFile(t *testing.T) {
	entry, err := web.NewOrderEntry("demo", nil, time.Now, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var asked asking
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Cleared(&asked).Handler()
	if err != nil {
		t.Fatal(err)
	}
	h = contracted(t, h)
	for _, c := range []struct {
		query, asked, says string
		code               int
	}{
		{"", "{From:<nil> Until:<nil> Skip:0 Limit:25}, merged false", `"total":1`, http.StatusOK},
		{"?skip=3&limit=100", "{From:<nil> Until:<nil> Skip:3 Limit:100}, merged false", `"full":["a","b"]`, http.StatusOK},
		{"?format=csv&skip=3", "{From:<nil> Until:<nil> Skip:0 Limit:0}, merged false", "\n" + now.UTC().Format(time.RFC3339) + ",15," + now.UTC().Format(time.RFC3339) + ",-5,7,0,0,a b\n", http.StatusOK},
		{"?limit=101", "", "limit", http.StatusBadRequest},
		{"?limit=0", "", "limit", http.StatusBadRequest},
		{"?skip=-1", "", "skip", http.StatusBadRequest},
		{"?format=xml", "", "format", http.StatusBadRequest},
		{"?from=noon", "", "from", http.StatusBadRequest},
	} {
		asked.last = ""
		if w := knock(t, h, http.MethodGet, "/api/v1/intervals"+c.query, ""); w.Code != c.code || asked.last != c.asked || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%q: %d %s, asked %q, want %q", c.query, w.Code, w.Body, asked.last, c.asked)
		}
	}
}
