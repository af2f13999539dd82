package forecast

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// noisy is days of hours of a course of a day with errors that last: each is .8 of the one before
// and something new. weather is common to all series of a seed, own is not.
func noisy(days int, weather, own uint64) Series {
	common, rng := rand.New(rand.NewPCG(weather, 1)), rand.New(rand.NewPCG(own, 2))
	s := Series{First: grid.IntervalAt(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 60)}
	e := 0.0
	for k := range days * 24 {
		e = .8*e + 60*(.9*common.NormFloat64()+.44*rng.NormFloat64())
		s.Values = append(s.Values, 1000+300*math.Sin(float64(k%24)/24*2*math.Pi)+e)
	}
	return s
}

// TestAModelForecastsAsItsWalkDid holds what a model says of the day after its history, before any
// correction, to what the walk said that went on.
func TestAModelForecastsAsItsWalkDid(t *testing.T) {
	const days = 75
	s := noisy(days, 1, 2)
	for _, kind := range []Kind{Load, PV, Net} {
		var last Issue
		if _, err := Walk(s, Options{Kind: kind}, func() time.Duration { return 0 }, func(i Issue) error {
			last = i
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		before := Series{First: s.First, Values: s.Values[:(days-1)*24]}
		for k, method := range Methods() {
			m, err := Fit(before, Options{Kind: kind, Method: method})
			if err != nil {
				t.Fatal(err)
			}
			got := m.sight(Series{First: before.Next(), Values: nil}, nil).day(last.Day)
			for slot := range 24 {
				want, ok := last.Said[k].At(slot)
				if have := (Value{got.point[slot], got.mean[slot], got.q[slot]}); ok && have != want {
					t.Fatalf("%s, %s, slot %d: %v, in the walk %v", kind, method, slot, have, want)
				}
			}
		}
	}
}

// TestTheLastErrorsCorrect forecasts errors that are .8 of the ones before: an hour ahead the
// absolute error is that of what is new, later it is that of the day-ahead forecast; and eight of
// ten values fall within the quantiles at all leads.
func TestTheLastErrorsCorrect(t *testing.T) {
	const fitted, days = 120, 150
	s := noisy(days, 3, 4)
	var m *Model
	leads := []int{1, 2, 4, 24, 47}
	var errs, within [48]float64
	n := 0.0
	for at := fitted * 24; at+48 < len(s.Values); at++ {
		if at%24 == 0 {
			var err error
			if m, err = Fit(Series{First: s.First, Values: s.Values[:at]}, Options{Kind: Net}); err != nil {
				t.Fatal(err)
			}
		}
		o, err := m.Look(Series{First: s.First.Shift(at - 100), Values: s.Values[at-100 : at]}, 48)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, lead := range leads {
			y, q := s.Values[at+lead-1], o.Points[lead-1].Quantiles
			errs[lead] += math.Abs(y - q[4])
			within[lead] += is(y >= q[0] && y <= q[8])
		}
	}
	// Of an error e' = .8 e + ε with σ(ε) = 60: mean |ε| is .798 σ at lead 1, and at lead k the same of
	// σ √(Σ .64ʲ, j < k); with all the forecast must estimate it errs by up to a quarter more.
	variance := 0.0
	at := 0
	for _, lead := range leads {
		for ; at < lead; at++ {
			variance += math.Pow(.64, float64(at))
		}
		ideal := .798 * 60 * math.Sqrt(variance)
		if got := errs[lead] / n; got < .9*ideal || got > 1.25*ideal {
			t.Errorf("lead %d: mean absolute error %.1f, at best %.1f", lead, got, ideal)
		}
		if c := within[lead] / n; c < .72 || c > .88 {
			t.Errorf("lead %d: %.3f within the quantiles", lead, c)
		}
	}
}

// TestScenariosAreLikeTheErrors draws them for two homes under the same weather: each home's are
// spread as its errors are, together they are correlated as the homes are, and another choice of
// days for the second would not be.
func TestScenariosAreLikeTheErrors(t *testing.T) {
	fit := func(s Series) (*Model, *Outlook) {
		m, err := Fit(s, Options{Kind: Net})
		if err != nil {
			t.Fatal(err)
		}
		o, err := m.Look(Series{First: s.First.Shift(len(s.Values) - 30), Values: s.Values[len(s.Values)-30:]}, 48)
		if err != nil {
			t.Fatal(err)
		}
		return m, o
	}
	m1, o1 := fit(noisy(140, 7, 1))
	m2, o2 := fit(noisy(140, 7, 2))
	days := Days(80, m1, m2)
	if len(days) < 70 || !slices.IsSorted(days) || !reflect.DeepEqual(days, Days(80, m1, m2)) {
		t.Fatalf("days %v", days)
	}
	p1, p2 := o1.Paths(days), o2.Paths(days)
	shuffled := slices.Clone(days)
	slices.Reverse(shuffled)
	p3 := o2.Paths(shuffled)
	for _, lead := range []int{1, 6, 20, 40} {
		var x, y, z []float64
		for j := range days {
			x, y, z = append(x, p1[j][lead-1]), append(y, p2[j][lead-1]), append(z, p3[j][lead-1])
		}
		if c := correlation(x, y); c < .6 {
			t.Errorf("lead %d: scenarios of two homes are correlated by %.2f, want about .8", lead, c)
		}
		if c := correlation(x, z); c > .4 {
			t.Errorf("lead %d: scenarios of other days are correlated by %.2f", lead, c)
		}
		q := o1.Points[lead-1].Quantiles
		in := 0.0
		for _, v := range x {
			in += is(v >= q[0] && v <= q[8])
		}
		if share := in / float64(len(x)); share < .6 || share > .95 {
			t.Errorf("lead %d: %.2f of the scenarios lie within the outer quantiles", lead, share)
		}
		if mean := meanOf(x); math.Abs(mean-o1.Points[lead-1].Mean) > 30 {
			t.Errorf("lead %d: scenarios around %.0f, the mean is %.0f", lead, mean, o1.Points[lead-1].Mean)
		}
	}
	// Fourteen of the days stand for all: their sums are as spread.
	few := Days(14, m1, m2)
	spread := func(days []Day) float64 {
		var sums []float64
		for _, path := range o1.Paths(days) {
			sums = append(sums, meanOf(path))
		}
		slices.Sort(sums)
		q := deciles(sums)
		return q[8] - q[0]
	}
	if all, some := spread(days), spread(few); len(few) != 14 || some < .6*all || some > 1.5*all {
		t.Errorf("%d scenarios are spread over %.0f, all of them over %.0f", len(few), some, all)
	}
	if got := Days(14); got != nil {
		t.Errorf("days of no model: %v", got)
	}
}

func correlation(x, y []float64) float64 {
	mx, my := meanOf(x), meanOf(y)
	var xy, xx, yy float64
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	return xy / math.Sqrt(xx*yy)
}

// TestSkillsAreCounted gives a home whose days are all alike but for an error of one each day, and
// knows what yesterday's value and the week's mean come to.
func TestSkillsAreCounted(t *testing.T) {
	s := Series{First: grid.IntervalAt(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 60)}
	for d := range 40 {
		for slot := range 24 {
			s.Values = append(s.Values, 100+float64(slot)+float64(1-2*(d%2)))
		}
	}
	m, err := Fit(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, skill := range m.Skills() {
		switch skill.Method {
		case "snaive24": // 2 every day from the second on
			if skill.Days != 39 || math.Abs(skill.MAE-2) > 1e-9 || skill.RMAE != 1 || skill.RPinball != 1 {
				t.Errorf("%+v", skill)
			}
		case "ridge":
			t.Errorf("a regression has a skill after 40 days: %+v", skill)
		}
	}
}
