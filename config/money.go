package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // local time also where the machine has no table of zones

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// MoneyText is what configurations and scenarios say of tariffs beside the usual one.
type MoneyText struct {
	Zone     string              `yaml:"zone" eg:"Europe/Berlin" doc:"local time of tariffs and bills; absent: UTC"`
	Tariffs  TariffsText         `yaml:"tariffs" eg:"[tariffs.yaml]" doc:"tariffs of components, or files of them (docs/money.md); \"commonwatt tariff check --help\" lists the fields"`
	TariffOf map[string]TariffOf `yaml:"tariff_of" eg:"{mp-ann: dynamic}" doc:"of single metering points, in place of the community's; also by date: {mp-ann: [{tariff: a}, {tariff: b, from: 2026-07-01}]}"`
	Distance string              `yaml:"distance" eg:"circuit" doc:"how near the metering points are to each other, where components of tariffs go by it"`
	Market   CollarText          `yaml:"market" doc:"prices of orders; what is absent follows from the tariffs; a change counts for intervals that are not open yet"`
}

// CollarText is community.Collar as people write it.
type CollarText struct {
	Tick    Quantity `yaml:"tick" eg:"0.0001 EUR/kWh" doc:"their step"`
	Floor   Quantity `yaml:"floor" eg:"-1 EUR/kWh" doc:"the lowest"`
	Ceiling Quantity `yaml:"ceiling" eg:"5 EUR/kWh" doc:"the highest"`
}

// TariffOf is which tariff a metering point has: a name, or names by local date.
type TariffOf []DatedText

// DatedText is which tariff counts from a local date on.
type DatedText struct {
	Tariff   string
	From     tariff.Date // zero: from when it is seen
	Distance string
	line     int
}

// UnmarshalYAML reads both forms.
func (t *TariffOf) UnmarshalYAML(n *yaml.Node) error {
	r := &nodeReader{}
	*t = nil
	if n.Kind == yaml.ScalarNode {
		*t = TariffOf{{Tariff: n.Value, line: n.Line}}
		return nil
	}
	r.each(n, "tariff", func(n *yaml.Node, path string) {
		d := DatedText{line: n.Line}
		r.fields(n, path, map[string]func(*yaml.Node, string){
			"tariff":   func(n *yaml.Node, path string) { d.Tariff = r.text(n, path) },
			"from":     func(n *yaml.Node, path string) { d.From = r.date(n, path) },
			"distance": func(n *yaml.Node, path string) { d.Distance = r.text(n, path) },
		})
		*t = append(*t, d)
	})
	return r.first()
}

// given returns what the text says, with the community's distance where it says none.
func (t TariffOf) given() (all []tariff.Dated) {
	for _, d := range t {
		all = append(all, tariff.Dated{From: d.From, Tariff: d.Tariff, Distance: d.Distance})
	}
	return all
}

// check checks the names and the order of the dates. The error names the line and the field.
func (t TariffOf) check(field string, known func(string) bool) error {
	wrong := func(line int, format string, args ...any) error {
		err := fmt.Errorf(field+": "+format, args...)
		if line > 0 {
			return fmt.Errorf("line %d: %w", line, err)
		}
		return err
	}
	for k, d := range t {
		switch {
		case d.Tariff != "" && !known(d.Tariff):
			return wrong(d.line, "there is no tariff %q under tariffs", d.Tariff)
		case k > 0 && d.From.Compare(t[k-1].From) <= 0:
			return wrong(d.line, "the dates (from) must be given, and go up")
		}
	}
	return nil
}

// UnmarshalYAML reads a tariff of two prices, or the name of one under tariffs.
func (x *TariffText) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" || n.Kind == yaml.SequenceNode {
		return x.Named.UnmarshalYAML(n)
	}
	x.Named = nil
	known := []string{"version", "currency", "retail", "feed_in"}
	for k := 0; k+1 < len(n.Content); k += 2 {
		if key := n.Content[k]; !slices.Contains(known, key.Value) {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s not found in type config.TariffText", key.Line, key.Value)}}
		}
	}
	type plain TariffText
	return n.Decode((*plain)(x))
}

// InZone returns the community's local time. The error begins with the name of the field.
func (m MoneyText) InZone() (*time.Location, error) {
	if m.Zone == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(m.Zone)
	if err != nil || m.Zone == "Local" {
		return nil, fmt.Errorf("zone: %q is no zone of the tz database: write it as Europe/Berlin", m.Zone)
	}
	return zone, nil
}

// Money is what a configuration or scenario says of tariffs, read and checked.
type Money struct {
	Zone     *time.Location
	Flat     tariff.Tariff // of two prices; its version and currency are those of the usual tariff
	Given    tariff.Given
	Collar   *community.Collar // nil: it follows from the tariffs
	Extremes tariff.Extremes   // of all
}

// Money reads the tariffs for delivery intervals of so many minutes, usual is the
// community's. The error names the line and the field.
func (m MoneyText) Money(usual TariffText, minutes int) (Money, error) {
	out := Money{}
	var err error
	if out.Zone, err = m.InZone(); err != nil {
		return out, err
	}
	if out.Given.Schedules, err = m.Tariffs.schedules(minutes, out.Zone); err != nil {
		return out, err
	}
	names := func(name string) bool {
		return slices.ContainsFunc(out.Given.Schedules, func(s tariff.Schedule) bool { return s.Name == name })
	}
	if err := usual.Named.check("tariff", names); err != nil {
		return out, err
	}
	if out.Flat, err = m.flat(usual, out.Given.Schedules); err != nil {
		return out, err
	}
	if out.Given.Flat = out.Flat; len(usual.Named) > 0 {
		out.Given.Default = usual.Named.given()
	} else {
		out.Given.Default = []tariff.Dated{{}}
	}
	for k := range out.Given.Default {
		if out.Given.Default[k].Distance == "" {
			out.Given.Default[k].Distance = m.Distance
		}
	}
	out.Given.Points = map[string][]tariff.Dated{}
	for _, point := range slices.Sorted(maps.Keys(m.TariffOf)) {
		if err := m.TariffOf[point].check("tariff_of."+point, names); err != nil {
			return out, err
		}
		out.Given.Points[point] = m.TariffOf[point].given()
	}
	for _, s := range out.Given.Schedules {
		if s.Currency != out.Flat.Currency {
			return out, fmt.Errorf("tariffs: %q is in %s, and the community's tariff in %s: a community has one currency", s.Name, s.Currency, out.Flat.Currency)
		}
	}
	if err := m.distances(usual, out.Given.Schedules); err != nil {
		return out, err
	}
	return out, m.collar(&out, usual)
}

// Strangers checks that the metering points exist which have tariffs of their own. The error
// begins with the name of the field.
func (m MoneyText) Strangers(isPoint func(name string) bool) error {
	for _, point := range sortedKeys(m.TariffOf) {
		if !isPoint(point) {
			return fmt.Errorf("tariff_of.%s: there is no metering point %q: write one that there is, or leave it out", point, point)
		}
	}
	return nil
}

// distances checks that some component goes by each distance which is named. The error begins
// with the line or the field.
func (m MoneyText) distances(usual TariffText, all []tariff.Schedule) error {
	known := classesOf(all)
	if m.Distance != "" && !known[m.Distance] {
		return fmt.Errorf("distance: %s", known.without(m.Distance))
	}
	if err := known.check("tariff", usual.Named); err != nil {
		return err
	}
	for _, point := range sortedKeys(m.TariffOf) {
		if err := known.check("tariff_of."+point, m.TariffOf[point]); err != nil {
			return err
		}
	}
	return nil
}

// classes are the distances by which components of tariffs go.
type classes map[string]bool

func classesOf(all []tariff.Schedule) classes {
	known := classes{}
	for _, s := range all {
		for _, v := range s.Versions {
			for _, c := range v.Components {
				for _, d := range c.Community.By {
					known[d.Class] = true
				}
			}
		}
	}
	return known
}

// check checks the distances of a tariff by date.
func (c classes) check(field string, t TariffOf) error {
	for _, d := range t {
		if d.Distance != "" && !c[d.Distance] {
			return fmt.Errorf("line %d: %s.distance: %s", d.line, field, c.without(d.Distance))
		}
	}
	return nil
}

// without says that there is no such distance.
func (c classes) without(class string) string {
	known := "no component of a tariff goes by distance (by_distance): leave it out"
	if len(c) > 0 {
		known = "components of tariffs go by " + strings.Join(sortedKeys(c), ", ")
	}
	return fmt.Sprintf("there is no distance %q: %s", class, known)
}

// flat returns the tariff of two prices; of a usual one that is named the currency alone.
func (m MoneyText) flat(usual TariffText, all []tariff.Schedule) (tariff.Tariff, error) {
	if len(usual.Named) == 0 {
		return usual.Tariff()
	}
	name := usual.Named[len(usual.Named)-1].Tariff
	k := slices.IndexFunc(all, func(s tariff.Schedule) bool { return s.Name == name })
	if k < 0 {
		return tariff.Tariff{}, errors.New("tariff: names no tariff")
	}
	return tariff.Tariff{Version: name, Currency: all[k].Currency}, nil
}

// collar reads the collar, and finds the extremes of all tariffs.
func (m MoneyText) collar(out *Money, usual TariffText) (err error) {
	if out.Extremes, err = out.extremes(len(usual.Named) == 0); err != nil {
		return err
	}
	collar, err := community.CollarFor(out.Extremes)
	for _, q := range []struct {
		field string
		from  Quantity
		to    *grid.Price
	}{{"market.tick", m.Market.Tick, &collar.Tick}, {"market.floor", m.Market.Floor, &collar.Floor}, {"market.ceiling", m.Market.Ceiling, &collar.Ceiling}} {
		if !q.from.given() {
			continue
		}
		p, wrong := q.from.Price(q.field, out.Flat.Currency)
		if wrong != nil {
			return wrong
		}
		*q.to, out.Collar, err = p, &collar, nil
	}
	if err != nil {
		return err
	}
	if err := community.CheckCollar(collar); err != nil {
		return fmt.Errorf("market.%w", err)
	}
	return nil
}

// extremes returns those of all tariffs; flat says that the one of two prices counts.
func (m Money) extremes(flat bool) (e tariff.Extremes, err error) {
	if flat {
		e = m.Flat.Extremes()
	}
	for k, s := range m.Given.Schedules {
		x, err := s.Extremes()
		if err != nil {
			return e, fmt.Errorf("tariffs: %w", err)
		}
		if k > 0 || flat {
			x = e.And(x)
		}
		e = x
	}
	return e, nil
}

// Notes says what of the tariffs the market cannot trade at, empty where there is none.
func (m Money) Notes() string {
	if m.Collar == nil {
		return "" // it follows from them
	}
	if err := community.Fits(*m.Collar, m.Extremes); err != nil {
		return err.Error() + ": widen market.floor and market.ceiling, or leave them out; who has such a price does not trade at it"
	}
	return ""
}
