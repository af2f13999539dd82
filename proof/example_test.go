package proof_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// A community keeps a log of its postings and signs what it commits to. A member who has
// one posting, the key and the proof needs nothing else to know that the posting is in it.
func Example() {
	private, public, err := note.GenerateKey(rand.Reader, "street")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, _ := note.NewSigner(private)
	key, _ := note.NewVerifier(public)

	log := proof.Log{Hashes: &proof.Memory{}}
	for _, posting := range []string{"ann pays bob 0.060", "cy pays bob 0.020", "bob pays the grid 0.005"} {
		if _, err := log.Add([]byte(posting)); err != nil {
			fmt.Println(err)
			return
		}
	}
	root, _ := log.Root(log.Size)
	signed, err := proof.Checkpoint{Origin: signer.Name(), Size: log.Size, Root: root}.Sign(signer)
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := tlog.ProveRecord(log.Size, 1, &log)
	if err != nil {
		fmt.Println(err)
		return
	}

	// The member's side.
	c, err := proof.OpenCheckpoint(signed, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, posting := range []string{"cy pays bob 0.020", "cy pays bob 0.010"} {
		in := tlog.CheckRecord(second, c.Size, c.Root, 1, tlog.RecordHash([]byte(posting))) == nil
		fmt.Printf("%s: in the log of %d: %v\n", posting, c.Size, in)
	}
	// Output:
	// cy pays bob 0.020: in the log of 3: true
	// cy pays bob 0.010: in the log of 3: false
}

// A gateway signs what it read; whoever has the gateway's registered key can tell that
// nothing of it was changed.
func ExampleSignBatch() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	signed, _, err := proof.SignBatch(proof.Batch{Community: "street", Gateway: "gw-1", Sequence: 1, Member: "ann", Readings: []grid.Reading{
		{Device: "ann/meter", Time: at, Quality: grid.Good, Import: new(grid.Energy(18_250)), Export: new(grid.Energy(4_100))},
	}}, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("as it was signed:", proof.VerifyBatch(signed, &key.PublicKey))
	forged := bytes.Replace(signed, []byte("4100"), []byte("9100"), 1)
	fmt.Println("with another register:", proof.VerifyBatch(forged, &key.PublicKey))
	// Output:
	// as it was signed: <nil>
	// with another register: signed batch: the signature is not that of the gateway's key
}
