package grid

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Power is electric power in W: + import from the grid, consumption or battery
// charging; − export, production or discharging.
type Power int64

// Energy is electric energy in Wh, with the sign rule of Power.
type Energy int64

// Price is a price of energy in millionths of the currency unit per kWh; it
// may be negative.
type Price int64

// Money is an amount in millionths of the currency unit. For a member, +
// receives.
type Money int64

// PerMille is a share in thousandths, such as a battery's state of charge.
type PerMille int

// ErrOverflow reports arithmetic that left the range of its unit.
var ErrOverflow = errors.New("overflow of a 64-bit quantity")

const whPerKWh = 1000

// Cost returns p × e, rounded once to the nearest millionth, half away from
// zero. The cost of positive energy at a positive price is positive: money
// that the one who takes the energy owes. Errors: ErrOverflow.
func (p Price) Cost(e Energy) (Money, error) {
	hi, lo := bits.Mul64(magnitude(int64(p)), magnitude(int64(e)))
	lo, carry := bits.Add64(lo, whPerKWh/2, 0)
	hi += carry
	if hi >= whPerKWh {
		return 0, fmt.Errorf("cost of %d Wh at %d millionths/kWh: %w", e, p, ErrOverflow)
	}
	quotient, _ := bits.Div64(hi, lo, whPerKWh)
	cost, ok := signed(quotient, (p < 0) != (e < 0))
	if !ok {
		return 0, fmt.Errorf("cost of %d Wh at %d millionths/kWh: %w", e, p, ErrOverflow)
	}
	return Money(cost), nil
}

// Add returns m + n. Errors: ErrOverflow.
func (m Money) Add(n Money) (Money, error) {
	sum := m + n
	if (m >= 0) == (n >= 0) && (sum >= 0) != (m >= 0) {
		return 0, fmt.Errorf("sum of %d and %d: %w", m, n, ErrOverflow)
	}
	return sum, nil
}

// Sub returns m − n. Errors: ErrOverflow.
func (m Money) Sub(n Money) (Money, error) {
	difference := m - n
	if (m >= 0) != (n >= 0) && (difference >= 0) != (m >= 0) {
		return 0, fmt.Errorf("difference of %d and %d: %w", m, n, ErrOverflow)
	}
	return difference, nil
}

// Sum adds amounts. Errors: ErrOverflow.
func Sum(amounts ...Money) (Money, error) {
	var total Money
	for _, amount := range amounts {
		var err error
		if total, err = total.Add(amount); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Share is one claimant of a Split.
type Share struct {
	ID     string
	Weight int64 // ≥ 0
}

// Split divides total in proportion to the weights, by largest remainder, ties
// by ID, and returns the parts in the order of the shares. The parts always
// sum to total. With no positive weight nothing can be shared out: the error
// says so unless total is zero.
func Split(total int64, shares []Share) ([]int64, error) {
	var weights uint64
	for _, s := range shares {
		if s.Weight < 0 {
			return nil, fmt.Errorf("split: share %q has the negative weight %d", s.ID, s.Weight)
		}
		sum, carry := bits.Add64(weights, uint64(s.Weight), 0)
		if carry != 0 {
			return nil, fmt.Errorf("split: sum of weights: %w", ErrOverflow)
		}
		weights = sum
	}
	parts := make([]int64, len(shares))
	if total == 0 {
		return parts, nil
	}
	if weights == 0 {
		return nil, fmt.Errorf("split %d: no share has a positive weight", total)
	}
	size := magnitude(total)
	remainders := make([]uint64, len(shares))
	left := size
	whole := make([]uint64, len(shares))
	for i, s := range shares {
		hi, lo := bits.Mul64(size, uint64(s.Weight))
		whole[i], remainders[i] = bits.Div64(hi, lo, weights)
		left -= whole[i]
	}
	for _, i := range byRemainder(shares, remainders)[:left] {
		whole[i]++
	}
	for i := range parts {
		parts[i], _ = signed(whole[i], total < 0)
	}
	return parts, nil
}

// byRemainder orders the indices of shares by remainder, largest first, ties
// by ID.
func byRemainder(shares []Share, remainders []uint64) []int {
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case remainders[a] > remainders[b]:
			return -1
		case remainders[a] < remainders[b]:
			return 1
		default:
			return strings.Compare(shares[a].ID, shares[b].ID)
		}
	})
	return order
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// signed gives the magnitude its sign; ok is false when it does not fit.
func signed(size uint64, negative bool) (v int64, ok bool) {
	const limit = 1 << 63
	switch {
	case negative && size <= limit:
		return int64(-size), true
	case !negative && size < limit:
		return int64(size), true
	default:
		return 0, false
	}
}

// ParsePrice reads a price as people write it, "0.30 EUR/kWh", exactly. The
// unit must be the currency per kWh; more than six decimals are refused.
func ParsePrice(s, currency string) (Price, error) {
	value, err := parseMillionths(s, currency+"/kWh")
	return Price(value), err
}

// ParseMoney reads an amount as people write it, "1.50 EUR", exactly. The unit
// must be the currency; more than six decimals are refused.
func ParseMoney(s, currency string) (Money, error) {
	value, err := parseMillionths(s, currency)
	return Money(value), err
}

func parseMillionths(s, want string) (int64, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	if strings.TrimSpace(unit) != want {
		return 0, fmt.Errorf("%q has not the unit %s: write it as \"0.30 %s\"", s, want, want)
	}
	whole, decimals, _ := strings.Cut(number, ".")
	const places = 6
	digits := whole + decimals + strings.Repeat("0", max(places-len(decimals), 0))
	value, err := strconv.ParseInt(digits, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is out of range", number)
	}
	if err != nil || len(decimals) > places || strings.ContainsAny(decimals, "+-") {
		return 0, fmt.Errorf("%q is not a number with at most %d decimals", number, places)
	}
	return value, nil
}
