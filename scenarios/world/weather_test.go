package world_test

import (
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestClimate compares the temperatures of five years at 52.5° with those of Berlin, whose monthly
// means of 1991 to 2020 are 0.9 °C in January, 10.2 °C in April, 19.4 °C in July and 10.0 °C in October, within 2 K.
func TestClimate(t *testing.T) {
	t.Parallel()
	sum, n := map[time.Month]float64{}, map[time.Month]float64{}
	lowest, highest, byHour := 99.0, -99.0, [24]float64{}
	for seed := range uint64(5) {
		s := world.Spec{Seed: seed, Latitude: 52.5, Seasons: true}
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(time.Hour) {
			w := s.Weather(at)
			sum[at.Month()], n[at.Month()] = sum[at.Month()]+w.Outdoor, n[at.Month()]+1
			lowest, highest = min(lowest, w.Outdoor), max(highest, w.Outdoor)
			byHour[at.Hour()] += w.Outdoor
			if w.Clearness < 0.12 || w.Clearness > 1 {
				t.Fatalf("%s: clearness %.2f", at, w.Clearness)
			}
		}
	}
	for month, want := range map[time.Month]float64{time.January: 0.9, time.April: 10.2, time.July: 19.4, time.October: 10} {
		if got := sum[month] / n[month]; math.Abs(got-want) > 2 {
			t.Errorf("%s has %.1f °C, Berlin %.1f", month, got, want)
		}
	}
	if lowest > -5 || lowest < -18 || highest < 26 || highest > 37 || byHour[15] < byHour[4]+3*5*365 {
		t.Errorf("%.1f to %.1f °C, %.0f at four and %.0f at fifteen", lowest, highest, byHour[4]/5/365, byHour[15]/5/365)
	}
	south, north := world.Spec{Latitude: -50}, world.Spec{Latitude: 50}
	if at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC); south.Weather(at).Outdoor > north.Weather(at).Outdoor {
		t.Error("July is no winter in the south")
	}
}

// TestForeseen compares a year of forecasts with what came: the error of the temperature has no bias
// worth speaking of and grows with the lead, that of the clouds too; the same forecast says the same
// however often it is asked, and the next one something else.
func TestForeseen(t *testing.T) {
	t.Parallel()
	s := world.Spec{Seed: 4, Latitude: 50, Seasons: true}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	errorAt := func(lead time.Duration) (air, bias, sky float64) {
		const n = 4 * 365
		for k := range n {
			issued := begin.Add(time.Duration(k) * 6 * time.Hour)
			at := issued.Add(lead)
			is, said := s.Weather(at), s.Foreseen(issued, at)
			air += (said.Outdoor - is.Outdoor) * (said.Outdoor - is.Outdoor) / n
			bias += (said.Outdoor - is.Outdoor) / n
			sky += math.Abs(said.Clearness-is.Clearness) / n
		}
		return math.Sqrt(air), bias, sky
	}
	lastAir, lastSky := 0.0, 0.0
	for _, lead := range []time.Duration{3 * time.Hour, 12 * time.Hour, 30 * time.Hour, 54 * time.Hour, 96 * time.Hour} {
		air, bias, sky := errorAt(lead)
		t.Logf("%s ahead: off by %.2f K in the mean square, by %.3f of clearness", lead, air, sky)
		if air <= lastAir || sky <= lastSky || math.Abs(bias) > 0.25 {
			t.Errorf("%s ahead: off by %.2f K and %.3f, before by %.2f and %.3f; bias %.2f K", lead, air, sky, lastAir, lastSky, bias)
		}
		lastAir, lastSky = air, sky
	}
	if lastAir < 1.8 || lastAir > 3.5 {
		t.Errorf("four days ahead it is off by %.2f K", lastAir)
	}
	by, at := begin.Add(7*time.Hour), begin.Add(40*time.Hour)
	if s.Foreseen(by, at) != s.Foreseen(by.Add(4*time.Hour), at) || s.Foreseen(by, at) == s.Foreseen(by.Add(6*time.Hour), at) {
		t.Error("a forecast is not what was issued last")
	}
	if s.Foreseen(by, begin) != s.Weather(begin) {
		t.Error("what is over is not known")
	}
}

// TestHolidays checks days of the German calendar, whose Easter Sundays of 2026 and 2027 are the 5th of
// April and the 28th of March (Physikalisch-Technische Bundesanstalt), by whether anybody drives to work.
func TestHolidays(t *testing.T) {
	t.Parallel()
	work := func(day string, holidays ...string) int {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		spec := electric(at.Add(8*time.Hour+40*time.Minute), 60, 1)
		spec.Holidays = holidays
		w := world.New(spec)
		w.Advance(at.Add(8*time.Hour + 45*time.Minute))
		away := 0
		for i, h := range w.State().Homes {
			if spec.Homes[i].Car.Commute > 0 && !h.CarHere {
				away++
			}
		}
		return away
	}
	usual := work("2026-04-07", world.Germany)
	if usual < 20 {
		t.Fatalf("on a working day %d drive to work", usual)
	}
	for _, free := range []string{"2026-04-03", "2026-04-06", "2026-05-14", "2026-05-25", "2027-03-26", "2027-03-29", "2026-12-25", "2026-05-01"} {
		if got := work(free, world.Germany); got > 0 {
			t.Errorf("on %s %d drive to work", free, got)
		}
		if got := work(free); got < 20 {
			t.Errorf("without a calendar %d drive to work on %s", got, free)
		}
	}
	if got := work("2026-04-07", "2026-04-07"); got > 0 {
		t.Errorf("on a day that is named %d drive to work", got)
	}
	if world.CheckHolidays([]string{world.Germany, "2026-12-24"}) != nil || world.CheckHolidays([]string{"france"}) == nil || world.CheckHolidays([]string{"24.12.2026"}) == nil {
		t.Error("holidays are not checked")
	}
}
