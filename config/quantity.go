package config

import (
	"fmt"

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

// written is a number of a unit as it would be written; nothing where there is none.
func written[T grid.Power | grid.Energy](n *T, unit string) Quantity {
	if n == nil {
		return Quantity{}
	}
	return Quantity{Text: fmt.Sprint(int64(*n), " ", unit)}
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
	p, err := grid.ParsePower(q.Text)
	if err != nil {
		return 0, q.wrong(field, err)
	}
	return p, nil
}

// energy reads "10 kWh" or "800 Wh".
func (q Quantity) energy(field string) (grid.Energy, error) {
	e, err := grid.ParseEnergy(q.Text)
	if err != nil {
		return 0, q.wrong(field, err)
	}
	return e, nil
}

// wrong says where the quantity stands and what is wrong with it.
func (q Quantity) wrong(field string, err error) error {
	if q.line > 0 {
		return fmt.Errorf("line %d: %s: %w", q.line, field, err)
	}
	return fmt.Errorf("%s: %w", field, err)
}
