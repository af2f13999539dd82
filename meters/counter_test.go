package meters

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// says has a counter check a register that is as good as a Wh.
func says(c *counter, value, wraps grid.Energy, at time.Time) (grid.Energy, error) {
	total, _, err := c.check(shown{value: value, wraps: wraps, step: 1, at: at, zeroValid: c.zeroValid})
	return total, err
}

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
		{"a short jump beyond the rated power is held back", append(slices.Repeat([]grid.Energy{900_000_000}, confirmations-1), 100_010), append(make([]bool, confirmations-1), true)},
		{"a leap does not confirm the one before it", leaps, make([]bool, len(leaps))},
		{"below zero there is nothing", []grid.Energy{-5, -5, -5, -5, -5, 100_000}, []bool{false, false, false, false, false, true}},
		{"the largest number there is", []grid.Energy{math.MaxInt64, math.MaxInt64 - 1, 100_001}, []bool{false, false, true}},
		{"what grows is taken", []grid.Energy{100_000, 100_001, 101_000}, []bool{true, true, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &counter{most: mostPower}
			x.accept(100_000, start)
			for i, v := range c.values {
				_, err := says(x, v, 0, start.Add(time.Duration(i+1)*time.Minute))
				if taken := err == nil; taken != c.taken[i] {
					t.Errorf("value %d (%d Wh): taken %t, want %t: %v", i, v, taken, c.taken[i], err)
				}
			}
		})
	}
}

// TestAJumpIsConfirmedBeforeItCounts reads a register once a second that gains 1 Wh each
// time. What it shows for less than a minute is not taken, also without any rating; what
// stays is taken then.
func TestAJumpIsConfirmedBeforeItCounts(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name        string
		most        grid.Power
		jump        grid.Energy
		seconds     int // that it lasts
		takenInJump int
	}{
		{"10 kWh for two seconds, no rating", Bound(), 10_000, 2, 0},
		{"10 kWh for 59 seconds, no rating", Bound(), 10_000, 59, 0},
		{"a torn register of 32 bits", Bound(10_000), 65_536, 1, 0},
		{"half a kWh at a home of 11 kW", Bound(11_000), 500, 2, 0},
		{"200 Wh for 59 seconds at a home of 11 kW, which could have taken so much by then", Bound(11_000), 200, 59, 0},
		{"10 kWh that stay", Bound(11_000), 10_000, 100, 40},
		{"what was counted while the register stood still", Bound(11_000), 90, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &counter{most: c.most}
			taken := 0
			for k := range 300 {
				at := start.Add(time.Duration(k) * time.Second)
				value := 9000 + grid.Energy(k)
				jumping := k >= 100 && k < 100+c.seconds
				if jumping {
					value += c.jump
				}
				total, err := says(x, value, 0, at)
				switch {
				case err == nil && total != value:
					t.Fatalf("second %d: the register shows %d Wh and the total is %d", k, value, total)
				case err == nil && jumping:
					taken++
				case err != nil && !jumping && c.takenInJump == 0:
					t.Errorf("second %d: %v", k, err)
				}
			}
			if taken != c.takenInJump {
				t.Errorf("%d readings of the jump were taken, want %d", taken, c.takenInJump)
			}
		})
	}
}

// TestACounterWhoseClockRunsBackwards reads a register while the clock is put back by a day.
func TestACounterWhoseClockRunsBackwards(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	x := &counter{most: 10_000}
	for k := range grid.Energy(10) {
		at := start.Add(time.Duration(k) * time.Second)
		if k > 4 {
			at = at.Add(-24 * time.Hour)
		}
		if _, err := says(x, 9000+k, 0, at); err != nil {
			t.Errorf("reading %d: %v", k, err)
		}
	}
}

// TestAZeroIsNoFirstTotal begins without memory: the zero of a wake-up must not
// become the total that the first good value is billed against.
func TestAZeroIsNoFirstTotal(t *testing.T) {
	start := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)
	x := &counter{most: mostPower}
	if _, err := says(x, 0, 0, start); err == nil {
		t.Error("the zero was taken")
	}
	if _, err := says(x, 187_000_000, 0, start.Add(time.Second)); err != nil {
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
		got, err := says(x, c.register, wraps, start.Add(time.Duration(i+1)*time.Second))
		if err != nil || got != c.total {
			t.Errorf("register %d: total %d, %v, want %d", c.register, got, err, c.total)
		}
	}
	again := &counter{most: 10_000}
	again.accept(wraps+50, start.Add(time.Minute))
	if got, err := says(again, 60, wraps, start.Add(2*time.Minute)); err != nil || got != wraps+60 {
		t.Errorf("after a restart: total %d, %v, want %d", got, err, wraps+60)
	}
	if got, err := says(again, 5_000_000, wraps, start.Add(3*time.Minute)); err == nil {
		t.Errorf("a register that fell to 5 MWh, where 10 kW cannot have brought it, was taken as %d", got)
	}
}
