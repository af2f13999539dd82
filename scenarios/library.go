package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// library has the scenarios that come with the program.
//
//go:embed *.yaml
var library embed.FS

// Offered is a scenario that comes with the program.
type Offered struct {
	Scenario

	About string // what it is, in a sentence or two
	Text  []byte // of its file
}

// Library returns the scenarios that come with the program, by name.
func Library() (all []Offered, err error) {
	names, err := fs.Glob(library, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := library.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := Parse(text)
		if err == nil {
			err = s.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", name, err)
		}
		all = append(all, Offered{s, about(string(text)), text})
	}
	return all, nil
}

// about returns the comment with which a file begins.
func about(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		comment, is := strings.CutPrefix(line, "#")
		if !is {
			break
		}
		lines = append(lines, strings.TrimSpace(comment))
	}
	return strings.Join(lines, " ")
}
