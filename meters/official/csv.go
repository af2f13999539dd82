package official

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// csv reads a table by its mapping.
func (c *collector) csv(text []byte) {
	if c.options.Mapping == nil {
		c.wrong(0, "", "a CSV file needs a mapping file, which says what its columns are")
		return
	}
	m, err := c.options.Mapping.forCSV()
	if err != nil {
		c.wrong(0, "mapping", "%v", err)
		return
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		c.wrong(0, "", "is UTF-16: save it as CSV in UTF-8")
		return
	}
	if line := notUTF8(text); line > 0 {
		c.wrong(line, "", "has letters that are not UTF-8: save it as CSV in UTF-8")
		return
	}
	for range m.Skip {
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = rune(m.Delimiter[0]), -1, false
	t := csvTable{collector: c, mapping: m}
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		c.wrong(0, "", "is empty: there is no header")
		return
	}
	if err != nil {
		c.wrong(m.Skip+1, "", "there is no header: %v", err)
		return
	}
	if !t.columns(m.Skip+1, header) {
		return
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if wrong := (*csv.ParseError)(nil); errors.As(err, &wrong) {
			c.wrong(m.Skip+wrong.Line, "", "%v", wrong.Err)
			return // where the next row begins is not known
		}
		line, _ := in.FieldPos(0)
		t.row(m.Skip+line, fields)
	}
}

// notUTF8 returns the first line that is not UTF-8, 0 where all are.
func notUTF8(text []byte) (line int) {
	for all := range bytes.Lines(text) {
		line++
		if !utf8.Valid(all) {
			return line
		}
	}
	return 0
}

type csvTable struct {
	*collector

	mapping Mapping
	at      map[string]int // columns by name
	width   int
}

// columns finds the columns that the mapping names.
func (t *csvTable) columns(line int, header []string) bool {
	t.at, t.width = map[string]int{}, len(header)
	for k, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := t.at[name]; twice && t.wants(name) {
			t.wrong(line, name, "the header has this column twice")
			return false
		}
		t.at[name] = k
	}
	whole := true
	for _, name := range t.names() {
		if _, known := t.at[name]; !known {
			t.wrong(line, name, "the header has no such column")
			whole = false
		}
	}
	return whole
}

func (t *csvTable) names() (all []string) {
	m := t.mapping
	for _, name := range []string{m.Time.Column, m.Point.Column, m.Quality.Column, m.Code.Column, m.Value.Column} {
		if name != "" {
			all = append(all, name)
		}
	}
	for _, v := range m.Values {
		all = append(all, v.Column)
	}
	return all
}

func (t *csvTable) wants(name string) bool { return slices.Contains(t.names(), name) }

// row takes a row of the table.
func (t *csvTable) row(line int, fields []string) {
	if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
		return
	}
	if len(fields) != t.width {
		t.wrong(line, "", "has %d fields, and the header has %d", len(fields), t.width)
		return
	}
	field := func(name string) string { return strings.TrimSpace(fields[t.at[name]]) }
	m := t.mapping
	of := row{line: line, minutes: m.Minutes, quality: Measured, point: m.Point.Value}
	if m.Point.Column != "" {
		of.point = field(m.Point.Column)
	}
	times, err := t.times(field(m.Time.Column))
	if err != nil {
		t.wrong(line, m.Time.Column, "%v", err)
	}
	good := err == nil
	if m.Quality.Column != "" {
		var known bool
		if of.quality, known = m.Quality.Values[field(m.Quality.Column)]; !known {
			t.wrong(line, m.Quality.Column, "%q is not in the mapping's quality.values", field(m.Quality.Column))
			good = false
		}
	}
	if m.Code.Column != "" {
		text := field(m.Code.Column)
		if named, mapped := m.Code.Values[text]; mapped {
			text = named
		}
		t.cell(of, times, good, text, m.Value.Column, field(m.Value.Column), m.Code.Column)
		return
	}
	for _, v := range m.Values {
		if v.Point != "" {
			of.point = v.Point
		}
		if text := field(v.Column); text != "" || len(m.Values) == 1 {
			t.cell(of, times, good, v.Code, v.Column, text, v.Column)
		}
	}
}

// cell takes one energy.
func (t *csvTable) cell(of row, times []time.Time, good bool, code, column, text, codeColumn string) {
	var err error
	if of.code, of.direction, err = obis(code); err != nil {
		t.wrong(of.line, codeColumn, "%v", err)
		good = false
	}
	power, _ := unit(t.mapping.Unit)
	if of.exact, err = decimal(text, t.mapping.Decimal[0], power); err != nil {
		t.wrong(of.line, column, "%v", err)
		good = false
	}
	if !good {
		return
	}
	of.field = column
	of.start = times[0]
	if len(times) > 1 { // the hour that comes twice: its first quarter-hours come first
		if _, had := t.seen[t.key(of)]; had {
			of.start = times[1]
		}
	}
	t.add(of)
}

// key is the one under which a row is kept.
func (t *csvTable) key(of row) Key {
	point, _ := t.options.Mapping.point(of.point)
	code := of.code
	if t.mapping.Total != "" && code == t.mapping.Total {
		code = Total
	}
	return Key{point, of.start.Unix(), code, of.direction}
}

// times returns when an interval began: two instants where the clock shows the time twice.
func (t *csvTable) times(text string) ([]time.Time, error) {
	back := time.Duration(0)
	if t.mapping.Time.Marks == "end" {
		back = -time.Duration(t.mapping.Minutes) * time.Minute
	}
	switch t.mapping.Time.Format {
	case "rfc3339":
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fmt.Errorf("%q is no time with an offset", text)
		}
		return []time.Time{at.Add(back)}, nil
	case "unix":
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q are no unix seconds", text)
		}
		return []time.Time{time.Unix(at, 0).UTC().Add(back)}, nil
	}
	zone := t.options.Zone
	if zone == nil {
		return nil, errors.New("has no offset: name the time zone in the mapping (time_zone)")
	}
	wall, err := time.Parse(layout(t.mapping.Time.Format), text)
	if err != nil {
		return nil, fmt.Errorf("%q is no time as in %s", text, t.mapping.Time.Format)
	}
	all := instants(wall, zone)
	if len(all) == 0 {
		return nil, fmt.Errorf("%q does not exist in %s: the clock is put forward over it", text, zone)
	}
	for k := range all {
		all[k] = all[k].Add(back)
	}
	return all, nil
}

// instants returns when the clock of a zone shows a time: once, twice where it is put back,
// and never where it is put forward over it.
func instants(wall time.Time, zone *time.Location) (all []time.Time) {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	const shown = "2006-01-02 15:04:05"
	for _, by := range []time.Duration{-time.Hour, -30 * time.Minute, 0, 30 * time.Minute, time.Hour} {
		if one := at.Add(by); one.Format(shown) == wall.Format(shown) {
			all = append(all, one)
		}
	}
	return all
}
