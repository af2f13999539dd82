package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// contract returns the schemas of openapi.yaml, closed: what a message has beside what
// stands there is a mistake as well.
func contract(t *testing.T) openapi3.Schemas {
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
	return spec.Components.Schemas
}

// holds checks a message as it was on the wire.
func holds(t *testing.T, schemas openapi3.Schemas, schema string, message []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(message, &v); err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	if err := schemas[schema].Value.VisitJSON(v); err != nil {
		t.Errorf("%.300s is no %s: %v", message, schema, err)
	}
}

// receive reads messages until one of them is the last.
func receive(t *testing.T, c *websocket.Conn, schemas openapi3.Schemas, schema string, last func(b []byte) bool) {
	t.Helper()
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		holds(t, schemas, schema, b)
		if last(b) {
			return
		}
	}
}

// eventful lets everything happen that the dashboard shows.
func eventful(l *web.Live) {
	l.SharePool(180_000)
	l.ShowReadings("a", []grid.Reading{
		{Device: "a/meter", Time: now, Power: new(grid.Power(900)), Quality: grid.Good},
		{Device: "a/battery", Time: now, Power: new(grid.Power(-100)), Charge: new(grid.PerMille(500)), Quality: grid.Good},
	})
	l.Warn("a/meter", "look at it")
	l.ShowTrade(trade(1, 100, 100_000))
	l.ShowExpected("mp-a", interval, -100)
	l.ShowChallenge("a", &api.Challenge{Direction: api.Charge, Power: 100, Until: now.Add(time.Hour), Tokens: 5, Cost: new(int64(7))})
	l.ShowCleared(interval)
	l.ShowSettled(interval, settlement.Run{Statements: []settlement.Statement{{MeteringPoint: "mp-a", Net: 70_000, RetailOnly: 24_000}}})
	l.ShowRecorded(interval, 1)
}

// TestTheLiveMessagesStandInTheContract reads a state, deltas with everything that may
// change, and a pong.
func TestTheLiveMessagesStandInTheContract(t *testing.T) {
	schemas := contract(t)
	l := newLiveWith(func() time.Time { return now }, func(context.Context) api.Status {
		return api.Status{Speed: 1, WorldTime: now, Gateways: &[]api.GatewayStatus{{Id: "g", LastReading: new(now)}}}
	})
	eventful(l)
	s := serve(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/api/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text := func(what string) func([]byte) bool {
		return func(b []byte) bool { return strings.Contains(string(b), what) }
	}
	receive(t, c, schemas, "LiveMessage", text(`"type":"state"`))
	eventful(l)
	l.ShowTrade(trade(2, 100, 100_000))
	receive(t, c, schemas, "LiveMessage", text(`"seq":2`))
	ping, err := json.Marshal(api.PageMessage{Type: api.Ping})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, schemas, "PageMessage", ping)
	if err := c.WriteMessage(websocket.TextMessage, ping); err != nil {
		t.Fatal(err)
	}
	receive(t, c, schemas, "LiveMessage", text(`"type":"pong"`))
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// busy is a market that knows one order, refuses o2, and shows o1 as it changes.
type busy struct {
	counted

	changes chan community.Order
}

func known() community.Order {
	return community.Order{
		ClientID: "o1", MeteringPoint: "mp-ann", Product: grid.Product{Community: "demo", Interval: interval}, Number: 7, Side: grid.Bid,
		Energy: 100, Limit: 1000, Status: community.Waiting, Left: 40, Filled: 60, Reason: "because",
	}
}

func outcomes(ids []string) []community.Outcome {
	all := make([]community.Outcome, len(ids))
	for k, id := range ids {
		if all[k].Order = known(); id == "o2" {
			all[k] = community.Outcome{Err: community.ErrNoOrder}
		}
	}
	return all
}

func (b *busy) Begin(r community.Request) func() ([]community.Outcome, error) {
	var ids []string
	for _, one := range r.Submissions {
		ids = append(ids, one.Order.ID)
	}
	for _, one := range r.Changes {
		ids = append(ids, one.ClientID)
	}
	if len(r.Changes) > 0 {
		b.changes <- known()
	}
	return func() ([]community.Outcome, error) { return outcomes(ids), nil }
}

func (b *busy) Watch(string) (changes <-chan community.Order, stop func()) {
	return b.changes, func() { close(b.changes) }
}

// TestTheOrdersMessagesStandInTheContract has an agent say all that it can, and reads
// the answers and what changed.
func TestTheOrdersMessagesStandInTheContract(t *testing.T) {
	schemas := contract(t)
	synctest.Test(t, func(t *testing.T) {
		listener := listen()
		server := http.Server{Handler: entry(t, &busy{changes: make(chan community.Order, 8)}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
		go server.Serve(listener)
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		c, answer, err := dialer.Dial("ws://commonwatt/api/v1/orders/ws", http.Header{"Authorization": {"Bearer ann's key"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		request := func(id string) api.OrderRequest {
			return api.OrderRequest{ClientId: id, Interval: interval.Shift(4).String(), Side: "bid", Energy: 100, Price: 1000}
		}
		replacing := api.OrdersMessage{Id: 2, Replace: &api.OrderReplacement{ClientId: "o1", Energy: 40, Price: 900}}
		said := []api.OrdersMessage{
			{Id: 1, Submit: &[]api.OrderRequest{request("o1"), request("o2")}}, replacing, {Id: 3, Cancel: &[]string{"o1", "o2"}}, {Id: 4},
		}
		for k, m := range said {
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, schemas, "OrdersMessage", b)
			if err := c.WriteMessage(websocket.TextMessage, b); err != nil {
				t.Fatal(err)
			}
			answered, changed := false, !slices.Contains([]int{1, 2}, k) // a change is shown as well
			receive(t, c, schemas, "OrdersReply", func(b []byte) bool {
				var r api.OrdersReply
				if err := json.Unmarshal(b, &r); err != nil {
					t.Fatal(err)
				}
				if r.Id == nil {
					changed = changed || r.Order != nil
				} else {
					answered = *r.Id == m.Id && (r.Error == nil) == (m.Id != 4)
				}
				return answered && changed
			})
		}
		_ = c.Close()
		_ = server.Close()
		synctest.Wait()
	})
}
