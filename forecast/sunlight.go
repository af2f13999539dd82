package forecast

import (
	"math"
	"time"
)

// place is where a plant stands.
type place struct {
	latitude, longitude float64 // degrees, + north and east
	wall                wall
}

// elevation returns the sine of the sun's elevation at an instant (Spencer 1971, as in the solar
// calculation of NOAA; to about a quarter of a degree).
func (p place) elevation(t time.Time) float64 {
	t = t.UTC()
	hour := float64(t.Hour()) + float64(t.Minute())/60
	g := 2 * math.Pi / 365 * (float64(t.YearDay()-1) + (hour-12)/24)
	equation := 229.18 * (0.000075 + 0.001868*math.Cos(g) - 0.032077*math.Sin(g) - 0.014615*math.Cos(2*g) - 0.040849*math.Sin(2*g)) // minutes
	declination := 0.006918 - 0.399912*math.Cos(g) + 0.070257*math.Sin(g) - 0.006758*math.Cos(2*g) + 0.000907*math.Sin(2*g) - 0.002697*math.Cos(3*g) + 0.00148*math.Sin(3*g)
	angle := ((hour*60+equation+4*p.longitude)/4 - 180) * math.Pi / 180
	lat := p.latitude * math.Pi / 180
	return math.Sin(lat)*math.Sin(declination) + math.Cos(lat)*math.Cos(declination)*math.Cos(angle)
}

// irradiance returns the horizontal one under a clear sky by the sine of the sun's elevation,
// in kW/m² (Haurwitz 1945).
func irradiance(sine float64) float64 {
	if sine <= 0 {
		return 0
	}
	return 1.098 * sine * math.Exp(-0.059/sine)
}

// sunlight predicts a plant of known power by the sun's position alone, and by what share of it
// the days so far came to: all of them for the plant, those of a slot for the slot. It needs no
// history.
type sunlight struct {
	t     *table
	place place
	peak  float64 // of an interval
	sky   map[Day][]float64
}

// What is known of a plant before it is seen: that it comes to half of what a clear sky would
// give, as much as this many days would tell.
const (
	cloudy = .5
	doubt  = 2.0
)

func (s *sunlight) on(f *features) predictor {
	c := *s
	c.t, c.sky = f.t, map[Day][]float64{}
	return &c
}

// clear returns what a day would give if power followed the horizontal irradiance under a clear
// sky.
func (s *sunlight) clear(d Day) []float64 {
	if row, ok := s.sky[d]; ok {
		return row
	}
	row := make([]float64, s.t.slots)
	zone := s.place.wall.zone
	if zone == nil {
		zone = time.UTC
	}
	y, m, day := d.Time().Date()
	for slot := range row {
		at := time.Date(y, m, day, 0, slot*s.t.minutes+s.t.minutes/2, 0, 0, zone)
		row[slot] = s.peak * irradiance(s.place.elevation(at))
	}
	s.sky[d] = row
	return row
}

func (s *sunlight) means(d Day) []float64 {
	if s.peak <= 0 {
		return nil
	}
	today := s.clear(d)
	got, could := make([]float64, s.t.slots), make([]float64, s.t.slots)
	var gotAll, couldAll float64
	for k := 1; k <= seen; k++ {
		before := s.clear(d - Day(k))
		for slot, c := range before {
			if v := s.t.value(d-Day(k), slot); known(v) {
				got[slot], could[slot] = got[slot]+v, could[slot]+c
				gotAll, couldAll = gotAll+v, couldAll+c
			}
		}
	}
	day := 0.0
	for _, c := range today {
		day += c
	}
	all := (gotAll + doubt*cloudy*day) / math.Max(couldAll+doubt*day, 1e-9)
	out := make([]float64, s.t.slots)
	for slot, c := range today {
		if prior := doubt * c; prior > 0 {
			out[slot] = c * (got[slot] + prior*all) / (could[slot] + prior)
		}
	}
	return out
}
