package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

var (
	now      = time.Date(2026, 6, 1, 10, 20, 0, 0, time.UTC)
	interval = grid.Interval{Start: now.Add(-5 * time.Minute).Unix(), Minutes: 15}
)

func newLive() *web.Live {
	return newLiveWith(func() time.Time { return now }, func(context.Context) api.Status { return api.Status{Version: "x", Speed: 1} })
}

func newLiveWith(clock func() time.Time, status func(context.Context) api.Status) *web.Live {
	devices := []grid.Device{
		{ID: "a/meter", Kind: grid.Meter, Member: "a", MeteringPoint: "mp-a"},
		{ID: "a/battery", Kind: grid.Battery, Member: "a", MeteringPoint: "mp-a"},
		{ID: "b/meter", Kind: grid.Meter, Member: "b", MeteringPoint: "mp-b"},
	}
	tariff := tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
	account := func(member, point string) (string, error) { return "account of " + member + " at " + point, nil }
	l, err := web.NewLive("demo", tariff, devices, account, clock, status)
	if err != nil {
		panic(err) // account never fails
	}
	return l
}

func trade(seq uint64, energy grid.Energy, price grid.Price) grid.Trade {
	return grid.Trade{
		Product: grid.Product{Community: "demo", Interval: interval}, Seq: seq, Buyer: "mp-b", Seller: "mp-a",
		Energy: energy, BidPrice: price, OfferPrice: price,
	}
}

// TestAWarning is shown at its device, and taken back.
func TestAWarning(t *testing.T) {
	l := newLive()
	l.Warn("nobody's", "is not here")
	l.Warn("a/meter", "look at it")
	shown := func() *string { return l.State(t.Context()).Homes[0].Devices[0].Warning }
	if w := shown(); w == nil || *w != "look at it" || l.Warning("a/meter") != "look at it" || l.Warning("b/meter") != "" || l.Warning("nobody's") != "" {
		t.Errorf("shown %v", w)
	}
	l.Warn("a/meter", "")
	if w := shown(); w != nil || l.Warning("a/meter") != "" {
		t.Errorf("still shown: %s", *w)
	}
}

// TestADeviceComesLater adds one to a home that is shown, and one of a new home.
func TestADeviceComesLater(t *testing.T) {
	l := newLive()
	l.ShowReadings("a", []grid.Reading{{Device: "a/meter", Time: now, Power: new(grid.Power(1)), Quality: grid.Good}})
	for _, d := range []grid.Device{
		{ID: "a/pv", Kind: grid.Inverter, Member: "a", MeteringPoint: "mp-a"},
		{ID: "a/pv", Kind: grid.Inverter, Member: "a", MeteringPoint: "mp-a"},
		{ID: "c/meter", Kind: grid.Meter, Member: "c", MeteringPoint: "mp-c"},
	} {
		if err := l.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	for member, device := range map[string]string{"a": "a/meter", "c": "c/meter"} {
		l.ShowReadings(member, []grid.Reading{{Device: device, Time: now, Power: new(grid.Power(7)), Quality: grid.Good}})
	}
	if stranger := l.State(t.Context()).Homes; stranger[2].Account != "" {
		t.Errorf("strangers are told whose account %s is", stranger[2].Account)
	}
	homes := l.Joined(t.Context()).Homes
	if len(homes) != 3 || len(homes[0].Devices) != 3 || *homes[0].Devices[0].Power != 7 || homes[2].Account != "account of c at mp-c" || *homes[2].Devices[0].Power != 7 {
		t.Errorf("homes %+v", homes)
	}
}

func TestStateFollowsWhatHappens(t *testing.T) {
	l := newLive()
	l.ShowReadings("a", []grid.Reading{{Device: "a/meter", Time: now, Power: new(grid.Power(-900)), Quality: grid.Good}})
	l.ShowTrade(trade(1, 100, 100_000))
	l.ShowTrade(trade(2, 300, 200_000))
	l.ShowSettled(interval, settlement.Run{Statements: []settlement.Statement{{MeteringPoint: "mp-a", Net: 70_000, RetailOnly: 24_000}}})
	l.ShowSettled(interval, settlement.Run{Statements: []settlement.Statement{{MeteringPoint: "mp-a", Net: 75_000, RetailOnly: 24_000}}})
	s := l.State(t.Context())
	a, b := s.Homes[0], s.Homes[1]
	if !a.Devices[0].Online || *a.Devices[0].Power != -900 || a.Devices[1].Online || a.Devices[1].Power != nil {
		t.Errorf("devices %+v", a.Devices)
	}
	if a.Contract.Sold != 400 || a.Contract.Received != 70_000 || b.Contract.Bought != 400 || b.Contract.Paid != 70_000 {
		t.Errorf("contracts %+v and %+v", a.Contract, b.Contract)
	}
	if a.Today.Net != 75_000 || a.Today.RetailOnly != 24_000 || a.Today.Intervals != 1 {
		t.Errorf("today %+v: a later run replaces an earlier one", a.Today)
	}
	if c := s.Intervals[0]; *c.Price != 175_000 || c.Volume != 400 || c.Trades != 2 || !c.Settled {
		t.Errorf("interval %+v", c)
	}
	if s.Trades[0].Seq != 2 || s.Trades[0].Seller != "a" || s.Trades[0].Buyer != "b" {
		t.Errorf("trades %+v: latest first, by home", s.Trades)
	}
}

func TestAnOlderReadingDoesNotReplaceANewerOne(t *testing.T) {
	l := newLive()
	l.ShowReadings("a", []grid.Reading{{Device: "a/meter", Time: now, Power: new(grid.Power(5))}})
	l.ShowReadings("a", []grid.Reading{{Device: "a/meter", Time: now.Add(-time.Minute), Power: new(grid.Power(7))}})
	if p := *l.State(t.Context()).Homes[0].Devices[0].Power; p != 5 {
		t.Errorf("power %d W, want that of the newer reading", p)
	}
}

func TestManyIntervalsKeepTheLatest(t *testing.T) {
	l := newLive()
	for n := range 120 {
		l.ShowCleared(interval.Shift((n * 37) % 120))
	}
	s := l.State(t.Context())
	if len(s.Intervals) != 96 {
		t.Fatalf("%d intervals", len(s.Intervals))
	}
	for k := range s.Intervals {
		if want := interval.Shift(119 - k).Begin(); !s.Intervals[k].Interval.Start.Equal(want) {
			t.Fatalf("interval %d starts at %s, want %s", k, s.Intervals[k].Interval.Start, want)
		}
	}
}

type noBooks struct{}

func (noBooks) Postings(context.Context, grid.Interval) ([]record.Posting, error) {
	return []record.Posting{{ID: "p", Debit: "a", Credit: "b", Amount: 1}}, nil
}

func (noBooks) Ledger(context.Context) (api.Ledger, error) {
	return api.Ledger{Kind: "none", Key: "k"}, nil
}

func (noBooks) Rewards(context.Context) (api.Rewards, error) { return api.Rewards{}, nil }

func serve(t *testing.T, l *web.Live) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler(t, l))
	t.Cleanup(s.Close)
	return s
}

func handler(t *testing.T, l *web.Live) http.Handler {
	t.Helper()
	ready := false
	entry, err := web.NewOrderEntry("demo", nil, func() time.Time { return now }, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.NewServer(l, noBooks{}, entry, &web.Installer{}, func() bool { return ready }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return contracted(t, h)
}

func TestWebSocketSendsTheStateThenDeltas(t *testing.T) {
	l := newLive()
	s := serve(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/api/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var message struct {
		Type  string
		State *api.State
		Delta *api.Delta
	}
	if err := c.ReadJSON(&message); err != nil || message.Type != "state" || len(message.State.Homes) != 2 {
		t.Fatalf("first message %+v, %v", message, err)
	}
	l.ShowTrade(trade(9, 100, 100_000))
	for message.Delta == nil || len(message.Delta.Trades) == 0 {
		if err := c.ReadJSON(&message); err != nil {
			t.Fatal(err)
		}
	}
	if message.Delta.Trades[0].Seq != 9 || len(message.Delta.Intervals) != 1 {
		t.Errorf("delta %+v", message.Delta)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, _, err := c.NextReader(); err == nil {
		for err == nil {
			_, _, err = c.NextReader()
		}
	}
}

func TestAnswers(t *testing.T) {
	s := serve(t, newLive())
	for path, want := range map[string]int{
		"/healthz":        http.StatusOK,
		"/readyz":         http.StatusServiceUnavailable,
		"/api/v1/status":  http.StatusOK,
		"/api/v1/nothing": http.StatusNotFound,
		"/api/v1/postings?interval=2026-06-01T10:15:00Z/15": http.StatusOK,
		"/api/v1/postings?interval=yesterday":               http.StatusBadRequest,
		"/api/v1/postings":                                  http.StatusBadRequest,
	} {
		r, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != want || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %s, want %d, with the security headers", path, r.Status, want)
		}
		if want == http.StatusBadRequest {
			var p api.Problem
			if err := json.NewDecoder(r.Body).Decode(&p); err != nil || p.Error == "" {
				t.Errorf("%s: problem %+v, %v", path, p, err)
			}
		}
		_ = r.Body.Close()
	}
}

// TestMeanPricesDoNotDrift shows a thousand trades of 1 Wh, all but the first at one price:
// their mean comes as near to it as it must, however often it was rounded to be shown.
func TestMeanPricesDoNotDrift(t *testing.T) {
	l := newLive()
	for k := range 1000 {
		l.ShowTrade(trade(uint64(k+1), 1, 100_000+3*grid.Price(min(k, 1))))
	}
	c := l.State(t.Context()).Intervals[0]
	if *c.Price != 100_003 || c.Volume != 1000 || c.Trades != 1000 { // 100,002.997
		t.Errorf("mean %d of %d Wh in %d trades", *c.Price, c.Volume, c.Trades)
	}
}
