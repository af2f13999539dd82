package tariff

import (
	"fmt"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// PerKWhText writes a price by the kWh with its unit, with the currency's own decimals at least
// and as many as it needs.
func PerKWhText(p grid.Price, currency string) string {
	return PriceText(p, currency) + " " + currency + "/kWh"
}

// PriceText writes a price by the kWh in units of a currency.
func PriceText(p grid.Price, currency string) string {
	return decimals(int64(p), MinorDigits(currency))
}

// PriceColumn writes a price by the kWh for a column of them: with two decimals more than the
// currency's own at least.
func PriceColumn(p grid.Price, currency string) string {
	const more = 2
	return decimals(int64(p), MinorDigits(currency)+more)
}

// MoneyText writes an amount with the currency's own decimals at least.
func MoneyText(m grid.Money, currency string) string {
	return decimals(int64(m), MinorDigits(currency)) + " " + currency
}

// decimals writes millionths with so many decimals at least.
func decimals(millionths int64, least int) string {
	const million, places = 1_000_000, 6
	sign, size := "", uint64(millionths)
	if millionths < 0 {
		sign, size = "-", -size
	}
	digits := fmt.Sprintf("%06d", size%million)
	for n := places; n > least && digits[n-1] == '0'; n-- {
		digits = digits[:n-1]
	}
	return strings.TrimSuffix(fmt.Sprintf("%s%d.%s", sign, size/million, digits), ".")
}

// String says when the window counts, as a configuration has it.
func (w Window) String() string {
	var parts []string
	for _, s := range w.Seasons {
		parts = append(parts, s.From.String()+".."+s.To.String())
	}
	if len(w.Days) > 0 {
		days := make([]string, len(w.Days))
		for k, d := range w.Days {
			days[k] = strings.ToLower(d.String()[:3])
		}
		parts = append(parts, strings.Join(days, " "))
	}
	if len(w.Hours) > 0 {
		hours := make([]string, len(w.Hours))
		for k, h := range w.Hours {
			hours[k] = h.String()
		}
		parts = append(parts, strings.Join(hours, ", "))
	}
	if len(parts) == 0 {
		return "always"
	}
	return strings.Join(parts, ", ")
}
