package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/web/api"
)

// client is one WebSocket. A client that cannot keep up is closed, and comes
// back to a full state.
type client struct {
	messages chan *websocket.PreparedMessage
}

const (
	clientQueue   = 32
	writeDeadline = 5 * time.Second
	pingEvery     = 54 * time.Second
	// pushEvery bounds the rate of deltas. Each is a heartbeat as well, even when
	// nothing changed.
	pushEvery = 250 * time.Millisecond
	// pageSilence is after how long without a ping a page that has sent one is gone.
	pageSilence = 10 * time.Second
	// mostPageMessage is the size in bytes of what a page may send.
	mostPageMessage = 4096
	// sendBuffer in bytes is small, so that a stalled client shows soon.
	sendBuffer = 32 << 10
)

// Run pushes deltas until ctx ends, then closes all sockets.
func (l *Live) Run(ctx context.Context) error {
	ticker := time.NewTicker(pushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			for c := range l.clients {
				l.drop(c)
			}
			return nil
		case <-ticker.C:
			if err := l.push(ctx); err != nil {
				return err
			}
		}
	}
}

func (l *Live) push(ctx context.Context) error {
	status := l.ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	delta := l.delta(status)
	if len(l.clients) == 0 {
		return nil
	}
	message, err := prepare(api.LiveMessage{Type: api.LiveMessageTypeDelta, Delta: &delta})
	if err != nil {
		return err
	}
	for c := range l.clients {
		l.send(c, message)
	}
	return nil
}

// send queues a message, or drops a client that does not keep up. l.mu is held.
func (l *Live) send(c *client, message *websocket.PreparedMessage) {
	if _, known := l.clients[c]; !known {
		return
	}
	select {
	case c.messages <- message:
	default:
		l.drop(c)
	}
}

// drop forgets a client; closing its queue ends its writer. l.mu is held.
func (l *Live) drop(c *client) {
	if _, known := l.clients[c]; known {
		delete(l.clients, c)
		close(c.messages)
	}
}

func prepare(m api.LiveMessage) (*websocket.PreparedMessage, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, b)
}

// join registers a client whose first message is the full state.
func (l *Live) join(ctx context.Context) (*client, error) {
	status := l.ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.snapshot(status)
	message, err := prepare(api.LiveMessage{Type: api.LiveMessageTypeState, State: &state})
	if err != nil {
		return nil, err
	}
	c := &client{messages: make(chan *websocket.PreparedMessage, clientQueue)}
	c.messages <- message
	l.clients[c] = struct{}{}
	return c, nil
}

func (l *Live) leave(c *client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(c)
}

func (s *Server) websocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	if tcp, ok := conn.NetConn().(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it a stalled client shows later
	}
	c, err := s.live.join(r.Context())
	if err != nil {
		s.log.ErrorContext(r.Context(), "websocket", slog.String("error", err.Error()))
		_ = conn.Close()
		return
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		s.debug(r.Context(), s.read(conn, c))
		s.live.leave(c)
	})
	s.debug(r.Context(), s.write(conn, c))
	s.live.leave(c)
	_ = conn.Close() // ends the reader
	reader.Wait()
}

// debug notes why a WebSocket ended, which is nobody's fault.
func (s *Server) debug(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		s.log.DebugContext(ctx, "websocket closed", slog.String("error", err.Error()))
	}
}

// read answers the pings of a page until it is gone: closed, or silent for
// pageSilence. A client that never sends a ping may be silent.
func (s *Server) read(conn *websocket.Conn, c *client) error {
	pong, err := prepare(api.LiveMessage{Type: api.LiveMessageTypePong})
	if err != nil {
		return err
	}
	conn.SetReadLimit(mostPageMessage)
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		var m api.PageMessage
		if json.Unmarshal(b, &m) != nil || m.Type != api.Ping {
			continue // of a later version, perhaps
		}
		if err := conn.SetReadDeadline(time.Now().Add(pageSilence)); err != nil {
			return err
		}
		s.live.mu.Lock()
		s.live.send(c, pong)
		s.live.mu.Unlock()
	}
}

func (*Server) write(conn *websocket.Conn, c *client) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case message, open := <-c.messages:
			if !open {
				return conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(writeDeadline))
			}
			if err := conn.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil {
				return err
			}
			if err := conn.WritePreparedMessage(message); err != nil {
				return err
			}
		case <-ping.C:
			if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeDeadline)); err != nil {
				return err
			}
		}
	}
}
