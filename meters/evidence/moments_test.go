package evidence_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// TestMarkedInstantsStay keeps what is beside an instant that is no boundary, in
// the middle, near the ends of what is looked at together, and in a silence, also of
// what comes late; a month later it is forgotten.
func TestMarkedInstantsStay(t *testing.T) {
	e, c := admitted(t)
	var marked []time.Time
	for _, after := range []time.Duration{17*time.Minute + 3*time.Second, 22*time.Minute + 29*time.Second, 22*time.Minute + 31*time.Second, 31 * time.Minute, 43 * time.Minute} {
		marked = append(marked, noon().Add(after))
	}
	if err := e.Mark(t.Context(), "ann/meter", marked...); err != nil {
		t.Fatal(err)
	}
	var all, late [][]byte
	for k := range 3600 {
		signed := c.next(func(b *proof.Batch) {
			if at := b.Readings[0].Time.Sub(noon()); at > 22*time.Minute && at < 23*time.Minute || at > 30*time.Minute && at < 37*time.Minute {
				b.Readings[0].Device = "ann/pv" // the meter is silent
			}
		})
		if k > 2570 && k < 2590 {
			late = append(late, signed)
			continue
		}
		all = append(all, signed)
	}
	now := noon().Add(2 * time.Hour)
	receive := func(signed [][]byte) {
		t.Helper()
		if _, refused, err := e.ReceiveAll(t.Context(), signed, now); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
	}
	around := func() (found [][2]proof.Digest) {
		t.Helper()
		for _, at := range marked {
			before, after, err := e.Around(t.Context(), "ann", "ann/meter", at)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, [2]proof.Digest{before, after})
		}
		return found
	}
	thin := func(whole, unnamed time.Time) {
		t.Helper()
		if err := e.Thin(t.Context(), whole, unnamed); err != nil {
			t.Fatal(err)
		}
	}
	receive(all)
	thin(noon().Add(31*time.Minute), noon())
	thin(noon().Add(time.Hour), noon())
	receive(late)
	want := [][2]proof.Digest{}
	holds := map[time.Duration]proof.Digest{}
	for _, signed := range append(all, late...) {
		if r := readings(t, signed)[0]; r.Device == "ann/meter" {
			holds[r.Time.Sub(noon())] = digestOf(t, signed)
		}
	}
	const s = time.Second
	for _, ends := range [][2]time.Duration{{1023 * s, 1023 * s}, {1320 * s, 1380 * s}, {1320 * s, 1380 * s}, {1800 * s, 2220 * s}, {2580 * s, 2580 * s}} {
		want = append(want, [2]proof.Digest{holds[ends[0]], holds[ends[1]]})
	}
	for range 2 {
		for k, got := range around() {
			if got != want[k] {
				t.Errorf("beside %s: %.8s, want %.8s", marked[k], got, want[k])
			}
		}
		thin(noon().Add(time.Hour), noon())
	}
	thin(now, now)
	if last := around(); last[0][0] != "" {
		t.Errorf("a month later there is still %v", last)
	}
}

// TestAMarkNearTheNextBoundary lets a meter be silent across the edge of what is looked at
// together, half a raster of five minutes from 12:05, with a mark on the far side of it,
// up to where the next boundary is near: what it said last and first again stays, though
// it speaks beside all boundaries.
func TestAMarkNearTheNextBoundary(t *testing.T) {
	const m, s, every = time.Minute, time.Second, 5 * time.Second
	for _, x := range []struct{ silent, mark, again time.Duration }{
		{7 * m, 7*m + 31*s, 8 * m},
		{7 * m, 9*m + 54*s, 9*m + 55*s},
		{2 * m, 2*m + 29*s, 3 * m},
		{5 * s, 6 * s, 3 * m},
	} {
		e, c := admitted(t)
		at := noon().Add(x.mark)
		if err := e.Mark(t.Context(), "ann/meter", at); err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for after := time.Duration(0); after < 15*m; after += every {
			all = append(all, c.next(func(b *proof.Batch) {
				b.Readings[0].Time = noon().Add(after)
				if after >= x.silent && after < x.again {
					b.Readings[0].Device = "ann/pv"
				}
			}))
		}
		if _, refused, err := e.ReceiveAll(t.Context(), all, noon().Add(time.Hour)); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		if err := e.Thin(t.Context(), noon().Add(time.Hour), noon()); err != nil {
			t.Fatal(err)
		}
		before, after, err := e.Around(t.Context(), "ann", "ann/meter", at)
		last, first := digestOf(t, all[x.silent/every-1]), digestOf(t, all[x.again/every])
		if err != nil || before != last || after != first {
			t.Errorf("silent from %s to %s: beside %s is %.8s and %.8s, %v, want %.8s and %.8s", x.silent, x.again, x.mark, before, after, err, last, first)
		}
	}
}
