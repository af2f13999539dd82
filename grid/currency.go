package grid

// Hundredth is what people call a hundredth of a currency (ISO 4217) in which they say prices of energy,
// such as ct; empty: they say them in the unit itself. The pages know the same (format.ts).
func Hundredth(currency string) string {
	switch currency {
	case "CHF":
		return "Rp."
	case "EUR":
		return "ct"
	case "GBP":
		return "p"
	case "USD":
		return "¢"
	default:
		return ""
	}
}
