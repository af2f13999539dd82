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

// pages answers those that show the live state.
type pages struct {
	live *Live
	log  *slog.Logger
}

const (
	writeDeadline = 5 * time.Second
	pingEvery     = 54 * time.Second
	// pageSilence is after how long without a ping a page that has sent one is gone.
	pageSilence = 10 * time.Second
	// mostPageMessage is the size in bytes of what a page may send.
	mostPageMessage = 4096
	// sendBuffer in bytes is small, so that a stalled client shows soon.
	sendBuffer = 32 << 10
)

// GetStatus implements the API.
func (p pages) GetStatus(ctx context.Context, _ api.GetStatusRequestObject) (api.GetStatusResponseObject, error) {
	return api.GetStatus200JSONResponse(p.live.status(ctx)), nil
}

// GetState implements the API.
func (p pages) GetState(ctx context.Context, _ api.GetStateRequestObject) (api.GetStateResponseObject, error) {
	if _, known := auth.From(ctx); known {
		return api.GetState200JSONResponse(p.live.Joined(ctx)), nil
	}
	return api.GetState200JSONResponse(p.live.State(ctx)), nil
}

// websocket shows a page the state and what changes, until it is gone.
func (p pages) websocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	if tcp, ok := conn.NetConn().(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it a stalled client shows later
	}
	c, err := p.live.sockets.join(r.Context(), p.live)
	if err != nil {
		p.log.ErrorContext(r.Context(), "websocket", slog.String("error", err.Error()))
		_ = conn.Close()
		return
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		p.debug(r.Context(), p.read(conn, c))
		p.live.sockets.leave(c)
	})
	p.debug(r.Context(), p.write(conn, c))
	p.live.sockets.leave(c)
	_ = conn.Close() // ends the reader
	reader.Wait()
}

// debug notes why a WebSocket ended, which is nobody's fault.
func (p pages) debug(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		p.log.DebugContext(ctx, "websocket closed", slog.String("error", err.Error()))
	}
}

// read answers the pings of a page until it is gone: closed, or silent for
// pageSilence. A client that never sends a ping may be silent.
func (p pages) read(conn *websocket.Conn, c *client) error {
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
		p.live.sockets.send(c, pong)
	}
}

func (pages) write(conn *websocket.Conn, c *client) error {
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
