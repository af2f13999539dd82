package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/passkeys"
)

// keyed answers those who sign in with a passkey, or make one.
type keyed struct {
	people People
	site   Site
	log    *slog.Logger
}

const noPasskeys = "nobody signs in with a passkey here"

// site is by which name somebody asks.
func (v visitor) site() passkeys.Site { return passkeys.Site{Name: v.name, Origin: v.base} }

// BeginPasskey implements the API.
func (k keyed) BeginPasskey(ctx context.Context, _ api.BeginPasskeyRequestObject) (api.BeginPasskeyResponseObject, error) {
	if k.people.Passkeys == nil {
		return nil, refuse(http.StatusNotFound, noPasskeys)
	}
	v := visiting(ctx)
	if err := k.people.Book.Tries.Knock(ctx, v.from); err != nil {
		return nil, ofAccounts(err)
	}
	id, options, err := k.people.Passkeys.Ask(v.site())
	return api.BeginPasskey200JSONResponse{Id: id, Options: options}, ofAccounts(err)
}

// openPasskey signs in with a passkey.
func (s *Server) openPasskey(w http.ResponseWriter, r *http.Request) {
	asked, ok := asked[api.PasskeyAnswer](w, r)
	if !ok {
		return
	}
	if s.people.Passkeys == nil {
		api.WriteProblem(w, http.StatusNotFound, noPasskeys)
		return
	}
	a, err := s.byPasskey(r.Context(), asked)
	s.enter(w, r, a, err)
}

// byPasskey returns whose passkey has answered.
func (s *Server) byPasskey(ctx context.Context, asked api.PasskeyAnswer) (a accounts.Account, err error) {
	book, from := s.people.Book, visiting(ctx).from
	credential, err := json.Marshal(asked.Credential)
	if err != nil {
		return a, err
	}
	account, err := s.people.Passkeys.Answer(ctx, asked.Id, credential)
	if errors.Is(err, accounts.ErrWrong) {
		s.log.InfoContext(ctx, "a passkey was refused", slog.String("reason", err.Error()), slog.String("from", from.String()))
		return a, errors.Join(err, book.Log.Add(ctx, accounts.By{From: from.String()}, accounts.SignInRefused, "passkey"))
	}
	if err != nil {
		return a, err
	}
	if a, err = book.People.Account(ctx, account); err != nil {
		return a, err
	}
	return a, errors.Join(book.Tries.Came(ctx, from), book.Log.Add(ctx, accounts.By{Account: a.ID, Name: a.Name, From: from.String()}, accounts.SignedIn, "passkey"))
}

// BeginPasskeyAdding implements the API.
func (k keyed) BeginPasskeyAdding(ctx context.Context, _ api.BeginPasskeyAddingRequestObject) (api.BeginPasskeyAddingResponseObject, error) {
	p, err := k.people.opener(ctx)
	if err != nil {
		return nil, err
	}
	if k.people.Passkeys == nil {
		return nil, refuse(http.StatusNotFound, noPasskeys)
	}
	id, options, err := k.people.Passkeys.Add(ctx, visiting(ctx).site(), p.Account)
	return api.BeginPasskeyAdding200JSONResponse{Id: id, Options: options}, ofAccounts(err)
}

// AddPasskey implements the API.
func (k keyed) AddPasskey(ctx context.Context, r api.AddPasskeyRequestObject) (api.AddPasskeyResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	if k.people.Passkeys == nil {
		return nil, refuse(http.StatusNotFound, noPasskeys)
	}
	name := said(r.Body.Name)
	if name == "" {
		return nil, refuse(http.StatusBadRequest, "name: say what the passkey is called")
	}
	credential, err := json.Marshal(r.Body.Credential)
	if err != nil {
		return nil, err
	}
	err = k.people.Passkeys.Added(ctx, r.Body.Id, p.Account, name, credential)
	if errors.Is(err, accounts.ErrWrong) {
		k.log.InfoContext(ctx, "a new passkey was refused", slog.String("reason", err.Error()))
		return nil, refuse(http.StatusBadRequest, "the passkey was not made: begin again")
	}
	if err != nil {
		return nil, ofAccounts(err)
	}
	k.people.tell(p.Account, k.site, newPasskey)
	return api.AddPasskey204Response{}, k.people.Book.Log.Add(ctx, by(ctx), accounts.PasskeyAdded, name)
}

// RemovePasskey implements the API.
func (k keyed) RemovePasskey(ctx context.Context, r api.RemovePasskeyRequestObject) (api.RemovePasskeyResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	id, err := base64.RawURLEncoding.DecodeString(r.Id)
	if err != nil {
		return nil, ofAccounts(accounts.ErrNone)
	}
	if err := k.people.Book.Passkeys.Remove(ctx, p.Account, id); err != nil {
		return nil, ofAccounts(err)
	}
	return api.RemovePasskey204Response{}, k.people.Book.Log.Add(ctx, by(ctx), accounts.PasskeyRemoved, r.Id)
}
