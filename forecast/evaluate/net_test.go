package evaluate_test

import (
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/forecast/evaluate"
	"github.com/commonwatt/commonwatt/grid"
)

// TestAFeederThatExports evaluates the load of a feeder that many roofs turn round at noon: what
// is forecast of it falls below zero as it does.
func TestAFeederThatExports(t *testing.T) {
	first := grid.IntervalAt(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), 60)
	s := evaluate.Series{Name: "feeder", Series: forecast.Series{First: first}}
	for k := range 24 * 120 {
		hour, day := float64(k%24), float64(k/24)
		sky := 0.6 + 0.4*math.Sin(day*1.7)*math.Cos(day*0.6)
		s.Values = append(s.Values, 300+100*math.Exp(-(hour-19)*(hour-19)/6)-sky*900*math.Max(0, math.Sin((hour-6)/12*math.Pi)))
	}
	below := 0
	r, err := evaluate.Evaluate(s, evaluate.Options{Kind: forecast.Load, TestDays: 28, Now: func() time.Duration { return 0 }, Row: func(row evaluate.Row) {
		if row.Value < -100 && row.Said["blend"].Mean < 0 {
			below++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if below < 28 {
		t.Errorf("%d of the hours that exported were forecast to do so", below)
	}
	for _, m := range r.Methods {
		if m.Method == "snaive24" && (m.Cov80 < .6 || m.RMAE != 1) {
			t.Errorf("the reference covers %.2f, r_mae %.3f", m.Cov80, m.RMAE)
		}
	}
}
