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
	oidcBack   = "/api/v1/session/oidc/callback"
	oidcCookie = "commonwatt-oidc" // the state, by which a browser comes back to what it began
	oidcWaits  = 10 * time.Minute
	noOpenID   = "nobody signs in with an account of another service here"
)

// beginOidc says where to sign in with the account of another service.
func (s *Server) beginOidc(w http.ResponseWriter, r *http.Request) {
	s.goElsewhere(w, r, openid.Asker{})
}

// beginOidcBinding says where to sign in with the account of another service that is to be bound to
// the own one.
func (s *Server) beginOidcBinding(w http.ResponseWriter, r *http.Request) {
	p, err := s.people.opener(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	_, epoch, err := s.people.Book.People.Current(r.Context(), p.Account)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.goElsewhere(w, r, openid.Asker{Account: p.Account, Epoch: epoch})
}

// goElsewhere says where a browser goes, which keeps a state by which it comes back.
func (s *Server) goElsewhere(w http.ResponseWriter, r *http.Request, asker openid.Asker) {
	if s.people.OpenID == nil {
		api.WriteProblem(w, http.StatusNotFound, noOpenID)
		return
	}
	if err := s.people.Book.Tries.Knock(r.Context(), visiting(r.Context()).from); err != nil {
		s.refuseEntry(w, r, err)
		return
	}
	location, state, err := s.people.OpenID.Begin(r.Context(), s.access.Site.Address+oidcBack, asker)
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

// openOidc takes in who comes back from the other service: signs in whose account there is bound to one
// here, or binds the account there to the one of who went to have it bound.
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
	to, err := s.fromElsewhere(w, r, kept)
	if err != nil {
		s.log.InfoContext(r.Context(), "who came back from another service was not let in", slog.String("reason", err.Error()))
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // one of the pages below, whatever the request says
}

// Where who comes back from another service is led to.
const (
	refusedPage  = "/signin.html#refused"
	boundPage    = "/account.html#bound"
	notBoundPage = "/account.html#not-bound"
)

// fromElsewhere takes in who comes back, and returns where they are led to.
func (s *Server) fromElsewhere(w http.ResponseWriter, r *http.Request, kept string) (to string, err error) {
	ctx, book, from := r.Context(), s.people.Book, visiting(r.Context()).from
	who, err := s.people.OpenID.Finish(ctx, kept, r.URL.Query().Get("state"), r.URL.Query().Get("code"))
	if err == nil && who.Asker.Account != "" {
		if err := s.bind(ctx, who); err != nil {
			return notBoundPage, err
		}
		return boundPage, book.Tries.Came(ctx, from)
	}
	var a accounts.Account
	if err == nil {
		a, err = s.ofIdentity(ctx, who)
	}
	if errors.Is(err, openid.ErrWrong) || errors.Is(err, accounts.ErrNone) || errors.Is(err, accounts.ErrBound) {
		err = errors.Join(err, book.Log.Add(ctx, accounts.By{From: from.String()}, accounts.SignInRefused, "another service's account"))
	}
	if err != nil {
		return refusedPage, err
	}
	err = errors.Join(book.Identities.Note(ctx, who.Issuer, who.Subject), book.Tries.Came(ctx, from), book.Log.Add(ctx, byOf(ctx, a), accounts.SignedIn, "another service's account"))
	if err == nil {
		err = s.door.Sessions.Begin(w, r, auth.Signed{Principal: a.Principal()}, from.String())
	}
	if err != nil {
		return refusedPage, err
	}
	return "/", nil
}

// byOf is somebody who comes in, for the log.
func byOf(ctx context.Context, a accounts.Account) accounts.By {
	return accounts.By{Account: a.ID, Name: a.Name, From: visiting(ctx).from.String()}
}

// ofIdentity returns to whose account one of another service is bound. Where the configuration trusts
// the service with addresses it is bound now, to that of the address that the service has verified.
func (s *Server) ofIdentity(ctx context.Context, who openid.Identity) (accounts.Account, error) {
	book := s.people.Book
	owner, err := book.Identities.Owner(ctx, who.Issuer, who.Subject)
	if err == nil {
		return book.People.Account(ctx, owner)
	}
	if !errors.Is(err, accounts.ErrNone) || !s.people.LinkByEMail || !who.Verified || who.EMail == "" {
		return accounts.Account{}, err
	}
	a, err := book.People.ByEMail(ctx, who.EMail)
	if err == nil {
		err = book.Identities.Bind(ctx, accounts.Identity{Issuer: who.Issuer, Subject: who.Subject, EMail: who.EMail, Account: a.ID}, byOf(ctx, a))
	}
	if err == nil {
		s.tell(a.ID, newIdentity)
	}
	return a, err
}

// bind binds an account of another service to that of who went there, whose rights are still those of
// then: else their session would be over.
func (s *Server) bind(ctx context.Context, who openid.Identity) error {
	book := s.people.Book
	a, err := book.People.Account(ctx, who.Asker.Account)
	if err != nil {
		return err
	}
	if _, epoch, err := book.People.Current(ctx, a.ID); err != nil || epoch != who.Asker.Epoch {
		return errors.Join(accounts.ErrWrong, err)
	}
	err = book.Identities.Bind(ctx, accounts.Identity{Issuer: who.Issuer, Subject: who.Subject, EMail: who.EMail, Account: a.ID}, byOf(ctx, a))
	if err == nil {
		s.tell(a.ID, newIdentity)
	}
	return err
}
