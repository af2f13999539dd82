package meters

import (
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

func TestCounterHoldsBackWhatCannotBe(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	var leaps []grid.Energy // 1 MWh a minute
	for k := range 2 * confirmations {
		leaps = append(leaps, 200_000_000+grid.Energy(k)*1_000_000)
	}
	for _, c := range []struct {
		name   string
		values []grid.Energy // a minute apart, after 100000
		taken  []bool
	}{
		{"a zero on wake-up is held back for ever", []grid.Energy{0, 0, 0, 0, 0, 0, 100_010}, []bool{false, false, false, false, false, false, true}},
		{"one backward value is held back", []grid.Energy{99_000, 100_010}, []bool{false, true}},
		{"a meter that was replaced is believed after a while", slices.Repeat([]grid.Energy{5}, confirmations+1), append(make([]bool, confirmations-1), true, true)},
		{"a short jump beyond the rated power is held back", append(slices.Repeat([]grid.Energy{900_000_000}, 30), 100_010), append(make([]bool, 30), true)},
		{"a leap does not confirm the one before it", leaps, make([]bool, len(leaps))},
		{"what grows is taken", []grid.Energy{100_000, 100_001, 101_000}, []bool{true, true, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &counter{most: mostPower}
			x.accept(100_000, start)
			for i, v := range c.values {
				_, err := x.check(v, 0, start.Add(time.Duration(i+1)*time.Minute))
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
	if _, err := x.check(0, 0, start); err == nil {
		t.Error("the zero was taken")
	}
	if _, err := x.check(187_000_000, 0, start.Add(time.Second)); err != nil {
		t.Errorf("the first good total: %v", err)
	}
}

// TestCounterGoesOnWhereTheRegisterWraps follows a register of 32 bits in tenths
// of a Wh over its end, and over a restart.
func TestCounterGoesOnWhereTheRegisterWraps(t *testing.T) {
	const wraps = 429_496_730 // 2³² × 0.1 Wh
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	x := &counter{most: 10_000}
	x.accept(wraps-40, start)
	for i, c := range []struct{ register, total grid.Energy }{{wraps - 10, wraps - 10}, {20, wraps + 20}, {50, wraps + 50}} {
		got, err := x.check(c.register, wraps, start.Add(time.Duration(i+1)*time.Second))
		if err != nil || got != c.total {
			t.Errorf("register %d: total %d, %v, want %d", c.register, got, err, c.total)
		}
	}
	again := &counter{most: 10_000}
	again.accept(wraps+50, start.Add(time.Minute))
	if got, err := again.check(60, wraps, start.Add(2*time.Minute)); err != nil || got != wraps+60 {
		t.Errorf("after a restart: total %d, %v, want %d", got, err, wraps+60)
	}
	if got, err := again.check(5_000_000, wraps, start.Add(3*time.Minute)); err == nil {
		t.Errorf("a register that fell to 5 MWh, where 10 kW cannot have brought it, was taken as %d", got)
	}
}

// TestAJumpBillsNothing leaves a register at a value that it cannot have reached:
// it is believed at last, and the total goes on from where it was.
func TestAJumpBillsNothing(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	x := &counter{most: 10_000}
	x.accept(100_000, start)
	taken := 0
	for i := range 600 {
		total, err := x.check(287_000+grid.Energy(i), 0, start.Add(time.Duration(i+1)*time.Minute))
		if err != nil {
			continue
		}
		taken++
		if want := grid.Energy(100_000 + i - confirmations + 1); total != want {
			t.Fatalf("minute %d: total %d Wh, want %d: the jump of 187 kWh was billed", i, total, want)
		}
	}
	if taken != 600-confirmations+1 {
		t.Errorf("%d of 600 values taken", taken)
	}
}
