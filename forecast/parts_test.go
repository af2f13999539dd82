package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

// TestDeciles holds them to numpy.quantile of [1, 2, 4, 8], whose default is type 7 as well.
func TestDeciles(t *testing.T) {
	want := [9]float64{1.3, 1.6, 1.9, 2.4, 3, 3.6, 4.4, 5.6, 6.8}
	for i, q := range deciles([]float64{1, 2, 4, 8}) {
		if math.Abs(q-want[i]) > 1e-12 {
			t.Errorf("quantile .%d is %g, want %g", i+1, q, want[i])
		}
	}
}

// TestRidgeAgainstItsEquations holds a fit to the normal equations, solved directly, and its
// penalty to the one that errs least when each row is really left out and the rest fitted anew.
func TestRidgeAgainstItsEquations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, p = 40, 5
	var r ridge
	rows := make([][]float64, n)
	y := make([]float64, n)
	for k := range n {
		x := make([]float64, p)
		for i := range x {
			x[i] = 1000*float64(i) + rng.NormFloat64()*math.Pow(10, float64(i-2))
		}
		x[3] = x[0] + .1*rng.NormFloat64() // much like another
		y[k] = 500 + 3*x[0] - .2*(x[4]-4000) + 4*rng.NormFloat64()
		rows[k] = x
		r.add(x, y[k])
	}
	r.fit()
	solve := func(rows [][]float64, y []float64, lambda float64, at []float64) float64 {
		mean, scale := make([]float64, p), make([]float64, p)
		for i := range p {
			for _, x := range rows {
				mean[i] += x[i] / float64(len(rows))
			}
			for _, x := range rows {
				scale[i] += (x[i] - mean[i]) * (x[i] - mean[i]) / float64(len(rows))
			}
			scale[i] = math.Sqrt(scale[i])
		}
		x := mat.NewDense(len(rows), p, nil)
		level := 0.0
		for k := range rows {
			level += y[k] / float64(len(rows))
			for i := range p {
				x.Set(k, i, (rows[k][i]-mean[i])/scale[i])
			}
		}
		var gram mat.Dense
		gram.Mul(x.T(), x)
		for i := range p {
			gram.Set(i, i, gram.At(i, i)+lambda)
		}
		centred := mat.NewVecDense(len(rows), nil)
		for k := range rows {
			centred.SetVec(k, y[k]-level)
		}
		var right, beta mat.VecDense
		right.MulVec(x.T(), centred)
		if err := beta.SolveVec(&gram, &right); err != nil {
			t.Fatal(err)
		}
		for i := range p {
			level += beta.AtVec(i) * (at[i] - mean[i]) / scale[i]
		}
		return level
	}
	for _, x := range rows[:5] {
		if got, want := r.predict(x), solve(rows, y, r.lambda, x); math.Abs(got-want) > 1e-6 {
			t.Errorf("predicted %g, the equations say %g", got, want)
		}
	}
	// Really left out: the features keep the scale of all rows in the closed form, which moves the
	// errors a little but not their order here.
	best, least := 0.0, math.Inf(1)
	for _, lambda := range penalties() {
		sum := 0.0
		for k := range n {
			e := y[k] - solve(slices.Delete(slices.Clone(rows), k, k+1), slices.Delete(slices.Clone(y), k, k+1), lambda, rows[k])
			sum += e * e
		}
		if sum < least {
			best, least = lambda, sum
		}
	}
	if r.lambda != best {
		t.Errorf("penalty %g, by leaving out it is %g", r.lambda, best)
	}
}

// TestWidthFollowsCoverage lets the spread of errors treble and finds eight of ten values within
// the outer quantiles again.
func TestWidthFollowsCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const slots = 24
	g := width(1)
	for _, spread := range []float64{1, 3, .6} {
		var in, n float64
		for day := range 200 {
			d := newDay(slots)
			within := 0.0
			for slot := range slots {
				for i := range d.q[slot] {
					d.q[slot][i] = 1.2816 * float64(i-4) / 4
				}
			}
			g.apply(d)
			for slot := range slots {
				y := spread * rng.NormFloat64()
				within += is(y >= d.q[slot][0] && y <= d.q[slot][8])
			}
			g = g.after(within / slots)
			if day >= 20 {
				in, n = in+within, n+slots
			}
		}
		if c := in / n; spread != 3 && math.Abs(c-.8) > .02 || spread == 3 && (g < mostWidth*.95 || c > .8) {
			t.Errorf("errors of %g: %.3f within, width %.2f", spread, c, g)
		}
	}
	if got := width(1).after(math.NaN()); got != 1 {
		t.Errorf("a day without values moves the width to %g", got)
	}
}

// TestBaselines holds the simple methods to values by hand: ten days of two half-days.
func TestBaselines(t *testing.T) {
	tab := newTable(60)
	tab.first = 19000
	for d := range 10 {
		row := tab.row(19000 + Day(d))
		for slot := range row {
			row[slot] = float64(100*d + slot)
		}
	}
	tab.rows[9][5] = math.NaN()
	const next = Day(19010)
	for name, c := range map[string]struct {
		got  float64
		want float64
	}{
		"yesterday":                     {newLagged(tab, 1).forecast(next).point[3], 903},
		"yesterday where it is missing": {newLagged(tab, 1).forecast(next).point[5], 805},
		"a week ago":                    {newLagged(tab, week).forecast(next).point[3], 303},
		"the last value":                {latest(tab, next)[7], 923},
		"the week's mean":               {weekMean(tab, next)[3], 603},
		"the week's mean with a gap":    {weekMean(tab, next)[5], (305. + 405 + 505 + 605 + 705 + 805) / 6},
		"the envelope":                  {lags{tab, next}.envelope(3), 803},
		"the week's median with a gap":  {second(lags{tab, next}.week(5)), 555},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", name, c.got, c.want)
		}
	}
}

func second(_, b float64) float64 { return b }

// TestSmoothingFollowsItsFormula runs the recursion of ETS(A,N,A) by hand over three days of two
// values, for the rates that it has chosen.
func TestSmoothingFollowsItsFormula(t *testing.T) {
	tab := newTable(60)
	days := [][2]float64{{10, 30}, {14, 38}, {12, 31}}
	for d, v := range days {
		row := tab.row(Day(100 + d))
		for slot := range row {
			row[slot] = v[slot%2]
		}
	}
	s := newSmoothing(tab)
	got := s.means(103)
	best := slices.MinFunc(s.tracks, func(a, b track) int { return int(math.Copysign(1, a.missed-b.missed)) })
	level, season := 20.0, make([]float64, 24)
	for slot := range season {
		season[slot] = days[0][slot%2] - level
	}
	for n, v := range days[1:] {
		gamma := math.Max(best.gamma, 1/float64(n+2))
		for slot := range season {
			e := v[slot%2] - level - season[slot]
			level += best.alpha * e
			season[slot] += gamma * e
		}
	}
	for slot, want := range season {
		if math.Abs(got[slot]-level-want) > 1e-9 {
			t.Errorf("slot %d: %g, by hand %g", slot, got[slot], level+want)
		}
	}
}

// TestSunStandsWhereItDoes holds the sun's position to NOAA's solar calculator.
func TestSunStandsWhereItDoes(t *testing.T) {
	for _, c := range []struct {
		at             time.Time
		lat, lon, want float64 // degrees
	}{
		{time.Date(2026, 6, 21, 12, 0, 0, 0, time.UTC), 51.48, 0, 61.95},     // Greenwich, solstice
		{time.Date(2026, 12, 21, 12, 0, 0, 0, time.UTC), 51.48, 0, 15.1},     // the same in winter
		{time.Date(2026, 3, 20, 12, 8, 0, 0, time.UTC), 0, 0, 89.8},          // the equator at equinox
		{time.Date(2026, 6, 21, 2, 0, 0, 0, time.UTC), -33.87, 151.21, 32.6}, // Sydney, solstice, noon
		{time.Date(2026, 6, 21, 0, 0, 0, 0, time.UTC), 51.48, 0, -15.1},      // midnight
	} {
		got := math.Asin(place{latitude: c.lat, longitude: c.lon}.elevation(c.at)) * 180 / math.Pi
		if math.Abs(got-c.want) > .5 {
			t.Errorf("%s at %g %g: the sun is at %.2f degrees, want %.2f", c.at, c.lat, c.lon, got, c.want)
		}
	}
}

// TestChoiceIsSticky changes the method only for one that is clearly better.
func TestChoiceIsSticky(t *testing.T) {
	skills := func(blend, ets, naive float64, days int) []Skill {
		return []Skill{{Method: "snaive24", Days: days, RPinball: naive}, {Method: "ets", Days: days, RPinball: ets}, {Method: "blend", Days: days, RPinball: blend}}
	}
	for _, c := range []struct {
		skills       []Skill
		before, want string
	}{
		{nil, "", "blend"},
		{skills(.9, .5, 1, 6), "", "blend"},      // too few days
		{skills(.9, .88, 1, 60), "", "blend"},    // hardly better
		{skills(.9, .87, 1, 60), "", "ets"},      // clearly
		{skills(.88, .9, 1, 60), "ets", "ets"},   // not back again for little
		{skills(.87, .9, 1, 60), "ets", "blend"}, // but for more
		{skills(.9, .95, .5, 60), "", "blend"},   // what others are measured by is never chosen
	} {
		if got := choose(c.skills, c.before); got != c.want {
			t.Errorf("%v after %q: chose %s, want %s", c.skills, c.before, got, c.want)
		}
	}
}

func TestElements(t *testing.T) {
	for name, want := range map[string]element{
		"temperature": temperature, "temp": temperature, "t2m": temperature, "Temp_C": temperature, "2t": temperature,
		"outdoor_dry_bulb_temperature": temperature, "air temperature (°C)": temperature,
		"radiation": radiation, "ghi": radiation, "GHI": radiation, "ssrd": radiation, "direct_solar_irradiance": radiation, "shortwave_radiation": radiation,
		"wind": wind, "wind_speed": wind, "ws": wind, "windspeed_10m": wind, "u10": windEast, "10v": windNorth,
		"wind_direction": plain, "tcc": cloud, "cloudcover": cloud, "humidity": plain, "rain": plain, "pressure": plain, "precipitation": plain,
	} {
		if got := elementOf(name); got != want {
			t.Errorf("%s is element %d, want %d", name, got, want)
		}
	}
}

// TestGains turns a column that accumulates over a day into what it gains, and leaves one that
// does not as it is.
func TestGains(t *testing.T) {
	var plain, sum []float64
	for range 6 {
		total := 0.0
		for hour := range 24 {
			v := math.Max(0, 10-math.Abs(float64(hour)-12))
			total += v
			plain, sum = append(plain, v), append(sum, total)
		}
	}
	if got := gains(sum, 24); !slices.EqualFunc(got, plain, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
		t.Errorf("an accumulation comes to %v, want %v", got[:24], plain[:24])
	}
	if got := gains(plain, 24); !slices.Equal(got, plain) {
		t.Errorf("a column that does not accumulate is altered: %v", got[:24])
	}
}

// TestBridge closes short gaps and leaves long ones.
func TestBridge(t *testing.T) {
	nan := math.NaN()
	row := []float64{nan, 1, nan, nan, 4, nan, nan, nan, nan, 9, nan}
	bridge(row, 2)
	want := []float64{1, 1, 2, 3, 4, nan, nan, nan, nan, 9, 9}
	for i := range want {
		if row[i] != want[i] && !(math.IsNaN(row[i]) && math.IsNaN(want[i])) {
			t.Fatalf("%v, want %v", row, want)
		}
	}
}

// What is reckoned once of a pool is what it tells, until another day comes.
func TestAPoolTellsTheSameOnceItIsSettled(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	day := func() []float64 {
		errs := unknown(24)
		for slot := 3; slot < len(errs); slot++ { // of the first slots nothing is known
			errs[slot] = rng.NormFloat64()
		}
		return errs
	}
	settled, other := newPool(24, 60), newPool(24, 60)
	for n := range 6 {
		errs := day()
		settled.add(errs)
		other.add(errs)
		settled.settle()
		for slot := range errs {
			q, mean, ok := settled.at(slot)
			wantQ, wantMean, want := other.at(slot)
			if q != wantQ || mean != wantMean || ok != want {
				t.Fatalf("after %d days slot %d has %v, %g, %t, want %v, %g, %t", n+1, slot, q, mean, ok, wantQ, wantMean, want)
			}
		}
	}
}

// Each slot of an analog's forecast is made of what the days that are most like the day took then, moved by what was usual.
func TestAnAnalogTakesTheDaysThatAreLike(t *testing.T) {
	for _, kind := range []Kind{Load, PV} {
		m, err := Fit(noisy(75, 1, 2), Options{Kind: kind, Method: "analog"})
		if err != nil {
			t.Fatal(err)
		}
		a, d := m.method().(*analogs), m.walk.day
		got, like := a.forecast(d), a.nearestTo(d)
		for slot := range got.q {
			var values []float64
			for _, n := range like {
				if v := a.moved(a.f.t.value(n.d, slot), a.of(d).usual[slot], a.of(n.d).usual[slot]); known(v) && len(values) < nearest {
					values = append(values, v)
				}
			}
			mean := meanOf(values)
			if want := decilesOf(values); got.q[slot] != want || math.Abs(got.mean[slot]-mean) > 1e-9*(1+math.Abs(mean)) {
				t.Fatalf("%s, slot %d: %v about %g, want %v about %g", kind, slot, got.q[slot], got.mean[slot], want, mean)
			}
		}
	}
}
