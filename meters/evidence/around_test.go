package evidence_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// TestAroundFindsWhatIsNearest compares Around with a search through all batches, some of
// which last for hours, overlap, or hold no registers of the device.
func TestAroundFindsWhatIsNearest(t *testing.T) {
	e := openEvidence(t, filepath.Join(t.TempDir(), "evidence.db"))
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	type held struct {
		at     time.Time
		digest proof.Digest
	}
	var all []held // readings with registers of ann's meter, in the order of their batches' begins
	begin := noon()
	for n := range 400 {
		begin = begin.Add(time.Duration(1+random.IntN(20)) * time.Second)
		lasts := time.Duration(random.IntN(10)) * time.Second
		if n%40 == 0 {
			lasts = time.Hour
		}
		device := "ann/meter"
		if n%3 == 0 {
			device = "ann/battery"
		}
		var times []time.Time
		signed := c.next(func(b *proof.Batch) {
			b.Readings = nil
			for _, at := range []time.Time{begin, begin.Add(lasts)} {
				b.Readings = append(b.Readings, grid.Reading{Device: device, Time: at, Import: new(grid.Energy), Export: new(grid.Energy), Quality: grid.Good})
				times = append(times, at)
			}
		})
		if _, _, err := e.Receive(t.Context(), signed, begin.Add(lasts)); err != nil {
			t.Fatal(err)
		}
		_, digest, err := proof.ReadBatch(signed)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range times {
			if device == "ann/meter" {
				all = append(all, held{at, digest})
			}
		}
	}
	for range 300 {
		at := noon().Add(time.Duration(random.Int64N(int64(2 * time.Hour)))).Truncate(time.Second)
		before, after, err := e.Around(t.Context(), "ann", "ann/meter", at)
		if err != nil {
			t.Fatal(err)
		}
		var wantBefore, wantAfter proof.Digest
		for _, h := range all {
			if !h.at.After(at) {
				wantBefore = h.digest // that which began last
			}
			if wantAfter == "" && !h.at.Before(at) {
				wantAfter = h.digest // that which began first
			}
		}
		if before != wantBefore || after != wantAfter {
			t.Errorf("%s: %.8s and %.8s, want %.8s and %.8s", at.Format(time.TimeOnly), before, after, wantBefore, wantAfter)
		}
	}
}

// BenchmarkAround compares what a boundary costs after two hours of readings, a batch a
// second, with what it costs after two days.
func BenchmarkAround(b *testing.B) {
	for _, hours := range []int{2, 48} {
		b.Run(fmt.Sprintf("%dh", hours), func(b *testing.B) {
			e, err := evidence.Open(b.Context(), filepath.Join(b.TempDir(), "evidence.db"), "elm")
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			if err := evidence.Fill(b.Context(), e, "ann", "ann/meter", noon(), hours*3600); err != nil {
				b.Fatal(err)
			}
			at := noon().Add(time.Duration(hours)*time.Hour - time.Minute)
			for b.Loop() {
				if before, after, err := e.Around(b.Context(), "ann", "ann/meter", at); err != nil || before == "" || after == "" {
					b.Fatalf("%q, %q, %v", before, after, err)
				}
			}
		})
	}
}

// BenchmarkReceive receives what a home's meter says in five seconds, after hours of readings.
func BenchmarkReceive(b *testing.B) {
	for _, hours := range []int{0, 1, 12} {
		b.Run(fmt.Sprintf("%dh", hours), func(b *testing.B) {
			e, err := evidence.Open(b.Context(), filepath.Join(b.TempDir(), "evidence.db"), "elm")
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			if err := evidence.Fill(b.Context(), e, "ann", "ann/meter", noon(), hours*3600); err != nil {
				b.Fatal(err)
			}
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Admit(b.Context(), "gw-1", &key.PublicKey); err != nil {
				b.Fatal(err)
			}
			at, batch := noon().Add(time.Duration(hours)*time.Hour), proof.Batch{Community: "elm", Gateway: "gw-1", Member: "ann"}
			for b.Loop() {
				batch.Sequence++
				batch.Readings = nil
				for range 5 {
					at = at.Add(time.Second)
					batch.Readings = append(batch.Readings, grid.Reading{Device: "ann/meter", Time: at, Import: new(grid.Energy(batch.Sequence)), Export: new(grid.Energy), Quality: grid.Good})
				}
				signed, digest, err := proof.SignBatch(batch, key)
				if err != nil {
					b.Fatal(err)
				}
				batch.Previous = digest
				if _, _, err := e.Receive(b.Context(), signed, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
