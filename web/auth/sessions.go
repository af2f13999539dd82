package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

// ErrNobody says that there is no such account.
var ErrNobody = errors.New("nobody has that account")

// People are the accounts as sessions need them.
type People interface {
	scs.Store
	// Own notes whose a session is.
	Own(ctx context.Context, token string, o Owner) error
	// Touch notes that a session is in use. It opens none that is closed.
	Touch(ctx context.Context, token string) error
	// Current says what somebody may do now. The epoch grows when that or the password changes.
	// ErrNobody: the account is gone.
	Current(ctx context.Context, account string) (p Principal, epoch int64, err error)
}

// Owner is whose a session is.
type Owner struct {
	Account       string
	Idle          time.Duration // after which the session is over when it is not used
	Browser, From string        // as it said, and its address
}

// Signed is who has signed in, and by what.
type Signed struct {
	Principal

	Key [sha256.Size]byte // digest of the key that was shown, by which alone it has rights; 0: none was
}

// keyed tells whether a key was shown.
func (s Signed) keyed() bool { return s.Key != [sha256.Size]byte{} }

// Sessions let people come back with a cookie after they have signed in, or shown a key once.
// Who has signed in has the rights of the role by the cookie, which other sites' pages cannot
// send; who has shown a key only looks, and what changes anything wants the key itself. What
// somebody may do is read anew with every request. They are safe for concurrent use.
type Sessions struct {
	manager *scs.SessionManager
	people  People // nil: nobody has an account, and sessions end with the program
}

const cookieName = "commonwatt"

// lasting is how long a session lasts at most, and unused.
func lasting(r Role, person bool) (most, idle time.Duration) {
	if person && r == Homeowner {
		return 30 * 24 * time.Hour, 7 * 24 * time.Hour
	}
	return 12 * time.Hour, 4 * time.Hour
}

// NewSessions returns sessions that people keep; nil: they are kept in memory. secure says
// that the cookie is sent over TLS alone.
func NewSessions(people People, secure bool) *Sessions {
	m := &scs.SessionManager{
		Store: memstore.NewWithCleanupInterval(0), Codec: scs.GobCodec{},
		Cookie: scs.SessionCookie{Name: cookieName, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode, Persist: true},
	}
	m.Lifetime, _ = lasting(Homeowner, true)
	if people != nil {
		m.Store = people
	}
	return &Sessions{manager: m, people: people}
}

// Begin ends the session of a request, if there is one, and sets the cookie of a new one. from
// is the address of who has signed in.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, who Signed, from string) error {
	if err := s.forget(r); err != nil {
		return err
	}
	ctx, err := s.manager.Load(r.Context(), "")
	if err != nil {
		return err
	}
	most, idle := lasting(who.Role, who.Person())
	s.manager.SetDeadline(ctx, time.Now().Add(most).UTC())
	switch {
	case who.keyed():
		s.manager.Put(ctx, "key", hex.EncodeToString(who.Key[:]))
	case who.Account == Guest:
		s.manager.Put(ctx, "role", string(who.Role))
		s.manager.Put(ctx, "name", who.Name)
		s.manager.Put(ctx, "member", who.Member)
	default:
		_, epoch, err := s.people.Current(ctx, who.Account)
		if err != nil {
			return err
		}
		s.manager.Put(ctx, "epoch", epoch)
	}
	s.manager.Put(ctx, "account", who.Account)
	token, expiry, err := s.manager.Commit(ctx)
	if err != nil {
		return err
	}
	if s.people != nil {
		if err := s.people.Own(ctx, token, Owner{who.Account, idle, browser(r), from}); err != nil {
			return err
		}
	}
	s.manager.WriteSessionCookie(ctx, w, token, expiry)
	w.Header().Set("Cache-Control", "no-store")
	return nil
}

// browser is what a browser says of itself, as much as is kept of it.
func browser(r *http.Request) string {
	const most = 200 // bytes
	text := r.UserAgent()
	return text[:min(len(text), most)]
}

// End ends the session of a request, and takes its cookie away.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) error {
	err := s.forget(r)
	s.manager.WriteSessionCookie(r.Context(), w, "", time.Time{})
	w.Header().Set("Cache-Control", "no-store")
	return err
}

// forget ends the session of a request, if there is one.
func (s *Sessions) forget(r *http.Request) error {
	token := Token(r)
	if token == "" {
		return nil
	}
	ctx, err := s.manager.Load(r.Context(), token)
	if err == nil {
		err = s.manager.Destroy(ctx)
	}
	return err
}

// Token is what the cookie of a request says, empty when there is none.
func Token(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// open is a session that is open.
type open struct {
	Signed

	until time.Time
}

// of returns the session of a request; false when it has none.
func (s *Sessions) of(r *http.Request) (one open, known bool, err error) {
	token := Token(r)
	if s == nil || token == "" {
		return one, false, nil
	}
	ctx, err := s.manager.Load(r.Context(), token)
	if err != nil || s.manager.Token(ctx) == "" {
		return one, false, err
	}
	one = open{until: s.manager.Deadline(ctx)}
	one.Account = s.manager.GetString(ctx, "account")
	key, err := hex.DecodeString(s.manager.GetString(ctx, "key"))
	switch {
	case err != nil:
		return one, false, err
	case len(key) == len(one.Key):
		one.Key = [sha256.Size]byte(key)
	case one.Account == Guest:
		one.Role, one.Name, one.Member = Role(s.manager.GetString(ctx, "role")), s.manager.GetString(ctx, "name"), s.manager.GetString(ctx, "member")
	case s.people == nil:
		return one, false, nil
	default:
		p, epoch, err := s.people.Current(ctx, one.Account)
		if errors.Is(err, ErrNobody) || err == nil && epoch != s.manager.GetInt64(ctx, "epoch") {
			return one, false, nil
		}
		if err != nil {
			return one, false, err
		}
		one.Principal = p
	}
	if s.people != nil {
		err = s.people.Touch(ctx, token)
	}
	return one, err == nil, err
}

// Until returns when the session of a request ends at the latest; false when it is of none.
func (s *Sessions) Until(r *http.Request) (time.Time, bool) {
	one, known, err := s.of(r)
	return one.until, known && err == nil
}
