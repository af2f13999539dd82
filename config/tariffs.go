package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// TariffsText is a list of tariffs as people write them: each a mapping, or the path of a file
// with a list of them or with one.
type TariffsText struct{ node *yaml.Node }

// UnmarshalYAML keeps the text; what is wrong with it shows when it is resolved, all at once.
func (t *TariffsText) UnmarshalYAML(n *yaml.Node) error {
	t.node = n
	return nil
}

// TariffError is something that is wrong with a tariff.
type TariffError struct {
	File string // empty: the configuration's own
	Line int    // 0: not known
	Path string // of the field
	Text string
}

func (p TariffError) Error() string {
	text := p.Path + ": " + p.Text
	if p.Line > 0 {
		text = fmt.Sprintf("line %d: %s", p.Line, text)
	}
	if p.File != "" {
		text = p.File + ": " + text
	}
	return text
}

// schedules reads the tariffs. The error is the first that is wrong, and how many more are.
func (t TariffsText) schedules(minutes int, zone *time.Location) ([]tariff.Schedule, error) {
	all, problems := t.read(minutes, zone)
	switch len(problems) {
	case 0:
		return all, nil
	case 1:
		return nil, problems[0]
	default:
		return nil, fmt.Errorf("%w (and %d more: \"commonwatt tariff check FILE\" lists them)", problems[0], len(problems)-1)
	}
}

// read reads the tariffs, and all that is wrong with them.
func (t TariffsText) read(minutes int, zone *time.Location) ([]tariff.Schedule, []TariffError) {
	if t.node == nil {
		return nil, nil
	}
	r := &tariffReader{minutes: minutes, zone: zone, open: os.ReadFile}
	var all []tariff.Schedule
	r.each(t.node, "tariffs", func(n *yaml.Node, path string) {
		if n.Kind == yaml.ScalarNode {
			all = append(all, r.file(n, path)...)
			return
		}
		all = append(all, r.schedule(n, path))
	})
	r.twice(all)
	return all, r.problems
}

// ReadTariffs reads a file of tariffs: one, a list of them, or {tariffs: [...]}; with all that
// is wrong.
func ReadTariffs(path string, minutes int, zone *time.Location) ([]tariff.Schedule, []TariffError) {
	r := &tariffReader{minutes: minutes, zone: zone, open: os.ReadFile}
	all := r.file(&yaml.Node{Kind: yaml.ScalarNode, Value: path}, "")
	r.twice(all)
	return all, r.problems
}

// ParseTariffs reads the text of a file of tariffs, as ReadTariffs does, but no other file.
func ParseTariffs(text []byte, minutes int, zone *time.Location) ([]tariff.Schedule, []TariffError) {
	r := &tariffReader{minutes: minutes, zone: zone, open: func(string) ([]byte, error) { return nil, errors.New("files are not read here") }}
	all := r.parse(text)
	r.twice(all)
	return all, r.problems
}

// tariffReader reads tariffs, and collects all that is wrong with them.
type tariffReader struct {
	nodeReader

	minutes int
	zone    *time.Location
	open    func(path string) ([]byte, error)
}

// nodeReader reads fields, and collects all that is wrong with them.
type nodeReader struct {
	in       string // file that is read; empty: the configuration
	problems []TariffError
	lines    map[string]int // of fields, by path
	named    []TariffError  // where the names of the tariffs stand, in their order
}

func (r *nodeReader) wrong(n *yaml.Node, path, format string, args ...any) {
	r.problems = append(r.problems, TariffError{r.in, n.Line, path, fmt.Sprintf(format, args...)})
}

// first returns the first that is wrong as a whole.
func (r *nodeReader) first() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems[0]
}

// twice finds names that two tariffs have.
func (r *tariffReader) twice(all []tariff.Schedule) {
	seen := map[string]bool{}
	for k, s := range all {
		if seen[s.Name] && s.Name != "" {
			p := r.named[k]
			p.Text = fmt.Sprintf("there are two tariffs %q: give each a name of its own", s.Name)
			r.problems = append(r.problems, p)
		}
		seen[s.Name] = true
	}
}

// file reads a file of tariffs.
func (r *tariffReader) file(n *yaml.Node, path string) []tariff.Schedule {
	text, err := r.open(n.Value)
	if err != nil {
		if path == "" {
			path = "the file"
		}
		r.wrong(n, path, "%v", err)
		return nil
	}
	before := r.in
	r.in = n.Value
	defer func() { r.in = before }()
	return r.parse(text)
}

func (r *tariffReader) parse(text []byte) (all []tariff.Schedule) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		r.problems = append(r.problems, TariffError{File: r.in, Path: "the file", Text: strings.TrimPrefix(err.Error(), "yaml: ")})
		return nil
	}
	if root.Kind == 0 || len(root.Content) == 0 {
		r.problems = append(r.problems, TariffError{File: r.in, Path: "the file", Text: "is empty"})
		return nil
	}
	if err := Strictly(text, &struct{}{}); err != nil {
		r.problems = append(r.problems, TariffError{File: r.in, Path: "the file", Text: err.Error()})
	}
	n, path := root.Content[0], ""
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "tariffs" {
		n, path = n.Content[1], "tariffs"
	}
	if n.Kind != yaml.SequenceNode {
		return []tariff.Schedule{r.schedule(n, path)}
	}
	r.each(n, path, func(n *yaml.Node, path string) { all = append(all, r.schedule(n, path)) })
	return all
}

// each reads the elements of a list; one that is no list is its only element.
func (r *nodeReader) each(n *yaml.Node, path string, read func(n *yaml.Node, path string)) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode {
		r.at(n, path)
		read(n, path)
		return
	}
	for k, child := range n.Content {
		child = resolved(child)
		at := fmt.Sprintf("%s[%d]", path, k)
		r.at(child, at)
		read(child, at)
	}
}

// at notes where a field stands.
func (r *nodeReader) at(n *yaml.Node, path string) {
	if r.lines == nil {
		r.lines = map[string]int{}
	}
	r.lines[path] = n.Line
}

// mostAliases bounds how far an alias leads, which YAML lets lead to itself.
const mostAliases = 100

// resolved returns what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for range mostAliases {
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Line: n.Line}
}

// fields reads a mapping whose fields are known.
func (r *nodeReader) fields(n *yaml.Node, path string, known map[string]func(n *yaml.Node, path string)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		r.wrong(n, path, "%q is not a mapping of fields", n.Value)
		return
	}
	seen := map[string]bool{}
	for k := 0; k+1 < len(n.Content); k += 2 {
		key, value := n.Content[k], resolved(n.Content[k+1])
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		read, is := known[key.Value]
		switch {
		case !is:
			r.wrong(key, at, "unknown field: there are %s", strings.Join(sortedKeys(known), ", "))
		case seen[key.Value]:
			r.wrong(key, at, "is given twice")
		default:
			r.at(key, at)
			read(value, at)
		}
		seen[key.Value] = true
	}
}

func sortedKeys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// text reads a scalar.
func (r *nodeReader) text(n *yaml.Node, path string) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.wrong(n, path, "is not a text")
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (r *nodeReader) date(n *yaml.Node, path string) tariff.Date {
	d, err := tariff.ParseDate(r.text(n, path))
	if err != nil {
		r.wrong(n, path, "%v", err)
	}
	return d
}

func (r *nodeReader) truth(n *yaml.Node, path string) bool {
	switch r.text(n, path) {
	case "true":
		return true
	case "false":
	default:
		r.wrong(n, path, "%q is not true or false", n.Value)
	}
	return false
}

// share reads a percentage with at most four decimals.
func (r *nodeReader) share(n *yaml.Node, path string) tariff.Share {
	number, isPercent := strings.CutSuffix(r.text(n, path), "%")
	s, err := parseDecimal(strings.TrimSpace(number), 4) //nolint:mnd // of a percent: millionths
	if !isPercent || err != nil {
		r.wrong(n, path, "%q is no percentage with at most 4 decimals: write it as 19 %%", n.Value)
	}
	return tariff.Share(s)
}

// price reads a price by the kWh.
func (r *nodeReader) price(n *yaml.Node, path, currency string) grid.Price {
	p, err := grid.ParsePrice(r.text(n, path), currency)
	if err != nil {
		r.wrong(n, path, "%v", err)
	}
	return p
}

// parseDecimal reads a number with at most so many decimals, in units of the last of them.
func parseDecimal(text string, places int) (int64, error) {
	whole, decimals, _ := strings.Cut(text, ".")
	if len(decimals) > places || strings.ContainsAny(decimals, "+-") || whole == "" || whole == "-" {
		return 0, fmt.Errorf("%q is not a number with at most %d decimals", text, places)
	}
	n, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", places-len(decimals)), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is out of range", text)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a number with at most %d decimals", text, places)
	}
	return n, nil
}
