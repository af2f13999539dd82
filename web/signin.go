package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// Site is what everybody may know of a community before signing in.
type Site struct {
	Community   string // its name on the ledger
	DisplayName string // as people call it; empty: its name
	Zone        string // in whose time its days are, as in Europe/Berlin; empty: UTC
	Currency    string // ISO 4217
	Language    string // en or de; empty: en
	Address     string // where people reach the pages, without a slash at its end; empty: it is not known, and nobody is sent a link
}

// getSession says who has signed in, and where. It is never refused.
func (s *Server) getSession(w http.ResponseWriter, r *http.Request) {
	site, people := s.access.Site, s.people
	info := api.SessionInfo{
		Demonstration: !s.access.Closed, Community: site.Community, DisplayName: cmp.Or(site.DisplayName, site.Community), Zone: cmp.Or(site.Zone, "UTC"),
		Currency: site.Currency, Language: api.Language(cmp.Or(site.Language, "en")), Methods: people.methods(hostOnly(r.Host)),
	}
	if people.Book != nil {
		info.Recovery = new(api.RecoveryByOperator)
		if people.Post != nil {
			info.Recovery = new(api.RecoveryByMail)
		}
		waits, err := people.Book.Links.HasFirst(r.Context())
		if err != nil {
			s.failed(w, r, err)
			return
		}
		info.FirstStart = waits
	}
	if p, known := auth.From(r.Context()); known {
		if err := s.describe(r, p, &info); err != nil {
			s.failed(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(info) // the client is gone if this fails
}

// describe says who has signed in.
func (s *Server) describe(r *http.Request, p auth.Principal, info *api.SessionInfo) error {
	info.SignedIn, info.Role, info.Name = true, new(api.SessionInfoRole(p.Role)), &p.Name
	if p.Member != "" {
		info.Member = &p.Member
	}
	if until, some := s.door.Sessions.Until(r); some {
		info.Expires = new(until.UTC())
	}
	if !p.Person() || p.Account == auth.Guest {
		return nil
	}
	a, err := s.people.Book.People.Account(r.Context(), p.Account)
	if err != nil {
		return err
	}
	info.Email = &a.EMail
	if a.Language != "" {
		info.Language = api.Language(a.Language)
	}
	return nil
}

// openSession signs in with e-mail address and password, or gives who shows a key a cookie.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.SessionRequest](w, r)
	switch {
	case !ok:
	case asked.Key != nil && asked.Email == nil && asked.Password == nil:
		s.showKey(w, r, *asked.Key)
	case asked.Key == nil && asked.Email != nil && asked.Password != nil:
		if book, some := s.book(w); some {
			a, err := book.Entrance.SignIn(r.Context(), *asked.Email, *asked.Password, visiting(r.Context()).from)
			s.enter(w, r, a, err)
		}
	default:
		api.WriteProblem(w, http.StatusBadRequest, "give key, or email and password")
	}
}

// showKey gives who shows a key a cookie by which the pages can be looked at.
func (s *Server) showKey(w http.ResponseWriter, r *http.Request, key string) {
	from := visiting(r.Context()).from
	if s.people.Book != nil {
		if err := s.people.Book.Tries.Knock(r.Context(), from); err != nil {
			s.refuseEntry(w, r, err)
			return
		}
	}
	who, known := s.door.Keys.Reader(key)
	if err := s.noteKey(r.Context(), who, known); err != nil {
		s.failed(w, r, err)
		return
	}
	if !known {
		api.WriteProblem(w, http.StatusUnauthorized, "that is no key of this community")
		return
	}
	if s.people.Book != nil {
		if err := s.people.Book.Tries.Came(r.Context(), from); err != nil {
			s.failed(w, r, err)
			return
		}
	}
	s.begin(w, r, who)
}

// noteKey notes that somebody has signed in by a key, or tried to.
func (s *Server) noteKey(ctx context.Context, who auth.Signed, known bool) error {
	switch {
	case s.people.Book == nil:
		return nil
	case !known:
		return s.people.Book.Log.Add(ctx, by(ctx), accounts.KeyRefused, "")
	default:
		return s.people.Book.Log.Add(ctx, by(ctx), accounts.KeyShown, string(who.Role)+" "+who.Name)
	}
}

// begin answers with the cookie of a new session.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, who auth.Signed) {
	if err := s.door.Sessions.Begin(w, r, who, visiting(r.Context()).from.String()); err != nil {
		s.failed(w, r, err)
		return
	}
	before, _ := auth.From(r.Context())
	s.operations.pages.live.Doubt(before.Account) // whose session this one takes the place of
	w.WriteHeader(http.StatusNoContent)
}

// enter answers who has come in, or was not let in.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, a accounts.Account, err error) {
	if err != nil {
		s.refuseEntry(w, r, err)
		return
	}
	s.begin(w, r, auth.Signed{Principal: a.Principal()})
}

// refuseEntry says why somebody was not let in, in the API's terms.
func (s *Server) refuseEntry(w http.ResponseWriter, r *http.Request, err error) {
	s.failed(w, r, ofAccounts(err))
}

// ofAccounts says in the API's terms what the book of accounts refused.
func ofAccounts(err error) error {
	field, wait := (*accounts.FieldError)(nil), (*accounts.WaitError)(nil)
	switch {
	case errors.As(err, &field):
		return refuse(http.StatusBadRequest, "%v", field)
	case errors.As(err, &wait):
		return &refusal{http.StatusTooManyRequests, wait.Error(), wait.Wait}
	case errors.Is(err, accounts.ErrWrong):
		return refuse(http.StatusUnauthorized, "that is not right, or not any more: try again, or ask for a new link")
	case errors.Is(err, accounts.ErrNone):
		return refuse(http.StatusNotFound, "there is none of that id")
	}
	return err
}

func (s *Server) closeSession(w http.ResponseWriter, r *http.Request) {
	p, known := auth.From(r.Context())
	if err := s.door.Sessions.End(w, r); err != nil {
		s.failed(w, r, err)
		return
	}
	s.operations.pages.live.Doubt(p.Account)
	if known && p.Person() && p.Account != auth.Guest {
		if err := s.people.Book.Log.Add(r.Context(), by(r.Context()), accounts.SignedOut, ""); err != nil {
			s.failed(w, r, err)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// openDemonstration signs in to a demonstration, where no password is asked.
func (s *Server) openDemonstration(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.DemonstrationRequest](w, r)
	if !ok {
		return
	}
	if s.access.Closed {
		api.WriteProblem(w, http.StatusNotFound, "this is no demonstration: sign in with an account of your own")
		return
	}
	p := auth.Principal{Role: auth.Role(asked.Role), Name: string(asked.Role), Account: auth.Guest}
	if p.Role == auth.Homeowner {
		homes := s.operations.pages.live.State(r.Context()).Homes
		at := slices.IndexFunc(homes, func(h api.Home) bool { return asked.Home == nil || h.Id == *asked.Home })
		if at < 0 {
			api.WriteProblem(w, http.StatusNotFound, "there is no such home: GET /api/v1/state lists the homes")
			return
		}
		p.Name, p.Member = homes[at].Id, homes[at].Id
	}
	s.begin(w, r, auth.Signed{Principal: p})
}

// asked reads the body of a request, whose form was checked.
func asked[T any](w http.ResponseWriter, r *http.Request) (t T, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		badRequest(w, r, err)
		return t, false
	}
	return t, true
}

// book returns the book of accounts; without one it answers that there are no accounts.
func (s *Server) book(w http.ResponseWriter) (*accounts.Book, bool) {
	if s.people.Book == nil {
		api.WriteProblem(w, http.StatusNotFound, noAccounts)
		return nil, false
	}
	return s.people.Book, true
}

const noAccounts = "nobody has an account here"

// trouble logs what went wrong with who has signed in.
func (s *Server) trouble(ctx context.Context, err error) {
	s.log.ErrorContext(ctx, "who has signed in was not read", slog.String("error", err.Error()))
}
