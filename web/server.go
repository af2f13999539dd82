// Package web serves the API (openapi.yaml), the WebSocket and the embedded
// pages. It shows what it is told and reads what it is given; it decides
// nothing.
package web

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

//go:embed all:assets
var assets embed.FS

// Server answers HTTP. Use NewServer.
type Server struct {
	operations operations
	door       auth.Door
	access     Access
	people     People
	checker    checker
	ready      func() bool
	metrics    http.Handler
	log        *slog.Logger
}

// operations are those of the API, each answered by the part that serves its readers.
type operations struct {
	pages
	auditors
	agents
	installers
	operators
	funds
	planners
	researchers
	managers
	holders
	keyed
	owners
	pricing
}

// NewServer returns a server of the live state. entry takes the orders of agents,
// installer pairs devices, metrics serves /metrics, ready decides /readyz.
func NewServer(live *Live, books Books, entry *OrderEntry, installer *Installer, ready func() bool, metrics http.Handler, log *slog.Logger) *Server {
	s := &Server{
		operations: operations{
			pages{live: live, log: log, buffers: &sync.Pool{}}, auditors{books: books, audit: noLedger{}}, agents{entry}, installers{installer, live}, operators{}, funds{}, planners{}, researchers{}, managers{}, holders{}, keyed{}, owners{}, pricing{},
		},
		door: auth.Door{Keys: keys(entry, installer), Sessions: auth.NewSessions(nil, false)}, checker: entry.checker, ready: ready, metrics: metrics, log: log,
	}
	s.operations.still = func(r *http.Request) (auth.Principal, bool) { return s.door.Still(r) }
	entry.says = live.says
	entry.still = func(r *http.Request) bool { return s.door.Trades(r) }
	return s
}

// keys are who may do what.
func keys(entry *OrderEntry, installer *Installer) auth.Keys {
	all := maps.Clone(entry.keys)
	all.Grant(installer.Key, auth.Principal{Role: auth.Installer, Name: "installer"}, auth.Viewer)
	return all
}

// Handler returns all routes.
func (s *Server) Handler() (http.Handler, error) {
	says := s.operations.pages.live.says
	pages, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics)
	answers := http.NewServeMux()
	s.entrances(answers)
	answers.Handle("/", api.HandlerWithOptions(api.NewStrictHandlerWithOptions(s.operations, []api.StrictMiddlewareFunc{says.answers}, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  badRequest,
		ResponseErrorHandlerFunc: s.failed,
	}), api.StdHTTPServerOptions{ErrorHandlerFunc: badRequest}))
	mux.Handle("/api/", answers)
	s.checker.bodies(mux, answers)
	mux.HandleFunc("GET /api/v1/ws", s.operations.websocket)
	mux.HandleFunc("GET /api/v1/orders/ws", s.operations.entry.websocket)
	mux.Handle("/", http.FileServerFS(pages))
	if _, err := fs.Stat(pages, "index.html"); err != nil {
		mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "This program was built without its pages: build it with `make build`. The API is at /api/v1/status.", http.StatusNotFound)
		})
	}
	s.door.Trouble = s.trouble
	known, err := s.door.Guard(s.checker.spec, mux)
	if err != nil {
		return nil, err
	}
	return says.problems(s.access.guarded(known)), nil
}

// entrances serves what answers with a cookie.
func (s *Server) entrances(mux *http.ServeMux) {
	for path, answer := range map[string]http.HandlerFunc{
		"GET /api/v1/session":                 s.getSession,
		"POST /api/v1/session":                s.openSession,
		"DELETE /api/v1/session":              s.closeSession,
		"POST /api/v1/session/demonstration":  s.openDemonstration,
		"POST /api/v1/session/first":          s.openFirst,
		"POST /api/v1/session/passkey/finish": s.openPasskey,
		"POST /api/v1/session/oidc/begin":     s.beginOidc,
		"GET " + oidcBack:                     s.openOidc,
		"POST /api/v1/account/oidc/begin":     s.beginOidcBinding,
		"POST /api/v1/invitations/{token}":    s.acceptInvitation,
		"POST /api/v1/recovery/{token}":       s.recoverAccount,
		"POST /api/v1/account/password":       s.changePassword,
	} {
		mux.HandleFunc(path, answer)
	}
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if !s.ready() {
		http.Error(w, "not every device has answered yet", http.StatusServiceUnavailable)
		return
	}
	if s.access.Trouble != nil {
		if trouble := s.access.Trouble(); trouble != "" {
			http.Error(w, trouble, http.StatusServiceUnavailable)
			return
		}
	}
	_, _ = w.Write([]byte("ready\n"))
	if of := s.operations.pages.live.status.soon(r.Context()).Store; of.AwaySince != nil {
		_, _ = fmt.Fprintf(w, "the telemetry database is away since %s: %s; readings wait on this machine's disk\n", of.AwaySince.Format(time.RFC3339), *of.Problem)
	}
}

func badRequest(w http.ResponseWriter, _ *http.Request, err error) {
	api.WriteProblem(w, http.StatusBadRequest, err.Error())
}

// withoutSecrets is the path of a request without the secret of a link that is in it: a log is read by
// more people than may come in by the link.
func withoutSecrets(r *http.Request) string {
	if secret := r.PathValue("token"); secret != "" {
		return strings.ReplaceAll(r.URL.Path, secret, "…")
	}
	return r.URL.Path
}

func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		if refused.retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refused.retry.Seconds()))))
		}
		api.WriteProblem(w, refused.code, refused.text)
		return
	}
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody waits for the answer any more
	}
	s.log.ErrorContext(r.Context(), "request failed", slog.String("path", withoutSecrets(r)), slog.String("error", err.Error()))
	if broken := (*brokenOffError)(nil); errors.As(err, &broken) {
		panic(http.ErrAbortHandler) // which ends the connection, and nothing else
	}
	api.WriteProblem(w, http.StatusInternalServerError, "the request failed; the server's log says why")
}
