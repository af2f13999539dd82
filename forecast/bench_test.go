package forecast_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/forecast"
)

// BenchmarkFit fits a year. The bar is one second.
func BenchmarkFit(b *testing.B) {
	for _, kind := range kinds() {
		for name, minutes := range map[string]int{"hours": 60, "quarters": 15} {
			b.Run(kind.String()+"/"+name, func(b *testing.B) {
				s := synthetic(kind, 365, minutes, 1)
				for b.Loop() {
					fit(b, s, forecast.Options{Kind: kind})
				}
			})
		}
	}
}

// BenchmarkLook forecasts 48 hours in quarters of an hour, with 14 scenarios. The bar is ten
// milliseconds.
func BenchmarkLook(b *testing.B) {
	for _, kind := range kinds() {
		b.Run(kind.String(), func(b *testing.B) {
			s := synthetic(kind, 365, 15, 1)
			m := fit(b, s, forecast.Options{Kind: kind})
			recent := tail(s, 50)
			days := forecast.Days(14, m)
			b.ReportAllocs()
			for b.Loop() {
				look(b, m, recent, 192).Paths(days)
			}
		})
	}
}
