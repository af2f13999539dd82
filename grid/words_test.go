package grid_test

import (
	"math"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

func TestOneIsNoPlural(t *testing.T) {
	if got := grid.Number(1, "home") + ", " + grid.Number(0, "device") + ", " + grid.Number(int64(2), "interval"); got != "1 home, 0 devices, 2 intervals" {
		t.Error(got)
	}
}

func TestMoneyAsPeopleWriteIt(t *testing.T) {
	for m, want := range map[grid.Money]string{
		0: "0.000000", 1: "0.000001", 12_345_678: "12.345678", -250_000: "-0.250000", -3_000_001: "-3.000001", math.MinInt64: "-9223372036854.775808",
	} {
		if got := m.Text(); got != want {
			t.Errorf("%d is %s, want %s", int64(m), got, want)
		}
	}
}
