package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
)

// keyFile holds the key with which a process signs what it reads, nameFile the name of
// the gateway, which stays when the key changes, and nextFile a key that will be
// announced.
const (
	keyFile  = "gateway.key"
	nameFile = "gateway.id"
	nextFile = "gateway.next"
)

// Identity is who signs the readings of a process.
type Identity struct {
	Name string
	Key  *ecdsa.PrivateKey
}

// OpenIdentity returns the identity that a directory keeps, which it makes at first.
func OpenIdentity(d *disk.Dir) (Identity, error) {
	text, err := os.ReadFile(d.File(keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return newIdentity(d)
	}
	if err != nil {
		return Identity{}, err
	}
	key, err := proof.DecodePrivateKey(text)
	if err != nil {
		return Identity{}, disk.Mismatch(d.File(keyFile), fmt.Sprintf("cannot be read (%v)", err))
	}
	name, err := os.ReadFile(d.File(nameFile))
	if errors.Is(err, os.ErrNotExist) {
		return Identity{}, fmt.Errorf("%s is missing beside %s: restore it from a copy, or remove the key to go on as another gateway", d.File(nameFile), keyFile)
	}
	if err == nil && strings.TrimSpace(string(name)) == "" {
		err = fmt.Errorf("%s is empty: restore it from a copy, or remove the key to go on as another gateway", d.File(nameFile))
	}
	return Identity{strings.TrimSpace(string(name)), key}, err
}

// newIdentity makes a key, and names the gateway after it.
func newIdentity(d *disk.Dir) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("make %s: %w", keyFile, err)
	}
	id := Identity{Key: key}
	public, err := id.Public()
	if err != nil {
		return id, err
	}
	sum := sha256.Sum256([]byte(public))
	id.Name = "gw-" + hex.EncodeToString(sum[:4])
	if err := d.Replace(nameFile, []byte(id.Name+"\n")); err != nil {
		return id, err
	}
	return id, keepKey(d, keyFile, key)
}

// Public returns the public key, as the hub's configuration has it.
func (id Identity) Public() (string, error) { return proof.EncodeKey(&id.Key.PublicKey) }

func keepKey(d *disk.Dir, file string, key *ecdsa.PrivateKey) error {
	text, err := proof.EncodePrivateKey(key)
	if err != nil {
		return err
	}
	return d.Replace(file, text)
}

// Announce makes a new key, which the gateway announces at its next start, signed by the
// old one.
func Announce(d *disk.Dir) error {
	next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return keepKey(d, nextFile, next)
}
