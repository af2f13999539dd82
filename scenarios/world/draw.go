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
	drawPast   = 100 // and the four after it
	drawUse    = 200 // and one for each appliance
	drawMinute = 300 // and one for each appliance
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
func smooth(seed, purpose uint64, x float64) float64 {
	floor := math.Floor(x)
	at := uint64(int64(floor))
	a, b := uniform(seed, purpose, 0, at), uniform(seed, purpose, 0, at+1)
	t := x - floor
	t = t * t * (3 - 2*t)
	return a + (b-a)*t
}
