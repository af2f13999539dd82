package meters

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

func TestCounterHoldsBackWhatCannotBe(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		values []grid.Energy // a minute apart, after 100000
		taken  []bool
	}{
		{"a zero on wake-up is held back for ever", []grid.Energy{0, 0, 0, 0, 0, 0, 100_010}, []bool{false, false, false, false, false, false, true}},
		{"one backward value is held back", []grid.Energy{99_000, 100_010}, []bool{false, true}},
		{"a meter that was replaced is believed after a while", []grid.Energy{5, 6, 7, 8, 9, 10}, []bool{false, false, false, false, true, true}},
		{"a jump beyond the rated power is held back", []grid.Energy{900_000, 100_010}, []bool{false, true}},
		{"what grows is taken", []grid.Energy{100_000, 100_001, 101_000}, []bool{true, true, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &counter{most: mostPower}
			x.accept(100_000, start)
			for i, v := range c.values {
				err := x.check(v, start.Add(time.Duration(i+1)*time.Minute))
				if taken := err == nil; taken != c.taken[i] {
					t.Errorf("value %d (%d Wh): taken %t, want %t: %v", i, v, taken, c.taken[i], err)
				}
			}
		})
	}
}
