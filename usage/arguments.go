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

// Choose says that one of several commands is missing or unknown. command is what leads to
// them.
func Choose(command string, args, commands []string) error {
	what := fmt.Sprintf("%q needs one of its commands", command)
	if len(args) > 0 {
		what = fmt.Sprintf("unknown command %q for %q: it has", args[0], command)
	}
	return Errorf("%s %s; %q says what they do", what, strings.Join(commands, ", "), command+" --help")
}
