package paper

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plainLetters takes the accents off letters, and writes those that have no plain letter in
// them by the ones nearest.
func plainLetters(text string) string {
	text = norm.NFC.String(text)
	near := strings.NewReplacer("ł", "l", "Ł", "L", "ø", "o", "Ø", "O", "æ", "ae", "Æ", "Ae", "đ", "d", "Đ", "D", "ı", "i", "þ", "th", "œ", "oe")
	text = spelled(norm.NFD.String(near.Replace(text)))
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, text)
}

// spelled writes Greek and Cyrillic letters, without accents, by Latin ones, as ELOT 743 and
// the road signs of Bulgaria and Ukraine do, simplified to one spelling a letter.
func spelled(text string) string {
	table := map[rune]string{}
	for _, pairs := range []string{
		"α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o",
		"а a б b в v г g д d е e ж zh з z и i к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch ъ a ы y ь  э e ю yu я ya є ye і i ґ g ђ dj ј j љ lj њ nj ћ c џ dz",
	} {
		words := strings.Split(pairs, " ")
		for k := 0; k+1 < len(words); k += 2 {
			letter := []rune(words[k])[0]
			table[letter] = words[k+1]
			table[unicode.ToUpper(letter)] = capitalised(words[k+1])
		}
	}
	var out strings.Builder
	for _, r := range text {
		if latin, known := table[r]; known {
			out.WriteString(latin)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func capitalised(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
