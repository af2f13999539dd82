package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/openid"
)

const (
	oidcBack    = "/api/v1/session/oidc/callback"
	oidcCookie  = "commonwatt-oidc" // the state, by which a browser comes back to what it began
	oidcWaits   = 10 * time.Minute
	refusedPage = "/signin.html#refused"
	noOpenID    = "nobody signs in with an account of another service here"
)

// beginOidc says where to sign in with the account of another service.
func (s *Server) beginOidc(w http.ResponseWriter, r *http.Request) {
	if s.people.OpenID == nil {
		api.WriteProblem(w, http.StatusNotFound, noOpenID)
		return
	}
	v := visiting(r.Context())
	if err := s.people.Book.Tries.Knock(r.Context(), v.from); err != nil {
		s.refuseEntry(w, r, err)
		return
	}
	location, state, err := s.people.OpenID.Begin(r.Context(), v.base+oidcBack)
	if err != nil {
		s.log.WarnContext(r.Context(), "the service by which people sign in was not reached", slog.String("error", err.Error()))
		api.WriteProblem(w, http.StatusBadGateway, "the other service does not answer: sign in with your password, or try again later")
		return
	}
	http.SetCookie(w, s.oidcCookie(state, int(oidcWaits.Seconds())))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(api.OidcBegin{Location: location}) // the client is gone if this fails
}

// oidcCookie is sent when the other service sends the browser back, which a strict one is not.
func (s *Server) oidcCookie(state string, age int) *http.Cookie {
	return &http.Cookie{Name: oidcCookie, Value: state, Path: oidcBack, MaxAge: age, HttpOnly: true, Secure: s.access.Secure, SameSite: http.SameSiteLaxMode} //nolint:gosec // it is secure wherever there is TLS
}

// openOidc signs in who comes back from the other service, whose account here has the e-mail
// address that the service has verified.
func (s *Server) openOidc(w http.ResponseWriter, r *http.Request) {
	if s.people.OpenID == nil {
		api.WriteProblem(w, http.StatusNotFound, noOpenID)
		return
	}
	var kept string
	if c, err := r.Cookie(oidcCookie); err == nil {
		kept = c.Value
	}
	http.SetCookie(w, s.oidcCookie("", -1))
	a, err := s.byOpenID(r.Context(), kept, r.URL.Query().Get("state"), r.URL.Query().Get("code"))
	if err == nil {
		err = s.door.Sessions.Begin(w, r, auth.Signed{Principal: a.Principal()}, visiting(r.Context()).from.String())
	}
	if err != nil {
		s.log.InfoContext(r.Context(), "who came back from another service was not let in", slog.String("reason", err.Error()))
		http.Redirect(w, r, refusedPage, http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// byOpenID returns whose e-mail address the other service has verified.
func (s *Server) byOpenID(ctx context.Context, kept, state, code string) (a accounts.Account, err error) {
	book, from := s.people.Book, visiting(ctx).from
	email, err := s.people.OpenID.Finish(ctx, kept, state, code)
	if err == nil {
		a, err = book.People.ByEMail(ctx, email)
	}
	if errors.Is(err, openid.ErrWrong) || errors.Is(err, accounts.ErrNone) {
		return a, errors.Join(err, book.Log.Add(ctx, accounts.By{From: from.String()}, accounts.SignInRefused, "another service's account"))
	}
	if err != nil {
		return a, err
	}
	return a, errors.Join(book.Tries.Came(ctx, from), book.Log.Add(ctx, accounts.By{Account: a.ID, Name: a.Name, From: from.String()}, accounts.SignedIn, "another service's account"))
}
