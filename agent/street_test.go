package agent

import (
	"math"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestWhatTheBatteriesOfAStreetLeave is reckoned by hand, in intervals of an hour, with a battery of
// 1,000 Wh and 600 W that holds 500: 300 Wh are given, which takes 316 out of it; of 900 that are
// lacking then 174 can still be had (184 · 0.9487), and 726 are not; 400 are stored, as 379; of 1,000
// only 600 go in at 600 W, as 569, so that 948 are held; of 100 it is 55 that still fit, and the rest
// is left over.
func TestWhatTheBatteriesOfAStreetLeave(t *testing.T) {
	net := []float64{300, 900, -400, -1000, -100, 50}
	worth, room := storage{capacity: 1000, held: 500, power: 600}.run(net, 1)
	for k, want := range []float64{0, 725.6, 0, -400, -45.3, 0} {
		if math.Abs(net[k]-want) > 1 {
			t.Errorf("interval %d: %.1f Wh are left, want %.1f", k, net[k], want)
		}
	}
	// A Wh that is kept from the first interval covers one of the second, and one that is taken from the third has to be
	// stored from the fifth, which gives some away. Of the fourth some is left since the power is too small; after the
	// last nobody knows.
	for k, want := range []share{{retail: 1}, {retail: 1}, {feedIn: 1}, {feedIn: 1}, {feedIn: 1}, {0.5, 0.5 / 0.9}} {
		if math.Abs(worth[k].retail-want.retail) > 1e-3 || math.Abs(worth[k].feedIn-want.feedIn) > 1e-3 {
			t.Errorf("interval %d: a Wh is worth %v, want %v", k, worth[k], want)
		}
	}
	// 474 Wh could be given and 300 are; of 600 W that nobody takes and the 400 that are left over a car takes both.
	for k, want := range []float64{174, -726, 400, 1360, 700, 550} {
		if math.Abs(room[k]-want) > 1 {
			t.Errorf("interval %d: there is room for %.0f Wh, want %.0f", k, room[k], want)
		}
	}
}

// TestWhatPassesTheBatteriesIsWorthWhatIsLost has a night between two days: what a Wh costs that the battery gives by night
// is what it takes to store it, a ninth more than the sun that is given away, and one that a
// lack will follow is worth a tenth less while it still has to be stored.
func TestWhatPassesTheBatteriesIsWorthWhatIsLost(t *testing.T) {
	b := storage{capacity: 1000, held: 1000, power: 1000}
	night, _ := b.run([]float64{500, -2000}, 1)
	if math.Abs(night[0].feedIn-1/0.9) > 1e-3 || night[0].retail != 0 {
		t.Errorf("before a day with too much sun a Wh of the battery is worth %v, want 1.111 of feed-in", night[0])
	}
	b.held = 0
	day, _ := b.run([]float64{-500, 900}, 1)
	if math.Abs(day[0].retail-0.9) > 1e-3 || day[0].feedIn != 0 {
		t.Errorf("before a night in which the battery is empty a Wh of sun is worth %v, want 0.9 of retail", day[0])
	}
	b.held, b.power = 1000, 100
	weak, _ := b.run([]float64{50, 300, 50, -2000, -2000, -2000, -2000}, 1)
	if math.Abs(weak[0].feedIn-1/0.9) > 1e-3 || weak[1].retail != 1 {
		t.Errorf("an interval that wants more power makes the one before it worth %v, and is worth %v", weak[0], weak[1])
	}
}

// TestPooledPrices are computed by hand between 0.06 and 0.30, of which 0.18 is the middle: where 300
// Wh are pooled and 100 more are lacking, three quarters of what is taken are from neighbours.
func TestPooledPrices(t *testing.T) {
	r := tariff.Rates{Retail: 300_000, FeedIn: 60_000}
	for name, c := range map[string]struct{ short, buy, sell float64 }{
		"a lack":    {100, 210_000, 180_000},
		"a surplus": {-300, 180_000, 120_000},
		"neither":   {0, 180_000, 180_000},
	} {
		st := &street{short: [][]float64{{c.short}}, pool: [][]float64{{300 - few}}, worth: [][]share{{{0.5, 0.5}}}}
		buy, sell := st.pooled(0, 0, r)
		if math.Abs(buy-c.buy) > 1 || math.Abs(sell-c.sell) > 1 {
			t.Errorf("%s: a kWh costs %.0f and brings %.0f, want %.0f and %.0f", name, buy, sell, c.buy, c.sell)
		}
	}
	if buy, sell := (&street{short: [][]float64{{0}}, pool: [][]float64{{1}}}).pooled(0, 0, tariff.Rates{Retail: 50_000, FeedIn: 80_000}); buy != 50_000 || sell != 80_000 {
		t.Errorf("where feed-in pays more than retail costs a kWh costs %.0f and brings %.0f", buy, sell)
	}
}

// TestWhereAKWhComesFrom is what a homeowner may prefer: of 300 Wh pooled and 100 more lacking three
// quarters are shared; there is sun for all where all homes together give.
func TestWhereAKWhComesFrom(t *testing.T) {
	st := &street{short: [][]float64{{100, -100}}, pool: [][]float64{{300, 0}}, base: [][]float64{{400, -100}}}
	for k, want := range [][2]grid.PerMille{{750, 0}, {0, 1000}} {
		if shared, solar := st.from(0, k); shared != want[0] || solar != want[1] {
			t.Errorf("interval %d: %d ‰ are shared and %d ‰ from roofs, want %v", k, shared, solar, want)
		}
	}
}

// TestTheNextHomeSeesWhatTheLastOneMoves lets a home take its car's energy to another hour.
func TestTheNextHomeSeesWhatTheLastOneMoves(t *testing.T) {
	first := grid.Interval{Start: 900, Minutes: 15}
	st := &street{first: first, base: [][]float64{{0, 0, 0}}, pool: [][]float64{{0, 0, 0}}, stale: true}
	x := &expected{first: first.Shift(-1), net: [][]float64{{0, 0, 0}}, cars: [][]float64{{0, 50, 0}}}
	st.settle()
	st.moves(x, charging{}, charging{first: first, wh: []float64{0, 0, 700}})
	if got := st.settle().short[0]; !slices.Equal(got, []float64{0, -50, 700}) {
		t.Errorf("the street lacks %v, want the usual 50 Wh gone and 700 an interval later", got)
	}
}

// TestDoubt is the newsvendor's: between 0.06 and 0.30 what is needed for sure is bid for dearly.
func TestDoubt(t *testing.T) {
	curve := doubt([]float64{0, 100, 200, 300, 400}, 300_000, 60_000)
	want := []plan.Point{{Price: 108_000, Net: 360}, {Price: 156_000, Net: 280}, {Price: 204_000, Net: 200}, {Price: 252_000, Net: 120}, {Price: 300_000, Net: 40}}
	if !slices.Equal(curve, want) {
		t.Errorf("the curve is %v, want %v", curve, want)
	}
	if curve := doubt([]float64{-70, -70}, 180_000, 180_000); len(curve) != 1 || curve[0].Net != -70 {
		t.Errorf("what is certain makes %v", curve)
	}
}
