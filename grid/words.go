package grid

import "fmt"

// Number says how many there are of a thing: 1 home, 2 homes.
func Number[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// Text is money in the currency unit, to the last millionth, as in -0.250000.
func (m Money) Text() string {
	const unit = 1_000_000
	sign := ""
	if m < 0 {
		sign = "-"
	}
	n := magnitude(int64(m))
	return fmt.Sprintf("%s%d.%06d", sign, n/unit, n%unit)
}
