package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Plain says what the YAML library says without the names of Go types, with the path of
// a field whose value does not fit, as far as the text shows it. fields is where the
// fields are listed.
func Plain(err error, text []byte, fields string) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	unknown := regexp.MustCompile(`field (\S+) not found in type .*`)
	mismatch := regexp.MustCompile("cannot unmarshal !!(\\w+) (?:`(.*)` )?into (\\S+)")
	lines := make([]string, len(wrong.Errors))
	for i, line := range wrong.Errors {
		line = unknown.ReplaceAllString(line, `unknown field "$1": `+fields+` lists the fields`)
		m := mismatch.FindStringSubmatchIndex(line)
		if m == nil {
			lines[i] = line
			continue
		}
		parts := mismatch.FindStringSubmatch(line)
		subject := strconv.Quote(parts[2])
		if parts[2] == "" {
			subject = map[string]string{"seq": "a list", "map": "a mapping"}[parts[1]]
		}
		if subject == "" {
			subject = "an empty value"
		}
		lines[i] = line[:m[0]] + pathAt(text, line, parts[1], parts[2]) + subject + " is not " + wanted(parts[3])
	}
	return errors.New(strings.Join(lines, "; "))
}

// pathAt returns the path of the field to whose value an error refers, with a colon
// behind it; empty where it is not found. The library names the line, the kind of the
// value, and how it begins.
func pathAt(text []byte, message, tag, value string) string {
	var root yaml.Node
	at := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(message)
	if at == nil || yaml.Unmarshal(text, &root) != nil {
		return ""
	}
	begin := strings.TrimSuffix(value, "...")
	var found string
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		fits := strconv.Itoa(n.Line) == at[1] && n.ShortTag() == "!!"+tag
		if found == "" && path != "" && fits && (n.Kind != yaml.ScalarNode || strings.HasPrefix(n.Value, begin)) {
			found = path + ": "
		}
		for i, child := range n.Content {
			switch n.Kind {
			case yaml.MappingNode:
				if i%2 == 1 {
					walk(child, strings.TrimPrefix(path+"."+n.Content[i-1].Value, "."))
				}
			case yaml.SequenceNode:
				walk(child, fmt.Sprintf("%s[%d]", path, i))
			default:
				walk(child, path)
			}
		}
	}
	walk(&root, "")
	return found
}

// wanted says what a field of a Go type takes.
func wanted(goType string) string {
	goType = strings.TrimPrefix(goType, "*")
	switch {
	case goType == "time.Duration":
		return "a duration with a unit, such as 5m or 30s"
	case goType == "time.Time":
		return "a time, such as 2026-06-01T10:00:00Z"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case goType == "uint8":
		return "a number from 0 to 255"
	case goType == "uint16":
		return "a number from 0 to 65535"
	case strings.HasPrefix(goType, "uint"):
		return "a whole number, 0 or more"
	case strings.HasPrefix(goType, "int"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "map[string]string":
		return "a mapping of names, such as {NAME: VALUE}"
	default:
		return "a mapping of fields"
	}
}
