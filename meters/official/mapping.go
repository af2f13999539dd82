package official

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mapping is a file that says what a CSV file means, and, for every format, which metering
// points of the community the grid operator's are:
//
//	delimiter: ";"                    # default ","
//	decimal: ","                      # default "."
//	skip: 2                           # lines before the header
//	unit: kWh                         # or Wh, MWh
//	minutes: 15                       # length of an interval
//	time_zone: Europe/Vienna          # of times without an offset
//	time: {column: Zeit, format: "DD.MM.YYYY HH:mm", marks: start}   # or end, of the interval
//	point: {column: Zählpunkt}        # or value: AT…, the same in all rows
//	quality: {column: Status, values: {W: 1, E: 2, S: 3}}   # without: all were measured
//	values:                           # columns with energies
//	  - {column: Bezug, code: "1-1:1.9.0 G.01"}
//	  - {column: Einspeisung, code: "1-1:2.9.0 G.01"}
//	points: {AT0031…: mp-ann}         # what the community calls them; others keep their name
//	ignore: [AT0099…]                 # points of the file that are not the community's
//	total: P.01                       # the code that has all energy, where that is not G.01
//
// In place of values a file may have a row for each code: code: {column: Code, values: {…}}
// with what stands there as OBIS codes, and value: {column: kWh}.
type Mapping struct {
	Delimiter string            `yaml:"delimiter"`
	Decimal   string            `yaml:"decimal"`
	Skip      int               `yaml:"skip"`
	Unit      string            `yaml:"unit"`
	Minutes   int               `yaml:"minutes"`
	TimeZone  string            `yaml:"time_zone"`
	Time      TimeColumn        `yaml:"time"`
	Point     PointColumn       `yaml:"point"`
	Quality   QualityColumn     `yaml:"quality"`
	Values    []ValueColumn     `yaml:"values"`
	Code      CodeColumn        `yaml:"code"`
	Value     PlainColumn       `yaml:"value"`
	Points    map[string]string `yaml:"points"`
	Ignore    []string          `yaml:"ignore"`
	Total     Code              `yaml:"total"`
}

// TimeColumn says where an interval's time stands. Format has YYYY, MM, DD, HH, mm and ss in
// their places, or is rfc3339 or unix.
type TimeColumn struct {
	Column string `yaml:"column"`
	Format string `yaml:"format"`
	Marks  string `yaml:"marks"` // start, the default, or end
}

// PointColumn says where the metering point stands, or which it is.
type PointColumn struct {
	Column string `yaml:"column"`
	Value  string `yaml:"value"`
}

// QualityColumn says where the quality stands, and what is there means.
type QualityColumn struct {
	Column string             `yaml:"column"`
	Values map[string]Quality `yaml:"values"`
}

// ValueColumn is one with energies of a code.
type ValueColumn struct {
	Column string `yaml:"column"`
	Code   string `yaml:"code"`  // as in "1-1:1.9.0 G.01"
	Point  string `yaml:"point"` // of this column, where each point has one
}

// CodeColumn says where the code stands, and what is there means.
type CodeColumn struct {
	Column string            `yaml:"column"`
	Values map[string]string `yaml:"values"` // OBIS codes; without, they stand there
}

// PlainColumn names a column.
type PlainColumn struct {
	Column string `yaml:"column"`
}

// ReadMapping reads a mapping file strictly. Errors name the line or the field.
func ReadMapping(text []byte) (*Mapping, error) {
	m := &Mapping{}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("mapping: has a second document, which nothing would read: leave out what follows ---")
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	return m, nil
}

// check checks what every format needs.
func (m *Mapping) check() error {
	for name, text := range map[string]string{"delimiter": m.Delimiter, "decimal": m.Decimal} {
		if len(text) > 1 {
			return fmt.Errorf("%s: %q is more than one sign", name, text)
		}
	}
	switch {
	case !slices.Contains([]string{"", "start", "end"}, m.Time.Marks):
		return fmt.Errorf("time.marks: %q is neither start nor end", m.Time.Marks)
	case m.Skip < 0:
		return fmt.Errorf("skip: %d is negative", m.Skip)
	case m.Point.Column != "" && m.Point.Value != "":
		return errors.New("point: give column or value, not both")
	}
	for text, q := range m.Quality.Values {
		if q < Measured || q > Estimated {
			return fmt.Errorf("quality.values.%s: %d is none of 1 (measured), 2 (replaced), 3 (estimated)", text, q)
		}
	}
	for point, own := range m.Points {
		if own == "" || slices.Contains(m.Ignore, point) {
			return fmt.Errorf("points.%s: is also to be ignored, or has no name", point)
		}
	}
	return nil
}

// point returns what the community calls a metering point, and whether it is wanted.
func (m *Mapping) point(source string) (string, bool) {
	if slices.Contains(m.Ignore, source) {
		return "", false
	}
	if own, mapped := m.Points[source]; mapped {
		return own, true
	}
	return source, true
}

// forCSV checks what a CSV file needs, and fills in what is left out.
func (m Mapping) forCSV() (Mapping, error) {
	if m.Delimiter == "" {
		m.Delimiter = ","
	}
	if m.Decimal == "" {
		m.Decimal = "."
	}
	perRow := m.Code.Column != "" || m.Value.Column != ""
	switch {
	case m.Delimiter == m.Decimal:
		return m, fmt.Errorf("delimiter, decimal: are both %q", m.Decimal)
	case m.Time.Column == "" || m.Time.Format == "":
		return m, errors.New("time: give the column and the format, as in {column: Zeit, format: \"DD.MM.YYYY HH:mm\"}")
	case m.Unit == "":
		return m, errors.New("unit: give kWh or Wh")
	case m.Minutes == 0:
		return m, errors.New("minutes: give the length of an interval")
	case perRow && len(m.Values) > 0:
		return m, errors.New("values, code, value: give columns of energies (values), or a column of codes and one of energies (code, value), not both")
	case perRow && (m.Code.Column == "" || m.Value.Column == ""):
		return m, errors.New("code.column, value.column: give both")
	case !perRow && len(m.Values) == 0:
		return m, errors.New("values: name at least one column of energies, as in [{column: kWh, code: \"1-1:1.9.0 G.01\"}]")
	}
	if _, known := unit(m.Unit); !known {
		return m, fmt.Errorf("unit: %q is not kWh, Wh or MWh", m.Unit)
	}
	for k, v := range m.Values {
		if _, _, err := obis(v.Code); err != nil {
			return m, fmt.Errorf("values[%d].code: %w", k, err)
		}
		if v.Point == "" && m.Point.Column == "" && m.Point.Value == "" {
			return m, errors.New("point: say in which column it stands, or which it is")
		}
	}
	for text, code := range m.Code.Values {
		if _, _, err := obis(code); err != nil {
			return m, fmt.Errorf("code.values.%s: %w", text, err)
		}
	}
	if perRow && m.Point.Column == "" && m.Point.Value == "" {
		return m, errors.New("point: say in which column it stands, or which it is")
	}
	return m, nil
}

// layout turns a format of times into Go's.
func layout(format string) string {
	return strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "HH", "15", "mm", "04", "ss", "05").Replace(format)
}
