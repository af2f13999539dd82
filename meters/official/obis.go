package official

import (
	"fmt"
	"slices"
	"strings"
)

// obis reads a meter code such as "1-1:1.9.0 G.01" or "1-1:2.29.0": active energy that was
// taken (group C is 1) or given (2), in an interval (group D is 9 or 29; 8 would be a
// register), and the community's code, Total where there is none.
func obis(text string) (code Code, d Direction, err error) {
	text = strings.TrimSpace(text)
	reduced, suffix, _ := strings.Cut(text, " ")
	medium, groups, _ := strings.Cut(reduced, ":")
	kind, channel, _ := strings.Cut(medium, "-")
	parts := strings.Split(groups, ".")
	switch {
	case kind != "1", !isNumber(channel), len(parts) != 3, !isNumber(parts[1]), !isNumber(parts[2]), parts[0] != "1" && parts[0] != "2":
		return "", "", fmt.Errorf("%q is no code of active energy, taken or given, as in \"1-1:1.9.0 G.01\"", text)
	case parts[1] != "9" && parts[1] != "29":
		return "", "", fmt.Errorf("%q is no code of the energy of an interval, which has 9 or 29 in its fourth place", text)
	}
	d = Import
	if parts[0] == "2" {
		d = Export
	}
	if suffix = strings.TrimSpace(suffix); suffix == "" {
		return Total, d, nil
	}
	if !isCode(suffix) {
		return "", "", fmt.Errorf("%q: %q is none of the codes G.01, G.02, G.03 and P.01, nor a variant of one", text, suffix)
	}
	return Code(suffix), d, nil
}

// isNumber tells whether a text is a number of up to three digits.
func isNumber(text string) bool { return text != "" && len(text) <= 3 && onlyDigits(text) }

// isCode tells whether a text is one of the codes, with a letter behind it or without.
func isCode(text string) bool {
	known := []Code{Total, Share, Covered, Rest}
	const plain = len(Total)
	return len(text) == plain && slices.Contains(known, Code(text)) ||
		len(text) == plain+1 && slices.Contains(known, Code(text[:plain])) && text[plain] >= 'A' && text[plain] <= 'Z'
}
