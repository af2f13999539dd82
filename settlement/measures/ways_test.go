package measures_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/measures"
)

// TestSimplerWays has its numbers by hand. In the first interval ann gave 1000 Wh and the others took 800, so that
// by the key the utility pays 0.06 for 200 Wh; in the second 400 Wh are bought at 0.30. Without the community
// ann's battery would have kept 700 Wh of the first interval: then 500 Wh are bought.
func TestSimplerWays(t *testing.T) {
	b := street()
	for n := range b {
		b[n].Place = int64(n + 1)
		for k := range b[n].Points {
			p := &b[n].Points[k]
			p.Account, p.Quality, p.RetailOnly = p.MeteringPoint, grid.Good, p.Without
		}
	}
	b[0].Points[0].Without, b[0].Points[0].WithoutFlow = 18_000, &grid.Flow{Export: 300}
	var w measures.Ways
	until := noon.Add(time.Hour)
	o, err := w.Of(t.Context(), b, noon, until)
	if want := (measures.Otherwise{Key: 12_000 - 120_000, Rules: -150_000 - 120_000}); err != nil || o != want {
		t.Errorf("%+v, want %+v, %v", o, want, err)
	}
	// What was reckoned stays until a later run changes the interval.
	b[1].Points[1].Metered.Import = 1100
	if again, err := w.Of(t.Context(), b, noon, until); err != nil || again != o {
		t.Errorf("%+v, then %+v, %v", o, again, err)
	}
	b[1].Place = 3
	if later, err := w.Of(t.Context(), b, noon, until); err != nil || later.Key != 12_000-300_000 {
		t.Errorf("after a later run %+v, %v", later, err)
	}
	// A row of an earlier version has the money alone.
	b[0].Place, b[0].Points[0].WithoutFlow = 4, nil
	if o, err := w.Of(t.Context(), b, noon, until); err != nil || o.Unknown != 1 || o.Rules != -300_000 || o.Key != 12_000-300_000 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := w.Of(t.Context(), b, until, until.Add(time.Hour)); err != nil || o != (measures.Otherwise{}) {
		t.Errorf("%+v, %v", o, err)
	}
}
