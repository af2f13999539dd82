package web

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// holders answers people who look after their own account.
type holders struct {
	people People
	ended  func(account string) // sessions of it are over
}

// holder returns who has signed in with an account.
func holder(ctx context.Context) (auth.Principal, error) {
	p, _ := auth.From(ctx)
	if !p.Person() || p.Account == auth.Guest {
		return p, refuse(http.StatusForbidden, "there is no account behind this: sign in with e-mail address and password")
	}
	return p, nil
}

// GetAccount implements the API.
func (o holders) GetAccount(ctx context.Context, _ api.GetAccountRequestObject) (api.GetAccountResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	own, err := o.own(ctx, p)
	return api.GetAccount200JSONResponse(own), ofAccounts(err)
}

// own is all that somebody's account has.
func (o holders) own(ctx context.Context, p auth.Principal) (own api.OwnAccount, err error) {
	book := o.people.Book
	a, err := book.People.Account(ctx, p.Account)
	if err != nil {
		return own, err
	}
	own = api.OwnAccount{Account: accountOf(a), Language: given[api.Language](a.Language), Sessions: []api.OpenSession{}, Passkeys: []api.Passkey{}, Keys: []api.Key{}, Scopes: o.scopes(p)}
	sessions, err := book.Sessions.OpenOf(ctx, p.Account, visiting(ctx).token)
	if err != nil {
		return own, err
	}
	for _, s := range sessions {
		own.Sessions = append(own.Sessions, api.OpenSession{Id: s.ID, Begun: s.Begun, Seen: s.Seen, Browser: s.Browser, Address: s.From, This: s.This})
	}
	passkeys, err := book.Passkeys.Of(ctx, p.Account)
	if err != nil {
		return own, err
	}
	for _, k := range passkeys {
		own.Passkeys = append(own.Passkeys, api.Passkey{Id: base64.RawURLEncoding.EncodeToString(k.ID), Name: k.Name, Made: k.Made, Used: k.Used})
	}
	if len(own.Scopes) == 0 {
		return own, nil
	}
	keys, err := book.Keys.Of(ctx, p.Member) // of all where an operator looks, who has no member
	for _, k := range keys {
		own.Keys = append(own.Keys, keyOf(k))
	}
	return own, err
}

// scopes are what the keys may be good for that somebody makes.
func (holders) scopes(p auth.Principal) []api.KeyScope {
	if p.Role == auth.Operator || p.Role == auth.Homeowner {
		return []api.KeyScope{api.ScopeRead, api.ScopeTrade, api.ScopeLimits}
	}
	return []api.KeyScope{}
}

func keyOf(k accounts.Key) api.Key {
	scopes := make([]api.KeyScope, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = api.KeyScope(s)
	}
	return api.Key{Id: k.ID, Name: k.Name, Member: k.Member, Scopes: scopes, Made: k.Made}
}

// SetAccount implements the API.
func (o holders) SetAccount(ctx context.Context, r api.SetAccountRequestObject) (api.SetAccountResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.people.Book.People.Rename(ctx, p.Account, r.Body.Name, language(r.Body.Language), by(ctx)); err != nil {
		return nil, ofAccounts(err)
	}
	own, err := o.own(ctx, p)
	return api.SetAccount200JSONResponse(own), ofAccounts(err)
}

// EndSessions implements the API.
func (o holders) EndSessions(ctx context.Context, _ api.EndSessionsRequestObject) (api.EndSessionsResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.people.Book.Sessions.EndOthers(ctx, p.Account, visiting(ctx).token); err != nil {
		return nil, err
	}
	o.ended(p.Account)
	return api.EndSessions204Response{}, o.people.Book.Log.Add(ctx, by(ctx), accounts.SessionsEnded, "all others")
}

// EndSession implements the API.
func (o holders) EndSession(ctx context.Context, r api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.people.Book.Sessions.EndOne(ctx, p.Account, r.Id); err != nil {
		return nil, ofAccounts(err)
	}
	o.ended(p.Account)
	return api.EndSession204Response{}, o.people.Book.Log.Add(ctx, by(ctx), accounts.SessionsEnded, "one")
}

// MakeKey implements the API.
func (o holders) MakeKey(ctx context.Context, r api.MakeKeyRequestObject) (api.MakeKeyResponseObject, error) {
	member, err := o.keeper(ctx)
	if err != nil {
		return nil, err
	}
	if given := said(r.Body.Member); member == "" {
		member = given
	} else if given != "" && given != member {
		return nil, refuse(http.StatusForbidden, "member: homeowners make keys for their own home alone: leave it out")
	}
	k := accounts.Key{Name: r.Body.Name, Member: member}
	for _, s := range r.Body.Scopes {
		k.Scopes = append(k.Scopes, accounts.Scope(s))
	}
	if member != "" && o.people.Member != nil && !o.people.Member(member) {
		return nil, refuse(http.StatusBadRequest, "member: %q has no home here: GET /api/v1/state lists the homes", member)
	}
	secret, made, err := o.people.Book.Keys.Make(ctx, k, by(ctx))
	return api.MakeKey200JSONResponse{Key: secret, Made: keyOf(made)}, ofAccounts(err)
}

// keeper returns for whose member who asks looks after keys; empty: for all.
func (o holders) keeper(ctx context.Context) (member string, err error) {
	p, _ := auth.From(ctx)
	if o.people.Book == nil {
		return "", refuse(http.StatusNotFound, noAccounts)
	}
	if p.Role == auth.Operator {
		return "", nil
	}
	p, err = holder(ctx)
	return p.Member, err
}

// RemoveKey implements the API.
func (o holders) RemoveKey(ctx context.Context, r api.RemoveKeyRequestObject) (api.RemoveKeyResponseObject, error) {
	member, err := o.keeper(ctx)
	if err != nil {
		return nil, err
	}
	return api.RemoveKey204Response{}, ofAccounts(o.people.Book.Keys.Remove(ctx, r.Id, member, by(ctx)))
}
