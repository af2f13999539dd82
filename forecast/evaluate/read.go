package evaluate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// weatherPrefix begins the name of a column of weather.
const weatherPrefix = "weather:"

// ReadError says what is wrong with a file, where, and what to do.
type ReadError struct {
	File         string
	Line, Column int // of the character, from 1 on; 0 where it is the whole file
	Text         string
}

// Error implements error.
func (e *ReadError) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.Text)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
	}
}

// Read reads a CSV file: a header, the first column time (RFC 3339, or local YYYY-MM-DD HH:MM,
// of the begin of the interval), then one column a series, and any number of columns
// weather:NAME. A value that is missing is empty or NaN. Rows are in the order of time; of a local
// time that comes twice, when the clock goes back, the first in the file is the first. Errors: a
// *ReadError.
func Read(in io.Reader, file string, zone *time.Location) ([]Series, error) {
	if zone == nil {
		zone = time.UTC
	}
	r := &reader{file: file, zone: zone, csv: csv.NewReader(skipMark(in))}
	r.csv.ReuseRecord = true
	if err := r.header(); err != nil {
		return nil, err
	}
	for {
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.row(record)
		} else {
			err = r.parse(err)
		}
		if err != nil {
			return nil, err
		}
	}
	return r.series()
}

type reader struct {
	file   string
	zone   *time.Location
	csv    *csv.Reader
	names  []string // of the columns after the first
	times  []int64
	lines  []int
	values [][]float64 // by column
}

func (r *reader) wrong(line, column int, format string, args ...any) error {
	return &ReadError{r.file, line, column, fmt.Sprintf(format, args...)}
}

// at is wrong of a field of the last record.
func (r *reader) at(field int, format string, args ...any) error {
	line, column := r.csv.FieldPos(field)
	return r.wrong(line, column, format, args...)
}

// parse tells an error of the CSV itself.
func (r *reader) parse(err error) error {
	if e := (*csv.ParseError)(nil); errors.As(err, &e) {
		if errors.Is(e.Err, csv.ErrFieldCount) {
			return r.wrong(e.Line, 0, "this row has another number of fields than the header: give each column a value, empty where it is missing")
		}
		return r.wrong(e.Line, e.Column, "%v", e.Err)
	}
	return fmt.Errorf("read %s: %w", r.file, err)
}

func (r *reader) header() error {
	record, err := r.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return r.wrong(0, 0, "the file is empty: the first line names the columns, such as time,load")
	case err != nil:
		return r.parse(err)
	case len(record) == 1 && strings.ContainsAny(record[0], ";\t"):
		return r.wrong(1, 1, "the columns are not separated by commas: write %q", strings.NewReplacer(";", ",", "\t", ",").Replace(record[0]))
	case !strings.EqualFold(strings.TrimSpace(record[0]), "time"):
		return r.wrong(1, 1, "the first column is %q: it must be time", record[0])
	}
	seen := map[string]bool{}
	for k, name := range record[1:] {
		name = strings.TrimSpace(name)
		switch {
		case name == "", name == weatherPrefix:
			return r.at(k+1, "this column has no name: name the series that it holds")
		case seen[name]:
			return r.at(k+1, "there are two columns %q: name each once", name)
		}
		seen[name] = true
		r.names = append(r.names, name)
	}
	r.values = make([][]float64, len(r.names))
	if !slices.ContainsFunc(r.names, func(n string) bool { return !strings.HasPrefix(n, weatherPrefix) }) {
		return r.wrong(1, 0, "there is no column with a series: add one beside time and weather")
	}
	return nil
}

func (r *reader) row(record []string) error {
	at, err := r.time(strings.TrimSpace(record[0]))
	if err != nil {
		return err
	}
	line, _ := r.csv.FieldPos(0)
	r.times, r.lines = append(r.times, at), append(r.lines, line)
	for k, text := range record[1:] {
		v, err := value(strings.TrimSpace(text))
		if err != nil {
			return r.at(k+1, "%q is no number: write it with a decimal point, and leave it empty where it is missing", text)
		}
		r.values[k] = append(r.values[k], v)
	}
	return nil
}

func value(text string) (float64, error) {
	switch strings.ToLower(text) {
	case "", "nan", "na", "n/a", "null", "none":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && math.IsInf(v, 0) {
		return math.NaN(), nil
	}
	return v, err
}

// time reads that of a row, which must be later than that of the row before.
func (r *reader) time(text string) (int64, error) {
	before := int64(math.MinInt64)
	if len(r.times) > 0 {
		before = r.times[len(r.times)-1]
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		if t.Unix() <= before {
			return 0, r.at(0, "%s is not later than the row before: order the rows by time, each once", text)
		}
		return t.Unix(), nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		naive, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		all := instants(naive, r.zone)
		if len(all) == 0 {
			return 0, r.at(0, "%s does not exist in %s, where the clock went forward: say with --zone by which clock the file was written", text, r.zone)
		}
		for _, at := range all {
			if at > before {
				return at, nil
			}
		}
		return 0, r.at(0, "%s in %s is not later than the row before: order the rows by time, each once, or say with --zone by which clock the file was written", text, r.zone)
	}
	return 0, r.at(0, "%q is no time: write 2026-06-01T12:00:00Z, or the local time 2026-06-01 12:00", text)
}

// instants returns the moments at which a wall clock shows a time: none or two of them where it
// is moved.
func instants(naive time.Time, zone *time.Location) (all []int64) {
	const day = 24 * 60 * 60
	u := naive.Unix()
	for _, probe := range []int64{u - day, u + day} {
		_, offset := time.Unix(probe, 0).In(zone).Zone()
		at := u - int64(offset)
		if _, is := time.Unix(at, 0).In(zone).Zone(); is == offset && !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	slices.Sort(all)
	return all
}

// minutes is the length of the intervals: the least distance between rows that is allowed.
func (r *reader) minutes() (int, error) {
	if len(r.times) < 2 {
		return 0, r.wrong(0, 0, "there are %d rows: a series needs days of them", len(r.times))
	}
	counts := map[int64]int{}
	least := int64(math.MaxInt64)
	for k := 1; k < len(r.times); k++ {
		d := r.times[k] - r.times[k-1]
		counts[d]++
		if counts[d] > len(r.times)/20 {
			least = min(least, d)
		}
	}
	minutes := int(least / 60)
	if least%60 != 0 || !slices.Contains(grid.Lengths(), minutes) {
		return 0, r.wrong(0, 0, "rows are %s apart: they must be %v minutes apart; make means of them, or leave the hours that are missing empty", time.Duration(least)*time.Second, grid.Lengths())
	}
	return minutes, nil
}

// series lays the rows out without gaps.
func (r *reader) series() ([]Series, error) {
	minutes, err := r.minutes()
	if err != nil {
		return nil, err
	}
	first := grid.IntervalAt(time.Unix(r.times[0], 0), minutes)
	shift := r.times[0] - first.Start // of a zone that is not a whole number of intervals off
	length := int64(minutes) * 60
	n := int((r.times[len(r.times)-1]-r.times[0])/length) + 1
	const years = 50
	if n > years*366*24*60/minutes {
		return nil, r.wrong(r.lines[len(r.lines)-1], 1, "this is more than %d years after the first row: check the times", years)
	}
	laid := make([][]float64, len(r.names))
	for k := range laid {
		laid[k] = slices.Repeat([]float64{math.NaN()}, n)
	}
	for i, at := range r.times {
		offset := at - shift - first.Start
		if offset%length != 0 {
			return nil, r.wrong(r.lines[i], 1, "this row is not a whole number of %d minutes after the first: rows begin at the same minutes", minutes)
		}
		for k := range laid {
			laid[k][offset/length] = r.values[k][i]
		}
	}
	var weather []forecast.Weather
	for k, name := range r.names {
		if after, ok := strings.CutPrefix(name, weatherPrefix); ok {
			weather = append(weather, forecast.Weather{Name: after, First: first, Values: laid[k]})
		}
	}
	var all []Series
	for k, name := range r.names {
		if !strings.HasPrefix(name, weatherPrefix) {
			all = append(all, Series{Name: name, Series: forecast.Series{First: first, Values: laid[k]}, Weather: weather})
		}
	}
	return all, nil
}

// skipMark leaves out the mark that some programs begin a file of UTF-8 with.
func skipMark(in io.Reader) io.Reader {
	head := make([]byte, 3)
	n, err := io.ReadFull(in, head)
	if err == nil && string(head) == "\ufeff" {
		return in
	}
	return io.MultiReader(strings.NewReader(string(head[:n])), in)
}
