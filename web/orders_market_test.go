package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// memory is a log of commands that are gone with the test, and a bus that nobody hears.
type memory struct{}

func (memory) Append([]matching.Command) error { return nil }

func (memory) Close() error { return nil }

func (memory) Frozen(context.Context, string, string) ([]byte, error) { return nil, nil }

func (memory) Publish(context.Context, string, string, []byte) error { return nil }

// street is a market at work with its order entry, at a world time that tests move.
type street struct {
	host.Outside

	http.Handler

	now atomic.Int64
}

func (*street) Rules() api.MarketRules { return api.MarketRules{Minutes: 15} }

func (s *street) clock() time.Time { return time.Unix(s.now.Load(), 0).UTC() }

// product is the first that is open at noon.
func product() grid.Interval { return grid.IntervalAt(now, 15).Shift(1) }

// opened is a street of ann and bob, whose keys have two orders a second.
func opened(t *testing.T) *street {
	t.Helper()
	m, err := community.NewMarket(community.Config{Community: "demo", Minutes: 15, GateClosure: 5 * time.Minute, Ahead: time.Hour},
		grid.SingleNode(), tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	s := &street{}
	s.now.Store(now.Unix())
	s.Host, err = host.Open(t.Context(), host.Options{
		Community: "demo", Market: m, Bus: memory{}, Stream: "MARKET", Clock: s.clock, Log: slog.New(slog.DiscardHandler),
		Open: func(journal.Machine) (host.Log, journal.Recovery, error) { return memory{}, journal.Recovery{}, nil }, See: func([]community.Event) {},
		Points: []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = s.Host.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	for _, a := range s.Advance(now) {
		if a.Step == community.Open {
			if err := s.Command(a); err != nil {
				t.Fatal(err)
			}
		}
	}
	traders := map[string]web.Trader{}
	for _, name := range []string{"ann", "bob"} {
		traders[name+"'s key"] = web.Trader{Name: name, Member: name, Points: func() []string { return []string{"mp-" + name} }, Rate: 0.001} // no time that a test takes gives one back
	}
	entry, err := web.NewOrderEntry("demo", s, s.clock, traders, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Handler()
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = contracted(t, h)
	return s
}

// call sends a request with a member's key, and reads the answer into out.
func (s *street) call(t *testing.T, who, method, path, body string, out any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+who+"'s key")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w.Code
}

// place submits an order of a member that has to be taken.
func (s *street) place(t *testing.T, who, id, side string, energy, price int) {
	t.Helper()
	var answers []api.OrderAnswer
	body := fmt.Sprintf(`[{"client_id":%q,"interval":%q,"side":%q,"energy":%d,"price":%d}]`, id, product(), side, energy, price)
	if code := s.call(t, who, http.MethodPost, "/api/v1/orders", body, &answers); code != http.StatusOK || answers[0].Order == nil {
		t.Fatalf("%s of %s: %d %+v", id, who, code, answers)
	}
}

// dial opens the WebSocket of ann's program.
func (s *street) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"/api/v1/orders/ws", http.Header{"Authorization": {"Bearer ann's key"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// say sends messages without waiting, and returns the replies to them in the order in which
// they came.
func say(t *testing.T, c *websocket.Conn, messages ...string) (replies []api.OrdersReply) {
	t.Helper()
	schemas := contract(t)
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for _, m := range messages {
			if c.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
				return // the reader says so
			}
		}
	})
	for len(replies) < len(messages) {
		_, b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		holds(t, schemas, "OrdersReply", b)
		var r api.OrdersReply
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		if r.Id != nil {
			replies = append(replies, r)
		}
	}
	return replies
}

// TestMessagesAreCarriedOutInTheirOrder submits, replaces and cancels an order again and again
// over one connection without waiting: each message finds what those before it did, and
// nothing outlives its cancellation.
func TestMessagesAreCarriedOutInTheirOrder(t *testing.T) {
	s := opened(t)
	var messages []string
	for n := range 200 {
		messages = append(messages,
			fmt.Sprintf(`{"id":%d,"submit":[{"client_id":"o%d","interval":%q,"side":"bid","energy":10,"price":1000}]}`, 3*n, n, product()),
			fmt.Sprintf(`{"id":%d,"replace":{"client_id":"o%d","energy":20,"price":2000,"version":1}}`, 3*n+1, n),
			fmt.Sprintf(`{"id":%d,"cancel":["o%d"]}`, 3*n+2, n))
	}
	for k, r := range say(t, s.dial(t), messages...) {
		if *r.Id != int64(k) || r.Error != nil || (*r.Answers)[0].Error != nil {
			t.Fatalf("%s: %+v", messages[k], r)
		}
		o := (*r.Answers)[0].Order
		want := []string{"waiting 10", "waiting 20", "cancelled 0"}[k%3]
		if got := fmt.Sprint(o.Status, " ", o.Left); got != want {
			t.Errorf("%s: %s, want %s", messages[k], got, want)
		}
	}
	if waiting := s.Waiting("ann"); len(waiting) > 0 {
		t.Errorf("%d orders outlive their cancellation: %+v", len(waiting), waiting[0])
	}
}

// TestAChangeThatComesTooLateIsAnError replaces an order, as HTTP and as the WebSocket have
// it: after the gate, of a version that is gone, below what is filled, and one that waits no
// more.
func TestAChangeThatComesTooLateIsAnError(t *testing.T) {
	s := opened(t)
	c := s.dial(t)
	s.place(t, "ann", "o", "bid", 500, 100_000)
	s.place(t, "bob", "s", "offer", 300, 90_000)
	s.place(t, "ann", "gone", "bid", 1, 100)
	s.call(t, "ann", http.MethodDelete, "/api/v1/orders/gone", "", nil)
	try := func(id, fields, want string, code int) {
		t.Helper()
		var problem api.Problem
		if got := s.call(t, "ann", http.MethodPut, "/api/v1/orders/"+id, "{"+fields+"}", &problem); got != code || !strings.Contains(problem.Error, want) {
			t.Errorf("%s of %s: %d %q, want %d %q", fields, id, got, problem.Error, code, want)
		}
		r := say(t, c, fmt.Sprintf(`{"id":1,"replace":{"client_id":%q,%s}}`, id, fields))[0]
		text := fmt.Sprint(r.Error)
		if r.Error == nil && (*r.Answers)[0].Error != nil {
			text = *(*r.Answers)[0].Error
		} else if r.Error != nil {
			text = *r.Error
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s of %s by the WebSocket: %q, want %q", fields, id, text, want)
		}
	}
	try("o", `"energy":299,"price":100000`, "filled already", http.StatusConflict)
	try("o", `"energy":400,"price":100001`, "tick", http.StatusConflict)
	try("o", `"energy":400,"price":100000,"version":2`, "replaced meanwhile", http.StatusConflict)
	try("o", `"energy":400,"price":100000,"version":0`, "version", http.StatusBadRequest)
	try("gone", `"energy":400,"price":100000`, "no such order waiting", http.StatusConflict)
	try("never", `"energy":400,"price":100000`, "no such order", http.StatusNotFound)
	s.now.Store(product().Begin().Add(-5 * time.Minute).Unix())
	try("o", `"energy":400,"price":100000`, "its gate closed at", http.StatusConflict)
}

// TestALimitTrapsNobody spends a key's rate: it still sees and cancels all that it has.
func TestALimitTrapsNobody(t *testing.T) {
	s := opened(t)
	s.place(t, "ann", "sold", "offer", 300, 100_000)
	s.place(t, "bob", "buys", "bid", 300, 120_000)
	s.place(t, "ann", "dear", "offer", 300, 200_000)
	spent := make([]string, 998)
	for k := range spent {
		spent[k] = fmt.Sprintf(`{"client_id":"o%d","interval":%q,"side":"bid","energy":1,"price":100}`, k, product())
	}
	all := "[" + strings.Join(spent, ",") + "]"
	if code := s.call(t, "ann", http.MethodPost, "/api/v1/orders", all, nil); code != http.StatusOK {
		t.Fatalf("orders: %d", code)
	}
	c := s.dial(t)
	for _, try := range []struct{ method, path, body string }{
		{http.MethodPost, "/api/v1/orders", all}, {http.MethodPut, "/api/v1/orders/o1", `{"energy":2,"price":100}`},
	} {
		if code := s.call(t, "ann", try.method, try.path, try.body, nil); code != http.StatusTooManyRequests {
			t.Errorf("%s: %d", try.method, code)
		}
	}
	var waiting []api.Order
	if code := s.call(t, "ann", http.MethodGet, "/api/v1/orders", "", &waiting); code != http.StatusOK || len(waiting) != 999 || waiting[0].ClientId != "dear" {
		t.Errorf("what waits: %d, %d orders", code, len(waiting))
	}
	var fills []api.Fill
	if code := s.call(t, "ann", http.MethodGet, "/api/v1/fills", "", &fills); code != http.StatusOK || len(fills) != 1 || fills[0].Price != 100_000 || fills[0].ClientId != "sold" {
		t.Errorf("fills: %d %+v", code, fills)
	}
	var sold api.Order
	if s.call(t, "ann", http.MethodGet, "/api/v1/orders/sold", "", &sold); sold.FillPrice == nil || *sold.FillPrice != 100_000 {
		t.Errorf("its mean price: %+v", sold)
	}
	var best api.BestPrices
	if code := s.call(t, "ann", http.MethodGet, "/api/v1/market/best?interval="+product().String(), "", &best); code != http.StatusOK || best.Offer.Price != 200_000 || best.Bid.Price != 100 || best.Bid.Energy != nil || best.Offer.Energy != nil {
		t.Errorf("best prices, and nothing of how much waits: %d %+v", code, best)
	}
	for want, r := range map[string]api.OrdersReply{
		`"client_id":"dear"`:              say(t, c, `{"id":1,"list":{}}`)[0],
		`"price":100000`:                  say(t, c, `{"id":1,"fills":{}}`)[0],
		`"offer":{"price":200000}`:        say(t, c, fmt.Sprintf(`{"id":1,"best":{"interval":%q}}`, product()))[0],
		`"status":"cancelled"`:            say(t, c, `{"id":1,"cancel":["o5"]}`)[0],
		`"answers":[]`:                    say(t, c, `{"id":1,"cancel_all":{"interval":"2026-06-01T20:00:00Z/15"}}`)[0],
		`"error":"more than 0.001 orders`: say(t, c, `{"id":1,"replace":{"client_id":"o6","energy":2,"price":100}}`)[0],
		`"error":"interval`:               say(t, c, `{"id":1,"list":{"interval":"today"}}`)[0],
		`"error":"metering_point`:         say(t, c, fmt.Sprintf(`{"id":1,"best":{"interval":%q,"metering_point":"mp-bob"}}`, product()))[0],
		`"error":"submit: is given twice`: say(t, c, `{"id":1,"submit":[],"submit":[]}`)[0],
	} {
		if b, err := json.Marshal(r); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%.300s, want %s", b, want)
		}
	}
	var cancelled []api.Order
	if code := s.call(t, "ann", http.MethodDelete, "/api/v1/orders", "", &cancelled); code != http.StatusOK || len(cancelled) != 998 || len(s.Waiting("ann")) != 0 {
		t.Errorf("all cancelled: %d, %d orders; %d wait", code, len(cancelled), len(s.Waiting("ann")))
	}
	if slices.ContainsFunc(cancelled, func(o api.Order) bool { return o.Status != api.Cancelled }) {
		t.Error("something that was cancelled is not")
	}
}

// TestOrdersMayEndWithTheirConnection has a program ask for it: what waits of the orders that
// came by this connection is cancelled when it ends, and nothing else.
func TestOrdersMayEndWithTheirConnection(t *testing.T) {
	for _, asks := range []bool{true, false} {
		s := opened(t)
		s.place(t, "ann", "another-way", "bid", 10, 1000)
		c := s.dial(t)
		submit := func(id string, energy int) string {
			return fmt.Sprintf(`{"id":1,"submit":[{"client_id":%q,"interval":%q,"side":"bid","energy":%d,"price":1000}]}`, id, product(), energy)
		}
		say(t, c, submit("before", 10), fmt.Sprintf(`{"id":2,"cancel_on_disconnect":%t}`, asks), submit("after", 20))
		changes, stop := s.Watch("ann")
		defer stop()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		want := []string{"another-way", "before", "after"}
		if asks {
			for gone := 0; gone < 2; {
				if o := <-changes; o.Status == community.IsCancelled {
					gone++
				}
			}
			want = want[:1]
		}
		var got []string
		for _, o := range s.Waiting("ann") {
			got = append(got, o.ClientID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("asked for it: %t; %q wait, want %q", asks, got, want)
		}
	}
}
