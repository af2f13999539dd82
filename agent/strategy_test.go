package agent_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// quantiles are a forecast that is known: .1 to .9, in Wh.
type quantiles [9]float64

// Forecast implements forecast.Forecaster.
func (q quantiles) Forecast(s forecast.Series, steps int) ([]forecast.Point, error) {
	points := make([]forecast.Point, steps)
	for k := range points {
		points[k] = forecast.Point{Interval: s.Next().Shift(k), Mean: q[4], Quantiles: q}
	}
	return points, nil
}

// TestPriceCurve is computed by hand, between 0.06 and 0.30, where a tenth is 0.024: what
// a home surely gives or needs is traded three tenths from the utility's price for it,
// what it does with a probability of 70 % four tenths, and the rest up to the median at
// the middle.
func TestPriceCurve(t *testing.T) {
	type step struct {
		energy grid.Energy
		price  grid.Price
	}
	for name, c := range map[string]struct {
		net  quantiles
		side grid.Side
		want []step
	}{
		"long":                        {quantiles{-1000, -900, -800, -650, -500, -420, -300, -200, -120}, grid.Offer, []step{{120, 132_000}, {180, 156_000}, {200, 180_000}}},
		"short":                       {quantiles{150, 200, 260, 390, 600, 700, 800, 950, 1200}, grid.Bid, []step{{150, 228_000}, {110, 204_000}, {340, 180_000}}},
		"perhaps the other way round": {quantiles{-200, -50, 40, 90, 300, 400, 500, 600, 700}, grid.Bid, []step{{40, 204_000}, {260, 180_000}}},
		"not worth an order":          {quantiles{-90, -80, -70, -60, -54, -50, -45, -40, -9}, grid.Offer, []step{{45, 156_000}}},
		"nothing":                     {quantiles{}, grid.Offer, nil},
	} {
		a := agent.PriceCurve{Home: agent.Home{Member: "m", Source: "solar"}, Forecaster: c.net}
		v := view(1)
		p, err := a.Plan(v)
		if err != nil {
			t.Fatal(err)
		}
		var got []step
		for _, o := range p.Orders {
			got = append(got, step{o.Energy, o.Price})
			if o.Side != c.side || o.Price < v.FeedIn || o.Price > v.Retail {
				t.Errorf("%s: %+v, want a %s of no worse than the utility's prices", name, o, c.side)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestWhyNothingIsPlanned: each strategy has a reason of its own, a whole sentence.
func TestWhyNothingIsPlanned(t *testing.T) {
	seen := map[string]agent.Strategy{}
	for _, s := range agent.Strategies() {
		why := s.Unplanned()
		if other, twice := seen[why]; twice || !strings.HasSuffix(why, ".") {
			t.Errorf("%s says %q, as %q does", s, why, other)
		}
		seen[why] = s
	}
}
