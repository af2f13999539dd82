// Package web serves the API (openapi.yaml), the WebSocket and the embedded
// pages. It shows what it is told and reads what it is given; it decides
// nothing.
package web

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

//go:embed all:assets
var assets embed.FS

// Books read the ledger.
type Books interface {
	Postings(ctx context.Context, i grid.Interval) ([]settlement.Posting, error)
	Ledger(ctx context.Context) (Ledger, error)
	Rewards(ctx context.Context) (Rewards, error)
}

// Server answers HTTP. Use NewServer.
type Server struct {
	live      *Live
	books     Books
	desk      *Desk
	installer *Installer
	ready     func() bool
	metrics   http.Handler
	log       *slog.Logger
}

// NewServer returns a server of the live state. desk takes the orders of agents,
// installer pairs devices, metrics serves /metrics, ready decides /readyz.
func NewServer(live *Live, books Books, desk *Desk, installer *Installer, ready func() bool, metrics http.Handler, log *slog.Logger) *Server {
	return &Server{live: live, books: books, desk: desk, installer: installer, ready: ready, metrics: metrics, log: log}
}

// Handler returns all routes.
func (s *Server) Handler() (http.Handler, error) {
	pages, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics)
	mux.HandleFunc("GET /api/v1/ws", s.websocket)
	api := HandlerWithOptions(NewStrictHandlerWithOptions(s, nil, StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  badRequest,
		ResponseErrorHandlerFunc: s.failed,
	}), StdHTTPServerOptions{ErrorHandlerFunc: badRequest})
	mux.Handle("/api/", api)
	mux.Handle("/api/v1/trader", s.desk.authenticated(api))
	mux.Handle("/api/v1/orders", s.desk.authenticated(api))
	mux.Handle("/api/v1/orders/", s.desk.authenticated(api))
	mux.Handle("POST /api/v1/orders", s.desk.authenticated(s.desk.checker.body("OrderRequests", api)))
	mux.Handle("PUT /api/v1/orders/{client_id}", s.desk.authenticated(s.desk.checker.body("Replacement", api)))
	s.installer.routes(mux, s.desk.checker, api)
	mux.Handle("GET /api/v1/orders/ws", s.desk.authenticated(http.HandlerFunc(s.desk.websocket)))
	mux.Handle("/", http.FileServerFS(pages))
	if _, err := fs.Stat(pages, "index.html"); err != nil {
		mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "This program was built without its pages: build it with `make build`. The API is at /api/v1/status.", http.StatusNotFound)
		})
	}
	return guarded(mux), nil
}

// guarded adds the headers that every answer has and refuses requests that
// another site's page sends.
func guarded(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		protected.ServeHTTP(w, r)
	})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.ready() {
		http.Error(w, "not every device has answered yet", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

func badRequest(w http.ResponseWriter, _ *http.Request, err error) {
	problem(w, http.StatusBadRequest, err.Error())
}

func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		if refused.retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refused.retry.Seconds()))))
		}
		problem(w, refused.code, refused.text)
		return
	}
	s.log.ErrorContext(r.Context(), "request failed", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
	problem(w, http.StatusInternalServerError, "the request failed; the server's log says why")
}

func problem(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Problem{Error: text}) // the client is gone if this fails
}

// GetStatus implements the API.
func (s *Server) GetStatus(ctx context.Context, _ GetStatusRequestObject) (GetStatusResponseObject, error) {
	return GetStatus200JSONResponse(s.live.status(ctx)), nil
}

// GetState implements the API.
func (s *Server) GetState(ctx context.Context, _ GetStateRequestObject) (GetStateResponseObject, error) {
	return GetState200JSONResponse(s.live.State(ctx)), nil
}

// GetPostings implements the API.
func (s *Server) GetPostings(ctx context.Context, r GetPostingsRequestObject) (GetPostingsResponseObject, error) {
	i, err := grid.ParseInterval(r.Params.Interval)
	if err != nil {
		return GetPostings400JSONResponse{Error: err.Error()}, nil //nolint:nilerr // the error is the answer
	}
	found, err := s.books.Postings(ctx, i)
	if err != nil {
		return nil, err
	}
	postings := make(GetPostings200JSONResponse, len(found))
	for k, p := range found {
		postings[k] = Posting{
			Id: p.ID, Debit: p.Debit, Credit: p.Credit, Amount: int64(p.Amount), Energy: int64(p.Energy),
			Reason: p.Reason, Reference: p.Reference,
		}
	}
	return postings, nil
}

// GetLedger implements the API.
func (s *Server) GetLedger(ctx context.Context, _ GetLedgerRequestObject) (GetLedgerResponseObject, error) {
	l, err := s.books.Ledger(ctx)
	return GetLedger200JSONResponse(l), err
}

// GetRewards implements the API.
func (s *Server) GetRewards(ctx context.Context, _ GetRewardsRequestObject) (GetRewardsResponseObject, error) {
	r, err := s.books.Rewards(ctx)
	return GetRewards200JSONResponse(r), err
}

// client is one WebSocket. A client that cannot keep up is closed, and comes
// back to a full state.
type client struct {
	messages chan *websocket.PreparedMessage
}

const (
	clientQueue   = 32
	writeDeadline = 5 * time.Second
	pingEvery     = 54 * time.Second
	// pushEvery bounds the rate of deltas.
	pushEvery = 250 * time.Millisecond
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
	status := l.status(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	delta := l.delta(status)
	if len(l.clients) == 0 {
		return nil
	}
	message, err := prepare("delta", delta)
	if err != nil {
		return err
	}
	for c := range l.clients {
		select {
		case c.messages <- message:
		default:
			l.drop(c)
		}
	}
	return nil
}

// drop forgets a client; closing its queue ends its writer. l.mu is held.
func (l *Live) drop(c *client) {
	if _, known := l.clients[c]; known {
		delete(l.clients, c)
		close(c.messages)
	}
}

func prepare(kind string, v any) (*websocket.PreparedMessage, error) {
	b, err := json.Marshal(map[string]any{"type": kind, kind: v})
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, b)
}

// join registers a client whose first message is the full state.
func (l *Live) join(ctx context.Context) (*client, error) {
	status := l.status(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	message, err := prepare("state", l.snapshot(status))
	if err != nil {
		return nil, err
	}
	c := &client{messages: make(chan *websocket.PreparedMessage, clientQueue)}
	c.messages <- message
	l.clients[c] = struct{}{}
	return c, nil
}

func (s *Server) websocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeDeadline}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	c, err := s.live.join(r.Context())
	if err != nil {
		s.log.ErrorContext(r.Context(), "websocket", slog.String("error", err.Error()))
		return
	}
	go func() { // ends when the connection does
		for {
			if _, _, err := conn.NextReader(); err != nil {
				s.live.mu.Lock()
				s.live.drop(c)
				s.live.mu.Unlock()
				return
			}
		}
	}()
	if err := s.write(conn, c); err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		s.log.DebugContext(r.Context(), "websocket closed", slog.String("error", err.Error()))
	}
	s.live.mu.Lock()
	s.live.drop(c)
	s.live.mu.Unlock()
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
