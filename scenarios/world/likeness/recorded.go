package likeness

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"
)

// Recorded reads the loads of the homes of the CityLearn Challenge 2022 (17 homes in Fontana,
// California, hourly; MIT) from its folder. Homes 12 and 15 are left out, whose loads are no loads,
// and the first row, which is of the day before. Rates are kWh; the year begins on Monday, the 1st of
// August 2016.
func Recorded(folder fs.FS) (homes []Series, err error) {
	const all, rows, load = 17, 364 * hours, 7
	for n := 1; n <= all; n++ {
		if slices.Contains([]int{12, 15}, n) {
			continue
		}
		name := fmt.Sprintf("Building_%d.csv", n)
		f, err := folder.Open(name)
		if err != nil {
			return nil, err
		}
		table, err := csv.NewReader(f).ReadAll()
		if err := f.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		const first = 2
		if len(table) < first+rows || table[0][load] != "non_shiftable_load" {
			return nil, fmt.Errorf("%s: want %d hours, and their loads in column %d", name, rows, load+1)
		}
		s := Series{First: time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC)}
		for k, row := range table[first : first+rows] {
			kWh, err := strconv.ParseFloat(row[load], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: row %d: %w", name, first+k+1, err)
			}
			s.Values = append(s.Values, 1000*kWh)
		}
		homes = append(homes, s)
	}
	return homes, nil
}
