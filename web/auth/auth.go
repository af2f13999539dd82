// Package auth says who sent a request, and lets it pass when they may do what it
// asks for. Who may call an operation stands in openapi.yaml, as its security: the
// schemes there are the roles here. What names none is refused, so that a new operation
// is closed until somebody says who may call it; security: [] is open to all.
//
// People sign in and come back with a cookie (Sessions), programs send a key with every
// request. A Guard stands before the whole API and is the only place that reads either.
// What it lets pass has the Principal in its context. Of a home that is not their own
// homeowners are told what they are told of one that does not exist.
package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
)

// Role is what somebody may do: the name of a security scheme of openapi.yaml.
type Role string

// The roles. People have those that Roles returns; Trader and Viewer are had by keys alone.
const (
	Homeowner  Role = "homeowner"  // looks at the own home, and says what its agent may do
	Installer  Role = "installer"  // pairs devices
	Utility    Role = "utility"    // checks the ledger
	Researcher Role = "researcher" // looks at sums, and replays communities
	Operator   Role = "operator"   // runs the community: official values, bills, tariffs, accounts
	Trader     Role = "key"        // an agent: trades for one member
	Viewer     Role = "viewer"     // looks at everything that the pages show
)

// Schemes beside that of the role Trader: what the key of an agent may be good for. One that
// trades (the scheme "key") may look as well where both are named.
const (
	TraderLooks  Role = "key_read"   // looks
	TraderLimits Role = "key_limits" // sets the limits of the member's home
)

// demonstration is the scheme that whoever comes meets where the door is open and who has not
// signed in, and nobody elsewhere.
const demonstration = "demonstration"

// Roles are those that people have.
func Roles() []Role { return []Role{Homeowner, Installer, Utility, Researcher, Operator} }

// readers are the roles of keys by which the pages may be looked at.
func readers() []Role { return []Role{Viewer, Installer, Trader, Operator} }

// What to send, to who came without it.
const (
	signInWanted  = `sign in at /signin.html`
	readersWanted = `this community shows nothing to who has not signed in: sign in at /signin.html, or send the viewer's key as "Authorization: Bearer KEY"; it is in viewer.key in the data directory`
)

// keyOf says which key a role needs and where it is found, to who came without it.
func keyOf(r Role) (string, error) {
	switch r {
	case Homeowner, Utility, Researcher:
		return signInWanted, nil
	case Trader, TraderLooks, TraderLimits:
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
	Account string // of the person who has signed in; Guest in a demonstration, empty: a key was shown
}

// Guest is the account of who has signed in to a demonstration, which nobody keeps.
const Guest = "guest"

// GuestsMayNot says why somebody who has signed in to a demonstration by a click may not do
// what the role may.
const GuestsMayNot = `who has signed in to a demonstration by a click may not do that, because it outlives the demonstration or reaches beyond it: sign in with an account of your own, for which "commonwatt account invite operator" prints a link on the machine itself`

// Person tells whether somebody has signed in, rather than shown the key of a program.
func (p Principal) Person() bool { return p.Account != "" }

// Sees tells whether somebody may know of a home: homeowners of their own alone. Operations say themselves to the key of an
// agent that it is about one home.
func (p Principal) Sees(home string) bool { return p.Role != Homeowner || p.Member == home }

// NoHome says that nothing is known of a home.
func NoHome(home string) string {
	return fmt.Sprintf("there is no home %q: GET /api/v1/state lists the homes", home)
}

// Keys are who may do what. They are kept by their digests, so that looking one up
// takes the same time however much of it is right.
type Keys map[holding]Principal

// MoreKeys are keys that come and go while the program runs.
type MoreKeys interface {
	// Find returns who holds a key that meets one of the schemes.
	Find(ctx context.Context, key string, schemes []Role) (p Principal, known bool, err error)
}

// holding is a scheme and the digest of a key that meets it.
type holding struct {
	scheme Role
	digest [sha256.Size]byte
}

// Grant gives the holder of a key a role, by its own scheme and by others that are named. An
// empty key is nobody's.
func (k Keys) Grant(key string, p Principal, others ...Role) {
	if key == "" {
		return
	}
	for _, scheme := range append(others, p.Role) {
		k[holding{scheme, sha256.Sum256([]byte(key))}] = p
	}
}

// Reader returns who holds a key by which the pages may be looked at.
func (k Keys) Reader(key string) (Signed, bool) {
	p, known := k.find(key, readers())
	return Signed{p, sha256.Sum256([]byte(key))}, known
}

// find returns who holds a key that meets one of the schemes.
func (k Keys) find(key string, schemes []Role) (Principal, bool) {
	return k.digested(sha256.Sum256([]byte(key)), schemes)
}

// digested returns who holds the key of a digest that meets one of the schemes.
func (k Keys) digested(digest [sha256.Size]byte, schemes []Role) (Principal, bool) {
	for _, s := range schemes {
		if p, known := k[holding{s, digest}]; known {
			return p, true
		}
	}
	return Principal{}, false
}

// may tells whether who has signed in meets one of the schemes; no schemes are met by all.
func (p Principal) may(schemes []Role) bool {
	return len(schemes) == 0 || slices.Contains(schemes, p.Role)
}

type principalKey struct{}

// From returns who sent the request of a context; false for who has not signed in and sent
// no key.
func From(ctx context.Context) (Principal, bool) {
	p, known := ctx.Value(principalKey{}).(Principal)
	return p, known
}
