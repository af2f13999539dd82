package web

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

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

// recently is how long ago somebody has signed in at most who has the account be opened by something new.
const recently = 30 * time.Minute

// opener returns who has signed in with an account a short while ago. What opens the account for longer than the session
// wants that: else who comes by an open browser could stay.
func (p People) opener(ctx context.Context) (auth.Principal, error) {
	who, err := holder(ctx)
	if err != nil {
		return who, err
	}
	begun, err := p.Book.Sessions.Begun(ctx, visiting(ctx).token)
	if err == nil && time.Since(begun) > recently {
		err = refuse(http.StatusForbidden, "you have signed in more than 30 minutes ago: sign out and in again, so that it is sure that it is you")
	}
	return who, ofAccounts(err)
}

// lately refuses a person who has signed in longer ago than an opener may; a program that shows a key has no session.
func (p People) lately(ctx context.Context) error {
	if who, _ := auth.From(ctx); !who.Person() {
		return nil
	}
	_, err := p.opener(ctx)
	return err
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
	own = api.OwnAccount{Account: accountOf(a), Language: given[api.Language](a.Language), Sessions: []api.OpenSession{}, Passkeys: []api.Passkey{}, Identities: []api.Identity{}, Keys: []api.Key{}, Scopes: o.scopes(p)}
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
	identities, err := book.Identities.Of(ctx, p.Account)
	if err != nil {
		return own, err
	}
	for _, i := range identities {
		own.Identities = append(own.Identities, api.Identity{Id: i.ID, Issuer: i.Issuer, Email: given[string](i.EMail), Made: i.Made, Used: i.Used})
	}
	if len(own.Scopes) == 0 {
		return own, nil
	}
	own.Keys, err = o.keys(ctx, p.Member) // of all where an operator looks, who has no member
	return own, err
}

// keys are those of a member's programs; empty: of all.
func (o holders) keys(ctx context.Context, member string) (shown []api.Key, err error) {
	all, err := o.people.Book.Keys.Of(ctx, member)
	for _, k := range all {
		shown = append(shown, keyOf(k, by(ctx).Account))
	}
	return listed(shown), err
}

// ListKeys implements the API.
func (o holders) ListKeys(ctx context.Context, _ api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	member, err := o.keeper(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := o.keys(ctx, member)
	return api.ListKeys200JSONResponse{Keys: keys}, err
}

// RemoveIdentity implements the API.
func (o holders) RemoveIdentity(ctx context.Context, r api.RemoveIdentityRequestObject) (api.RemoveIdentityResponseObject, error) {
	p, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	return api.RemoveIdentity204Response{}, ofAccounts(o.people.Book.Identities.Remove(ctx, p.Account, r.Id, by(ctx)))
}

// scopes are what the keys may be good for that somebody makes.
func (holders) scopes(p auth.Principal) []api.KeyScope {
	if p.Role == auth.Operator || p.Role == auth.Homeowner {
		return []api.KeyScope{api.ScopeRead, api.ScopeTrade, api.ScopeLimits}
	}
	return []api.KeyScope{}
}

// keyOf is a key as somebody with an account sees it.
func keyOf(k accounts.Key, account string) api.Key {
	scopes := make([]api.KeyScope, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = api.KeyScope(s)
	}
	state := api.KeyGood
	switch left := time.Until(k.Ends); {
	case left <= 0:
		state = api.KeyEnded
	case left <= accounts.KeyWarning:
		state = api.KeySoon
	}
	return api.Key{Id: k.ID, Name: k.Name, Member: k.Member, Scopes: scopes, Made: k.Made, Ends: k.Ends, State: state, Own: k.Maker == account}
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
	if err := o.people.lately(ctx); err != nil {
		return nil, err
	}
	k := accounts.Key{Name: r.Body.Name, Member: member}
	if days := r.Body.Days; days != nil {
		k.Ends = time.Now().UTC().AddDate(0, 0, *days)
	}
	for _, s := range r.Body.Scopes {
		k.Scopes = append(k.Scopes, accounts.Scope(s))
	}
	if member != "" && o.people.Member != nil && !o.people.Member(member) {
		return nil, refuse(http.StatusBadRequest, "member: %q has no home here: GET /api/v1/state lists the homes", member)
	}
	secret, made, err := o.people.Book.Keys.Make(ctx, k, by(ctx))
	return api.MakeKey200JSONResponse{Key: secret, Made: keyOf(made, by(ctx).Account)}, ofAccounts(err)
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
	if err := o.people.Book.Keys.Remove(ctx, r.Id, member, by(ctx)); err != nil {
		return nil, ofAccounts(err)
	}
	o.ended(by(ctx).Account) // and with it what watches by the key
	return api.RemoveKey204Response{}, nil
}
