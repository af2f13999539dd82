package foresight_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestOwnTariffs reckons the usual day where homes have tariffs of their own: the bound is that
// of the best of them for all, and the value is less by what the schedule costs at their own.
func TestOwnTariffs(t *testing.T) {
	spec := summer(1)
	l := live(spec, 1, 95, still)
	gain := func(rates func(home int) tariff.Rates) (foresight.Period, foresight.Gain) {
		t.Helper()
		p := foresight.Period{}
		for k := range 95 {
			all := make([]tariff.Rates, len(spec.Homes))
			for h := range all {
				all[h] = rates(h)
			}
			if err := p.Add(grid.IntervalAt(spec.Start, 15).Shift(1+k), all); err != nil {
				t.Fatal(err)
			}
		}
		went, _, err := l.watch.Kept(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := l.watch.Gain(p, grid.Money(l.alone), foresight.Way{Money: grid.Money(l.alone), Kept: went}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p, g
	}
	usual := tariff.Rates{Retail: retail, FeedIn: feedIn}
	same, one := gain(func(int) tariff.Rates { return usual })
	if same.Own[7] != nil || one.Optimum.Gap > 5 {
		t.Errorf("rates of one tariff: %+v, %+v", same.Own[7], one.Optimum)
	}
	p, several := gain(func(home int) tariff.Rates {
		if home%2 == 0 {
			return tariff.Rates{Retail: retail + 40_000, FeedIn: feedIn - 20_000}
		}
		return usual
	})
	if p.Retail[7] != retail || p.FeedIn[7] != feedIn || len(p.Own[7]) != len(spec.Homes) {
		t.Errorf("%d, %d, %v", p.Retail[7], p.FeedIn[7], p.Own[7])
	}
	if several.Optimum.Bound != one.Optimum.Bound || several.Optimum.Value >= one.Optimum.Value-100_000 || several.Optimum.Gap < one.Optimum.Gap {
		t.Errorf("by several tariffs %+v, by the best of them %+v", several.Optimum, one.Optimum)
	}
	_, paying := gain(func(int) tariff.Rates { return tariff.Rates{Retail: retail, FeedIn: feedIn, Community: 20_000} })
	if paying.Optimum.Bound != one.Optimum.Bound || paying.Optimum.Value >= one.Optimum.Value-100_000 {
		t.Errorf("where sharing costs %+v, else %+v", paying.Optimum, one.Optimum)
	}
	if err := new(foresight.Period).Add(grid.IntervalAt(spec.Start, 15), []tariff.Rates{usual, {Retail: 400_000, FeedIn: 300_001}}); !errors.Is(err, foresight.ErrFeedIn) {
		t.Errorf("who is paid more than a neighbour pays: %v", err)
	}
}

// TestSharedIsTheBest holds what is shared against every way to pair single watt-hours of a few points.
func TestSharedIsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		points := make([]foresight.Point, 2+r.IntN(3))
		for k := range points {
			points[k].Rates = tariff.Rates{Retail: grid.Price(100+r.IntN(300)) * 1000, FeedIn: grid.Price(r.IntN(300)) * 1000, Community: grid.Price(r.IntN(60)) * 1000}
			if e := grid.Energy(1 + r.IntN(3)); r.IntN(2) == 0 {
				points[k].Import = 1000 * e
			} else {
				points[k].Export = 1000 * e
			}
		}
		got, err := foresight.Shared(points, true)
		if want := best(points); err != nil || got != want {
			t.Fatalf("%+v: %d, the best is %d, %v", points, got, want, err)
		}
	}
}

// best tries all ways to pair kilowatt-hours.
func best(points []foresight.Point) (most grid.Money) {
	for _, p := range points {
		most -= grid.Money(p.Retail)*grid.Money(p.Import)/1000 - grid.Money(p.FeedIn)*grid.Money(p.Export)/1000
	}
	for i := range points {
		for k := range points {
			if points[i].Import == 0 || points[k].Export == 0 {
				continue
			}
			points[i].Import -= 1000
			points[k].Export -= 1000
			most = max(most, best(points)-grid.Money(points[i].Community))
			points[i].Import += 1000
			points[k].Export += 1000
		}
	}
	return most
}
