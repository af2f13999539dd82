package billing

import (
	"fmt"
	"math/big"

	"github.com/commonwatt/commonwatt/grid"
)

// exact is an amount in thousandths of a millionth of the currency unit: what a price per kWh
// times Wh comes to before it is rounded. It is a sum over many intervals.
type exact struct {
	small int64 // of which most consists
	big   *big.Int
}

// narrow bounds prices and energies whose product is added without more ado, and sums that
// another such product can be added to.
const (
	narrow = 1 << 30
	brim   = 1 << 61
)

// add adds price × energy.
func (x *exact) add(p grid.Price, e grid.Energy) {
	if p > -narrow && p < narrow && e > -narrow && e < narrow && x.small > -brim && x.small < brim {
		x.small += int64(p) * int64(e)
		return
	}
	sum := new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e)))
	sum.Add(sum, x.sum())
	x.small, x.big = 0, sum
}

// sum returns all of it.
func (x *exact) sum() *big.Int {
	sum := big.NewInt(x.small)
	if x.big != nil {
		sum.Add(sum, x.big)
	}
	return sum
}

// money returns the amount, rounded once, half away from zero.
func (x *exact) money() (grid.Money, error) { return round(x.sum(), whPerKWh) }

const whPerKWh = 1000

// round returns x / unit, half away from zero. Errors: grid.ErrOverflow.
func round(x *big.Int, unit int64) (grid.Money, error) {
	q := new(big.Int).Abs(x)
	q.Lsh(q, 1).Add(q, big.NewInt(unit))
	q.Quo(q, new(big.Int).Lsh(big.NewInt(unit), 1))
	if x.Sign() < 0 {
		q.Neg(q)
	}
	if !q.IsInt64() {
		return 0, fmt.Errorf("round %s: %w", x, grid.ErrOverflow)
	}
	return grid.Money(q.Int64()), nil
}

// share returns m × part / whole, rounded once, half away from zero.
func share(m grid.Money, part, whole int64) (grid.Money, error) {
	x := new(big.Int).Mul(big.NewInt(int64(m)), big.NewInt(part))
	return round(x, whole)
}

// mean returns what a kWh came to in the mean, in millionths; 0 without energy.
func mean(amount grid.Money, e grid.Energy) grid.Price {
	if e <= 0 {
		return 0
	}
	m, err := share(amount, whPerKWh, int64(e))
	if err != nil {
		return 0 // an amount that no price can stand for
	}
	return grid.Price(m)
}

// roundingOf returns what rounds an amount to whole minor units of so many decimals, half
// away from zero.
func roundingOf(m grid.Money, digits int) (grid.Money, error) {
	units, err := round(big.NewInt(int64(m)), minor(digits))
	if err != nil {
		return 0, err
	}
	to := new(big.Int).Mul(big.NewInt(int64(units)), big.NewInt(minor(digits)))
	if !to.IsInt64() {
		return 0, fmt.Errorf("round %d: %w", m, grid.ErrOverflow)
	}
	return grid.Money(to.Int64()).Sub(m)
}

// minor returns how many millionths a minor unit of so many decimals has.
func minor(digits int) int64 {
	const decimals, base = 6, 10
	unit := int64(1)
	for range decimals - digits {
		unit *= base
	}
	return unit
}
