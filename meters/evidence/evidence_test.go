package evidence_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func openEvidence(t *testing.T, path string) *evidence.Log {
	t.Helper()
	e, err := evidence.Open(t.Context(), path, "elm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// chain signs n batches of one gateway, a second apart from noon on.
type chain struct {
	t        *testing.T
	key      *ecdsa.PrivateKey
	sequence uint64
	previous proof.Digest
}

func (c *chain) next(change func(*proof.Batch)) []byte {
	c.t.Helper()
	at := noon().Add(time.Duration(c.sequence) * time.Second)
	b := proof.Batch{
		Community: "elm", Gateway: "gw-1", Sequence: c.sequence + 1, Previous: c.previous, Member: "ann",
		Readings: []grid.Reading{{Device: "ann/meter", Time: at, Import: new(grid.Energy(c.sequence)), Export: new(grid.Energy(0)), Quality: grid.Good}},
	}
	if change != nil {
		change(&b)
	}
	signed, digest, err := proof.SignBatch(b, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sequence, c.previous = b.Sequence, digest
	return signed
}

func admitted(t *testing.T) (*evidence.Log, *chain) {
	t.Helper()
	e := openEvidence(t, filepath.Join(t.TempDir(), "evidence.db"))
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	return e, c
}

// TestEvidenceInAnyOrder receives a chain shuffled, each batch twice: every one is
// kept once, and gaps show exactly while batches are missing.
func TestEvidenceInAnyOrder(t *testing.T) {
	e, c := admitted(t)
	const n = 40
	var signed [][]byte
	for range n {
		signed = append(signed, c.next(nil))
	}
	order := mathrand.New(mathrand.NewPCG(5, 6)).Perm(n)
	fresh := 0
	for k, i := range append(order, order...) {
		_, isFresh, err := e.Receive(t.Context(), signed[i], noon().Add(time.Minute))
		if err != nil {
			t.Fatalf("batch %d: %v", i+1, err)
		}
		if isFresh {
			fresh++
		}
		gaps, err := e.Gaps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if k == n/2 && len(gaps) == 0 {
			t.Error("half of the chain is there, and nothing is said to be missing")
		}
		if k >= n-1 && len(gaps) > 0 {
			t.Errorf("all is there, and %v is said to be missing", gaps)
		}
	}
	if last, _, err := e.Last(t.Context(), "gw-1"); fresh != n || err != nil || last != n {
		t.Errorf("%d batches kept, the last %d, %v, want %d", fresh, last, err, n)
	}
}

// TestWhatIsNoEvidence tries what a cheat, a thief and a broken clock would send.
func TestWhatIsNoEvidence(t *testing.T) {
	now := noon().Add(3 * time.Second)
	for want, try := range map[string]func(c *chain) []byte{
		"not that of the gateway's key": func(c *chain) []byte { c.key = newKey(t); return c.next(nil) },
		"not admitted":                  func(c *chain) []byte { return c.next(func(b *proof.Batch) { b.Gateway = "gw-2" }) },
		"is for the community":          func(c *chain) []byte { return c.next(func(b *proof.Batch) { b.Community = "oak" }) },
		"ahead of the clock": func(c *chain) []byte {
			return c.next(func(b *proof.Batch) { b.Readings[0].Time = now.Add(6 * time.Second) })
		},
		"30 days late": func(c *chain) []byte {
			return c.next(func(b *proof.Batch) { b.Readings[0].Time = now.Add(-31 * 24 * time.Hour) })
		},
		"another batch with this number": func(c *chain) []byte {
			c.sequence--
			return c.next(func(b *proof.Batch) { b.Readings[0].Import = new(grid.Energy(999)) })
		},
		"the chain is broken": func(c *chain) []byte { return c.next(func(b *proof.Batch) { b.Previous = "00" }) },
		"next key":            func(c *chain) []byte { return c.next(func(b *proof.Batch) { b.NextKey = "x" }) },
		"canonical": func(c *chain) []byte {
			return []byte(strings.Replace(string(c.next(nil)), `"batch":{`, `"batch":{ `, 1))
		},
	} {
		e, c := admitted(t)
		if _, _, err := e.Receive(t.Context(), c.next(nil), now); err != nil {
			t.Fatal(err)
		}
		var refused *evidence.RefusedError
		if _, _, err := e.Receive(t.Context(), try(c), now); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if last, _, err := e.Last(t.Context(), "gw-1"); err != nil || last != 1 {
			t.Errorf("%s: the last batch kept is %d, %v", want, last, err)
		}
	}
}

// forged offers a batch that does not fit its chain, and then the honest one of the
// same number: the first must be refused for that reason, the second must be taken.
func forged(t *testing.T, e *evidence.Log, forged, honest []byte) {
	t.Helper()
	now := noon().Add(time.Minute)
	var refused *evidence.RefusedError
	if _, _, err := e.Receive(t.Context(), forged, now); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the chain is broken") {
		t.Errorf("the forged batch: %v, want that the chain is broken", err)
	}
	if _, fresh, err := e.Receive(t.Context(), honest, now); err != nil || !fresh {
		t.Errorf("the honest batch: fresh %t, %v", fresh, err)
	}
}

// TestTheFirstBatchFollowsNone refuses a first batch that names one before it: there
// cannot have been one.
func TestTheFirstBatchFollowsNone(t *testing.T) {
	e, c := admitted(t)
	cheat := *c
	forged(t, e, cheat.next(func(b *proof.Batch) { b.Previous = "00" }), c.next(nil))
}

// TestABatchFitsTheOneAfterIt refuses a batch when the one after it came earlier and
// names another. The one before is missing, so that only the later one can tell.
func TestABatchFitsTheOneAfterIt(t *testing.T) {
	e, c := admitted(t)
	c.next(nil) // never comes
	cheat := *c
	honest := c.next(nil)
	if _, _, err := e.Receive(t.Context(), c.next(nil), noon().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	forged(t, e, cheat.next(func(b *proof.Batch) { b.Readings[0].Import = new(grid.Energy(999)) }), honest)
}

// TestKeysChange rotates a key by the chain itself, loses it, is admitted anew,
// and is revoked: what was signed before stays evidence.
func TestKeysChange(t *testing.T) {
	e, c := admitted(t)
	now := noon().Add(time.Minute)
	receive := func(signed []byte) error {
		_, _, err := e.Receive(t.Context(), signed, now)
		return err
	}
	old, next := c.key, newKey(t)
	public, err := proof.EncodeKey(&next.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	early := c.next(nil)
	if err := receive(c.next(func(b *proof.Batch) { b.NextKey, b.Readings = public, nil })); err != nil {
		t.Fatal(err)
	}
	c.key = next
	if err := errors.Join(receive(c.next(nil)), receive(early)); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	c.key = old
	stale := *c
	if err := receive(stale.next(nil)); err == nil {
		t.Error("the old key still signs")
	}
	c.key = newKey(t)
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	if err := receive(c.next(nil)); err != nil {
		t.Errorf("after it was admitted anew: %v", err)
	}
	if err := e.Admit(t.Context(), "gw-1", &old.PublicKey); err != nil {
		t.Fatal(err)
	}
	if err := receive(c.next(nil)); err != nil {
		t.Errorf("after an old configuration was read again: %v", err)
	}
	late := c.next(nil)
	if err := e.Revoke(t.Context(), "gw-1", noon().Add(time.Duration(c.sequence)*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := receive(late); err != nil {
		t.Errorf("readings from before the revocation: %v", err)
	}
	thief := *c
	if err := receive(thief.next(func(b *proof.Batch) { b.NextKey, b.Readings = public, nil })); err == nil {
		t.Error("a revoked key names its successor")
	}
	if err := receive(c.next(nil)); err == nil {
		t.Error("a revoked key signs")
	}
}

// TestSkewedClocksEstimate receives from a gateway whose clock is off.
func TestSkewedClocksEstimate(t *testing.T) {
	e, c := admitted(t)
	for skew, want := range map[int64]grid.Quality{1900: grid.Good, -2100: grid.Estimated} {
		b, _, err := e.Receive(t.Context(), c.next(func(b *proof.Batch) { b.SkewMS = skew }), noon().Add(time.Minute))
		if err != nil || b.Readings[0].Quality != want {
			t.Errorf("a clock off by %d ms: %+v, %v, want %s", skew, b.Readings, err, want)
		}
	}
}

// TestBoundariesStayProvable thins out and erases: the batches at the boundaries
// of intervals survive the first, none of a member's the second.
func TestBoundariesStayProvable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence.db")
	e := openEvidence(t, path)
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for range 20 * 60 {
		all = append(all, c.next(nil))
	}
	if _, refused, err := e.ReceiveAll(t.Context(), all, noon().Add(time.Hour)); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	boundary := noon().Add(15 * time.Minute)
	before, after, err := e.Around(t.Context(), "ann", "ann/meter", boundary)
	if err != nil || before == "" || after == "" {
		t.Fatalf("around %s: %q, %q, %v", boundary, before, after, err)
	}
	if err := e.Thin(t.Context(), noon().Add(time.Hour), noon()); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, s := range all {
		_, digest, err := proof.ReadBatch(s)
		if err != nil {
			t.Fatal(err)
		}
		if signed, err := e.Signed(t.Context(), digest); err != nil {
			t.Fatal(err)
		} else if signed != nil {
			kept++
		}
	}
	again, last, err := e.Around(t.Context(), "ann", "ann/meter", boundary)
	if err != nil || again != before || last != after || kept < 4 || kept > 10 {
		t.Errorf("after thinning %d of %d batches: around %q, %q, %v, want %q, %q", kept, len(all), again, last, err, before, after)
	}
	if gaps, err := e.Gaps(t.Context()); err != nil || len(gaps) > 0 {
		t.Errorf("thinning broke the chain: %v, %v", gaps, err)
	}
	if err := e.Erase(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if signed, err := e.Signed(t.Context(), before); err != nil || signed != nil {
		t.Errorf("an erased batch is still there, %v", err)
	}
}

// TestThinningForgetsNoProof lets gateways with devices that drop out now and
// then send for hours, late batches among them, and thins in between: what is
// around every boundary stays what it was, the chain has no gaps, and holds what
// comes late to it. After the time in which runs can come, what is named is left.
func TestThinningForgetsNoProof(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := mathrand.New(mathrand.NewPCG(seed, 8))
			e, c := admitted(t)
			const seconds = 5400
			type at struct {
				device string
				minute int
			}
			want := map[at][2]proof.Digest{}
			var signed [][]byte
			var late []int
			silent := map[string]int{}
			for k := range seconds {
				if r.IntN(400) == 0 {
					silent[[]string{"ann/meter", "ann/pv"}[r.IntN(2)]] = k + r.IntN(900)
				}
				moment := noon().Add(time.Duration(k) * time.Second)
				signed = append(signed, c.next(func(b *proof.Batch) {
					b.Readings = nil
					for _, device := range []string{"ann/meter", "ann/pv"} {
						if silent[device] > k && (device == "ann/pv" || silent["ann/pv"] <= k) {
							continue // but one is always there
						}
						x := grid.Reading{Device: device, Time: moment, Import: new(grid.Energy(k)), Export: new(grid.Energy(0)), Quality: grid.Good}
						if r.IntN(20) == 0 {
							x.Import = nil
						}
						b.Readings = append(b.Readings, x)
					}
				}))
				digest := digestOf(t, signed[k])
				for _, x := range readings(t, signed[k]) {
					for minute := 0; minute <= seconds/60; minute += 5 {
						key, ends := at{x.Device, minute}, want[at{x.Device, minute}]
						boundary := noon().Add(time.Duration(minute) * time.Minute)
						if x.Import == nil {
							continue
						}
						if !x.Time.After(boundary) {
							ends[0] = digest
						}
						if ends[1] == "" && !x.Time.Before(boundary) {
							ends[1] = digest
						}
						want[key] = ends
					}
				}
				if r.IntN(50) == 0 {
					late = append(late, k)
				}
			}
			now := noon().Add(3 * time.Hour)
			receive := func(all [][]byte) {
				t.Helper()
				if _, refused, err := e.ReceiveAll(t.Context(), all, now); err != nil || len(refused) > 0 {
					t.Fatal(refused, err)
				}
			}
			var punctual, unpunctual [][]byte
			for k, s := range signed {
				if slices.Contains(late, k) {
					unpunctual = append(unpunctual, s)
				} else {
					punctual = append(punctual, s)
				}
			}
			receive(punctual)
			for _, whole := range []time.Duration{20 * time.Minute, 47 * time.Minute} {
				if err := e.Thin(t.Context(), noon().Add(whole), noon()); err != nil {
					t.Fatal(err)
				}
			}
			receive(unpunctual)
			forgotten := -1
			for range 2 {
				if err := e.Thin(t.Context(), now, noon()); err != nil {
					t.Fatal(err)
				}
				for key, ends := range want {
					before, after, err := e.Around(t.Context(), "ann", key.device, noon().Add(time.Duration(key.minute)*time.Minute))
					if err != nil || before != ends[0] || after != ends[1] {
						t.Fatalf("seed %d: around minute %d of %s: %.8s, %.8s, %v, want %.8s, %.8s", seed, key.minute, key.device, before, after, err, ends[0], ends[1])
					}
				}
				if gaps, err := e.Gaps(t.Context()); err != nil || len(gaps) > 0 {
					t.Fatalf("seed %d: gaps %v, %v", seed, gaps, err)
				}
				left := 0
				for k, s := range signed {
					if kept, err := e.Signed(t.Context(), digestOf(t, s)); err != nil {
						t.Fatal(err)
					} else if kept != nil {
						left++
					} else {
						forgotten = k
					}
				}
				if left > 600 {
					t.Errorf("seed %d: %d of %d batches are kept", seed, left, seconds)
				}
			}
			if _, _, err := e.Receive(t.Context(), signed[forgotten], now); err == nil || !strings.Contains(err.Error(), "thinned out") {
				t.Errorf("a batch that was forgotten comes again: %v", err)
			}

			// A month later the named ones and the last one are left.
			named := want[at{"ann/meter", 30}]
			if err := e.Name(t.Context(), named[0], named[1], ""); err != nil {
				t.Fatal(err)
			}
			if err := e.Thin(t.Context(), now, now); err != nil {
				t.Fatal(err)
			}
			for _, s := range signed {
				digest := digestOf(t, s)
				kept, err := e.Signed(t.Context(), digest)
				if stays := digest == named[0] || digest == named[1] || digest == c.previous; err != nil || (kept != nil) != stays {
					t.Fatalf("seed %d: %.8s is kept: %t, want %t, %v", seed, digest, kept != nil, stays, err)
				}
			}
			if gaps, err := e.Gaps(t.Context()); err != nil || len(gaps) > 0 {
				t.Fatalf("seed %d: in the end gaps %v, %v", seed, gaps, err)
			}
			if _, fresh, err := e.Receive(t.Context(), c.next(func(b *proof.Batch) { b.Readings[0].Time = now }), now); err != nil || !fresh {
				t.Errorf("the next batch: %t, %v", fresh, err)
			}
		})
	}
}

func readings(t *testing.T, signed []byte) []grid.Reading {
	t.Helper()
	b, _, err := proof.ReadBatch(signed)
	if err != nil {
		t.Fatal(err)
	}
	return b.Readings
}

func digestOf(t *testing.T, signed []byte) proof.Digest {
	t.Helper()
	_, digest, err := proof.ReadBatch(signed)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// TestSetAside refuses a device that the community does not know, and takes what
// came meanwhile when it does, each once and in order; who was erased is not there.
func TestSetAside(t *testing.T) {
	e, c := admitted(t)
	known := map[string]bool{"ann/meter": true}
	e.May = func(b proof.Batch) error {
		if !known[b.Readings[0].Device] {
			return errors.New("unknown")
		}
		return nil
	}
	of := func(member string) func(*proof.Batch) {
		return func(b *proof.Batch) { b.Member, b.Readings[0].Device = member, member+"/meter" }
	}
	now := noon().Add(time.Minute)
	signed := [][]byte{c.next(nil), c.next(of("bob")), c.next(of("cy")), c.next(nil), c.next(of("bob")), c.next(of("dan"))}
	if accepted, refused, err := e.ReceiveAll(t.Context(), signed, now); err != nil || len(accepted) != 2 || len(refused) != 4 || !strings.Contains(refused[0].Error(), "set aside") {
		t.Fatal(accepted, refused, err)
	}
	var took []uint64
	reconsider := func(take error) error {
		took = nil
		return e.Reconsider(t.Context(), now, func(_ context.Context, all []evidence.Received) error {
			for _, r := range all {
				took = append(took, r.Sequence)
			}
			return take
		})
	}
	if err := reconsider(nil); err != nil || len(took) > 0 {
		t.Errorf("took %v, %v", took, err)
	}
	if err := e.Erase(t.Context(), "cy"); err != nil {
		t.Fatal(err)
	}
	known["bob/meter"], known["cy/meter"] = true, true
	full := errors.New("disk full")
	if err := reconsider(full); !errors.Is(err, full) || !slices.Equal(took, []uint64{2, 5}) {
		t.Errorf("took %v, %v", took, err)
	}
	for _, want := range [][]uint64{{2, 5}, nil} {
		if err := reconsider(nil); err != nil || !slices.Equal(took, want) {
			t.Errorf("took %v, %v, want %v", took, err, want)
		}
	}
	if gaps, err := e.Gaps(t.Context()); err != nil || len(gaps) != 1 || gaps[0].From != 3 {
		t.Errorf("gaps %v, %v", gaps, err)
	}
	now, known["dan/meter"] = now.Add(31*24*time.Hour), true
	if err := reconsider(nil); err != nil || len(took) > 0 {
		t.Errorf("after a month %v, %v", took, err)
	}
}

// TestEvidenceOfAnEarlierVersion opens a database of before anything was
// forgotten: what it holds stays.
func TestEvidenceOfAnEarlierVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence.db")
	e := openEvidence(t, path)
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	signed := [][]byte{c.next(nil), c.next(nil), c.next(nil)}
	if _, refused, err := e.ReceiveAll(t.Context(), signed, noon().Add(time.Minute)); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `DROP INDEX batches_whole; DROP INDEX batches_needed; DROP TABLE named; DROP TABLE forgotten; ALTER TABLE batches DROP COLUMN kept; PRAGMA user_version = 0`)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e := openEvidence(t, path)
		if err := e.Thin(t.Context(), noon().Add(50*24*time.Hour), noon().Add(50*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for k, s := range signed {
			if kept, err := e.Signed(t.Context(), digestOf(t, s)); err != nil || kept == nil {
				t.Errorf("batch %d is gone, %v", k, err)
			}
		}
	}
}
