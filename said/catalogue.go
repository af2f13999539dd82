package said

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed sentences/*.txt
var files embed.FS

// Language is one in which sentences are said.
type Language string

// The languages.
const (
	English Language = "en"
	German  Language = "de"
)

// Languages returns all of them.
func Languages() []Language { return []Language{English, German} }

// Catalogue has all sentences. It does not change, so that it is safe for concurrent use.
type Catalogue struct {
	codes  []string            // in the order of the files
	byWord map[string][]*entry // by the first word, of those that begin with fixed letters
	others []*entry            // those that begin with a value
}

// entry is a sentence.
type entry struct {
	code    string
	names   []string // of its values, in the order of the English sentence
	kinds   []kind
	pattern *regexp.Regexp
	letters int    // that are fixed
	longest string // piece that is fixed: a text without it is another sentence
	parts   map[Language][]part
}

// part is a piece of a sentence: fixed letters, or a value.
type part struct {
	text  string
	value int // the place of the value in names, from 1; 0: it is fixed
}

// kind is what a value is.
type kind byte

const (
	plain    kind = 0
	quoted   kind = 'q'
	number   kind = 'n'
	moment   kind = 't'
	day      kind = 'd'
	amount   kind = 'a'
	clock    kind = 'c'
	span     kind = 'i'
	field    kind = 'f'
	sentence kind = 's'
	whatever kind = 'w' // a sentence if it is one
)

// Open reads the catalogue. An error is one of its files and names the line.
func Open() (*Catalogue, error) { return read(files) }

func read(from fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(from, "sentences/*.txt")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{byWord: map[string][]*entry{}}
	seen := map[string]bool{}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		if err := c.file(path.Base(name), string(text), seen); err != nil {
			return nil, err
		}
	}
	more := func(a, b *entry) int { return cmp.Compare(b.letters, a.letters) }
	slices.SortStableFunc(c.others, more)
	for _, some := range c.byWord {
		slices.SortStableFunc(some, more)
	}
	return c, nil
}

// file adds the entries of a file.
func (c *Catalogue) file(name, text string, seen map[string]bool) error {
	lines := strings.Split(text, "\n")
	for k := 0; k < len(lines); k++ {
		code := lines[k]
		if code == "" || strings.HasPrefix(code, "#") {
			continue
		}
		at := fmt.Sprintf("%s:%d: %s", name, k+1, code)
		if strings.Contains(code, " ") || seen[code] {
			return fmt.Errorf("%s: want a code that is no other entry's", at)
		}
		seen[code] = true
		e := &entry{code: code, parts: map[Language][]part{}}
		for _, l := range Languages() {
			k++
			said, found := "", false
			if k < len(lines) {
				said, found = strings.CutPrefix(lines[k], string(l)+" ")
			}
			if !found || said == "" {
				return fmt.Errorf("%s: want it in %q next", at, l)
			}
			if err := e.add(l, said); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		c.add(e)
	}
	return nil
}

func (c *Catalogue) add(e *entry) {
	c.codes = append(c.codes, e.code)
	first := e.parts[English][0]
	word, _, whole := strings.Cut(first.text, " ")
	if first.value != 0 || !whole && len(e.parts[English]) > 1 {
		c.others = append(c.others, e)
		return
	}
	c.byWord[word] = append(c.byWord[word], e)
}

// add reads an entry's sentence of a language; the English one is the first and names the values.
func (e *entry) add(l Language, text string) error {
	var pattern strings.Builder
	pattern.WriteString("^")
	told := make([]bool, len(e.names))
	for text != "" {
		before, after, found := strings.Cut(text, "{")
		if before != "" {
			e.parts[l] = append(e.parts[l], part{text: before})
			pattern.WriteString(regexp.QuoteMeta(before))
			if l == English {
				e.letters += len(before)
				if len(before) > len(e.longest) {
					e.longest = before
				}
			}
		}
		if !found {
			break
		}
		value, rest, closed := strings.Cut(after, "}")
		if !closed {
			return fmt.Errorf("%s: a brace is not closed", l)
		}
		text = rest
		name, is, _ := strings.Cut(value, ":")
		k := slices.Index(e.names, name)
		switch {
		case l == English && k >= 0:
			return fmt.Errorf("%s: %s is there twice", l, name)
		case l == English:
			of, err := kindOf(is)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", l, name, err)
			}
			e.names, e.kinds = append(e.names, name), append(e.kinds, of)
			k = len(e.names) - 1
			pattern.WriteString(of.pattern())
		case k < 0:
			return fmt.Errorf("%s: the English sentence has no {%s}", l, name)
		default:
			told[k] = true
		}
		e.parts[l] = append(e.parts[l], part{value: k + 1})
	}
	if l != English {
		if k := slices.Index(told, false); k >= 0 {
			return fmt.Errorf("%s: {%s} is missing", l, e.names[k])
		}
		return nil
	}
	var err error
	e.pattern, err = regexp.Compile(pattern.String() + "$")
	return err
}

func kindOf(is string) (kind, error) {
	switch is {
	case "":
		return plain, nil
	case "q", "n", "a", "c", "i", "t", "d", "f", "s", "w":
		return kind(is[0]), nil
	default:
		return 0, fmt.Errorf("%q is no kind of value", is)
	}
}

// written is what a time looks like, as in RFC 3339; its seconds may be left out.
const written = `\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[-+]\d\d:\d\d)`

// pattern is what a value of the kind looks like.
func (k kind) pattern() string {
	switch k {
	case quoted:
		return `("(?:[^"\\]|\\.)*")`
	case number:
		return `([-−]?\d+(?:\.\d+)?(?:e[-+]\d+)?)`
	case amount:
		return `([-−]?\d+(?:\.\d+)? \S+?)`
	case clock:
		return `(\d\d:\d\d)`
	case day:
		return `([A-Z][a-z]+day \d+ [A-Z][a-z]+ \d\d:\d\d)`
	case moment:
		return `(` + written + `)`
	case span:
		return `(` + written + `/\d+)`
	case field:
		return `([a-z][\w-]*(?:\[\d+\])?(?:[.][^\s.:]+)*(?:, [a-z][a-z0-9_.]*)*)`
	default:
		return `(.+?)`
	}
}

// Codes returns the codes of all sentences.
func (c *Catalogue) Codes() []string { return slices.Clone(c.codes) }

// Said is a text that was found in the catalogue.
type Said struct {
	of     *entry
	values []string
	inner  []*Said // by value; nil: it is no sentence
}

// Read finds what a text says; false: it is in no file.
func (c *Catalogue) Read(text string) (s Said, known bool) { return c.read(text, 0) }

// deepest is how often sentences may be within each other.
const deepest = 6

func (c *Catalogue) read(text string, depth int) (best Said, known bool) {
	if depth > deepest || text == "" {
		return best, false
	}
	word, _, _ := strings.Cut(text, " ")
	for _, some := range [][]*entry{c.byWord[word], c.others} {
		for _, e := range some {
			if known && best.of.letters >= e.letters {
				break
			}
			if s, fits := c.fit(e, text, depth); fits {
				best, known = s, true
				break
			}
		}
	}
	return best, known
}

// fit reads a text as an entry.
func (c *Catalogue) fit(e *entry, text string, depth int) (s Said, fits bool) {
	if !strings.Contains(text, e.longest) {
		return s, false
	}
	found := e.pattern.FindStringSubmatch(text)
	if found == nil {
		return s, false
	}
	s = Said{of: e, values: found[1:], inner: make([]*Said, len(e.names))}
	for k, of := range e.kinds {
		switch of {
		case quoted:
			plain, err := strconv.Unquote(s.values[k])
			if err != nil {
				return s, false
			}
			s.values[k] = plain
		case sentence, whatever:
			if inner, known := c.read(s.values[k], depth+1); known {
				s.inner[k] = &inner
			} else if of == sentence {
				return s, false
			}
		default:
		}
	}
	return s, true
}

// Code is what the sentence is called. It is the same in every version of the program.
func (s Said) Code() string { return s.of.code }

// Values returns the values by name, as they were written: numbers with a point, times as in RFC
// 3339.
func (s Said) Values() map[string]string {
	all := make(map[string]string, len(s.values))
	for k, name := range s.of.names {
		all[name] = s.values[k]
	}
	return all
}

// In says the sentence in a language, with times by the clocks of a zone.
func (s Said) In(l Language, zone *time.Location) string {
	var out strings.Builder
	for _, p := range s.of.parts[l] {
		if p.value == 0 {
			out.WriteString(p.text)
			continue
		}
		out.WriteString(s.value(p.value-1, l, zone))
	}
	return out.String()
}

func (s Said) value(k int, l Language, zone *time.Location) string {
	text := s.values[k]
	switch of := s.of.kinds[k]; {
	case s.inner[k] != nil:
		return s.inner[k].In(l, zone)
	case of == quoted && l == German:
		return "„" + text + "“"
	case of == quoted:
		return "“" + text + "”"
	case (of == number || of == amount) && l == German:
		return comma(text)
	case of == day && l == German:
		return germanDay(text)
	case of == moment:
		return at(text, l, zone)
	case of == span:
		return during(text, l, zone)
	default:
		return text
	}
}

// at shows a time by the clocks of a zone, with its name.
func at(text string, l Language, zone *time.Location) string {
	t, known := timeOf(text)
	if !known {
		return text
	}
	return t.In(zone).Format(layoutOf(l) + " MST")
}

// during shows a delivery interval, START/MINUTES, by the clocks of a zone: from when until when it lasts.
func during(text string, l Language, zone *time.Location) string {
	start, length, _ := strings.Cut(text, "/")
	t, known := timeOf(start)
	minutes, err := strconv.Atoi(length)
	if !known || err != nil {
		return text
	}
	begin := t.In(zone)
	return begin.Format(layoutOf(l)) + "–" + begin.Add(time.Duration(minutes)*time.Minute).Format("15:04 MST")
}

// layoutOf is how a day with a time is written in a language.
func layoutOf(l Language) string {
	if l == German {
		return "2.1.2006 15:04"
	}
	return "2 Jan 2006 15:04"
}

// timeOf reads a time, whose seconds may be left out.
func timeOf(text string) (t time.Time, known bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return t, false
}

// comma has the decimal mark of German in the number that a text begins with.
func comma(text string) string {
	size, unit, _ := strings.Cut(text, " ")
	size = strings.Replace(size, ".", ",", 1)
	if unit == "" {
		return size
	}
	return size + " " + unit
}

// dayLayout is how a day with a time is written in English.
const dayLayout = "Monday 2 January 15:04"

// germanDay says such a day in German.
func germanDay(text string) string {
	t, err := time.Parse(dayLayout, text)
	if err != nil {
		return text
	}
	weekday, _, _ := strings.Cut(text, " ") // the year is not known, so that the day of the week is as it was written
	names := map[string]string{
		"Monday": "Montag", "Tuesday": "Dienstag", "Wednesday": "Mittwoch", "Thursday": "Donnerstag", "Friday": "Freitag", "Saturday": "Samstag", "Sunday": "Sonntag",
	}
	months := [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	return fmt.Sprintf("%s, %d. %s, %s", names[weekday], t.Day(), months[t.Month()-1], t.Format("15:04"))
}

// Sentence is a text of the program as others are told it: with the code and the values, and in
// each language.
type Sentence struct {
	Code   string            `json:"code"` // empty: the text is in no file
	Values map[string]string `json:"values"`
	En     string            `json:"en"`
	De     string            `json:"de"`
}

// Tell reads a text and says it in each language, with times by the clocks of a zone. A text that is in no file
// is said as it was written.
func (c *Catalogue) Tell(text string, zone *time.Location) Sentence {
	s, known := c.Read(text)
	if !known {
		return Sentence{Values: map[string]string{}, En: text, De: text}
	}
	return Sentence{Code: s.Code(), Values: s.Values(), En: s.In(English, zone), De: s.In(German, zone)}
}

// Say says a text in a language.
func (c *Catalogue) Say(text string, l Language, zone *time.Location) string {
	if s, known := c.Read(text); known {
		return s.In(l, zone)
	}
	return text
}
