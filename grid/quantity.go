package grid

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ParsePower reads a power as people write it, "10 kW" or "800 W", exactly; a kW has three
// decimals at most.
func ParsePower(s string) (Power, error) {
	n, ok := parseThousands(s, "W")
	if !ok {
		return 0, fmt.Errorf("%q: want a power, such as 10 kW or 800 W", s)
	}
	return Power(n), nil
}

// ParseEnergy reads an energy as people write it, "10 kWh" or "800 Wh", exactly.
func ParseEnergy(s string) (Energy, error) {
	n, ok := parseThousands(s, "Wh")
	if !ok {
		return 0, fmt.Errorf("%q: want an energy, such as 10 kWh or 800 Wh", s)
	}
	return Energy(n), nil
}

// parseThousands reads a number of a unit, or of a thousand of it with decimals.
func parseThousands(s, unit string) (n int64, ok bool) {
	const mostDigits = 9
	m := regexp.MustCompile(`^([0-9]+)(?:\.([0-9]{1,3}))? ?(k?)` + unit + `$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || m[3] == "" && m[2] != "" || len(m[1]) > mostDigits {
		return 0, false
	}
	digits := m[1]
	if m[3] == "k" {
		digits += (m[2] + "000")[:3]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}
