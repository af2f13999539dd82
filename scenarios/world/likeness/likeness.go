// Package likeness tells how like the loads of simulated homes are to those of real ones, by what
// matters to whoever forecasts and plans: how even a load is, how much tomorrow is like today, and
// when in the day it comes.
//
// # Statistics
//
// Of hourly energies y of whole local days, first hour first, with the mean m:
//
//	CV            standard deviation / m
//	peak          largest y / m
//	load factor   mean over the days of a day's mean / its largest hour
//	lag k         autocorrelation at k hours: Σ(y[t]−m)(y[t−k]−m) / Σ(y[t]−m)²
//	yesterday     mean |y[t] − y[t−24]| / m: the error of saying that a day is as the one before
//	weekend       mean of Saturdays and Sundays / mean of the other days
//	evening       share of the energy from 17 to 22 o'clock, night from 0 to 5
//	winter        mean of December to February / m; summer of June to August
//
// A profile is the mean of each hour of the day, divided by the mean of all.
package likeness

import (
	"math"
	"slices"
	"time"
)

// Series are hourly energies of whole days.
type Series struct {
	First  time.Time // its clock is that of the homes
	Values []float64 // Wh
}

// Stats are what is told of a series, by name; see the package.
type Stats struct {
	Mean                   float64 // W
	CV, Peak, LoadFactor   float64
	Lag1, Lag24, Lag168    float64
	Yesterday              float64
	Weekend, Evening, Dark float64
	Winter, Summer         float64
}

const hours = 24

// Of returns the statistics of a series.
func Of(s Series) Stats {
	m := mean(s.Values)
	out := Stats{
		Mean: m, CV: math.Sqrt(covariance(s.Values, m, 0)) / m, Peak: slices.Max(s.Values) / m, LoadFactor: loadFactor(s.Values),
		Lag1: lag(s.Values, m, 1), Lag24: lag(s.Values, m, hours), Lag168: lag(s.Values, m, 7*hours),
	}
	for t := hours; t < len(s.Values); t++ {
		out.Yesterday += math.Abs(s.Values[t]-s.Values[t-hours]) / float64(len(s.Values)-hours) / m
	}
	part := func(is func(at time.Time) bool) float64 { return mean(s.where(is)) / m }
	out.Weekend = part(weekend) / part(func(at time.Time) bool { return !weekend(at) })
	const evening, night = 5.0, 5.0
	out.Evening = part(func(at time.Time) bool { return at.Hour() >= 17 && at.Hour() < 22 }) * evening / hours
	out.Dark = part(func(at time.Time) bool { return at.Hour() < 5 }) * night / hours
	out.Winter, out.Summer = part(func(at time.Time) bool { return Season(at) == Winter }), part(func(at time.Time) bool { return Season(at) == Summer })
	return out
}

// The seasons that profiles are told of.
const (
	Winter = iota // December to February
	Spring
	Summer // June to August
	Autumn
)

// Season returns that of a time.
func Season(at time.Time) int { return int(at.Month()) % 12 / 3 }

func weekend(at time.Time) bool { return at.Weekday() == time.Saturday || at.Weekday() == time.Sunday }

// Profile returns the shape of the days of a season, of weekends or of the other days.
func (s Series) Profile(season int, weekends bool) (shape [hours]float64) {
	of := func(at time.Time) bool { return Season(at) == season && weekend(at) == weekends }
	all := mean(s.where(of))
	for h := range shape {
		shape[h] = mean(s.where(func(at time.Time) bool { return of(at) && at.Hour() == h })) / all
	}
	return shape
}

func (s Series) where(is func(at time.Time) bool) (some []float64) {
	for k, v := range s.Values {
		if is(s.First.Add(time.Duration(k) * time.Hour)) {
			some = append(some, v)
		}
	}
	return some
}

func mean(y []float64) (m float64) {
	for _, v := range y {
		m += v / float64(len(y))
	}
	return m
}

// covariance is that of a series with itself k hours before.
func covariance(y []float64, m float64, k int) (sum float64) {
	for t := k; t < len(y); t++ {
		sum += (y[t] - m) * (y[t-k] - m) / float64(len(y))
	}
	return sum
}

func lag(y []float64, m float64, k int) float64 { return covariance(y, m, k) / covariance(y, m, 0) }

func loadFactor(y []float64) (f float64) {
	days := float64(len(y) / hours)
	for day := range slices.Chunk(y, hours) {
		if most := slices.Max(day); most > 0 {
			f += mean(day) / most / days
		}
	}
	return f
}
