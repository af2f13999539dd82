package evaluate

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

func still() time.Duration { return 0 }

// TestMeasuresByHand evaluates yesterday's value on days of +1 and −1 around 10, whose scores are
// known without a program: it errs by 2 each hour.
func TestMeasuresByHand(t *testing.T) {
	s := Series{Name: "s", Series: forecast.Series{First: grid.IntervalAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 60)}}
	const days, test = 80, 10
	for d := range days {
		for range 24 {
			s.Values = append(s.Values, 10+float64(1-2*(d%2)))
		}
	}
	s.Values[days*24-1] = math.NaN() // is not scored
	r, err := Evaluate(s, Options{TestDays: test, Now: still})
	if err != nil {
		t.Fatal(err)
	}
	const values = test*24 - 1
	for _, m := range r.Methods {
		if m.Values != values {
			t.Errorf("%s: %d values, want %d", m.Method, m.Values, values)
		}
		if m.Method != "snaive24" {
			continue
		}
		// The mean of 5 days of 11 and 5 of 9, without one 9, is 2391/239.
		level := (2400. - 9) / values
		for name, c := range map[string][2]float64{
			"mae": {m.MAE, 2}, "rmse": {m.RMSE, 2}, "nmae": {m.NMAE, 2 / level}, "mase": {m.MASE, 1},
			"r_mae": {m.RMAE, 1}, "r_rmse": {m.RRMSE, 1}, "r_pinball": {m.RPinball, 1},
			"rcrps": {m.RCRPS, 2 * m.Pinball / level},
		} {
			if math.Abs(c[0]-c[1]) > 1e-9 {
				t.Errorf("%s is %g, want %g", name, c[0], c[1])
			}
		}
		// The last 56 differences are 28 of +2 and 28 of −2: the quantiles of a day of 11 are 9 up to
		// the middle and 13 above it, and 9 comes (or the same turned round).
		//  9 comes: q .1–.4 = 9 lose 0, .5 = 11 loses .5·2, .6–.9 = 13 lose (1−τ)·4 = 1.6+1.2+.8+.4
		want := (1 + 4.0) / 9
		if math.Abs(m.Pinball-want) > 1e-9 || m.Cov80 != 1 {
			t.Errorf("pinball %g, by hand %g; cov80 %g", m.Pinball, want, m.Cov80)
		}
	}
	if got := pinball(9, [9]float64{9, 9, 9, 9, 11, 13, 13, 13, 13}); math.Abs(got-5./9) > 1e-12 {
		t.Errorf("pinball %g, by hand %g", got, 5./9)
	}
}

// TestDaysOfTheTest counts days by the wall clock: 23, 24 and 25 hours, both passes of the hour
// that comes twice scored apart.
func TestDaysOfTheTest(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, c := range []struct {
		from string
		want int // values of the last two days
	}{{"2026-08-01", 49}, {"2026-01-03", 47}} {
		begin, err := time.ParseInLocation("2006-01-02", c.from, berlin)
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{"2026-08-01": "2026-10-26", "2026-01-03": "2026-03-30"}[c.from]
		end, err := time.ParseInLocation("2006-01-02", last, berlin)
		if err != nil {
			t.Fatal(err)
		}
		s := Series{Series: forecast.Series{First: grid.IntervalAt(begin, 60)}}
		for at := begin; at.Before(end); at = at.Add(time.Hour) {
			s.Values = append(s.Values, float64(100+at.In(berlin).Hour()))
		}
		rows := 0
		r, err := Evaluate(s, Options{TestDays: 2, Zone: berlin, Now: still, Row: func(Row) { rows++ }})
		if err != nil {
			t.Fatal(err)
		}
		if r.Methods[0].Values != c.want || rows != c.want {
			t.Errorf("until %s: %d values and %d rows, want %d", last, r.Methods[0].Values, rows, c.want)
		}
		for _, m := range r.Methods {
			if m.Method == "mean7" && m.MAE > 1e-9 {
				t.Errorf("until %s: the week's mean errs by %g on days that are all alike by the wall clock", last, m.MAE)
			}
		}
	}
}

func TestTooShortForItsTest(t *testing.T) {
	s := Series{Name: "load", Series: forecast.Series{First: grid.Interval{Minutes: 60}, Values: make([]float64, 24*10)}}
	if _, err := Evaluate(s, Options{TestDays: 91, Now: still}); err == nil || !strings.Contains(err.Error(), "series load has 10 days, too few for a test of 91") {
		t.Errorf("error %v", err)
	}
}

// TestBars evaluates the homes of the CityLearn Challenge 2022, where they are there, against what
// forecasts of them must come to: the mean over the homes of the ratio to yesterday's value.
func TestBars(t *testing.T) {
	const folder = "../../../shared/data/citylearn2022"
	if !CityLearn(folder) {
		t.Skip("SKIPPED: the bars of forecasts: the CityLearn data is not here")
	}
	if testing.Short() {
		t.Skip("SKIPPED: the bars of forecasts: -short")
	}
	evaluate := func(all []Series, kind forecast.Kind) []*Result {
		var out []*Result
		for _, s := range all {
			r, err := Evaluate(s, Options{Kind: kind, TestDays: 91, Now: still})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
		return out
	}
	read := func(kind forecast.Kind) []Series {
		all, err := ReadCityLearn(folder, kind)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	loads, plants := read(forecast.Load), read(forecast.PV)
	if len(loads) != 15 || len(plants) != 16 {
		t.Fatalf("%d loads and %d plants", len(loads), len(plants))
	}
	sum, err := Sum("sum", loads)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		results      []*Result
		mae, pinball float64
	}{
		{"home load", evaluate(loads, forecast.Load), .85, .79},
		{"15 homes' load summed", evaluate([]Series{sum}, forecast.Load), .89, .86},
		{"home PV", evaluate(plants, forecast.PV), .88, .81},
	} {
		for _, m := range Means(c.results) {
			if m.Method != "blend" && m.Method != forecast.Best {
				continue
			}
			t.Logf("%s, %s: r_mae %.3f (at most %.2f), r_pinball %.3f (%.2f), cov80 %.3f, rcrps %.3f", c.name, m.Method, m.RMAE, c.mae, m.RPinball, c.pinball, m.Cov80, m.RCRPS)
			if m.RMAE > c.mae || m.RPinball > c.pinball || m.Cov80 < .78 || m.Cov80 > .82 {
				t.Errorf("%s, %s: %+v", c.name, m.Method, m)
			}
		}
		for _, r := range c.results {
			for _, m := range r.Methods {
				if m.Method == "blend" && (m.Cov80 < .74 || m.Cov80 > .86) {
					t.Errorf("%s, %s: cov80 %.3f", c.name, r.Series, m.Cov80)
				}
			}
		}
	}
}

// TestFilesAndPictures writes what the command writes.
func TestFilesAndPictures(t *testing.T) {
	s := Series{Name: "load", Series: forecast.Series{First: grid.IntervalAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 60)}}
	for k := range 70 * 24 {
		s.Values = append(s.Values, 300+100*math.Sin(float64(k)/24*2*math.Pi)+float64(k*k%71))
	}
	var rows []Row
	r, err := Evaluate(s, Options{TestDays: 9, Now: still, Row: func(r Row) { rows = append(rows, r) }})
	if err != nil {
		t.Fatal(err)
	}
	var scores, forecasts, table bytes.Buffer
	if err := WriteScores(&scores, []*Result{r}); err != nil || strings.Count(scores.String(), "\n") != len(r.Methods)+1 {
		t.Errorf("%v\n%s", err, scores.String())
	}
	if err := WriteForecasts(&forecasts, Default(), rows); err != nil || strings.Count(forecasts.String(), "\n") != 9*24+1 || !strings.HasPrefix(forecasts.String(), "time,value,mean,q10,q20,q30,q40,q50,q60,q70,q80,q90\n2026-03-03T00:00:00Z,") {
		t.Errorf("%v\n%.300s", err, forecasts.String())
	}
	if err := Print(&table, "load", r.Methods, false); err != nil || !strings.Contains(table.String(), fmt.Sprintf("%.3f", r.Methods[0].RMAE)) {
		t.Errorf("%v\n%s", err, table.String())
	}
	for _, draw := range []func() ([]Picture, error){
		func() ([]Picture, error) { return DrawForecast("load", "load", rows, time.UTC) },
		func() ([]Picture, error) { return DrawSkill(Means([]*Result{r})) },
		func() ([]Picture, error) { return DrawReliability([]*Result{r}) },
	} {
		pictures, err := draw()
		if err != nil || len(pictures) != 2 || !bytes.HasPrefix(pictures[0].Data, []byte("\x89PNG")) || !bytes.Contains(pictures[1].Data, []byte("<svg")) {
			t.Errorf("pictures of %d: %v", len(pictures), err)
		}
	}
}
