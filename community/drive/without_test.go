package drive

import (
	"context"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// realHomes are homes whose batteries may have been moved, with their estimates. They
// implement Alone.
type realHomes map[string]*alone.Home

func (h realHomes) Alone(_ context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	home, estimated := h[point]
	if home != nil {
		f, known = home.Flow(i)
	}
	return f, estimated, known, nil
}

// moved returns homes: of ann, whose battery was moved, it is estimated that an empty one
// would have left her 400 W; bob's was moved and its size is not known. Others have none.
func moved(i grid.Interval) realHomes {
	ann := alone.New(5000, 2000, 0, i.Minutes)
	for at := i.Begin(); !at.After(i.End()); at = at.Add(time.Minute) {
		ann.See(at, 400)
	}
	return realHomes{"mp-ann": ann, "mp-bob": nil}
}

// TestWhatItWouldBeWithout tells it in two runs. The first says what is estimated: 100 Wh
// for ann at 0.30. A later one says what the first one said, whatever the estimate and
// the runs between say by then.
func TestWhatItWouldBeWithout(t *testing.T) {
	i := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	run := func() settlement.Run {
		r := settlement.Run{Tariff: tariff.Tariff{Currency: "EUR", Retail: 300_000, FeedIn: 80_000}}
		for _, point := range []string{"mp-ann", "mp-bob", "mp-cy", "mp-dan"} {
			r.Statements = append(r.Statements, settlement.Statement{MeteringPoint: point, RetailOnly: -7})
		}
		return r
	}
	said := run()
	said.Statements = said.Statements[:3] // dan came later
	said.Statements[0].Without, said.Statements[0].WithoutEstimated = new(grid.Money(-123)), true
	said.Statements[0].WithoutFlow = &grid.Flow{Import: 5}
	said.Statements[2].Without = new(grid.Money(-45))
	type told struct {
		without   grid.Money
		estimated bool
	}
	for name, c := range map[string]struct {
		previous []settlement.Run
		want     [4]told
	}{
		"the first run":       {nil, [4]told{{-30_000, true}, {-7, true}, {-7, false}, {-7, false}}},
		"the second run":      {[]settlement.Run{said}, [4]told{{-123, true}, {-7, false}, {-45, false}, {-7, false}}},
		"the run after these": {[]settlement.Run{said, run()}, [4]told{{-123, true}, {-7, false}, {-45, false}, {-7, false}}},
	} {
		r := run()
		// By its own tariff, which is not the community's, ann's 100 Wh cost 0.04.
		dear := run()
		dear.Statements[0].Rates = &tariff.Rates{Retail: 400_000}
		if err := (&Settler{Alone: moved(i)}).tellWithout(t.Context(), i, &dear, c.previous); err != nil {
			t.Fatal(err)
		}
		if got := dear.Statements[0].Alone(); len(c.previous) == 0 && got != -40_000 {
			t.Errorf("%s: at her own tariff ann has %d without, want −40000", name, got)
		}
		if err := (&Settler{Alone: moved(i)}).tellWithout(t.Context(), i, &r, c.previous); err != nil {
			t.Fatal(err)
		}
		if f := r.Statements[0].WithoutFlow; f == nil || len(c.previous) == 0 && f.Import != 100 || len(c.previous) > 0 && f.Import != 5 {
			t.Errorf("%s: without it ann's meter would have counted %+v", name, f)
		}
		for k, s := range r.Statements {
			if got := (told{s.Alone(), s.WithoutEstimated}); got != c.want[k] {
				t.Errorf("%s: %s without is %+v, want %+v", name, s.MeteringPoint, got, c.want[k])
			}
		}
	}
}
