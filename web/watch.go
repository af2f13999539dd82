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
	"github.com/commonwatt/commonwatt/web/auth"
)

const (
	writeDeadline = 5 * time.Second
	// pingEvery is how often a client that may be silent is asked whether it is there, and
	// whether it may still look.
	pingEvery = 54 * time.Second
	// pageSilence is after how long without a ping a page that has sent one is gone.
	pageSilence = 10 * time.Second
	// mostPageMessage is the size in bytes of what a page may send.
	mostPageMessage = 4096
	// sendBuffer in bytes is small, so that a stalled client shows soon.
	sendBuffer = 32 << 10
)

// errNoMore says that who watches may not do so any more, or not the same.
var errNoMore = errors.New("who watches has signed out, or may see something else now")

// watcher is one page that watches, from the handshake to its end.
type watcher struct {
	pages

	conn   *websocket.Conn
	client *client
	// still returns who sends the request now.
	still func() (auth.Principal, bool)
	heard uint64    // the number up to which the client has everything
	have  [2]uint64 // the same by stream, where that is later
}

// websocket shows a page the state and what changes, until it is gone or may not see it any
// more.
func (p pages) websocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline, WriteBufferPool: p.buffers}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	if tcp, ok := conn.NetConn().(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it a stalled client shows later
	}
	who, known := auth.From(r.Context())
	c := &watcher{pages: p, conn: conn, client: newClient(sightOf(who, known), who), still: func() (auth.Principal, bool) { return p.still(r) }}
	c.run(r.Context())
}

// run watches until the page is gone.
func (w *watcher) run(ctx context.Context) {
	s := &w.live.sockets
	if s.join(w.client, w.live) {
		w.client.doubt.Store(true) // the session may have ended before anybody knew of this socket
		var reader sync.WaitGroup
		reader.Go(func() {
			w.debug(ctx, w.read())
			s.leave(w.client)
		})
		w.debug(ctx, w.write(ctx))
		s.leave(w.client)
		_ = w.conn.Close() // ends the reader
		reader.Wait()
		return
	}
	_ = w.conn.Close()
}

// debug notes why a WebSocket ended, which is nobody's fault.
func (w *watcher) debug(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		w.log.DebugContext(ctx, "websocket closed", slog.String("error", err.Error()))
	}
}

// read hears a page until it is gone: closed, or silent for pageSilence. A client that never
// sends a ping may be silent.
func (w *watcher) read() error {
	w.conn.SetReadLimit(mostPageMessage)
	for {
		_, b, err := w.conn.ReadMessage()
		if err != nil {
			return err
		}
		var m api.PageMessage
		if json.Unmarshal(b, &m) != nil {
			continue // of a later version, perhaps
		}
		switch m.Type {
		case api.Ping:
			if err := w.conn.SetReadDeadline(time.Now().Add(pageSilence)); err != nil {
				return err
			}
			w.client.pong.Store(true)
		case api.Resync:
			w.client.again.Store(true)
		default:
			continue
		}
		w.client.stir()
	}
}

// write sends what there is to send until the client is gone.
func (w *watcher) write(ctx context.Context) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-w.client.gone:
			return w.end(websocket.CloseGoingAway, "")
		case <-w.client.wake:
			if err := w.tell(ctx); err != nil {
				return err
			}
		case <-ping.C:
			w.client.doubt.Store(true)
			w.client.stir()
			if err := w.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeDeadline)); err != nil {
				return err
			}
		}
	}
}

func (w *watcher) end(code int, why string) error {
	return w.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(writeDeadline))
}

// tell sends what is new, to who may still see it.
func (w *watcher) tell(ctx context.Context) error {
	if w.client.doubt.Swap(false) && sightOf(w.still()) != w.client.sight {
		return errors.Join(errNoMore, w.end(websocket.ClosePolicyViolation, errNoMore.Error()))
	}
	if w.client.again.Swap(false) {
		if err := w.whole(ctx); err != nil {
			return err
		}
	}
	for k := range w.client.latest {
		if err := w.news(ctx, k); err != nil {
			return err
		}
	}
	if !w.client.pong.Swap(false) {
		return nil
	}
	pong, err := prepare(api.LiveMessage{Type: api.LiveMessageTypePong})
	if err != nil {
		return err
	}
	return w.send(pong)
}

// news sends the latest of a stream; where the client has missed what that follows, the whole
// state.
func (w *watcher) news(ctx context.Context, k int) error {
	f := w.client.latest[k].Swap(nil)
	switch {
	case f == nil || f.seq <= w.heard:
		return nil
	case f.after > max(w.heard, w.have[k]):
		return w.whole(ctx)
	}
	w.have[k] = f.seq
	return w.send(f.message)
}

// whole sends the whole state, in which no more homes have their accounts than in what follows it.
func (w *watcher) whole(ctx context.Context) (err error) {
	of := w.client.sight
	of.joined = false
	seq, message, err := w.live.sockets.state(ctx, w.live, of)
	if err != nil {
		return err
	}
	w.heard = seq
	return w.send(message)
}

func (w *watcher) send(message *websocket.PreparedMessage) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil {
		return err
	}
	return w.conn.WritePreparedMessage(message)
}
