package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what it takes to try a password: that of argon2id (RFC 9106).
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// UsualCost is what RFC 9106 advises where memory is scarce, with one thread.
func UsualCost() Cost { return Cost{Memory: 64 << 10, Passes: 3, Threads: 1} }

const (
	saltBytes     = 16
	hashBytes     = 32
	triedAtOnce   = 2 // each takes the memory of its cost
	leastPassword = 10
	mostPassword  = 256
)

// passwords makes and tries digests of passwords. Who asks for an account that is not there
// waits as long as who gives a wrong password.
type passwords struct {
	cost    Cost
	nobodys string // digest that no password has
	turns   chan struct{}
	hasher  Hasher
}

// Hasher makes bytes of a password at a cost: argon2id.
type Hasher func(password, salt []byte, c Cost, bytes uint32) []byte

// Argon2id is the usual hasher (RFC 9106).
func Argon2id(password, salt []byte, c Cost, bytes uint32) []byte {
	return argon2.IDKey(password, salt, c.Passes, c.Memory, c.Threads, bytes)
}

func newPasswords(c Cost, h Hasher) (*passwords, error) {
	random := make([]byte, saltBytes+hashBytes)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	return &passwords{cost: c, nobodys: written(c, random[:saltBytes], random[saltBytes:]), turns: make(chan struct{}, triedAtOnce), hasher: h}, nil
}

// chosen tells what is wrong with a password that somebody chooses.
func chosen(password string, a Account) error {
	small := strings.ToLower(password)
	switch {
	case len(password) < leastPassword:
		return wrong("password", "is shorter than %d characters: a few words are easy to keep in mind", leastPassword)
	case len(password) > mostPassword:
		return wrong("password", "is longer than %d bytes", mostPassword)
	case a.EMail != "" && strings.Contains(small, plain(a.EMail)), strings.Count(password, password[:1]) == len(password), small == "0123456789", small == "1234567890", small == "passwordpassword":
		return wrong("password", "is easily guessed: choose a few words that do not belong together")
	}
	return nil
}

// digest returns what is kept of a password, with what it took.
func (p *passwords) digest(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	hash, err := p.hash(ctx, password, salt, p.cost, hashBytes)
	return written(p.cost, salt, hash), err
}

// written is a digest as it is kept, as the reference implementation of argon2 writes it.
func written(c Cost, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads, b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// try tells whether a password is the one of a digest, and whether the digest took something
// else than one takes now. An empty digest is nobody's, and takes as long.
func (p *passwords) try(ctx context.Context, digest, password string) (right, old bool, err error) {
	known := digest != ""
	if !known {
		digest = p.nobodys
	}
	cost, salt, want, err := parse(digest)
	if err != nil {
		return false, false, err
	}
	if len(password) > mostPassword {
		password, known = "", false
	}
	got, err := p.hash(ctx, password, salt, cost, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, cost != p.cost, nil
}

// hash waits for its turn: each takes much memory.
func (p *passwords) hash(ctx context.Context, password string, salt []byte, c Cost, bytes uint32) ([]byte, error) {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return p.hasher([]byte(password), salt, c, bytes), nil
}

// parse reads a digest as digest writes it.
func parse(digest string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(digest, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) { //nolint:mnd // an empty part, name, version, cost, salt, hash
		return c, nil, nil, errors.New("the digest of a password is damaged")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads); err != nil {
		return c, nil, nil, fmt.Errorf("the digest of a password is damaged: %w", err)
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	hash, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil || len(hash) != hashBytes || c.Passes == 0 || c.Threads == 0 {
		return c, nil, nil, errors.New("the digest of a password is damaged")
	}
	return c, salt, hash, nil
}
