package world

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// Neighbourhood returns n homes in a sensible mix: most with PV, some with a
// battery or a car, some with nothing but a meter. Sizes vary with the seed.
func Neighbourhood(n int, seed uint64) []Home {
	mix := []Home{
		{Persons: 4, PV: Panels{Peak: 8200, Tilt: 35, Azimuth: 0}, Battery: Storage{10000, 5000}, Charger: 11000},
		{Persons: 2, PV: Panels{Peak: 5000, Tilt: 30, Azimuth: -40}, Battery: Storage{7500, 3600}},
		{Persons: 1},
		{Persons: 4, PV: Panels{Peak: 9600, Tilt: 25, Azimuth: 60}, Charger: 11000},
		{Persons: 2, PV: Panels{Peak: 6000, Tilt: 40, Azimuth: 10}, Battery: Storage{5000, 2500}, Office: true},
		{Persons: 5, Charger: 7400},
		{Persons: 3, PV: Panels{Peak: 7000, Tilt: 35, Azimuth: -20}, Battery: Storage{10000, 5000}, Charger: 11000, Office: true},
		{Persons: 2, PV: Panels{Peak: 800, Tilt: 80, Azimuth: 30}},
		{Persons: 5, PV: Panels{Peak: 10000, Tilt: 20, Azimuth: 90}, Battery: Storage{13500, 5000}},
		{Persons: 2, PV: Panels{Peak: 4500, Tilt: 35, Azimuth: 20}},
		{Persons: 4, PV: Panels{Peak: 7500, Tilt: 30, Azimuth: -60}, Battery: Storage{10000, 5000}, Charger: 7400},
		{Persons: 3, PV: Panels{Peak: 12000, Tilt: 15, Azimuth: 0}, Battery: Storage{15000, 7000}, Office: true},
	}
	homes := make([]Home, n)
	for i := range homes {
		h := mix[i%len(mix)]
		h.ID = fmt.Sprintf("home-%02d", i+1)
		size := 0.9 + 0.2*uniform(seed, drawSize, uint64(i), 0)
		h.PV.Peak = grid.Power(float64(h.PV.Peak)*size/50) * 50
		homes[i] = h
	}
	return homes
}
