package meters

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// busThatFails keeps what is published, in order, unless it is down.
type busThatFails struct {
	down bool
	ids  []string
	sent [][]byte
}

func (b *busThatFails) PublishSigned(_ context.Context, _, id string, signed []byte) error {
	if b.down {
		return errors.New("no answer from the bus")
	}
	b.ids, b.sent = append(b.ids, id), append(b.sent, signed)
	return nil
}

// TestWhatWaitsIsPublishedInOrder takes the bus away twice. What was signed meanwhile
// goes out before anything younger, and at the latest when the signer is closed; what
// was not signed is the caller's to bring again. No link of the chain is missing.
func TestWhatWaitsIsPublishedInOrder(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	out := &busThatFails{}
	s := &Signer{Community: "elm", Gateway: "gw-1", Key: key, Out: out}
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	publish := func(second int) error {
		return s.PublishBatch(t.Context(), "", Batch{Member: "ann", Readings: []grid.Reading{{Device: "ann/meter", Time: start.Add(time.Duration(second) * time.Second)}}})
	}
	out.down = true
	if err := publish(1); err != nil {
		t.Fatalf("the signer does not keep what it signed: %v", err)
	}
	if err := publish(2); err == nil {
		t.Error("a second batch was taken while the first one still waits")
	}
	if err := s.Close(t.Context()); err == nil {
		t.Error("the signer closed without a word about what waits")
	}
	out.down = false
	if err := publish(2); err != nil {
		t.Fatal(err)
	}
	out.down = true
	if err := publish(3); err != nil {
		t.Fatal(err)
	}
	out.down = false
	if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if want := []string{"elm/gw-1#1", "elm/gw-1#2", "elm/gw-1#3"}; !slices.Equal(out.ids, want) {
		t.Fatalf("published %v, want %v", out.ids, want)
	}
	previous := proof.Digest("")
	for k, signed := range out.sent {
		b, digest, err := proof.ReadBatch(signed)
		if err != nil || b.Sequence != uint64(k+1) || b.Previous != previous || !b.Readings[0].Time.Equal(start.Add(time.Duration(k+1)*time.Second)) {
			t.Errorf("batch %d: %+v after %q, %v", k+1, b, previous, err)
		}
		previous = digest
	}
}
