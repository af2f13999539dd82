package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/web/api"
)

// session is the WebSocket of an agent. Its messages are handed in by one goroutine, and
// answered by another, which alone uses sent and checkAt until the session ends.
type session struct {
	*OrderEntry

	trader  *Trader
	cancels bool            // what waits of its orders when it ends
	sent    map[string]bool // client ids of its orders that may still wait
	checkAt int             // so many of them are looked through
	holds   func() bool     // whether its key is good still; nil: it is
}

// reply is the answer to a message, once it is known.
type reply func() api.OrdersReply

// begin reads a message and hands in what it asks for. What comes later is carried out later.
func (s *session) begin(b []byte) reply {
	var m api.OrdersMessage
	err := errors.Join(s.checker.check("OrdersMessage", b), json.Unmarshal(b, &m))
	var finish func(*api.OrdersReply) error
	if err == nil {
		finish, err = s.carryOut(m)
	}
	return func() api.OrdersReply {
		out := api.OrdersReply{Id: &m.Id}
		if err == nil {
			err = finish(&out)
		}
		if err != nil {
			text := err.Error()
			return api.OrdersReply{Id: &m.Id, Error: &text, Said: s.says.of(&text)}
		}
		return out
	}
}

// carryOut hands in what a message asks for; finish completes the reply when that is done.
func (s *session) carryOut(m api.OrdersMessage) (finish func(*api.OrdersReply) error, err error) {
	given := 0
	for _, some := range []bool{
		m.Submit != nil, m.Replace != nil, m.Cancel != nil, m.CancelAll != nil, m.List != nil, m.Fills != nil, m.Best != nil, m.CancelOnDisconnect != nil,
	} {
		if some {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("a message needs one of submit, replace, cancel, cancel_all, list, fills, best and cancel_on_disconnect")
	}
	var wait waits
	switch {
	case m.Submit != nil:
		wait, err = s.submit(s.trader, *m.Submit)
	case m.Replace != nil:
		wait, err = s.replace(s.trader, m.Replace.ClientId, m.Replace.Energy, m.Replace.Price, m.Replace.Version)
	case m.Cancel != nil:
		wait, err = s.cancel(s.trader, *m.Cancel)
	case m.CancelAll != nil:
		wait, err = s.withdraw(s.trader, m.CancelAll.Interval)
	default:
		return s.look(m), nil
	}
	return func(r *api.OrdersReply) error {
		outcomes, err := wait()
		if m.Submit != nil {
			s.note(outcomes)
		}
		r.Answers = new(s.says.orders(told(outcomes, m.Submit == nil)))
		return err
	}, err
}

// look answers what changes nothing in the market.
func (s *session) look(m api.OrdersMessage) (finish func(*api.OrdersReply) error) {
	switch {
	case m.List != nil:
		return func(r *api.OrdersReply) error {
			waiting, err := s.list(s.trader, m.List.Interval)
			all := make([]api.OrderAnswer, len(waiting))
			for i := range waiting {
				all[i].Order = &waiting[i]
			}
			r.Answers = new(s.says.orders(all))
			return err
		}
	case m.Fills != nil:
		return func(r *api.OrdersReply) error {
			all, err := s.fills(s.trader, m.Fills.Interval)
			r.Fills = &all
			return err
		}
	case m.Best != nil:
		return func(r *api.OrdersReply) error {
			best, err := s.best(s.trader, m.Best.Interval, m.Best.MeteringPoint)
			r.Best = &best
			return err
		}
	default:
		s.cancels = *m.CancelOnDisconnect
		return func(r *api.OrdersReply) error {
			r.Answers = &[]api.OrderAnswer{}
			return nil
		}
	}
}

// told answers with where orders stand; a change that the market rejects has the reason as
// well.
func told(outcomes []community.Outcome, changed bool) []api.OrderAnswer {
	all := answers(outcomes)
	for i, o := range outcomes {
		if changed && o.Rejected != "" {
			all[i].Error = new(o.Rejected)
		}
	}
	return all
}

// fewSent is how many orders of a session are remembered before those are forgotten that wait
// no more.
const fewSent = 2048

// note remembers the orders that came by the session and wait.
func (s *session) note(submitted []community.Outcome) {
	for _, o := range submitted {
		if o.Err == nil && !o.Order.Final() {
			s.sent[o.Order.ClientID] = true
		}
	}
	if len(s.sent) <= s.checkAt {
		return
	}
	for id := range s.sent {
		if o, known := s.orders.Find(s.trader.Member, id); !known || o.Final() {
			delete(s.sent, id)
		}
	}
	s.checkAt = max(fewSent, 2*len(s.sent)) // looking through them costs as much as they did
}

// end cancels what waits of the session's orders, if its agent has asked for that.
func (s *session) end() error {
	if !s.cancels {
		return nil
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(s.sent)), mostAtOnce) {
		wait, err := s.cancel(s.trader, ids)
		if err == nil {
			_, err = wait()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	mostMessage = 1 << 20
	// pendingReplies is how many messages a client may have under way.
	pendingReplies = 16
	// agentPing is how often an agent is asked whether it is there, and agentSilence after how
	// long without any sign of it it is gone.
	agentPing    = 10 * time.Second
	agentSilence = 30 * time.Second
)

// websocket carries out an agent's messages in their order, several at a time, answers each
// when it is durable, and shows the agent its orders as they change.
func (e *OrderEntry) websocket(w http.ResponseWriter, r *http.Request) {
	t := e.trader(r.Context())
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	changes, stop := e.orders.Watch(t.Member)
	replies, pending := make(chan api.OrdersReply, pendingReplies), make(chan reply, pendingReplies)
	var writer, answering sync.WaitGroup
	writer.Go(func() { e.writeReplies(conn, changes, replies) })
	answering.Go(func() {
		for finish := range pending {
			replies <- finish()
		}
	})
	s := &session{OrderEntry: e, trader: t, sent: map[string]bool{}, checkAt: fewSent}
	if e.still != nil {
		s.holds = func() bool { return e.still(r) }
	}
	if err, closed := s.read(conn, pending), (*websocket.CloseError)(nil); !errors.As(err, &closed) {
		e.log.DebugContext(r.Context(), "agent's websocket", slog.String("agent", t.Name), slog.String("error", err.Error()))
	}
	close(pending)
	answering.Wait()
	if err := s.end(); err != nil {
		e.log.WarnContext(r.Context(), "the orders of an agent whose connection ended were to be cancelled", slog.String("agent", t.Name), slog.String("error", err.Error()))
	}
	stop()
	close(replies)
	writer.Wait()
	_ = conn.Close() // it may be closed already
}

// read hands in an agent's messages until the connection ends, or the agent is silent.
func (s *session) read(conn *websocket.Conn, pending chan<- reply) error {
	conn.SetReadLimit(mostMessage)
	heard := func(string) error {
		if s.holds != nil && !s.holds() {
			return errWithdrawn
		}
		return conn.SetReadDeadline(time.Now().Add(agentSilence))
	}
	conn.SetPongHandler(heard)
	if err := heard(""); err != nil {
		return err
	}
	for {
		_, b, err := conn.ReadMessage()
		if err == nil {
			err = heard("")
		}
		if err != nil {
			return err
		}
		pending <- s.begin(b)
	}
}

// errWithdrawn says why an agent is hung up on. It is asked after with every message, and every
// time that it shows that it is there.
var errWithdrawn = errors.New("the agent's key was withdrawn")

// writeReplies writes until both channels are closed, or the client is gone:
// then it only empties them. A client that does not keep up with the changes
// is disconnected; it comes back and asks for its orders.
func (e *OrderEntry) writeReplies(conn *websocket.Conn, changes <-chan community.Order, replies <-chan api.OrdersReply) {
	ping := time.NewTicker(agentPing)
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
			shown := order(o)
			e.says.order(&shown)
			write(api.OrdersReply{Order: &shown})
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
