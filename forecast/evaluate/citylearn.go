package evaluate

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// CityLearn tells whether a folder is one of the CityLearn Challenge 2022 (Vázquez-Canteli and
// others; MIT), which has a file for each of its homes.
func CityLearn(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "Building_1.csv"))
	return err == nil
}

// Of a folder of CityLearn: row 0 is the last hour of July 2016, so that days begin at row 1.
// Loads 12 and 15 and the plant of home 15 have defects and are left out. Its weather is of
// another year and never read. Times are those of the wall clock, but no hour is missing or
// repeated: they are taken as they are, without a zone.
const (
	cityHomes = 17
	cityRows  = 364 * 24
)

// ReadCityLearn reads the homes' loads in Wh, or their plants in Wh per kW of rated power.
func ReadCityLearn(folder string, kind forecast.Kind) ([]Series, error) {
	column, out := "non_shiftable_load", []int{12, 15}
	unit := 1000.0 // the file has kWh
	if kind == forecast.PV {
		column, out, unit = "solar_generation", []int{15}, 1
	}
	first := grid.IntervalAt(time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC), 60)
	var all []Series
	for home := 1; home <= cityHomes; home++ {
		if slices.Contains(out, home) {
			continue
		}
		values, err := readCityHome(filepath.Join(folder, fmt.Sprintf("Building_%d.csv", home)), column, unit)
		if err != nil {
			return nil, err
		}
		all = append(all, Series{Name: fmt.Sprintf("home %d", home), Series: forecast.Series{First: first, Values: values}})
	}
	return all, nil
}

func readCityHome(file, column string, unit float64) ([]float64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	at := slices.Index(rows[0], column)
	if at < 0 || len(rows) < cityRows+2 {
		return nil, &ReadError{File: file, Text: fmt.Sprintf("it is no home of the CityLearn Challenge 2022: it must have a column %s and %d rows", column, cityRows+1)}
	}
	values := make([]float64, cityRows)
	for k := range values {
		v, err := strconv.ParseFloat(rows[k+2][at], 64)
		if err != nil {
			return nil, &ReadError{file, k + 3, 0, fmt.Sprintf("%q is no number", rows[k+2][at])}
		}
		values[k] = v * unit
	}
	return values, nil
}

// Sum returns the sum of series that begin and end together, NaN where one is missing.
func Sum(name string, all []Series) (Series, error) {
	sum := Series{Name: name, Series: forecast.Series{First: all[0].First}, Weather: all[0].Weather}
	for _, s := range all {
		if s.First != sum.First || len(s.Values) != len(all[0].Values) {
			return Series{}, fmt.Errorf("series %s and %s do not begin and end together: they have no sum", all[0].Name, s.Name)
		}
	}
	for k := range all[0].Values {
		v := 0.0
		for _, s := range all {
			v += s.Values[k]
		}
		sum.Values = append(sum.Values, v)
	}
	return sum, nil
}
