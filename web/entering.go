package web

import (
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// openFirst makes the operator's account of a new community, and signs in.
func (s *Server) openFirst(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.FirstRequest](w, r)
	book, some := s.book(w)
	if !ok || !some {
		return
	}
	n := accounts.New{EMail: asked.Email, Name: asked.Name, Password: asked.Password, Language: language(asked.Language)}
	a, err := book.Entrance.Begin(r.Context(), asked.Token, n, visiting(r.Context()).from)
	s.enter(w, r, a, err)
}

// acceptInvitation makes an account by an invitation, and signs in.
func (s *Server) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.AcceptRequest](w, r)
	book, some := s.book(w)
	if !ok || !some {
		return
	}
	n := accounts.New{EMail: said(asked.Email), Name: said(asked.Name), Password: asked.Password, Language: language(asked.Language)}
	a, err := book.Entrance.Accept(r.Context(), r.PathValue("token"), n, visiting(r.Context()).from)
	s.enter(w, r, a, err)
}

// recoverAccount gives an account a new password by a link, and signs in.
func (s *Server) recoverAccount(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.NewPassword](w, r)
	book, some := s.book(w)
	if !ok || !some {
		return
	}
	n := accounts.NewPassword{Password: asked.Password, Alone: asked.Alone != nil && *asked.Alone}
	a, err := book.Entrance.Reset(r.Context(), r.PathValue("token"), n, visiting(r.Context()).from)
	if err == nil {
		s.tell(a.ID, newPassword)
	}
	s.enter(w, r, a, err)
}

// changePassword gives the own account a new password, and begins a new session in place of
// all others.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.PasswordChange](w, r)
	if !ok {
		return
	}
	p, err := holder(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	n := accounts.NewPassword{Password: asked.Password, Alone: asked.Alone != nil && *asked.Alone}
	a, err := s.people.Book.Entrance.Repass(r.Context(), p.Account, asked.Before, n, visiting(r.Context()).from)
	if err == nil {
		s.tell(a.ID, newPassword)
	}
	s.enter(w, r, a, err)
}

// tell tells who has an account by letter that something new opens it.
func (s *Server) tell(account string, what opener) { s.people.tell(account, s.access.Site, what) }

// said is what was given, empty when nothing was.
func said[T ~string](what *T) string {
	if what == nil {
		return ""
	}
	return string(*what)
}

func language(what *api.Language) string { return said(what) }

// given is a text for the API, absent when it is empty.
func given[T ~string](s string) *T {
	if s == "" {
		return nil
	}
	return new(T(s))
}
