package passkeys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// authenticator is a phone that has one passkey (WebAuthn Level 2, sections 6.1 and 6.5): it makes
// keys on P-256 and signs what a site asks with them. Its fields spoil what it says.
type authenticator struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	owner   []byte // as the site has it
	counter uint32

	origin, site, kind, challenge string // in the place of what is right; empty: nothing
	absent, unverified            bool   // nobody was there, or it is not known who
	signs                         *ecdsa.PrivateKey
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	return &authenticator{t: t, key: newKey(t), id: []byte(rand.Text())}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// or is what is wrong in the place of what is right.
func or(wrong, right string) string {
	if wrong != "" {
		return wrong
	}
	return right
}

// said is what the browser says that it was asked.
func (a *authenticator) said(kind, origin, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": or(a.kind, kind), "challenge": or(a.challenge, challenge), "origin": or(a.origin, origin), "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// data is what the authenticator says of itself; flags are those beside that somebody was there.
func (a *authenticator) data(site string, flags byte) []byte {
	if !a.absent {
		flags |= 0x01
	}
	if !a.unverified {
		flags |= 0x04
	}
	hash := sha256.Sum256([]byte(or(a.site, site)))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.counter)
}

// create makes the passkey that a site asks for at an origin.
func (a *authenticator) create(options map[string]any, origin string) []byte {
	a.t.Helper()
	owner, err := base64.RawURLEncoding.DecodeString(options["user"].(map[string]any)["id"].(string))
	if err != nil {
		a.t.Fatal(err)
	}
	a.owner = owner
	point, err := a.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	// COSE_Key: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	data := append(a.data(options["rp"].(map[string]any)["id"].(string), 0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	data = append(data, cose...)
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(append(object, 0x67), "attStmt"...), 0xa0)
	object = append(append(object, 0x68), "authData"...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...)
	return a.credential(map[string]any{"clientDataJSON": b64(a.said("webauthn.create", origin, options["challenge"].(string))), "attestationObject": b64(object)})
}

// get signs what a site asks at an origin.
func (a *authenticator) get(options map[string]any, origin string) []byte {
	a.t.Helper()
	a.counter++
	said, data := a.said("webauthn.get", origin, options["challenge"].(string)), a.data(options["rpId"].(string), 0)
	hash := sha256.Sum256(said)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signs := a.key
	if a.signs != nil {
		signs = a.signs
	}
	signature, err := ecdsa.SignASN1(rand.Reader, signs, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.credential(map[string]any{"clientDataJSON": b64(said), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(a.owner)})
}

func (a *authenticator) credential(response map[string]any) []byte {
	text, err := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}
