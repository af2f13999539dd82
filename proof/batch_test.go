package proof_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

func batch() proof.Batch {
	return proof.Batch{
		Community: "elm", Gateway: "gw-1", Sequence: 7, Previous: "ab", Member: "ann", SkewMS: -12,
		Readings: []grid.Reading{{Device: "ann/meter", Time: time.Date(2026, 6, 1, 12, 0, 1, 250e6, time.UTC), Power: new(grid.Power(-900)), Import: new(grid.Energy(5)), Quality: grid.Good}},
	}
}

func gatewayKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestASignedBatch changes every byte of one: none passes, and none passes under
// another key.
func TestASignedBatch(t *testing.T) {
	key := gatewayKey(t)
	signed, digest, err := proof.SignBatch(batch(), key)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := proof.SignBatch(batch(), key)
	if err != nil || !bytes.Equal(signed, again) {
		t.Errorf("signed twice, the bytes differ: %v", err)
	}
	b, same, err := proof.ReadBatch(signed)
	if err != nil || same != digest || *b.Readings[0].Power != -900 || b.Sequence != 7 {
		t.Fatalf("read back as %+v, %v", b, err)
	}
	if err := proof.VerifyBatch(signed, &key.PublicKey); err != nil {
		t.Fatal(err)
	}
	var refused *proof.BatchError
	if err := proof.VerifyBatch(signed, &gatewayKey(t).PublicKey); !errors.As(err, &refused) {
		t.Errorf("another key: %v", err)
	}
	for i := range signed {
		for _, flip := range []byte{1, 0x20} {
			bad := bytes.Clone(signed)
			bad[i] ^= flip
			other, changed, readErr := proof.ReadBatch(bad)
			if readErr == nil && proof.VerifyBatch(bad, &key.PublicKey) == nil && changed != digest {
				t.Fatalf("byte %d changed (%q): %+v passed", i, bad, other)
			}
		}
	}
}

func TestKeysAreKept(t *testing.T) {
	key := gatewayKey(t)
	text, err := proof.EncodePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := proof.DecodePrivateKey(text); err != nil || !back.Equal(key) {
		t.Errorf("private key: %v", err)
	}
	public, err := proof.EncodeKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := proof.DecodeKey(public); err != nil || !back.Equal(&key.PublicKey) {
		t.Errorf("public key: %v", err)
	}
	for _, bad := range []string{"", "???", "AAAA"} {
		if _, err := proof.DecodeKey(bad); err == nil {
			t.Errorf("%q was taken as a key", bad)
		}
	}
}

func FuzzReadBatch(f *testing.F) {
	signed, _, err := proof.SignBatch(batch(), gatewayKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte(`{"batch":{},"signature":""}`))
	key := gatewayKey(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := proof.ReadBatch(b); err == nil && proof.VerifyBatch(b, &key.PublicKey) == nil {
			t.Errorf("%q verifies under a key that never signed", b)
		}
	})
}
