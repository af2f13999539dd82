package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// TestNothingUnverifiedHoldsUpOthers receives, between two good batches, one of a number
// that no database holds, with a signature that is not the gateway's: it is refused by name,
// and the others are taken. The same holds of every field that is out of bounds, though the
// gateway's own key signed it.
func TestNothingUnverifiedHoldsUpOthers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for want, change := range map[string]func(*proof.Batch){
		"its number is not between": func(b *proof.Batch) { b.Sequence = 1 << 63 },
		"is not between 1 and":      func(b *proof.Batch) { b.Sequence = math.MaxUint64 },
		"its number is not":         func(b *proof.Batch) { b.Sequence = 0 },
		"gateway has no proper":     func(b *proof.Batch) { b.Gateway = "gw\x00" },
		"community has no proper":   func(b *proof.Batch) { b.Community = long },
		"member has no proper":      func(b *proof.Batch) { b.Member = long },
		"devices has no proper":     func(b *proof.Batch) { b.Readings[0].Device = long },
		"the digest of the batch":   func(b *proof.Batch) { b.Previous = proof.Digest(long) },
		"more than a hundred years": func(b *proof.Batch) { b.SkewMS = math.MinInt64 },
		"the key that it announces": func(b *proof.Batch) { b.NextKey = long },
		"next key: public key":      func(b *proof.Batch) { b.NextKey = "AAAA" },
		"took no time that can be":  func(b *proof.Batch) { b.Readings[0].Took = -1 },
		"readings, and a batch may": func(b *proof.Batch) {
			for range 5000 {
				b.Readings = append(b.Readings, b.Readings[0])
			}
		},
		"30 days late":       func(b *proof.Batch) { b.Readings[0].Time = time.Time{} },
		"ahead of the clock": func(b *proof.Batch) { b.Readings[0].Time = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) },
	} {
		for _, own := range []bool{true, false} {
			e, c := admitted(t)
			first := c.next(nil)
			cheat := *c
			if !own {
				cheat.key = newKey(t)
			}
			bad, second := cheat.next(change), c.next(nil)
			accepted, refused, err := e.ReceiveAll(t.Context(), [][]byte{first, bad, second}, noon())
			if err != nil || len(accepted) != 2 || len(refused) != 1 || refused[0].Message != 1 {
				t.Errorf("%s: %d accepted, refused %v, %v", want, len(accepted), refused, err)
				continue
			}
			if got := refused[0].Error(); own && !strings.Contains(got, want) || len(got) > 1000 {
				t.Errorf("%s: refused with %.300s", want, got)
			}
		}
	}
}

// TestRubbishIsNoBatch refuses what is no batch, or too long to be one.
func TestRubbishIsNoBatch(t *testing.T) {
	t.Parallel()
	e, c := admitted(t)
	for _, rubbish := range [][]byte{nil, []byte("null"), []byte("{"), bytes.Repeat([]byte(" "), 2<<20), append(c.next(nil), 'x')} {
		if _, _, err := e.Receive(t.Context(), rubbish, noon()); !errors.As(err, new(*evidence.RefusedError)) {
			t.Errorf("%.20q: %v", rubbish, err)
		}
	}
}

// TestWhatNothingMeasuredIsLeftOut takes a batch whose numbers cannot be: they are left out
// and the reading is suspect, the signed bytes stay what they are.
func TestWhatNothingMeasuredIsLeftOut(t *testing.T) {
	t.Parallel()
	e, c := admitted(t)
	signed := c.next(func(b *proof.Batch) {
		r := &b.Readings[0]
		r.Power, r.Import, r.Charge, r.Voltage = new(grid.Power(math.MinInt64)), new(grid.Energy(math.MaxInt64)), new(grid.PerMille(-1)), new(int64(230_000))
	})
	b, fresh, err := e.Receive(t.Context(), signed, noon())
	if err != nil || !fresh {
		t.Fatal(err)
	}
	if r := b.Readings[0]; r.Power != nil || r.Import != nil || r.Charge != nil || *r.Voltage != 230_000 || *r.Export != 0 || r.Quality != grid.Suspect {
		t.Errorf("what is left is %+v", r)
	}
	_, digest, err := proof.ReadBatch(signed)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := e.Signed(t.Context(), digest); err != nil || !bytes.Equal(kept, signed) {
		t.Errorf("the signed bytes are not kept: %v", err)
	}
}

// TestWhatIsEarlyWaits sets readings aside that are ahead of the clock by less than a day,
// and takes them when their time has come.
func TestWhatIsEarlyWaits(t *testing.T) {
	t.Parallel()
	e, c := admitted(t)
	signed := c.next(func(b *proof.Batch) { b.Readings[0].Time = noon().Add(time.Hour) })
	var refused *evidence.RefusedError
	if _, _, err := e.Receive(t.Context(), signed, noon()); !errors.As(err, &refused) || !refused.Aside {
		t.Fatalf("an hour early: %v", err)
	}
	taken := 0
	take := func(now time.Time) {
		err := e.Reconsider(t.Context(), now, takenInto(&taken))
		if err != nil {
			t.Fatal(err)
		}
	}
	if take(noon().Add(time.Minute)); taken > 0 {
		t.Error("taken before its time")
	}
	if take(noon().Add(time.Hour)); taken != 1 {
		t.Errorf("%d taken when their time has come", taken)
	}
	mark := proof.Mark{Sequence: 1, Digest: refused.Digest}
	if v, err := e.Verdict(t.Context(), "gw-1", mark); err != nil || v.Outcome != proof.Accepted {
		t.Errorf("its gateway is told %+v, %v", v, err)
	}
}

// TestVerdicts tells a gateway what became of its batches, by number and digest.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	e, c := admitted(t)
	e.May = func(b proof.Batch) error {
		if b.Member != "ann" {
			return errors.New("device is not read by this gateway")
		}
		return nil
	}
	digest := func(signed []byte) proof.Digest {
		_, d, err := proof.ReadBatch(signed)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	kept, aside, later := c.next(nil), c.next(func(b *proof.Batch) { b.Member = "bob" }), c.next(nil)
	if _, _, err := e.ReceiveAll(t.Context(), [][]byte{kept, aside}, noon()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		mark proof.Mark
		want proof.Outcome
	}{
		"kept":                   {proof.Mark{Sequence: 1, Digest: digest(kept)}, proof.Accepted},
		"set aside":              {proof.Mark{Sequence: 2, Digest: digest(aside)}, proof.Aside},
		"not come":               {proof.Mark{Sequence: 3, Digest: digest(later)}, proof.Unknown},
		"another of that number": {proof.Mark{Sequence: 1, Digest: digest(later)}, proof.Refused},
		"no number":              {proof.Mark{Sequence: 1 << 63, Digest: digest(later)}, proof.Refused},
	} {
		if v, err := e.Verdict(t.Context(), "gw-1", c.mark); err != nil || v.Outcome != c.want {
			t.Errorf("%s: %+v, %v, want %s", name, v, err, c.want)
		}
	}
}

// takenInto counts what is taken.
func takenInto(n *int) func(context.Context, []evidence.Received) error {
	return func(_ context.Context, all []evidence.Received) error {
		*n += len(all)
		return nil
	}
}
