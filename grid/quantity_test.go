package grid_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

func TestParsePowerAndEnergy(t *testing.T) {
	for text, want := range map[string]grid.Power{
		"10 kW": 10_000, "4.6kW": 4600, "0 kW": 0, "800 W": 800, " 1.234 kW ": 1234,
		"": -1, "10": -1, "10 kWh": -1, "1.5 W": -1, "1.2345 kW": -1, "-1 kW": -1, "9999999999 W": -1,
	} {
		if got, err := grid.ParsePower(text); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]grid.Energy{"10 kWh": 10_000, "800 Wh": 800, "7.5 kWh": 7500, "10 kW": -1} {
		if got, err := grid.ParseEnergy(text); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
}
