package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// Sessions let people come back with a cookie after they have signed in, or shown a key once.
// Who has signed in has the rights of the role by the cookie, which other sites' pages cannot
// send; who has shown a key only looks, and what changes anything wants the key itself. Sessions are
// kept in memory and end with the program. They are safe for concurrent use.
type Sessions struct {
	Secure bool // the cookie is sent over TLS alone

	mu   sync.Mutex
	open map[[sha256.Size]byte]session
}

// session is a browser whose user has signed in or shown a key.
type session struct {
	Signed

	until time.Time
}

// Signed is who has signed in, and by what.
type Signed struct {
	Principal

	Key [sha256.Size]byte // digest of the key that was shown, by which alone it has rights; 0: none was
}

// keyed tells whether a key was shown.
func (s Signed) keyed() bool { return s.Key != [sha256.Size]byte{} }

const (
	cookieName   = "commonwatt"
	sessionLasts = 12 * time.Hour
	mostSessions = 4096
)

// Begin ends the session of a request, if there is one, and sets the cookie of a new one.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, who Signed, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld(now)
	if c, err := r.Cookie(cookieName); err == nil {
		delete(s.open, sha256.Sum256([]byte(c.Value)))
	}
	secret := rand.Text() + rand.Text()
	if s.open == nil {
		s.open = map[[sha256.Size]byte]session{}
	}
	s.open[sha256.Sum256([]byte(secret))] = session{who, now.Add(sessionLasts)}
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
func (s *Sessions) of(r *http.Request, now time.Time) (one session, known bool) {
	if s == nil {
		return one, false
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return one, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known = s.open[sha256.Sum256([]byte(c.Value))]
	return one, known && now.Before(one.until)
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

// Until returns when the session of a request ends at the latest; false when it is of none.
func (s *Sessions) Until(r *http.Request, now time.Time) (time.Time, bool) {
	one, known := s.of(r, now)
	return one.until, known
}
