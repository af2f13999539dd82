package usage

import (
	"fmt"
	"strings"
)

// Arguments checks what follows a command against how it is used, such as "clear FILE|-": the
// words in capitals are the arguments that it needs, in their order. command is all that leads
// to it, such as "commonwatt clear".
func Arguments(command, use string, args []string) error {
	names := needed(use)
	example := strings.Join(append([]string{command}, names...), " ")
	switch {
	case len(args) < len(names):
		missing := strings.Join(names[len(args):], " and ")
		return Errorf("%s is missing: write it as in %q; %q says what it is", missing, example, command+" --help")
	case len(args) > len(names) && !anyMore(use):
		return Errorf("%q is one argument too many: write %q, with flags as %q lists them", args[len(names)], example, command+" --help")
	default:
		return nil
	}
}

// more ends a word of a use that stands for one argument or several, or, in brackets, for any
// number of them.
const more = "…"

// anyMore tells whether a use takes further arguments.
func anyMore(use string) bool { return strings.HasSuffix(strings.TrimSuffix(use, "]"), more) }

// needed returns the words of a use that stand for arguments: neither its first word, nor what a
// flag takes, nor what may be left out.
func needed(use string) (names []string) {
	words := strings.Fields(use)
	for i := 1; i < len(words); i++ {
		if strings.HasPrefix(words[i], "-") {
			i++ // and what it takes
			continue
		}
		if !strings.HasPrefix(words[i], "[") {
			names = append(names, words[i])
		}
	}
	return names
}

// Flag says that a flag is missing. text is what the flag is for.
func Flag(command, name, text string) error {
	return Errorf("required flag(s) %q not set: give --%s: %s; %q says more", name, name, text, command+" --help")
}

// Takes tells whether a use has arguments, needed or not.
func Takes(use string) bool { return len(needed(use)) > 0 || anyMore(use) }

// Choose says that one of several commands is missing or unknown, and which one may have been meant. command is what
// leads to them.
func Choose(command string, args, commands []string) error {
	what := fmt.Sprintf("%q needs one of its commands", command)
	if len(args) > 0 {
		what = fmt.Sprintf("unknown command %q for %q: it has", args[0], command)
		if near := Nearest(args[0], commands); near != "" {
			what = fmt.Sprintf("unknown command %q for %q: did you mean %q? It has", args[0], command, near)
		}
	}
	return Errorf("%s %s; %q says what they do", what, strings.Join(commands, ", "), command+" --help")
}

// Nearest returns the one of some names that a mistyped word is nearest to, the first of those that are as near; ""
// where more than half of it would have to be typed anew.
func Nearest(word string, names []string) (near string) {
	const half = 2
	least := 0
	for _, name := range names {
		d := typed(word, name)
		if half*d <= max(len(word), len(name)) && (near == "" || d < least) {
			near, least = name, d
		}
	}
	return near
}

// typed is how many letters have to be put in, taken out, changed or swapped with the next one to make
// one word of another (the distance of Damerau and Levenshtein, no letter moved twice).
func typed(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for k := range rows[0] {
		rows[0][k] = k
	}
	for i := range len(a) {
		for k := range len(b) {
			cost := 1
			if a[i] == b[k] {
				cost = 0
			}
			d := min(rows[i][k+1]+1, rows[i+1][k]+1, rows[i][k]+cost)
			if i > 0 && k > 0 && a[i] == b[k-1] && a[i-1] == b[k] {
				d = min(d, rows[i-1][k-1]+1)
			}
			rows[i+1][k+1] = d
		}
	}
	return rows[len(a)][len(b)]
}
