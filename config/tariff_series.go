package config

import (
	"bytes"
	"encoding/csv"
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
	if err != nil {
		r.wrong(file, path+".file", "%s: %v", file.Value, err)
	}
	return s
}

// ParsePrices reads a CSV of prices: a header, then a time (RFC 3339) and a price a line, in
// the order of time without a hole. byMWh says that they are by the MWh, else by the kWh.
// Errors name the line and the field.
func ParsePrices(text []byte, minutes int, byMWh bool) ([]tariff.SpotPrice, error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord, in.ReuseRecord = 2, true
	if _, err := in.Read(); err != nil {
		return nil, fmt.Errorf("line 1: want a header (time,price): %w", plainCSV(err))
	}
	places := 6 // millionths
	if byMWh {
		places = 3
	}
	var all []tariff.SpotPrice
	for {
		row, err := in.Read()
		if err == io.EOF { //nolint:errorlint // the package returns it as it is
			return all, nil
		}
		if err != nil {
			return nil, plainCSV(err)
		}
		line, _ := in.FieldPos(0)
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(row[0]))
		if err != nil {
			return nil, fmt.Errorf("line %d: time: %q: write it as 2026-06-01T12:00:00+02:00", line, row[0])
		}
		p, err := parseDecimal(strings.TrimSpace(row[1]), places)
		if err != nil {
			return nil, fmt.Errorf("line %d: price: %w", line, err)
		}
		if step := int64(minutes) * 60; len(all) > 0 {
			switch next := all[len(all)-1].Start + step; {
			case at.Unix() > next:
				return nil, fmt.Errorf("line %d: time: %s: there is a hole: the price of %s is missing", line, row[0], time.Unix(next, 0).UTC().Format(time.RFC3339))
			case at.Unix() < next:
				return nil, fmt.Errorf("line %d: time: %s is given twice, is not in the order of time, or is nearer than %d minutes to the one before", line, row[0], minutes)
			}
		}
		all = append(all, tariff.SpotPrice{Start: at.Unix(), Price: grid.Price(p)})
	}
}

// plainCSV says what is wrong with a line.
func plainCSV(err error) error {
	if wrong, is := err.(*csv.ParseError); is { //nolint:errorlint // the package returns it as it is
		return fmt.Errorf("line %d: %w", wrong.Line, wrong.Err)
	}
	return err
}
