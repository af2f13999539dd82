package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// answer reads a message and carries it out.
func (e *OrderEntry) answer(t *Trader, b []byte) api.OrdersReply {
	var m api.OrdersMessage
	if err := errors.Join(json.Unmarshal(b, &m), e.checker.check("OrdersMessage", b)); err != nil {
		return api.OrdersReply{Id: &m.Id, Error: new(err.Error())}
	}
	return e.reply(t, m)
}

// reply carries out a message of the WebSocket.
func (e *OrderEntry) reply(t *Trader, m api.OrdersMessage) api.OrdersReply {
	reply := api.OrdersReply{Id: &m.Id}
	var all []api.OrderAnswer
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
		all, err = e.submit(t, *m.Submit)
	case m.Replace != nil:
		all, err = e.changed(t, []community.Change{{ClientID: m.Replace.ClientId, Energy: grid.Energy(m.Replace.Energy), Price: grid.Price(m.Replace.Price)}})
	default:
		changes := make([]community.Change, len(*m.Cancel))
		for i, id := range *m.Cancel {
			changes[i] = community.Change{ClientID: id, Cancel: true}
		}
		all, err = e.changed(t, changes)
	}
	if err != nil {
		reply.Error = new(err.Error())
		return reply
	}
	reply.Answers = &all
	return reply
}

// changed answers changes; one that the market rejects has the reason as well.
func (e *OrderEntry) changed(t *Trader, changes []community.Change) ([]api.OrderAnswer, error) {
	outcomes, err := e.change(t, changes)
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
func (e *OrderEntry) websocket(w http.ResponseWriter, r *http.Request) {
	t := e.trader(r.Context())
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	conn.SetReadLimit(mostMessage)
	changes, stop := e.orders.Watch(t.Member)
	replies := make(chan api.OrdersReply, pendingReplies)
	var writer sync.WaitGroup
	writer.Go(func() { e.writeReplies(conn, changes, replies) })
	var working sync.WaitGroup
	slots := make(chan struct{}, pendingReplies)
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			if closed := (*websocket.CloseError)(nil); !errors.As(err, &closed) {
				e.log.DebugContext(r.Context(), "agent's websocket", slog.String("agent", t.Name), slog.String("error", err.Error()))
			}
			break
		}
		slots <- struct{}{}
		working.Go(func() {
			replies <- e.answer(t, b)
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
func (e *OrderEntry) writeReplies(conn *websocket.Conn, changes <-chan community.Order, replies <-chan api.OrdersReply) {
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
			write(api.OrdersReply{Order: new(order(o))})
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
