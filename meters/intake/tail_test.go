package intake_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/intake"
	"github.com/commonwatt/commonwatt/meters/store"
)

// outbox is a signer's way to the bus that keeps a copy of what went out.
type outbox struct {
	*intake.Intake

	signer *meters.Signer
	sent   [][]byte
	away   bool // what goes out does not arrive
}

func (o *outbox) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	o.sent = append(o.sent, signed)
	if o.away {
		return nil
	}
	return o.Intake.PublishSigned(ctx, member, id, signed)
}

// TestASignerGoesOnAfterTheTailOfTheBus starts a process three times: with nothing behind
// it, with its last batch on the bus and not in the evidence yet, as after a crash, and
// with its last batch in the evidence and not on the bus any more. Each time the next
// batch follows the last one, and all of them are evidence.
func TestASignerGoesOnAfterTheTailOfTheBus(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Config{Dir: filepath.Join(dir, "bus")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	readings, err := evidence.Open(t.Context(), filepath.Join(dir, "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer readings.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	telemetry, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer telemetry.Close()
	start := func(gateway string) *outbox {
		t.Helper()
		if err := readings.Admit(t.Context(), gateway, &key.PublicKey); err != nil {
			t.Fatal(err)
		}
		in, err := intake.Open(t.Context(), intake.Options{
			Community: "elm", Gateway: gateway, Bus: b, Stream: bus.Readings, Evidence: readings, Store: telemetry,
			Devices: []grid.Device{{ID: "ann/meter", Member: "ann"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		out := &outbox{Intake: in}
		out.signer = &meters.Signer{Community: "elm", Gateway: gateway, Key: key, Out: out}
		sequence, last, err := in.Tail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out.signer.Continue(sequence, last)
		return out
	}
	at := noon.Add(-time.Hour)
	publish := func(n *outbox, batches int) {
		t.Helper()
		for range batches {
			at = at.Add(time.Second)
			if err := n.signer.PublishBatch(t.Context(), "", meters.Batch{Member: "ann", Readings: []grid.Reading{{Device: "ann/meter", Time: at}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep := func(last uint64, batches ...[]byte) {
		t.Helper()
		accepted, refused, err := readings.ReceiveAll(t.Context(), batches, noon)
		if err != nil || len(refused) > 0 || len(accepted) != len(batches) {
			t.Fatalf("%d of %d batches are evidence, %v, %v", len(accepted), len(batches), refused, err)
		}
		if number, _, err := readings.Last(t.Context(), "gw-1"); err != nil || number != last {
			t.Errorf("the last batch has number %d, %v, want %d", number, err, last)
		}
	}
	another := start("gw-2") // whose batches are on the bus too
	publish(another, 7)

	first := start("gw-1")
	publish(first, 3)
	keep(2, first.sent[:2]...)

	second := start("gw-1")
	publish(second, 1)
	keep(4, first.sent[2], second.sent[0])

	// The fifth never reaches the bus: it stands for one that was trimmed there.
	second.away = true
	publish(second, 1)
	keep(5, second.sent[1])

	third := start("gw-1")
	publish(third, 1)
	keep(6, third.sent[0])
}
