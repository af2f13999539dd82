package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// series reads where the prices of a tariff come from.
func (r *tariffReader) series(n *yaml.Node, path, currency string) *tariff.Spot {
	s, file, unit := &tariff.Spot{}, (*yaml.Node)(nil), currency+"/kWh"
	r.fields(n, path, fieldReaders{
		"minutes": func(n *yaml.Node, path string) {
			var err error
			if s.Minutes, err = strconv.Atoi(r.text(n, path)); err != nil {
				r.wrong(n, path, "%q: must be 15 or 60", n.Value)
			}
		},
		"file": func(n *yaml.Node, path string) { r.text(n, path); file = n },
		"unit": func(n *yaml.Node, path string) {
			if unit = r.text(n, path); unit != currency+"/kWh" && unit != currency+"/MWh" {
				r.wrong(n, path, "%q: must be %s/kWh or %s/MWh", unit, currency, currency)
			}
		},
	})
	if file == nil {
		return s // they are pushed
	}
	text, err := r.open(file.Value)
	if err == nil {
		s.Prices, err = ParsePrices(text, s.Minutes, strings.HasSuffix(unit, "/MWh"))
	}
	all := []error{err}
	if several := (interface{ Unwrap() []error })(nil); errors.As(err, &several) {
		all = several.Unwrap()
	}
	for k, err := range all {
		if k == mostRows {
			r.wrong(file, path+".file", "%s: %d more lines are wrong", file.Value, len(all)-k)
			break
		}
		if err != nil {
			r.wrong(file, path+".file", "%s: %v", file.Value, err)
		}
	}
	return s
}

// mostRows is how many rows of a file of prices are named that are wrong: of a year in another
// form each would be.
const mostRows = 50

// ParsePrices reads a CSV of prices: the header time,price, then a time (RFC 3339) and a price
// a line, in the order of time without a hole. byMWh says that they are by the MWh, else by the
// kWh. The error joins (errors.Join) one for each line that is wrong, with line and field.
func ParsePrices(text []byte, minutes int, byMWh bool) ([]tariff.SpotPrice, error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))) // a byte order mark
	in.FieldsPerRecord, in.ReuseRecord = 2, true
	if err := priceHeader(in.Read()); err != nil {
		return nil, err
	}
	p := prices{step: int64(minutes) * 60, places: 6} // millionths
	if byMWh {
		p.places = 3
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.wrong = append(p.wrong, plainCSV(err))
			p.last = nil
			continue
		}
		line, _ := in.FieldPos(0)
		p.row(line, strings.TrimSpace(row[0]), strings.TrimSpace(row[1]))
	}
	if len(p.wrong) > 0 {
		return nil, errors.Join(p.wrong...)
	}
	return p.all, nil
}

// priceHeader says what is wrong with the first line.
func priceHeader(row []string, err error) error {
	const want = "the first line must be the header time,price"
	switch {
	case err == io.EOF: //nolint:errorlint // the package returns it as it is
		return fmt.Errorf("line 1: the file is empty: %s", want)
	case err != nil:
		return fmt.Errorf("%w: %s", plainCSV(err), want)
	case !strings.EqualFold(strings.TrimSpace(row[0]), "time") || !strings.EqualFold(strings.TrimSpace(row[1]), "price"):
		return fmt.Errorf("line 1: %q: %s", strings.Join(row, ","), want)
	default:
		return nil
	}
}

// prices collects the rows of a series, and what is wrong with them.
type prices struct {
	step   int64 // seconds from one to the next
	places int   // decimals that a price may have
	all    []tariff.SpotPrice
	last   *int64 // time of the row before; nil: it was wrong
	wrong  []error
}

// row reads a row. After one whose time is wrong it is not asked whether there is a hole.
func (p *prices) row(line int, when, price string) {
	fail := func(field, format string, args ...any) {
		p.wrong = append(p.wrong, fmt.Errorf("line %d: %s: %w", line, field, fmt.Errorf(format, args...)))
	}
	value, err := parseDecimal(price, p.places)
	switch {
	case err != nil:
		fail("price", "%w", err)
	case !tariff.InRange(grid.Price(value)):
		fail("price", "%q is out of range", price)
	}
	before := p.last
	p.last = nil
	at, err := time.Parse(time.RFC3339, when)
	if err != nil {
		fail("time", "%q: write it as 2026-06-01T12:00:00+02:00", when)
		return
	}
	start := at.Unix()
	if p.step > 0 && start%p.step != 0 {
		fail("time", "%s is not at the begin of %d minutes", when, p.step/60)
		return
	}
	p.last = &start
	if before != nil && p.step > 0 {
		switch next := *before + p.step; {
		case start == *before:
			fail("time", "%s is given twice", when)
		case start < *before:
			p.last = before
			fail("time", "%s is not in the order of time: sort the lines by it", when)
		case start > next:
			fail("time", "%s: there is a hole: the price of %s is missing", when, time.Unix(next, 0).UTC().Format(time.RFC3339))
		}
	}
	p.all = append(p.all, tariff.SpotPrice{Start: start, Price: grid.Price(value)})
}

// plainCSV says what is wrong with a line.
func plainCSV(err error) error {
	if wrong, is := err.(*csv.ParseError); is { //nolint:errorlint // the package returns it as it is
		return fmt.Errorf("line %d: %w", wrong.Line, wrong.Err)
	}
	return err
}
