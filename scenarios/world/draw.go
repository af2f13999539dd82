package world

import (
	"math"
)

// What a random draw is for; each has draws of its own.
const (
	drawWeather uint64 = iota + 1
	drawClouds
	drawCloudLag
	drawCarNeed
	drawCarStays
	drawCarLeaves
	drawCarReturns
	drawStandby
	drawFridge
	drawSize
	drawFront
	drawRipple
	drawForeseenAir
	drawForeseenClouds
	drawTrip   = 50  // and the nine after it
	drawWater  = 60  // and the nine after it
	drawHouse  = 70  // and the nine after it
	drawHabit  = 80  // and the nineteen after it
	drawPast   = 100 // and the nine after it
	drawUse    = 200 // and one for each appliance
	drawMinute = 300 // and one for each appliance
	drawLike   = 400 // and one for each appliance
	drawNear   = 500 // and one for each appliance

	drawAppliance = 110 // and the nine after it
)

// hash mixes the words (the finaliser of SplitMix64, Steele et al. 2014).
func hash(words ...uint64) uint64 {
	var h uint64
	for _, w := range words {
		h += w + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// uniform draws from [0, 1).
func uniform(seed, purpose, who, when uint64) float64 {
	return float64(hash(seed, purpose, who, when)>>11) / (1 << 53)
}

// smooth is value noise in [0, 1): random at whole x, eased in between.
func smooth(seed, purpose uint64, x float64) float64 { return new(eased).value(seed, purpose, x) }

// eased is value noise of one seed and purpose that remembers its last two draws.
type eased struct {
	known bool
	at    uint64
	a, b  float64
}

func (e *eased) value(seed, purpose uint64, x float64) float64 {
	floor := math.Floor(x)
	if at := uint64(int64(floor)); !e.known || at != e.at {
		*e = eased{true, at, uniform(seed, purpose, 0, at), uniform(seed, purpose, 0, at+1)}
	}
	t := x - floor
	t = t * t * (3 - 2*t)
	return e.a + (e.b-e.a)*t
}
