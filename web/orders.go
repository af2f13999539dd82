package web

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

// Orders is the market as agents outside see it.
type Orders interface {
	// Submit and Change return when all is durable and applied. After an error
	// nobody knows: asking again is safe.
	Submit(submissions []community.Submission) ([]community.Outcome, error)
	Change(changes []community.Change) ([]community.Outcome, error)
	Find(member, clientID string) (community.Order, bool)
	// Rules are what an order must keep to.
	Rules() MarketRules
	// Watch returns the member's orders as they change; the channel is closed
	// when the watcher does not keep up.
	Watch(member string) (changes <-chan community.Order, stop func())
}

// Trader is who may trade for a member.
type Trader struct {
	Name   string // of the agent, for the log
	Member string
	Points func() []string // metering points of the member
	Rate   float64         // orders and changes a second, and up to 1000 of them ahead

	limiter *rate.Limiter
}

// Desk takes orders from agents outside. Use NewDesk.
type Desk struct {
	community string
	orders    Orders
	clock     func() time.Time // world time
	traders   map[[sha256.Size]byte]*Trader
	checker   checker
	log       *slog.Logger
}

// mostAtOnce is how many orders a request may have.
const mostAtOnce = 1000

// NewDesk returns the order entry of a community for the traders, by their
// keys. Without a trader all is refused.
func NewDesk(name string, orders Orders, clock func() time.Time, traders map[string]Trader, log *slog.Logger) (*Desk, error) {
	c, err := newChecker()
	if err != nil {
		return nil, err
	}
	d := &Desk{community: name, orders: orders, clock: clock, traders: map[[sha256.Size]byte]*Trader{}, checker: c, log: log}
	for key, t := range traders {
		t.limiter = rate.NewLimiter(rate.Limit(t.Rate), mostAtOnce)
		d.traders[sha256.Sum256([]byte(key))] = &t
	}
	return d, nil
}

// refusal is an answer that is not 200.
type refusal struct {
	code  int
	text  string
	retry time.Duration // when to come again
}

func (e *refusal) Error() string { return e.text }

func refuse(code int, format string, args ...any) error {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

type traderKey struct{}

// authenticated lets only traders pass.
func (d *Desk) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		t := d.traders[sha256.Sum256([]byte(key))]
		if !found || t == nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "send an agent's key as \"Authorization: Bearer KEY\"; the operator gives keys out (agents in the config)")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), traderKey{}, t)))
	})
}

func trader(ctx context.Context) *Trader {
	t, _ := ctx.Value(traderKey{}).(*Trader) // authenticated put it there
	return t
}

// allow counts n orders against the trader's rate.
func (t *Trader) allow(n int) error {
	if n > mostAtOnce {
		return refuse(http.StatusBadRequest, "%d orders: at most %d at once", n, mostAtOnce)
	}
	now := time.Now()
	r := t.limiter.ReserveN(now, n)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("more than %g orders a second; try again in %d s", t.Rate, int(math.Ceil(wait.Seconds()))), wait}
	}
	return nil
}

func (d *Desk) submit(t *Trader, requests []OrderRequest) ([]OrderAnswer, error) {
	if err := t.allow(len(requests)); err != nil {
		return nil, err
	}
	submissions := make([]community.Submission, len(requests))
	now := d.clock()
	for i, r := range requests {
		s, err := d.submission(r, t.Member, now)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "orders[%d].%s", i, err.Error())
		}
		submissions[i] = s
	}
	outcomes, err := d.orders.Submit(submissions)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "%s; whether the orders were taken is not known: send them again", err.Error())
	}
	return answers(outcomes), nil
}

func (d *Desk) submission(r OrderRequest, member string, now time.Time) (community.Submission, error) {
	i, err := grid.ParseInterval(r.Interval)
	if err != nil {
		return community.Submission{}, fmt.Errorf("interval: %w", err)
	}
	s := community.Submission{Product: grid.Product{Community: d.community, Interval: i}, Time: now, Periods: 1, Order: grid.Order{
		ID: r.ClientId, Member: member, Energy: grid.Energy(r.Energy), Price: grid.Price(r.Price),
	}}
	if err := s.Order.Side.UnmarshalText([]byte(r.Side)); err != nil {
		return s, err
	}
	if r.MeteringPoint != nil {
		s.Order.MeteringPoint = *r.MeteringPoint
	}
	if r.Periods != nil {
		if *r.Periods < 1 || *r.Periods > 255 {
			return s, fmt.Errorf("periods: %d: must be from 1 to 255", *r.Periods)
		}
		s.Periods = uint8(*r.Periods)
	}
	if r.Validity != nil {
		if err := s.Validity.UnmarshalText([]byte(*r.Validity)); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (d *Desk) change(t *Trader, changes []community.Change) ([]community.Outcome, error) {
	if err := t.allow(len(changes)); err != nil {
		return nil, err
	}
	now := d.clock()
	for i := range changes {
		changes[i].Member, changes[i].Time = t.Member, now
	}
	outcomes, err := d.orders.Change(changes)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "%s; whether the change was taken is not known: look at the order", err.Error())
	}
	return outcomes, nil
}

func answers(outcomes []community.Outcome) []OrderAnswer {
	all := make([]OrderAnswer, len(outcomes))
	for i, o := range outcomes {
		if o.Err != nil {
			all[i].Error = new(o.Err.Error())
		} else {
			all[i].Order = new(order(o.Order))
		}
	}
	return all
}

func order(o community.Order) Order {
	out := Order{
		Order: strconv.FormatUint(o.Number, 10), ClientId: o.ClientID, MeteringPoint: o.MeteringPoint, Interval: o.Product.Interval.String(),
		Side: OrderSide(o.Side.String()), Energy: int64(o.Energy), Price: int64(o.Limit), Validity: o.Validity.String(), Periods: max(int(o.Periods), 1),
		Status: OrderStatus(o.Status), Filled: int64(o.Filled), Left: int64(o.Left),
	}
	if o.Reason != "" {
		out.Reason = &o.Reason
	}
	return out
}

// GetTrader implements the API.
func (*Server) GetTrader(ctx context.Context, _ GetTraderRequestObject) (GetTraderResponseObject, error) {
	t := trader(ctx)
	return GetTrader200JSONResponse{Member: t.Member, MeteringPoints: t.Points(), Rate: t.Rate}, nil
}

// GetMarket implements the API.
func (s *Server) GetMarket(context.Context, GetMarketRequestObject) (GetMarketResponseObject, error) {
	return GetMarket200JSONResponse(s.desk.orders.Rules()), nil
}

// SubmitOrders implements the API.
func (s *Server) SubmitOrders(ctx context.Context, r SubmitOrdersRequestObject) (SubmitOrdersResponseObject, error) {
	all, err := s.desk.submit(trader(ctx), *r.Body)
	return SubmitOrders200JSONResponse(all), err
}

// GetOrder implements the API.
func (s *Server) GetOrder(ctx context.Context, r GetOrderRequestObject) (GetOrderResponseObject, error) {
	o, known := s.desk.orders.Find(trader(ctx).Member, r.ClientId)
	if !known {
		return nil, refuse(http.StatusNotFound, "client_id %q: %s", r.ClientId, community.ErrNoOrder)
	}
	return GetOrder200JSONResponse(order(o)), nil
}

// ReplaceOrder implements the API.
func (s *Server) ReplaceOrder(ctx context.Context, r ReplaceOrderRequestObject) (ReplaceOrderResponseObject, error) {
	o, err := s.desk.one(trader(ctx), community.Change{ClientID: r.ClientId, Energy: grid.Energy(r.Body.Energy), Price: grid.Price(r.Body.Price)})
	if err != nil {
		return nil, err
	}
	if o.Rejected != "" {
		return nil, refuse(http.StatusConflict, "%s", o.Rejected)
	}
	return ReplaceOrder200JSONResponse(order(o.Order)), nil
}

// CancelOrder implements the API.
func (s *Server) CancelOrder(ctx context.Context, r CancelOrderRequestObject) (CancelOrderResponseObject, error) {
	o, err := s.desk.one(trader(ctx), community.Change{ClientID: r.ClientId, Cancel: true})
	if err != nil {
		return nil, err
	}
	return CancelOrder200JSONResponse(order(o.Order)), nil
}

func (d *Desk) one(t *Trader, c community.Change) (community.Outcome, error) {
	outcomes, err := d.change(t, []community.Change{c})
	if err != nil {
		return community.Outcome{}, err
	}
	if errors.Is(outcomes[0].Err, community.ErrNoOrder) {
		return community.Outcome{}, refuse(http.StatusNotFound, "%s", outcomes[0].Err)
	}
	return outcomes[0], nil
}

// answer reads a message and carries it out.
func (d *Desk) answer(t *Trader, b []byte) OrdersReply {
	var m OrdersMessage
	if err := errors.Join(json.Unmarshal(b, &m), d.checker.check("OrdersMessage", b)); err != nil {
		return OrdersReply{Id: &m.Id, Error: new(err.Error())}
	}
	return d.reply(t, m)
}

// reply carries out a message of the WebSocket.
func (d *Desk) reply(t *Trader, m OrdersMessage) OrdersReply {
	reply := OrdersReply{Id: &m.Id}
	var all []OrderAnswer
	var err error
	given := 0
	for _, some := range []bool{m.Submit != nil, m.Replace != nil, m.Cancel != nil} {
		if some {
			given++
		}
	}
	switch {
	case given != 1:
		err = errors.New("a message needs one of submit, replace and cancel")
	case m.Submit != nil:
		all, err = d.submit(t, *m.Submit)
	case m.Replace != nil:
		all, err = d.changed(t, []community.Change{{ClientID: m.Replace.ClientId, Energy: grid.Energy(m.Replace.Energy), Price: grid.Price(m.Replace.Price)}})
	default:
		changes := make([]community.Change, len(*m.Cancel))
		for i, id := range *m.Cancel {
			changes[i] = community.Change{ClientID: id, Cancel: true}
		}
		all, err = d.changed(t, changes)
	}
	if err != nil {
		reply.Error = new(err.Error())
		return reply
	}
	reply.Answers = &all
	return reply
}

// changed answers changes; one that the market rejects has the reason as well.
func (d *Desk) changed(t *Trader, changes []community.Change) ([]OrderAnswer, error) {
	outcomes, err := d.change(t, changes)
	if err != nil {
		return nil, err
	}
	all := answers(outcomes)
	for i, o := range outcomes {
		if o.Rejected != "" {
			all[i].Error = new(o.Rejected)
		}
	}
	return all, nil
}

const (
	mostMessage = 1 << 20
	// pendingReplies is how many messages a client may have under way.
	pendingReplies = 16
)

// websocket answers an agent's messages, several at a time, each as soon as it
// is durable, and shows it its orders as they change.
func (d *Desk) websocket(w http.ResponseWriter, r *http.Request) {
	t := trader(r.Context())
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	conn.SetReadLimit(mostMessage)
	changes, stop := d.orders.Watch(t.Member)
	replies := make(chan OrdersReply, pendingReplies)
	var writer sync.WaitGroup
	writer.Go(func() { d.writeReplies(conn, changes, replies) })
	var working sync.WaitGroup
	slots := make(chan struct{}, pendingReplies)
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			if closed := (*websocket.CloseError)(nil); !errors.As(err, &closed) {
				d.log.DebugContext(r.Context(), "agent's websocket", slog.String("agent", t.Name), slog.String("error", err.Error()))
			}
			break
		}
		slots <- struct{}{}
		working.Go(func() {
			replies <- d.answer(t, b)
			<-slots
		})
	}
	working.Wait()
	stop()
	close(replies)
	writer.Wait()
	_ = conn.Close() // it may be closed already
}

// writeReplies writes until both channels are closed, or the client is gone:
// then it only empties them. A client that does not keep up with the changes
// is disconnected; it comes back and asks for its orders.
func (d *Desk) writeReplies(conn *websocket.Conn, changes <-chan community.Order, replies <-chan OrdersReply) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	gone := false
	write := func(v any) {
		if gone {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeDeadline)) // the write would fail
		if err := conn.WriteJSON(v); err != nil {
			gone = true
			_ = conn.Close() // ends the reader
		}
	}
	for changes != nil || replies != nil {
		select {
		case o, open := <-changes:
			if !open {
				changes = nil
				if replies != nil {
					_ = conn.Close() // too slow, or the reader has ended
				}
				continue
			}
			write(OrdersReply{Order: new(order(o))})
		case reply, open := <-replies:
			if !open {
				replies = nil
				continue
			}
			write(reply)
		case <-ping.C:
			_ = conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeDeadline)) // a dead client shows by the next write
		}
	}
}
