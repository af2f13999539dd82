package config

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// fieldReaders are how the fields of a mapping are read, by name.
type fieldReaders = map[string]func(n *yaml.Node, path string)

// schedule reads one tariff, and adds all that is wrong with it.
func (r *tariffReader) schedule(n *yaml.Node, path string) tariff.Schedule {
	before := len(r.problems)
	r.lines = map[string]int{path: n.Line}
	var s tariff.Schedule
	var versions, series *yaml.Node
	r.fields(n, path, fieldReaders{
		"name":     func(n *yaml.Node, path string) { s.Name = r.text(n, path) },
		"currency": func(n *yaml.Node, path string) { s.Currency = r.text(n, path) },
		"series":   func(n *yaml.Node, _ string) { series = n },
		"versions": func(n *yaml.Node, _ string) { versions = n },
	})
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	r.named = append(r.named, TariffError{File: r.in, Line: r.lineOf(prefix + "name"), Path: prefix + "name"})
	currency := r.currency(n, prefix+"currency", s.Currency)
	if series != nil { // the unit of its prices is the currency's
		s.Spot = r.series(series, prefix+"series", currency)
	}
	if versions != nil {
		r.each(versions, prefix+"versions", func(n *yaml.Node, path string) { s.Versions = append(s.Versions, r.version(n, path, currency)) })
	}
	unread := slices.Clone(r.problems[before:])
	for _, p := range s.Problems(r.minutes) {
		unnamed := strings.HasSuffix(p.Path, "].version") && r.lines[prefix+p.Path] == 0 // it is the date
		if !unnamed && !touches(unread, prefix+p.Path) {
			r.problems = append(r.problems, TariffError{r.in, r.lineOf(prefix + p.Path), prefix + p.Path, p.Text})
		}
	}
	slices.SortStableFunc(r.problems[before:], func(a, b TariffError) int { return a.Line - b.Line })
	if len(r.problems) == before {
		if err := s.Fits(r.minutes, r.zone); err != nil {
			r.problems = append(r.problems, TariffError{r.in, n.Line, cmp.Or(path, s.Name), err.Error()})
		}
	}
	slices.SortStableFunc(s.Versions, func(a, b tariff.Version) int { return a.ValidFrom.Compare(b.ValidFrom) })
	return s
}

// currency returns that of the prices of a tariff. Where a tariff names none it is the one of
// the first price, so that not each price is wrong too.
func (r *tariffReader) currency(n *yaml.Node, path, named string) string {
	if named != "" {
		return named
	}
	if r.lines[path] == 0 {
		r.wrong(n, path, "missing: write three capital letters of ISO 4217, such as EUR or CHF")
	}
	return firstCurrency(n, mostAliases)
}

// firstCurrency finds the first price in a text, and returns its currency.
func firstCurrency(n *yaml.Node, depth int) string {
	if n.Kind == yaml.ScalarNode {
		_, unit, _ := strings.Cut(strings.TrimSpace(n.Value), " ")
		currency, by, _ := strings.Cut(unit, "/")
		if slices.Contains([]string{string(tariff.PerKWh), string(tariff.PerDay), string(tariff.PerMonth)}, by) {
			return currency
		}
		return ""
	}
	for _, child := range n.Content { // aliases have none: what they stand for comes by itself
		if depth == 0 {
			break
		}
		if currency := firstCurrency(child, depth-1); currency != "" {
			return currency
		}
	}
	return ""
}

// touches tells whether a field, one that it is in, or one in it could not be read: then what
// it says is not looked at twice. A version or a component of which a field could not be read
// is looked at all the same, for what else it says.
func touches(unread []TariffError, path string) bool {
	return slices.ContainsFunc(unread, func(p TariffError) bool { return isIn(p.Path, path) || isIn(path, p.Path) })
}

// isIn tells whether a path is that of a field or of something in it.
func isIn(path, field string) bool {
	rest, is := strings.CutPrefix(path, field)
	return is && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// lineOf returns the line of a field, or of what it is in.
func (r *nodeReader) lineOf(path string) int {
	for path != "" {
		if line := r.lines[path]; line > 0 {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return r.lines[""]
}

func (r *tariffReader) version(n *yaml.Node, path, currency string) tariff.Version {
	var v tariff.Version
	named := false
	r.fields(n, path, fieldReaders{
		"version":    func(n *yaml.Node, path string) { v.Version, named = r.text(n, path), true },
		"valid_from": func(n *yaml.Node, path string) { v.ValidFrom = r.date(n, path) },
		"vat":        func(n *yaml.Node, path string) { v.VAT = r.vat(n, path) },
		"components": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { v.Components = append(v.Components, r.component(n, path, currency)) })
		},
	})
	if v.ValidFrom.IsZero() && r.lines[path+".valid_from"] == 0 {
		r.wrong(n, path+".valid_from", "missing: give the local date from which on this counts")
	}
	if !named {
		v.Version = v.ValidFrom.String()
	}
	return v
}

func (r *tariffReader) vat(n *yaml.Node, path string) *tariff.VAT {
	v, prices := &tariff.VAT{}, ""
	r.fields(n, path, fieldReaders{
		"rate":   func(n *yaml.Node, path string) { v.Rate = r.share(n, path) },
		"prices": func(n *yaml.Node, path string) { prices = r.text(n, path) },
	})
	switch prices {
	case "gross":
		v.Gross = true
	case "net":
	default:
		r.wrong(n, path+".prices", "%q: must be net or gross: whether the prices contain the tax", prices)
	}
	return v
}

func (r *tariffReader) component(n *yaml.Node, path, currency string) tariff.Component {
	c := tariff.Component{Per: tariff.PerKWh}
	var vat *bool
	priced := false
	r.fields(n, path, fieldReaders{
		"name": func(n *yaml.Node, path string) { c.Name = r.text(n, path) },
		"kind": func(n *yaml.Node, path string) { c.Kind = tariff.Kind(r.text(n, path)) },
		"side": func(n *yaml.Node, path string) {
			switch side := r.text(n, path); side {
			case "export":
				c.Export = true
			case "import":
			default:
				r.wrong(n, path, "%q: must be import or export", side)
			}
		},
		"price": func(n *yaml.Node, path string) { priced = true; r.priceOf(&c, n, path, currency) },
		"percent": func(n *yaml.Node, path string) {
			c.Per, c.Share = tariff.Percent, r.share(n, path)
		},
		"of": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { c.Of = append(c.Of, r.text(n, path)) })
		},
		"windows": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { c.Windows = append(c.Windows, r.window(n, path, currency)) })
		},
		"series":    func(n *yaml.Node, path string) { c.Spot = r.ofSpot(n, path, currency) },
		"community": func(n *yaml.Node, path string) { c.Community = r.community(n, path, currency) },
		"vat":       func(n *yaml.Node, path string) { vat = new(r.truth(n, path)) },
	})
	if c.NoVAT = c.Export; vat != nil {
		c.NoVAT = !*vat
	}
	if priced && c.Per == tariff.Percent {
		r.wrong(n, path, "%q has a price and a percentage: give one of them", c.Name)
	}
	return c
}

// priceOf reads the price of a component, whose unit says by what it is reckoned.
func (r *tariffReader) priceOf(c *tariff.Component, n *yaml.Node, path, currency string) {
	text := r.text(n, path)
	for _, per := range []tariff.Per{tariff.PerDay, tariff.PerMonth} {
		amount, is := strings.CutSuffix(text, "/"+string(per))
		if !is {
			continue
		}
		m, err := grid.ParseMoney(amount, currency)
		if err != nil {
			r.wrong(n, path, "%q is no price by the %s: write it as \"9.00 %s/%s\"", text, per, currency, per)
		}
		if c.Per != tariff.Percent {
			c.Per = per
		}
		c.Amount = m
		return
	}
	c.Price = new(r.price(n, path, currency))
}

func (r *tariffReader) ofSpot(n *yaml.Node, path, currency string) *tariff.OfSpot {
	o := &tariff.OfSpot{Factor: tariff.Whole}
	r.fields(n, path, fieldReaders{
		"factor": func(n *yaml.Node, path string) {
			f, err := parseDecimal(r.text(n, path), 6) //nolint:mnd // millionths
			if err != nil {
				r.wrong(n, path, "%v", err)
			}
			o.Factor = tariff.Share(f)
		},
		"addition": func(n *yaml.Node, path string) { o.Addition = r.price(n, path, currency) },
	})
	return o
}

// community reads what community energy pays: true, false, a price, a reduction, or these by
// distance.
func (r *tariffReader) community(n *yaml.Node, path, currency string) (c tariff.Community) {
	if n.Kind != yaml.MappingNode {
		c.Part = r.part(n, path, currency)
		return c
	}
	whole := *n
	whole.Content = nil
	for k := 0; k+1 < len(n.Content); k += 2 {
		if n.Content[k].Value != "by_distance" {
			whole.Content = append(whole.Content, n.Content[k], n.Content[k+1])
			continue
		}
		by := resolved(n.Content[k+1])
		at := path + ".by_distance"
		if by.Kind != yaml.MappingNode {
			r.wrong(by, at, "is not a mapping of distances: write {circuit: {reduction: 40 %%}}")
			continue
		}
		for j := 0; j+1 < len(by.Content); j += 2 {
			class := by.Content[j].Value
			r.at(by.Content[j], at+"."+class)
			c.By = append(c.By, tariff.Distance{Class: class, Part: r.part(resolved(by.Content[j+1]), at+"."+class, currency)})
		}
	}
	if len(whole.Content) > 0 {
		c.Part = r.part(&whole, path, currency)
	}
	return c
}

// part reads what community energy pays of a component.
func (r *tariffReader) part(n *yaml.Node, path, currency string) (p tariff.Part) {
	if n.Kind == yaml.MappingNode {
		ways := 0
		r.fields(n, path, fieldReaders{
			"reduction": func(n *yaml.Node, path string) { p.Share = tariff.Whole - r.share(n, path); ways++ },
			"price":     func(n *yaml.Node, path string) { p.Price = new(r.price(n, path, currency)); ways++ },
		})
		if ways != 1 {
			r.wrong(n, path, "give a reduction or a price, as in {reduction: 40 %%}")
		}
		return p
	}
	switch text := r.text(n, path); text {
	case "true":
		p.Share = tariff.Whole
	case "false":
	default:
		p.Price = new(r.price(n, path, currency))
	}
	return p
}

func (r *tariffReader) window(n *yaml.Node, path, currency string) tariff.Window {
	var w tariff.Window
	priced := false
	r.fields(n, path, fieldReaders{
		"days": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) {
				for text := range strings.SplitSeq(r.text(n, path), ",") {
					w.Days = append(w.Days, r.days(n, path, strings.TrimSpace(text))...)
				}
			})
		},
		"season": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) {
				for text := range strings.SplitSeq(r.text(n, path), ",") {
					w.Seasons = append(w.Seasons, r.season(n, path, strings.TrimSpace(text)))
				}
			})
		},
		"hours": func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) {
				for text := range strings.SplitSeq(r.text(n, path), ",") {
					w.Hours = append(w.Hours, r.hours(n, path, strings.TrimSpace(text)))
				}
			})
		},
		"price": func(n *yaml.Node, path string) { w.Price, priced = r.price(n, path, currency), true },
	})
	if !priced {
		r.wrong(n, path+".price", "missing")
	}
	return w
}

// days reads mon, or mon-fri.
func (r *tariffReader) days(n *yaml.Node, path, text string) (all []time.Weekday) {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	from, to, isRange := strings.Cut(strings.ToLower(text), "-")
	if !isRange {
		to = from
	}
	first, last := slices.Index(names, strings.TrimSpace(from)), slices.Index(names, strings.TrimSpace(to))
	if first < 0 || last < 0 {
		r.wrong(n, path, "%q is no day of the week: write mon-fri, or sat, sun", text)
		return nil
	}
	for d := first; ; d = (d + 1) % len(names) {
		all = append(all, time.Weekday(d))
		if d == last {
			return all
		}
	}
}

// season reads 04-01..09-30, both included.
func (r *tariffReader) season(n *yaml.Node, path, text string) (s tariff.Season) {
	from, to, isRange := strings.Cut(text, "..")
	var err error
	for _, end := range []struct {
		text string
		into *tariff.YearDay
	}{{from, &s.From}, {to, &s.To}} {
		var d tariff.Date
		if d, err = tariff.ParseDate("2024-" + strings.TrimSpace(end.text)); err != nil {
			break
		}
		*end.into = tariff.YearDay{Month: d.Month, Day: d.Day}
	}
	if !isRange || err != nil {
		r.wrong(n, path, "%q is no season: write month and day of its first and last day, as 04-01..09-30", text)
	}
	return s
}

// hours reads 06:00-22:00.
func (r *tariffReader) hours(n *yaml.Node, path, text string) (h tariff.Hours) {
	from, to, isRange := strings.Cut(text, "-")
	ok := isRange
	for _, end := range []struct {
		text string
		into *int
	}{{from, &h.From}, {to, &h.To}} {
		clock := strings.TrimSpace(end.text)
		if clock == "24:00" {
			*end.into = 24 * 60
			continue
		}
		t, err := time.Parse("15:04", clock)
		ok = ok && err == nil
		*end.into = t.Hour()*60 + t.Minute()
	}
	if !ok {
		r.wrong(n, path, "%q are no hours: write 06:00-22:00", text)
	}
	return h
}
