package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// Sessions let a browser look at the pages without sending a key with every request, which
// it cannot with a WebSocket: who has shown a key once gets a cookie. By a cookie nothing is
// done but looking: what changes anything wants the key itself. Sessions are kept in memory
// and end with the program. They are safe for concurrent use.
type Sessions struct {
	Secure bool // the cookie is sent over TLS alone

	mu   sync.Mutex
	open map[[sha256.Size]byte]session
}

// session is a browser that has shown a key.
type session struct {
	who   Principal
	until time.Time
}

const (
	cookieName   = "commonwatt"
	sessionLasts = 12 * time.Hour
	mostSessions = 4096
)

// Begin sets the cookie of a new session of a principal.
func (s *Sessions) Begin(w http.ResponseWriter, p Principal, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld(now)
	secret := rand.Text() + rand.Text()
	if s.open == nil {
		s.open = map[[sha256.Size]byte]session{}
	}
	s.open[sha256.Sum256([]byte(secret))] = session{p, now.Add(sessionLasts)}
	http.SetCookie(w, s.cookie(secret, int(sessionLasts.Seconds())))
}

// End ends the session of a request, and takes its cookie away.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, err := r.Cookie(cookieName); err == nil {
		delete(s.open, sha256.Sum256([]byte(c.Value)))
	}
	http.SetCookie(w, s.cookie("", -1))
}

func (s *Sessions) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode} //nolint:gosec // it is secure wherever there is TLS; on loopback there is none
}

// of returns whose session a request belongs to; false when to none.
func (s *Sessions) of(r *http.Request, now time.Time) (Principal, bool) {
	if s == nil {
		return Principal{}, false
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return Principal{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.open[sha256.Sum256([]byte(c.Value))]
	return one.who, known && now.Before(one.until)
}

// forgetOld forgets the sessions that are over and, when there are too many, those that end
// first.
func (s *Sessions) forgetOld(now time.Time) {
	for key, one := range s.open {
		if !now.Before(one.until) {
			delete(s.open, key)
		}
	}
	for len(s.open) >= mostSessions {
		var first [sha256.Size]byte
		var until time.Time
		for key, one := range s.open {
			if until.IsZero() || one.until.Before(until) {
				first, until = key, one.until
			}
		}
		delete(s.open, first)
	}
}
