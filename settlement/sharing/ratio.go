package sharing

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Ratio is a rational number from 0 to 1, exact. The zero Ratio is 0. It is comparable.
type Ratio struct{ num, den int64 }

// Whole is the ratio 1.
func Whole() Ratio { return Ratio{1, 1} }

// mostDenominator bounds what a ratio is written with, so that sums of thousands of them stay
// small numbers.
const mostDenominator = 1_000_000_000_000

// longestRatio is what a ratio has in characters at most: more is no share that people agreed.
const longestRatio = 40

// ParseRatio reads a ratio as people write it: "30 %", "1/3", "0.25" or "1". Errors: it cannot
// be read, is negative, above 1, or finer than 12 digits.
func ParseRatio(text string) (Ratio, error) {
	bad := errors.New(`must be a share from 0 to 1, such as "30 %", "1/3" or "0.25"`)
	number, hundred := strings.CutSuffix(strings.TrimSpace(text), "%")
	number = strings.TrimSpace(number)
	if len(number) == 0 || len(number) > longestRatio || strings.Trim(number, "0123456789./") != "" || hundred && strings.Contains(number, "/") {
		return Ratio{}, fmt.Errorf("%q: %w", text, bad)
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return Ratio{}, fmt.Errorf("%q: %w", text, bad)
	}
	if hundred {
		r.Quo(r, big.NewRat(100, 1)) //nolint:mnd // percent
	}
	switch {
	case r.Sign() < 0 || r.Cmp(big.NewRat(1, 1)) > 0:
		return Ratio{}, fmt.Errorf("%q: %w", text, bad)
	case r.Denom().Cmp(big.NewInt(mostDenominator)) > 0:
		return Ratio{}, fmt.Errorf("%q: is finer than 12 digits: write a share of at most 12, or a fraction such as 1/3", text)
	}
	return Ratio{r.Num().Int64(), r.Denom().Int64()}, nil
}

// String returns the ratio as a reduced fraction, "1/3", or "0" or "1".
func (r Ratio) String() string { return r.rat().RatString() }

// MarshalText writes the ratio as String does.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRatio does.
func (r *Ratio) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRatio(string(text))
	return err
}

// IsZero tells whether the ratio is 0.
func (r Ratio) IsZero() bool { return r.num == 0 }

func (r Ratio) rat() *big.Rat {
	if r.den == 0 {
		return new(big.Rat)
	}
	return big.NewRat(r.num, r.den)
}
