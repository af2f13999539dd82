package proof_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/proof"
)

// TestRoot uses the reference vectors of Certificate Transparency (RFC 6962,
// as in the test data of its C++ and Go implementations).
func TestRoot(t *testing.T) {
	var leaves [][]byte
	for _, s := range []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"} {
		leaf, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	for n, want := range map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	} {
		if got, err := proof.Root(leaves[:n]); err != nil || got != want {
			t.Errorf("root of %d leaves: %s, %v, want %s", n, got, err, want)
		}
	}
}

func keys(t *testing.T, name string) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// TestCheckpoint signs a checkpoint, reads it back, and flips every byte of
// it: none of the damaged ones may be read as another checkpoint.
func TestCheckpoint(t *testing.T) {
	signer, verifier := keys(t, "commonwatt/test")
	want := proof.Checkpoint{Origin: "commonwatt/test", Size: 42, Root: tlog.RecordHash([]byte("x"))}
	signed, err := want.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := proof.OpenCheckpoint(signed, verifier); err != nil || got != want {
		t.Errorf("read back %+v, %v", got, err)
	}
	for at := range signed {
		damaged := bytes.Clone(signed)
		damaged[at] ^= 0x01
		if got, err := proof.OpenCheckpoint(damaged, verifier); err == nil && got != want {
			t.Errorf("byte %d: read %+v", at, got)
		}
	}
	_, stranger := keys(t, "commonwatt/test")
	if _, err := proof.OpenCheckpoint(signed, stranger); err == nil {
		t.Error("another key of the same name verified it")
	}
}

func TestOnlyTheCanonicalFormIsRead(t *testing.T) {
	signer, verifier := keys(t, "k")
	for _, text := range []string{
		"k\n042\nRBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=\n",
		"k\n42\nRBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=\nmore\n",
		"k\n42\nshort\n",
		"k\n42\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := proof.OpenCheckpoint(signed, verifier); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}
