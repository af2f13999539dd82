package web

import (
	"context"
	"encoding/json"
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
	clientQueue = 32
	// pushEvery bounds the rate of deltas. Each is a heartbeat as well, even when
	// nothing changed.
	pushEvery = 250 * time.Millisecond
)

// sockets are the pages that watch. It is safe for concurrent use.
type sockets struct {
	// mu guards clients, and is held from the state or delta to the last client that it is
	// queued for: a client misses no delta after its state.
	mu      sync.Mutex
	clients map[*client]struct{}
}

// run pushes deltas until ctx ends, then closes all sockets.
func (s *sockets) run(ctx context.Context, live *Live) error {
	ticker := time.NewTicker(pushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			for c := range s.clients {
				s.drop(c)
			}
			return nil
		case <-ticker.C:
			if err := s.push(ctx, live); err != nil {
				return err
			}
		}
	}
}

func (s *sockets) push(ctx context.Context, live *Live) error {
	status := live.status.soon(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	delta := live.delta(status)
	if len(s.clients) == 0 {
		return nil
	}
	message, err := prepare(api.LiveMessage{Type: api.LiveMessageTypeDelta, Delta: &delta})
	if err != nil {
		return err
	}
	for c := range s.clients {
		s.queue(c, message)
	}
	return nil
}

// send queues a message for a client.
func (s *sockets) send(c *client, message *websocket.PreparedMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(c, message)
}

// queue queues a message, or drops a client that does not keep up. s.mu is held.
func (s *sockets) queue(c *client, message *websocket.PreparedMessage) {
	if _, known := s.clients[c]; !known {
		return
	}
	select {
	case c.messages <- message:
	default:
		s.drop(c)
	}
}

// drop forgets a client; closing its queue ends its writer. s.mu is held.
func (s *sockets) drop(c *client) {
	if _, known := s.clients[c]; known {
		delete(s.clients, c)
		close(c.messages)
	}
}

// join registers a client whose first message is the full state.
func (s *sockets) join(ctx context.Context, live *Live) (*client, error) {
	status := live.status.soon(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	state := live.snapshot(status)
	message, err := prepare(api.LiveMessage{Type: api.LiveMessageTypeState, State: &state})
	if err != nil {
		return nil, err
	}
	c := &client{messages: make(chan *websocket.PreparedMessage, clientQueue)}
	c.messages <- message
	s.clients[c] = struct{}{}
	return c, nil
}

func (s *sockets) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

func prepare(m api.LiveMessage) (*websocket.PreparedMessage, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, b)
}
