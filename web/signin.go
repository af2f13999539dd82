package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Site is what everybody may know of a community before signing in.
type Site struct {
	Community   string // its name on the ledger
	DisplayName string // as people call it; empty: its name
	Zone        string // in whose time its days are, as in Europe/Berlin; empty: UTC
	Currency    string // ISO 4217
	Language    string // en or de; empty: en
}

// getSession says who has signed in, and where. It is never refused.
func (s *Server) getSession(w http.ResponseWriter, r *http.Request) {
	site := s.access.Site
	info := api.SessionInfo{
		Demonstration: !s.access.Closed, Community: site.Community, DisplayName: cmp.Or(site.DisplayName, site.Community), Zone: cmp.Or(site.Zone, "UTC"),
		Currency: site.Currency, Language: api.Language(cmp.Or(site.Language, "en")), Methods: []api.SignInMethod{},
	}
	if p, known := auth.From(r.Context()); known {
		info.SignedIn, info.Role, info.Name = true, new(api.SessionInfoRole(p.Role)), &p.Name
		if p.Member != "" {
			info.Member = &p.Member
		}
		if until, some := s.door.Sessions.Until(r, time.Now()); some {
			info.Expires = new(until.UTC())
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(info) // the client is gone if this fails
}

// openSession gives who shows a key a cookie with the rights of the key.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.SessionRequest](w, r)
	if !ok {
		return
	}
	who, known := s.door.Keys.Reader(asked.Key)
	if !known {
		api.WriteProblem(w, http.StatusUnauthorized, "that is no key of this community")
		return
	}
	s.door.Sessions.Begin(w, r, who, time.Now())
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) closeSession(w http.ResponseWriter, r *http.Request) {
	s.door.Sessions.End(w, r)
	who, _ := auth.From(r.Context())
	s.operations.pages.live.Doubt(who.Account)
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
	s.door.Sessions.Begin(w, r, auth.Signed{Principal: p}, time.Now())
	w.WriteHeader(http.StatusNoContent)
}

// asked reads the body of a request, whose form was checked.
func asked[T any](w http.ResponseWriter, r *http.Request) (t T, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		badRequest(w, r, err)
		return t, false
	}
	return t, true
}
