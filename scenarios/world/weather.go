package world

import (
	"math"
	"time"
)

// Weather is that of a place at a time.
type Weather struct {
	Outdoor   float64 // temperature of the air, °C
	Clearness float64 // share of the clear sky's light that the clouds let through, without passing clouds
}

// Weather returns that of the street at a time: what a station there would measure. It has seasons
// where the specification has.
func (s Spec) Weather(at time.Time) Weather {
	now := at.Unix()
	return Weather{Outdoor: s.outdoor(now), Clearness: shaded(s.cover(s.cloudiness(now), now), meanThickness)}
}

// winter is 1 in the middle of winter and −1 in the middle of summer.
func (s Spec) winter(now int64) float64 {
	const year, coldest = 365.2425 * secondsPerDay, 18 * secondsPerDay // the 19th of January
	phase := math.Cos(2 * math.Pi * float64(now-coldest) / year)
	if s.Latitude < 0 {
		phase = -phase
	}
	return phase
}

// cloudiness is the slow weather, in [0, 1), random at every fifth hour.
func (s Spec) cloudiness(now int64) float64 {
	return smooth(s.Seed, drawWeather, float64(now)/(5*3600))
}

// cover is how much of the sky the clouds of a weather cover; with seasons winter is duller.
func (s Spec) cover(cloudiness float64, now int64) float64 {
	const fair, dull = 0.45, 0.22
	cover := cloudiness*1.5 - fair
	if s.Seasons {
		cover += dull * max(0, 0.3+s.winter(now))
	}
	return math.Max(0, cover)
}

// leastClearness passes the thickest clouds.
const leastClearness = 0.12

// shaded is what is left of the light under a cover, whose clouds are as thick as said, 0 to 1.
func shaded(cover, thick float64) float64 {
	return math.Max(leastClearness, 1-math.Min(cover*(0.35+0.65*thick), 1))
}

const meanThickness = 0.5

// The climate by latitude, in K: the means of the year and its swing fall on those of Berlin
// (9.9 and 9.3 at 52.5°) and of the tropics; a front comes every few days, and a clear day is
// warmer and its night colder than a dull one.
const (
	atEquator, byLatitude      = 26.5, 0.32
	swingByLatitude            = 0.18
	fronts, everyDays          = 10.0, 3.5
	ripples                    = 4.0
	dullSwing, clearSwing      = 1.2, 5.0
	warmest                    = 15.0 // o'clock
	hoursADay, degreesAnHour   = 24.0, 15.0
	leastSwing, swingInAWinter = 0.7, 0.3
)

// outdoor returns the temperature of the air in °C.
func (s Spec) outdoor(now int64) float64 {
	days := float64(now) / secondsPerDay
	latitude, winter := math.Abs(s.Latitude), s.winter(now)
	slow := atEquator - byLatitude*latitude - swingByLatitude*latitude*winter +
		fronts*(smooth(s.Seed, drawFront, days/everyDays)-0.5) + ripples*(smooth(s.Seed, drawRipple, days)-0.5)
	hour := math.Mod(float64(now%secondsPerDay)/3600+s.Longitude/degreesAnHour, hoursADay)
	swing := (dullSwing + (clearSwing-dullSwing)*(1-s.cloudiness(now))) * (leastSwing - swingInAWinter*winter)
	return slow + swing*math.Cos(2*math.Pi*(hour-warmest)/hoursADay)
}

// A forecast of the weather is issued every so many hours.
const issuedEvery = 6 * time.Hour

// Foreseen returns the weather of a time as the last forecast that was issued by a moment has it.
// It does not know the weather exactly: its error grows with the time from its issue on, is smooth
// over the hours of one forecast, and another one's is another. At four days' distance the
// temperature is off by about 2.5 K in the mean square and the cloudiness as good as unknown, which
// are the orders of what weather services say of theirs. A time that is over by the issue is as measured.
func (s Spec) Foreseen(by, at time.Time) Weather {
	issued := by.Truncate(issuedEvery)
	ahead := at.Sub(issued).Hours()
	if ahead <= 0 {
		return s.Weather(at)
	}
	const (
		smoothOver = 8 * 3600 // s
		perRootDay = 1.6      // K
		unknown    = 0.35
		forgotten  = 40.0 // h
	)
	run := uint64(issued.Unix())
	off := func(purpose uint64) float64 { // a mean square of about one
		seed := hash(s.Seed, purpose, run)
		return (smooth(seed, purpose, float64(at.Unix())/smoothOver) - 0.5) * math.Sqrt(12)
	}
	now := at.Unix()
	clouds := s.cloudiness(now) + unknown*(1-math.Exp(-ahead/forgotten))*off(drawForeseenClouds)
	return Weather{
		Outdoor:   s.outdoor(now) + perRootDay*math.Sqrt(ahead/hoursADay)*off(drawForeseenAir),
		Clearness: shaded(s.cover(min(max(clouds, 0), 1), now), meanThickness),
	}
}
