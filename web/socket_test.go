package web_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/web/api"
)

// pipes is a listener whose connections have no buffer and keep to the time of
// the test.
type pipes struct {
	accepted chan net.Conn
	closed   context.Context
	close    context.CancelFunc
	joining  func() // is called when a socket is there, and nobody knows of it yet; nil: nothing is
}

// joined is a connection whose socket is about to be known.
type joined struct {
	net.Conn

	joining func()
}

// SetWriteBuffer is what a socket does first, before anybody knows of it.
func (j joined) SetWriteBuffer(int) error {
	j.joining()
	return nil
}

func listen() *pipes {
	p := &pipes{accepted: make(chan net.Conn)}
	p.closed, p.close = context.WithCancel(context.Background())
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.close(); return nil }

func (*pipes) Addr() net.Addr { return &net.IPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	if p.joining != nil {
		there = joined{there, p.joining}
	}
	p.accepted <- there
	return here, nil
}

// connected calls f, in a time of its own, with a socket of a dashboard that runs.
func connected(t *testing.T, status func(context.Context) api.Status, f func(t *testing.T, c *websocket.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLiveWith(time.Now, status)
		listener := listen()
		server := http.Server{Handler: handler(t, l)}
		go server.Serve(listener)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		c, answer, err := dialer.Dial("ws://commonwatt/api/v1/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		f(t, c)
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = server.Close()
	})
}

func ready(context.Context) api.Status { return api.Status{Speed: 1} }

// next reads a message and tells how long it took to come.
func next(t *testing.T, c *websocket.Conn) (api.LiveMessage, time.Duration) {
	t.Helper()
	began := time.Now()
	var m api.LiveMessage
	if err := c.ReadJSON(&m); err != nil {
		t.Fatal(err)
	}
	return m, time.Since(began)
}

// lives reads for so long, or until the server ends the connection.
func lives(c *websocket.Conn, most time.Duration) time.Duration {
	began := time.Now()
	for time.Since(began) < most {
		if _, _, err := c.ReadMessage(); err != nil {
			break
		}
	}
	return time.Since(began)
}

func TestAPageHearsOftenEvenWhenTheStatusHangs(t *testing.T) {
	hanging := func(ctx context.Context) api.Status {
		<-ctx.Done()
		return api.Status{Speed: 1}
	}
	connected(t, hanging, func(t *testing.T, c *websocket.Conn) {
		if m, _ := next(t, c); m.Type != api.LiveMessageTypeState || m.State == nil {
			t.Errorf("first message %+v, want the state", m)
		}
		for range 10 {
			if m, took := next(t, c); m.Type != api.LiveMessageTypeDelta || took > 2*time.Second {
				t.Errorf("%s after %s, want a delta within 2 s", m.Type, took)
			}
		}
	})
}

func TestAPageThatFallsSilentIsEvicted(t *testing.T) {
	connected(t, ready, func(t *testing.T, c *websocket.Conn) {
		if err := c.WriteJSON(api.PageMessage{Type: api.Ping}); err != nil {
			t.Fatal(err)
		}
		for m, _ := next(t, c); m.Type != api.LiveMessageTypePong; m, _ = next(t, c) {
		}
		if got := lives(c, time.Minute); got < 9*time.Second || got > 11*time.Second {
			t.Errorf("a page that fell silent was evicted after %s, want 10 s", got)
		}
	})
}

func TestAPageThatPingsStays(t *testing.T) {
	connected(t, ready, func(t *testing.T, c *websocket.Conn) {
		for range 20 {
			if err := c.WriteJSON(api.PageMessage{Type: api.Ping}); err != nil {
				t.Fatal(err)
			}
			const pause = 5 * time.Second
			if got := lives(c, pause); got < pause {
				t.Fatalf("evicted after %s", got)
			}
		}
	})
}

func TestAnOlderClientMayBeSilent(t *testing.T) {
	connected(t, ready, func(t *testing.T, c *websocket.Conn) {
		if err := c.WriteMessage(websocket.TextMessage, []byte("what is this?")); err != nil {
			t.Fatal(err)
		}
		if got := lives(c, time.Minute); got < time.Minute {
			t.Errorf("evicted after %s", got)
		}
	})
}

func TestAClientThatDoesNotReadIsEvicted(t *testing.T) {
	connected(t, ready, func(t *testing.T, c *websocket.Conn) {
		time.Sleep(time.Minute) // of the test's own time
		if got := lives(c, time.Minute); got > time.Second {
			t.Errorf("still connected %s after it read again", got)
		}
	})
}
