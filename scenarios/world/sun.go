package world

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// sun is the position of the sun and the clear-sky irradiance at one time.
type sun struct {
	elevation float64 // radians
	azimuth   float64 // radians from south, + west
	global    float64 // clear-sky irradiance on the horizontal, W/m²
}

const degree = math.Pi / 180

// sunAt computes the sun for the neighbourhood's place.
func (w *World) sunAt(now int64) sun {
	const j2000 = 946728000 // unix time of 2000-01-01 12:00 UTC
	days := float64(now-j2000) / 86400
	anomaly := (357.528 + 0.9856003*days) * degree
	longitude := (280.460 + 0.9856474*days + 1.915*math.Sin(anomaly) + 0.020*math.Sin(2*anomaly)) * degree
	obliquity := (23.439 - 0.0000004*days) * degree
	declination := math.Asin(math.Sin(obliquity) * math.Sin(longitude))
	ascension := math.Atan2(math.Cos(obliquity)*math.Sin(longitude), math.Cos(longitude))
	sidereal := (280.46062 + 360.98564737*days + w.spec.Longitude) * degree
	hour := math.Mod(sidereal-ascension, 2*math.Pi)

	latitude := w.spec.Latitude * degree
	sine := math.Sin(latitude)*math.Sin(declination) + math.Cos(latitude)*math.Cos(declination)*math.Cos(hour)
	s := sun{
		elevation: math.Asin(sine),
		azimuth:   math.Atan2(math.Sin(hour), math.Cos(hour)*math.Sin(latitude)-math.Tan(declination)*math.Cos(latitude)),
	}
	if sine > 0 {
		s.global = 1098 * sine * math.Exp(-0.057/sine) // Haurwitz 1945
	}
	return s
}

// dark tells whether lights are wanted.
func (s sun) dark() bool { return s.elevation < 2*degree }

const (
	clearDiffuse   = 0.12 // share of diffuse light under a clear sky
	systemYield    = 0.86 // inverter, wiring, temperature
	startIrradiate = 8    // W/m² below which an inverter sleeps
)

// produce returns the AC power of a generator, ≥ 0. clearness is the share of
// the clear sky's light that the clouds let through.
func (s sun) produce(p Panels, clearness float64) grid.Power {
	if p.Peak == 0 || s.global*clearness < startIrradiate {
		return 0
	}
	diffuseShare := clearDiffuse + (1-clearDiffuse)*(1-clearness)
	diffuse := s.global * clearness * diffuseShare
	beam := s.global * clearness * (1 - diffuseShare) / math.Max(math.Sin(s.elevation), 0.05)

	tilt, azimuth := p.Tilt*degree, p.Azimuth*degree
	incidence := math.Sin(s.elevation)*math.Cos(tilt) + math.Cos(s.elevation)*math.Sin(tilt)*math.Cos(s.azimuth-azimuth)
	plane := beam*math.Max(incidence, 0) + diffuse*(1+math.Cos(tilt))/2
	power := float64(p.Peak) * plane / 1000 * systemYield
	return grid.Power(math.Round(math.Min(power, float64(p.Peak))))
}

// sky is what a home sees of the clouds. It remembers the draws between which they move.
type sky struct {
	lag             float64 // s
	weather, clouds eased
}

// clearness returns the share of light that passes the clouds over a home, in
// [0.12, 1]. Slow weather and passing clouds are shared by the neighbourhood;
// a cloud reaches each home a little earlier or later.
func (w *World) clearness(now int64, home int) float64 {
	s := &w.skies[home]
	at := float64(now) + s.lag
	weather := s.weather.value(w.spec.Seed, drawWeather, at/(5*3600))
	clouds := s.clouds.value(w.spec.Seed, drawClouds, at/420)
	return shaded(w.spec.cover(weather, now), clouds) // mostly fair, at times overcast
}
