package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Batch is what a gateway signs: readings of one member's devices, chained to the
// batch before. Its canonical bytes are its JSON as Go writes it.
type Batch struct {
	Community string         `json:"community"`
	Gateway   string         `json:"gateway"`
	Sequence  uint64         `json:"sequence"` // 1, 2, … of the gateway
	Previous  Digest         `json:"previous"` // digest of the batch before; empty in the first
	Member    string         `json:"member"`
	SkewMS    int64          `json:"skew_ms"`            // by how much the gateway's clock is ahead, as it measured
	NextKey   string         `json:"next_key,omitempty"` // public key that signs from the next batch on, base64 of its PKIX form
	Readings  []grid.Reading `json:"readings"`
}

// Digest is the SHA-256 of a batch's canonical bytes, in hex.
type Digest string

// signedBatch is a batch on its way. The signature is ECDSA P-256 over the
// SHA-256 of a domain and the bytes, ASN.1, in base64.
type signedBatch struct {
	Batch     json.RawMessage `json:"batch"`
	Signature string          `json:"signature"`
}

// Limits within which signed readings count as read: by how much the gateway's clock
// may be off, and how far apart the readings on the two sides of a boundary may be.
const (
	MostSkew = 2 * time.Second
	Fresh    = 5 * time.Minute
)

const batchDomain = "commonwatt/readings/1\n"

// A BatchError says why signed bytes are not accepted.
type BatchError struct{ Reason string }

func (e *BatchError) Error() string { return "signed batch: " + e.Reason }

// SignBatch returns the batch with its signature, and its digest. The signature
// is deterministic (RFC 6979).
func SignBatch(b Batch, key *ecdsa.PrivateKey) (signed []byte, digest Digest, err error) {
	canonical, err := json.Marshal(b)
	if err != nil {
		return nil, "", fmt.Errorf("sign batch: %w", err)
	}
	hash := batchHash(canonical)
	signature, err := key.Sign(nil, hash[:], crypto.SHA256)
	if err != nil {
		return nil, "", fmt.Errorf("sign batch: %w", err)
	}
	signed, err = json.Marshal(signedBatch{canonical, base64.StdEncoding.EncodeToString(signature)})
	return signed, digestOf(canonical), err
}

func batchHash(canonical []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(batchDomain), canonical...))
}

func digestOf(canonical []byte) Digest {
	sum := sha256.Sum256(canonical)
	return Digest(hex.EncodeToString(sum[:]))
}

// ReadBatch returns what signed bytes say, not verified yet. Errors: *BatchError
// for bytes that are not in the one form that SignBatch writes.
func ReadBatch(signed []byte) (Batch, Digest, error) {
	var s signedBatch
	if err := strict(signed, &s); err != nil {
		return Batch{}, "", &BatchError{err.Error()}
	}
	var b Batch
	if err := strict(s.Batch, &b); err != nil {
		return Batch{}, "", &BatchError{err.Error()}
	}
	canonical, err := json.Marshal(b)
	if err != nil || !bytes.Equal(canonical, s.Batch) {
		return Batch{}, "", &BatchError{"not in its canonical form"}
	}
	return b, digestOf(canonical), nil
}

func strict(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one value")
	}
	return nil
}

// VerifyBatch checks the signature of signed bytes. Errors: *BatchError.
func VerifyBatch(signed []byte, key *ecdsa.PublicKey) error {
	var s signedBatch
	if err := strict(signed, &s); err != nil {
		return &BatchError{err.Error()}
	}
	signature, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil {
		return &BatchError{"signature: " + err.Error()}
	}
	hash := batchHash(s.Batch)
	if !ecdsa.VerifyASN1(key, hash[:], signature) {
		return &BatchError{"the signature is not that of the gateway's key"}
	}
	return nil
}

// EncodeKey writes a public key as base64 of its PKIX form.
func EncodeKey(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return base64.StdEncoding.EncodeToString(der), err
}

// DecodeKey reads a public key on P-256.
func DecodeKey(text string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("public key: not on the curve P-256")
	}
	return key, nil
}

const keyBlock = "PRIVATE KEY"

// EncodePrivateKey writes a private key as PEM (PKCS #8).
func EncodePrivateKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), err
}

// DecodePrivateKey reads what EncodePrivateKey wrote.
func DecodePrivateKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return nil, errors.New("private key: no PEM block PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("private key: not on the curve P-256")
	}
	return key, nil
}

// ReadingsSubject is where on a bus the signed batches of a gateway travel; member is
// empty for a batch without readings.
func ReadingsSubject(community, gateway, member string) string {
	if member == "" {
		member = "_"
	}
	return "readings." + community + "." + gateway + "." + member
}
