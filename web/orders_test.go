package web_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// counted is a market that takes every order and change, and counts them.
type counted int

func (c *counted) Begin(r community.Request) func() ([]community.Outcome, error) {
	all := make([]community.Outcome, len(r.Submissions)+len(r.Changes))
	for i := range all {
		all[i].Order = known()
	}
	*c += counted(len(all))
	return func() ([]community.Outcome, error) { return all, nil }
}

func (*counted) Waiting(string) []community.Order { return []community.Order{known()} }

func (*counted) Fills(string, *grid.Interval) []community.Fill {
	return []community.Fill{{Seq: 1, Interval: interval, ClientID: "o1", MeteringPoint: "mp-ann", Side: grid.Bid, Energy: 60, Price: 900}}
}

func (*counted) Best(_, point string, _ grid.Interval) (b community.Best, err error) {
	if point != "" {
		return b, &community.RefusedError{Reason: "metering_point: not yours"}
	}
	return community.Best{Bid: &community.Level{Price: 1000, Energy: 40}}, nil
}

func (*counted) Find(string, string) (o community.Order, known bool) { return o, false }

func (*counted) Rules() (r api.MarketRules) { return r }

func (*counted) Watch(string) (changes <-chan community.Order, stop func()) {
	return make(chan community.Order), func() {}
}

// orders writes n orders with a field more.
func orders(n int, field string) string {
	all := make([]string, n)
	for k := range all {
		all[k] = fmt.Sprintf(`{"client_id":"o%d","interval":%q,"side":"bid","energy":1,"price":100%s}`, k, interval.Shift(4), field)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// entry is the order entry of a market, to which ann's key gives two orders a second.
func entry(t *testing.T, market web.Orders) http.Handler {
	t.Helper()
	traders := map[string]web.Trader{"ann's key": {Name: "a1", Member: "ann", Rate: 2}}
	entry, err := web.NewOrderEntry("demo", market, func() time.Time { return now }, traders, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return contracted(t, h)
}

// ask sends a request with ann's key.
func ask(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer ann's key")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestOrdersArriveAtTheirRate spends what a key may send ahead, which are a thousand
// orders, and then what two a second allow. What is refused reaches no market and costs
// the key nothing; a replacement counts as an order does, and a cancellation not at all.
func TestOrdersArriveAtTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var market counted
		h := entry(t, &market)
		for _, c := range []struct {
			wait         time.Duration
			method, path string
			orders       int
			code         int
			retry        string
		}{
			{0, http.MethodPost, "", 600, http.StatusOK, ""},
			{0, http.MethodPost, "", 500, http.StatusTooManyRequests, "50"},
			{0, http.MethodPost, "", 400, http.StatusOK, ""},
			{0, http.MethodPost, "", 1, http.StatusTooManyRequests, "1"},
			{0, http.MethodPut, "/o1", 1, http.StatusTooManyRequests, "1"},
			{0, http.MethodDelete, "/o1", 1, http.StatusOK, ""}, // nobody is kept from leaving
			{0, http.MethodDelete, "", 0, http.StatusOK, ""},
			{time.Second, http.MethodPost, "", 3, http.StatusTooManyRequests, "1"},
			{0, http.MethodPut, "/o1", 1, http.StatusOK, ""},
			{0, http.MethodPost, "", 1, http.StatusOK, ""},
			{0, http.MethodPost, "", 1, http.StatusTooManyRequests, "1"},
			{time.Hour, http.MethodPost, "", 1000, http.StatusOK, ""}, // no more than a thousand are saved up
			{0, http.MethodPost, "", 1, http.StatusTooManyRequests, "1"},
		} {
			time.Sleep(c.wait)
			before := market
			body := ""
			switch c.method {
			case http.MethodPost:
				body = orders(c.orders, "")
			case http.MethodPut:
				body = `{"energy":100,"price":1000}`
			}
			w := ask(t, h, c.method, "/api/v1/orders"+c.path, body)
			if w.Code != c.code || w.Header().Get("Retry-After") != c.retry {
				t.Errorf("%s of %d: %d, to be tried again in %q s, want %d in %q s: %.200s", c.method, c.orders, w.Code, w.Header().Get("Retry-After"), c.code, c.retry, w.Body)
			}
			if took := int(market - before); c.code == http.StatusOK && took != c.orders || c.code != http.StatusOK && took != 0 {
				t.Errorf("%s of %d: the market took %d", c.method, c.orders, took)
			}
		}
	})
}

// TestBatchesHaveBounds refuses whole what has too many orders, or one that runs for no
// period or for more than a day has.
func TestBatchesHaveBounds(t *testing.T) {
	for _, c := range []struct {
		what, body string
		code, took int
	}{
		{"a thousand", orders(1000, ""), http.StatusOK, 1000},
		{"one more", orders(1001, ""), http.StatusBadRequest, 0},
		{"none", "[]", http.StatusOK, 0},
		{"one period", orders(2, `,"periods":1`), http.StatusOK, 2},
		{"255 periods", orders(2, `,"periods":255`), http.StatusOK, 2},
		{"no period", orders(2, `,"periods":0`), http.StatusBadRequest, 0},
		{"256 periods", orders(2, `,"periods":256`), http.StatusBadRequest, 0},
		{"a field that nobody knows", orders(2, `,"more":1`), http.StatusBadRequest, 0},
	} {
		var market counted
		w := ask(t, entry(t, &market), http.MethodPost, "/api/v1/orders", c.body)
		if w.Code != c.code || int(market) != c.took {
			t.Errorf("%s: %d and %d orders taken, want %d and %d: %.200s", c.what, w.Code, market, c.code, c.took, w.Body)
		}
		var problem api.Problem
		if c.code == http.StatusBadRequest && (json.Unmarshal(w.Body.Bytes(), &problem) != nil || problem.Error == "") {
			t.Errorf("%s: %q does not say what is wrong", c.what, w.Body)
		}
	}
}
