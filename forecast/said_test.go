package forecast

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestWhatWasSaidIsSaidAgain looks hour by hour over three days, of which a value comes late, another is corrected, and one is
// missing. A model that has said things before says to the bit what one does that never said anything.
func TestWhatWasSaidIsSaidAgain(t *testing.T) {
	const days = 75
	s := noisy(days+3, 1, 2)
	for k := range s.Values { // nights without sun
		if k%24 < 6 {
			s.Values[k] = 0
		}
	}
	for _, kind := range []Kind{Load, PV, Net} {
		for _, method := range Methods() {
			before := Series{First: s.First, Values: s.Values[:days*24-5]}
			fit := func() *Model {
				m, err := Fit(before, Options{Kind: kind, Method: method})
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			old, data := fit(), fit()
			var saved []saidOf
			for n := range 3 * 24 {
				recent := Series{First: s.First.Shift(70 * 24), Values: slices.Clone(s.Values[70*24 : days*24+n])}
				at := func(k int) *float64 { return &recent.Values[5*24+k] }
				if n > 10 {
					*at(10) = math.NaN()
				}
				if n > 20 && n < 27 {
					*at(20) = math.NaN() // it comes after midnight
				}
				if n > 40 {
					*at(15) += 100
				}
				got, err := old.Look(recent, 48)
				if err != nil {
					t.Fatal(err)
				}
				data.said = said{}
				want, err := data.Look(recent, 48)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(bits(got), bits(want)) {
					t.Fatalf("%s by %s, %d hours on: it says something else than a model that said nothing before", kind, method, n)
				}
				if n == 5 {
					saved = slices.Clone(old.said.days)
				}
				if n == 6 && (len(saved) == 0 || old.said.days[len(saved)-1].said != saved[len(saved)-1].said) {
					t.Errorf("%s by %s: what was said of today is not remembered", kind, method)
				}
			}
			if len(old.said.days) > saidDays {
				t.Errorf("%d days are remembered", len(old.said.days))
			}
		}
	}
}

// bits are those of all that an outlook says.
func bits(o *Outlook) (all []uint64) {
	for k, p := range o.Points {
		all = append(all, math.Float64bits(p.Mean), math.Float64bits(o.unit[k]))
		for _, q := range p.Quantiles {
			all = append(all, math.Float64bits(q))
		}
	}
	return all
}

// TestDecilesOfValues by hand: five values stand for .1, .3, .5, .7 and .9 of what may come; of thirty drawn evenly the deciles lie
// where those of the whole do.
func TestDecilesOfValues(t *testing.T) {
	if got := decilesOf([]float64{50, 10, 30, 20, 40}); got != [9]float64{10, 15, 20, 25, 30, 35, 40, 45, 50} {
		t.Errorf("five values: %v", got)
	}
	if got := decilesOf([]float64{7}); got != [9]float64{7, 7, 7, 7, 7, 7, 7, 7, 7} {
		t.Errorf("one value: %v", got)
	}
	even := make([]float64, 30)
	for k := range even {
		even[k] = float64(k) + .5
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(even), func(i, j int) { even[i], even[j] = even[j], even[i] })
	for k, q := range decilesOf(even) {
		if want := float64(3 * (k + 1)); math.Abs(q-want) > 1e-12 {
			t.Errorf("decile %d of thirty is %v, want %v", k+1, q, want)
		}
	}
}
