package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
)

// Quantity is a number with its unit, as written; empty: it is not given.
type Quantity struct {
	Text string
	line int // of the file, 0: it was not read from one
}

// UnmarshalYAML keeps the text and its line.
func (q *Quantity) UnmarshalYAML(n *yaml.Node) error {
	q.Text, q.line = n.Value, n.Line
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want a price, such as 0.30 EUR/kWh", n.Line)
	}
	return nil
}

// Price reads "0.30 EUR/kWh". The error names the line and the field.
func (q Quantity) Price(field, currency string) (grid.Price, error) {
	p, err := grid.ParsePrice(q.Text, currency)
	if err != nil {
		return 0, q.wrong(field, err)
	}
	return p, nil
}

// given tells whether the quantity was written at all: 0 kW is a quantity, and nothing is none.
func (q Quantity) given() bool { return q.Text != "" || q.line > 0 }

// some reads a quantity of which nothing would make no sense, 0 when it is not given.
func (q Quantity) some(field string, read func(Quantity, string) (grid.Power, error)) (grid.Power, error) {
	if !q.given() {
		return 0, nil
	}
	p, err := read(q, field)
	if err == nil && p == 0 {
		err = q.wrong(field, fmt.Errorf("%q: must be above 0; leave it out where it is not known", q.Text))
	}
	return p, err
}

// power reads "10 kW" or "800 W".
func (q Quantity) power(field string) (grid.Power, error) {
	m := regexp.MustCompile(`^([0-9]+)(?:\.([0-9]{1,3}))? ?(kW|W)$`).FindStringSubmatch(q.Text)
	if m == nil || m[3] == "W" && m[2] != "" || len(m[1]) > 9 {
		return 0, q.wrong(field, fmt.Errorf("%q: want a power, such as 10 kW or 800 W", q.Text))
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || m[3] == "W" {
		return grid.Power(whole), err
	}
	const thousandths = "000"
	part, err := strconv.ParseInt("0"+(m[2] + thousandths)[:3], 10, 64)
	return grid.Power(whole*1000 + part), err
}

// energy reads "10 kWh" or "800 Wh".
func (q Quantity) energy(field string) (grid.Energy, error) {
	p, err := Quantity{strings.TrimSuffix(q.Text, "h"), q.line}.power(field)
	if err != nil || !strings.HasSuffix(q.Text, "h") {
		return 0, q.wrong(field, fmt.Errorf("%q: want an energy, such as 10 kWh or 800 Wh", q.Text))
	}
	return grid.Energy(p), nil
}

// wrong says where the quantity stands and what is wrong with it.
func (q Quantity) wrong(field string, err error) error {
	if q.line > 0 {
		return fmt.Errorf("line %d: %s: %w", q.line, field, err)
	}
	return fmt.Errorf("%s: %w", field, err)
}
