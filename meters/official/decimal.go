package official

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// micro is an energy in millionths of a Wh.
type micro int64

const perWh micro = 1_000_000

// The powers of ten that lead from a unit to µWh.
const (
	wattHours     = 6
	kiloWattHours = 9
	megaWattHours = 12
)

// unit returns the power of ten of a unit's name.
func unit(name string) (power int, known bool) {
	switch strings.ToUpper(name) {
	case "WH":
		return wattHours, true
	case "KWH":
		return kiloWattHours, true
	case "MWH":
		return megaWattHours, true
	default:
		return 0, false
	}
}

// mostMicro keeps what is read within what can be reckoned with, a day of it too: 10 GWh in an
// interval.
const mostMicro = 10_000_000_000 * int64(perWh)

// decimal reads a number without rounding: sign is what separates the fraction, power the
// power of ten that leads to µWh.
func decimal(text string, sign byte, power int) (micro, error) {
	digits, fraction, has := strings.Cut(text, string(sign))
	switch {
	case text == "":
		return 0, errors.New("is missing")
	case strings.HasPrefix(text, "-"):
		return 0, fmt.Errorf("%q is negative: energy is counted by direction", text)
	case digits == "" || has && fraction == "", !onlyDigits(digits + fraction):
		return 0, fmt.Errorf("%q is no number with the decimal sign %q", text, string(sign))
	}
	fraction = strings.TrimRight(fraction, "0")
	for range power - len(fraction) {
		fraction += "0"
	}
	if power < 0 || len(fraction) > power {
		return 0, fmt.Errorf("%q is finer than a millionth of a Wh", text)
	}
	var sum int64
	for _, d := range digits + fraction {
		if sum > (math.MaxInt64-9)/10 {
			return 0, fmt.Errorf("%q is more than an interval can hold", text)
		}
		sum = sum*10 + int64(d-'0') //nolint:mnd // decimal
	}
	if sum > mostMicro {
		return 0, fmt.Errorf("%q is more than an interval can hold", text)
	}
	return micro(sum), nil
}

func onlyDigits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}
