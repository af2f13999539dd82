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

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

//go:embed all:assets
var assets embed.FS

// Books read the ledger.
type Books interface {
	Postings(ctx context.Context, i grid.Interval) ([]record.Posting, error)
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
