package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Access says who reaches the pages, and how.
type Access struct {
	Site      Site
	Closed    bool         // nothing is shown to who has not signed in or sent a key; else it is a demonstration
	ViewerKey string       // opens what the pages show
	Secure    bool         // requests come over TLS
	Hosts     []string     // names by which the pages are asked for, beside those of loopback; nil: none is checked
	Proxies   []netip.Addr // requests come from them alone; none: from everybody

	// Trouble says what is wrong with this process so that it is not ready, nothing when all
	// is well, and Room why no orders are taken; each may be nil.
	Trouble func() string
	Room    func() error
}

// Behind has a server answer as the access says.
func (s *Server) Behind(a Access) *Server {
	s.access, s.door.Closed = a, a.Closed
	s.operations.pages.live.says.in(a.Site.Zone)
	s.operations.entry.room = a.Room
	s.door.Sessions = auth.NewSessions(nil, a.Secure)
	s.door.Keys.Grant(a.ViewerKey, auth.Principal{Role: auth.Viewer, Name: "viewer"})
	return s
}

// longWait is for how long an answer may be written that waits for devices or makes files, usualWait any
// other one. The WebSockets have deadlines of their own.
const (
	usualWait = 60 * time.Second
	longWait  = 20 * time.Minute
)

// guarded adds the headers that every answer has, and refuses what another site's page
// sends or asks for under a name of its own.
func (a Access) guarded(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.head(w, r)
		if why, code := a.refuses(r); why != "" {
			api.WriteProblem(w, code, why)
			return
		}
		wait := usualWait
		if takesLong(r.URL.Path) {
			wait = longWait
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(wait)) // a file may come slowly
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait)) // the server's own holds where there is none
		protected.ServeHTTP(w, a.visit(r))
	})
}

// takesLong tells whether what is at a path waits for devices, or reads and writes files.
func takesLong(path string) bool {
	return slices.ContainsFunc([]string{"/api/v1/pairing/", "/api/v1/devices/", "/api/v1/values", "/api/v1/bills", "/api/v1/tariff", "/api/v1/backup", "/api/v1/ledger/"}, func(of string) bool { return strings.HasPrefix(path, of) })
}

func (a Access) head(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	if isSaid(r.URL.Path) {
		h.Set("Cache-Control", "no-store")
	} else if strings.HasPrefix(r.URL.Path, "/assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // its name says what is in it
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if a.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// isSaid tells whether what is at a path is said anew each time, and is no file of the pages.
func isSaid(path string) bool {
	return strings.HasPrefix(path, "/api/") || slices.Contains([]string{"/metrics", "/healthz", "/readyz"}, path)
}

// refuses tells why a request is not answered, empty when it is.
func (a Access) refuses(r *http.Request) (why string, code int) {
	if len(a.Proxies) > 0 && !a.fromProxy(r) {
		return "requests come by a proxy here (behind_proxy), and this one does not", http.StatusForbidden
	}
	if !a.knows(r.Host) {
		return "nobody asks for this community by that name: put it into hosts in the configuration if it is one of its own", http.StatusMisdirectedRequest
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if from, err := url.Parse(origin); err != nil || !strings.EqualFold(from.Host, r.Host) {
			return "another site's page asks for this", http.StatusForbidden
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" && isSaid(r.URL.Path) && r.URL.Path != oidcBack {
		return "another site's page asks for this", http.StatusForbidden
	}
	return "", 0
}

func (a Access) fromProxy(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.Contains(a.Proxies, from.Addr().Unmap())
}

// knows tells whether the pages may be asked for by a name: a page of another site that has
// its own name point here is not answered.
func (a Access) knows(host string) bool {
	if a.Hosts == nil {
		return true
	}
	name := hostOnly(host)
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() || strings.EqualFold(name, "localhost") {
		return true
	}
	return slices.ContainsFunc(a.Hosts, func(known string) bool { return sameHost(known, name) })
}

// hostOnly is the name of a machine without its port.
func hostOnly(host string) string {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return strings.TrimSuffix(strings.Trim(name, "[]"), ".")
}

// sameHost tells whether a name is meant by one that is known; of a certificate for
// *.example that is any name one level below.
func sameHost(known, name string) bool {
	if below, wild := strings.CutPrefix(known, "*."); wild {
		_, domain, found := strings.Cut(name, ".")
		return found && strings.EqualFold(domain, below)
	}
	return strings.EqualFold(strings.Trim(known, "[]"), name)
}
