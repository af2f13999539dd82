package tariff

import (
	"slices"
	"strings"

	"golang.org/x/text/currency"
)

// KnownCurrency tells whether a code is one of ISO 4217.
func KnownCurrency(code string) bool {
	_, err := currency.ParseISO(code)
	return err == nil && isCurrency(code)
}

// MinorDigits returns how many decimals the amounts of a currency have: two of most, none of
// the yen, three of the Kuwaiti dinar (ISO 4217, List One, column "Minor unit"). Of a code
// that the list does not have it is two.
func MinorDigits(code string) int {
	const usual, three, four = 2, 3, 4
	switch in := func(list string) bool { return slices.Contains(strings.Fields(list), code) }; {
	case in("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"):
		return 0
	case in("BHD IQD JOD KWD LYD OMR TND"):
		return three
	case in("CLF UYW"):
		return four
	default:
		return usual
	}
}
