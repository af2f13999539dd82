package likeness_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/scenarios/world/likeness"
)

func row(n string, x likeness.Stats) {
	fmt.Printf("%5s mean %5.0f cv %.2f peak %.1f lf %.2f l1 %.2f l24 %.2f l168 %.2f nmae %.2f we %.2f eve %.2f night %.2f win %.2f sum %.2f\n", n, x.Mean, x.CV, x.Peak, x.LoadFactor, x.Lag1, x.Lag24, x.Lag168, x.NMAE, x.Weekend, x.Evening, x.Dark, x.Winter, x.Summer)
}

func TestX(t *testing.T) {
	for b := 1; b <= 17; b++ {
		if b == 12 || b == 15 {
			continue
		}
		f, err := os.Open(fmt.Sprintf("/work/shared/data/citylearn2022/Building_%d.csv", b))
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := csv.NewReader(f).ReadAll()
		s := likeness.Series{First: time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC)}
		for _, r := range rows[2 : 2+8736] {
			v, _ := strconv.ParseFloat(r[7], 64)
			s.Values = append(s.Values, v*1000)
		}
		row(fmt.Sprint(b), likeness.Of(s))
	}
	for _, street := range world.Streets() {
		start := time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)
		spec := street.Of(world.Spec{Seed: 1, Start: start.AddDate(0, 0, 364), Latitude: 50, Holidays: []string{world.Germany}}, 12)
		for i := range spec.Homes {
			spec.Homes[i].Battery = world.Storage{}
		}
		var load, total [12]likeness.Series
		var last world.State
		first := true
		world.Before(spec, start, time.Minute, time.Hour, func(s world.State) {
			for i := range s.Homes {
				h := &s.Homes[i]
				if first {
					load[i].First, total[i].First = start, start
				} else {
					l := &last.Homes[i]
					f := func(h *world.HomeState) int64 {
						return h.Imported - h.Exported + h.Produced - h.Delivered - h.Heated - h.Warmed
					}
					g := func(h *world.HomeState) int64 { return h.Imported - h.Exported + h.Produced - h.Delivered }
					load[i].Values = append(load[i].Values, float64(f(h)-f(l))/3600)
					total[i].Values = append(total[i].Values, float64(g(h)-g(l))/3600)
				}
			}
			first, last = false, s
		})
		for i := range load {
			row(fmt.Sprint(street[:3], i), likeness.Of(load[i]))
		}
		for i := range load {
			row(fmt.Sprint("tot", i), likeness.Of(total[i]))
		}
	}
}
