// Package planning measures what plans (package agent/plan) are worth: it lets homes of a
// recorded year live through its last days, each hour planned anew from what was known by
// then, and compares their bills with those of a rule and of perfect foresight.
//
// The year is that of the CityLearn Challenge 2022 (17 homes in Fontana, California, hourly;
// MIT licence), which is not part of the project: the folder is named by whoever measures.
// Homes 12 and 15 are left out, whose loads are no homes'; each home has the battery and the
// rated power of its sun that schema.json says.
//
// Energies are in Wh, + import; prices in millionths/kWh, money in millionths; the home pays +.
package planning

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Year is the recorded year, by the hour.
type Year struct {
	First  grid.Interval
	Homes  []Home
	Price  []float64 // of the time-of-use tariff
	Carbon []float64 // kg/kWh of the grid: what a dynamic tariff follows here
}

// Home is a recorded home.
type Home struct {
	Name      string
	Load, Sun []float64 // Wh by the hour, both positive
	Capacity  float64   // Wh of the battery
	Power     float64   // W, either way
	OneWay    float64   // efficiency
}

// Net returns load less sun.
func (h *Home) Net() []float64 {
	net := make([]float64, len(h.Load))
	for t := range net {
		net[t] = h.Load[t] - h.Sun[t]
	}
	return net
}

// Hours is how long the year is in whole days: its first row belongs to the day before.
const Hours = 8736

type schema struct {
	Buildings map[string]struct {
		Battery struct {
			Attributes struct {
				Capacity   float64 `json:"capacity"`
				Power      float64 `json:"nominal_power"`
				Efficiency float64 `json:"efficiency"`
			} `json:"attributes"`
		} `json:"electrical_storage"`
		PV struct {
			Attributes struct {
				Power float64 `json:"nominal_power"`
			} `json:"attributes"`
		} `json:"pv"`
	} `json:"buildings"`
}

// Read reads the folder.
func Read(dir string) (Year, error) {
	y := Year{First: grid.IntervalAt(time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC), 60)} //nolint:mnd // the hour after the first row
	b, err := os.ReadFile(filepath.Join(dir, "schema.json"))                           //nolint:gosec // the path is the user's
	if err != nil {
		return y, err
	}
	var s schema
	if err := json.Unmarshal(b, &s); err != nil {
		return y, fmt.Errorf("schema.json: %w", err)
	}
	for n := 1; n <= 17; n++ {
		name := fmt.Sprintf("Building_%d", n)
		about, is := s.Buildings[name]
		if n == 12 || n == 15 || !is { // their loads are no homes'
			continue
		}
		columns, err := columns(filepath.Join(dir, name+".csv"), "non_shiftable_load", "solar_generation")
		if err != nil {
			return y, err
		}
		battery := about.Battery.Attributes
		h := Home{Name: name, Capacity: battery.Capacity * 1000, Power: battery.Power * 1000, OneWay: sqrt(battery.Efficiency)}
		for t := range Hours {
			h.Load = append(h.Load, columns[0][t]*1000)
			h.Sun = append(h.Sun, columns[1][t]*about.PV.Attributes.Power)
		}
		y.Homes = append(y.Homes, h)
	}
	price, err := columns(filepath.Join(dir, "pricing.csv"), "electricity_pricing")
	if err != nil {
		return y, err
	}
	carbon, err := columns(filepath.Join(dir, "carbon_intensity.csv"), "carbon_intensity")
	if err != nil {
		return y, err
	}
	for t := range Hours {
		y.Price = append(y.Price, price[0][t]*1e6)
		y.Carbon = append(y.Carbon, carbon[0][t])
	}
	return y, nil
}

// columns returns the named columns of a file from its second row on.
func columns(file string, names ...string) ([][]float64, error) {
	f, err := os.Open(file) //nolint:gosec // the path is the user's
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	const head = 2 // the names, and the last hour of the day before
	if len(rows) < Hours+head {
		return nil, fmt.Errorf("%s: %d rows, and a year has %d", file, len(rows)-head, Hours)
	}
	all := make([][]float64, len(names))
	for k, name := range names {
		at := slices.Index(rows[0], name)
		if at < 0 {
			return nil, fmt.Errorf("%s: no column %q", file, name)
		}
		for n, row := range rows[head : Hours+head] {
			v, err := strconv.ParseFloat(row[at], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: row %d: %w", file, n+head+1, err)
			}
			all[k] = append(all[k], v)
		}
	}
	return all, nil
}
