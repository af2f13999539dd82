// Package openid has people sign in with an account that another service keeps (OpenID
// Connect, with the code flow, PKCE, state and nonce). The other service says who somebody
// is, by a name that it never gives to anybody else (the subject) together with its own (the
// issuer). An e-mail address is no such name: services give addresses up and out again, and
// not each looks whose they are. Which account here is meant by that is kept elsewhere; what
// who has it may do is said by that account. Nobody gets an account by it.
package openid

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ErrWrong is that what came back is not the answer to what was asked, or not signed by the
// other service for this community.
var ErrWrong = errors.New("the other service's answer does not hold")

// Options are which service is asked.
type Options struct {
	Issuer   string // its address, as in https://accounts.example
	ClientID string
	Secret   string
	Clock    func() time.Time // nil: time.Now
	Client   *http.Client     // by which it is asked; nil: a usual one with a limit of time
}

// Service is the other service. Use New. It is safe for concurrent use.
type Service struct {
	Options

	mu       sync.Mutex
	provider *oidc.Provider   // nil: it has not been asked yet
	begun    map[string]begun // by state
}

// Asker is who goes to the other service to have an account there bound to the one here.
type Asker struct {
	Account string // empty: nobody who has signed in, to sign in
	Epoch   int64  // of the account's rights, which have to be the same when somebody comes back
}

// Identity is who came back, as the other service says.
type Identity struct {
	Issuer, Subject string // together the name of somebody, for ever
	EMail           string // as the service says; empty: it says none
	Verified        bool   // the service says that it is theirs
	Asker           Asker  // who went
}

// begun is who went to the other service and has not come back.
type begun struct {
	nonce, verifier, back string
	asker                 Asker
	until                 time.Time
}

const (
	waits       = 10 * time.Minute
	mostWaiting = 1000
	askedWithin = 10 * time.Second
)

// New returns a service, which is asked when somebody first signs in.
func New(o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: askedWithin}
	}
	return &Service{Options: o, begun: map[string]begun{}}
}

// found asks the service, once, how it is asked.
func (s *Service) found(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	p := s.provider
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	// the provider goes on using its context for its keys
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.Client), s.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", s.Issuer, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.provider = p
	return p, nil
}

func (s *Service) config(p *oidc.Provider, back string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: p.Endpoint(), RedirectURL: back, Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// Begin returns where a browser goes, and the state that it keeps until it comes back to the
// address back.
func (s *Service) Begin(ctx context.Context, back string, asker Asker) (location, state string, err error) {
	p, err := s.found(ctx)
	if err != nil {
		return "", "", err
	}
	state = rand.Text()
	one := begun{rand.Text(), oauth2.GenerateVerifier(), back, asker, s.Clock().Add(waits)}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock()
	for key, old := range s.begun {
		if !now.Before(old.until) {
			delete(s.begun, key)
		}
	}
	if len(s.begun) >= mostWaiting {
		return "", "", errors.New("too many are under way to sign in: try again in some minutes")
	}
	s.begun[state] = one
	return s.config(p, back).AuthCodeURL(state, oidc.Nonce(one.nonce), oauth2.S256ChallengeOption(one.verifier)), state, nil
}

// take returns who went with a state, who comes back once.
func (s *Service) take(state string) (begun, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.begun[state]
	delete(s.begun, state)
	return one, known && s.Clock().Before(one.until)
}

// Finish returns who comes back with a code. kept is the state that the browser kept. ErrWrong: it
// does not hold.
func (s *Service) Finish(ctx context.Context, kept, state, code string) (who Identity, err error) {
	one, known := s.take(state)
	if !known || kept != state || code == "" {
		return who, fmt.Errorf("%w: it does not belong to what was asked in this browser", ErrWrong)
	}
	p, err := s.found(ctx)
	if err != nil {
		return who, err
	}
	ctx = oidc.ClientContext(ctx, s.Client)
	token, err := s.config(p, one.back).Exchange(ctx, code, oauth2.VerifierOption(one.verifier))
	if err != nil {
		return who, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: s.ClientID, Now: s.Clock}).Verify(ctx, raw)
	if err != nil {
		return who, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	var claims struct {
		EMail    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Party    string `json:"azp"`
	}
	if err := id.Claims(&claims); err != nil {
		return who, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	switch { // OpenID Connect Core 1.0, 2 and 3.1.3.7
	case id.Nonce != one.nonce:
		return who, fmt.Errorf("%w: its nonce is another", ErrWrong)
	case id.Subject == "":
		return who, fmt.Errorf("%w: it does not say who it is about", ErrWrong)
	case claims.Party != s.ClientID && (claims.Party != "" || len(id.Audience) > 1):
		return who, fmt.Errorf("%w: it was given to another party", ErrWrong)
	}
	return Identity{id.Issuer, id.Subject, claims.EMail, claims.Verified, one.asker}, nil
}
