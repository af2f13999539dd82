// Package auth says who sent a request, and lets it pass when they may do what it
// asks for. What an operation needs stands in openapi.yaml, as its security: the
// schemes there are the roles here. An operation without security is open in a
// demonstration; else any of the keys opens it, or the cookie of who has shown one
// (Sessions). Only what says that it needs none (security: []) is open to all.
//
// A Guard stands before the whole API and is the only place that reads a key. What
// it lets pass has the Principal in its context.
package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// Role is what the holder of a key may do: the name of a security scheme of
// openapi.yaml.
type Role string

// The roles.
const (
	Homeowner  Role = "homeowner"
	Utility    Role = "utility"
	Researcher Role = "researcher"
	Trader     Role = "key"       // trades for one member
	Installer  Role = "installer" // pairs devices
	Viewer     Role = "viewer"    // looks at everything that the pages show
	Operator   Role = "operator"  // runs the community: official values, bills, tariffs
)

// demonstration is the scheme that whoever comes meets where the door is open, and nobody
// elsewhere: what changes nothing but a simulation on this machine.
const demonstration = "demonstration"

// readers are the roles whose holders may look at what is open in a demonstration.
func readers() []Role { return []Role{Viewer, Installer, Trader, Operator} }

// readersWanted says what to send to who came without a key where one is wanted to look.
const readersWanted = `this community shows nothing to who sends no key: send the viewer's key as "Authorization: Bearer KEY", it is in viewer.key in the data directory, or show it at POST /api/v1/session and come back with the cookie`

// keyOf says which key a role needs and where it is found, to who came without it.
func keyOf(r Role) (string, error) {
	switch r {
	case Trader:
		return `send an agent's key as "Authorization: Bearer KEY"; the operator gives keys out (agents in the config)`, nil
	case Viewer:
		return readersWanted, nil
	case Operator:
		return `send the operator's key as "Authorization: Bearer KEY": it is in operator.key in the data directory`, nil
	case Installer:
		return `send the installer's key as "Authorization: Bearer KEY": it is in installer.key in the data directory`, nil
	}
	return "", fmt.Errorf("nobody can have the security scheme %q", r)
}

// Principal is who sent a request.
type Principal struct {
	Role    Role
	Name    string // among those of the role
	Member  string // whose home it is, of a homeowner, or for whom an agent trades; empty: nobody's
	Account string // of the person who has signed in; empty: a key was shown
}

// Person tells whether somebody has signed in, rather than shown the key of a program.
func (p Principal) Person() bool { return p.Account != "" }

// Keys are who may do what. They are kept by their digests, so that looking one up
// takes the same time however much of it is right.
type Keys map[holding]Principal

// holding is a role and the digest of a key that gives it.
type holding struct {
	role   Role
	digest [sha256.Size]byte
}

// Grant gives the holder of a key a role. An empty key is nobody's.
func (k Keys) Grant(key string, p Principal) {
	if key != "" {
		k[holding{p.Role, sha256.Sum256([]byte(key))}] = p
	}
}

// Reader returns who holds a key by which the pages may be looked at.
func (k Keys) Reader(key string) (Principal, bool) { return k.find(key, readers()) }

// find returns who holds a key that gives one of the roles.
func (k Keys) find(key string, roles []Role) (Principal, bool) {
	digest := sha256.Sum256([]byte(key))
	for _, r := range roles {
		if p, known := k[holding{r, digest}]; known {
			return p, true
		}
	}
	return Principal{}, false
}

type principalKey struct{}

// From returns who sent the request of a context; false for an open operation.
func From(ctx context.Context) (Principal, bool) {
	p, known := ctx.Value(principalKey{}).(Principal)
	return p, known
}
