package meters

import (
	"slices"
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
		{"a meter that was replaced is believed after a while", slices.Repeat([]grid.Energy{5}, confirmations+1), append(make([]bool, confirmations-1), true, true)},
		{"a jump beyond the rated power is held back however often it comes", append(slices.Repeat([]grid.Energy{900_000_000}, 80), 100_010), append(make([]bool, 80), true)},
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

// TestAZeroIsNoFirstTotal begins without memory: the zero of a wake-up must not
// become the total that the first good value is billed against.
func TestAZeroIsNoFirstTotal(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	x := &counter{most: mostPower}
	if err := x.check(0, start); err == nil {
		t.Error("the zero was taken")
	}
	if err := x.check(187_000_000, start.Add(time.Second)); err != nil {
		t.Errorf("the first good total: %v", err)
	}
}
