package tariff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Share is a part of a whole in millionths: 19 % is 190000.
type Share int64

// Whole is all of it.
const Whole Share = 1_000_000

// String returns the share in percent, as 19 % or 2.5 %.
func (s Share) String() string {
	const percent = Whole / 100
	text := fmt.Sprintf("%d.%04d", magnitudeOf(s)/int64(percent), magnitudeOf(s)%int64(percent))
	if s < 0 {
		text = "-" + text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

func magnitudeOf(s Share) int64 { return int64(max(s, -s)) }

// Schedule is a tariff that a metering point may have: what a kWh costs there and earns at
// each moment, made of components, in versions that count from a local date on.
type Schedule struct {
	Name     string    `json:"name"`
	Currency string    `json:"currency"` // ISO 4217
	Versions []Version `json:"versions"` // by ValidFrom
	Spot     *Spot     `json:"spot,omitempty"`
}

// Version is a schedule from a date on, until the next version counts.
type Version struct {
	Version    string      `json:"version"` // its name on bills
	ValidFrom  Date        `json:"valid_from"`
	VAT        *VAT        `json:"vat,omitempty"`
	Components []Component `json:"components"`
}

// VAT is the value-added tax of a version. The prices of the components are Rates as they
// stand, with the tax in them (Gross) or without; what it comes to is the bill's to say.
type VAT struct {
	Rate  Share `json:"rate"`
	Gross bool  `json:"gross"` // the prices contain it
}

// Kind says for what a component is paid.
type Kind string

// The kinds of components.
const (
	Energy   Kind = "energy"
	Grid     Kind = "grid"
	Levy     Kind = "levy"
	Metering Kind = "metering"
	Tax      Kind = "tax"
)

// Kinds returns them all.
func Kinds() []Kind { return []Kind{Energy, Grid, Levy, Metering, Tax} }

// Per says by what a component is reckoned.
type Per string

// The ways to reckon a component. A percentage follows the components of which it is one: by
// the kWh, by the day and by the month.
const (
	PerKWh   Per = "kWh"
	PerDay   Per = "day"
	PerMonth Per = "month"
	Percent  Per = "percent"
)

// Component is one price of a tariff. Of Price, Windows and Spot a component by the kWh has
// one.
type Component struct {
	Name   string `json:"name"`
	Kind   Kind   `json:"kind"`
	Export bool   `json:"export,omitempty"` // of energy given to the utility, which it pays
	Per    Per    `json:"per"`

	Price   *grid.Price `json:"price,omitempty"`   // the same at all times, millionths/kWh
	Windows []Window    `json:"windows,omitempty"` // by local time
	Spot    *OfSpot     `json:"spot,omitempty"`    // by the schedule's series
	Amount  grid.Money  `json:"amount,omitempty"`  // by the day or month and point, in millionths; + the member owes
	Share   Share       `json:"share,omitempty"`   // of the components in Of
	Of      []string    `json:"of,omitempty"`

	Community Community `json:"community,omitzero"`
	NoVAT     bool      `json:"no_vat,omitempty"` // the version's VAT does not fall on it
}

// Community says what energy of neighbours pays of a component: by default nothing.
type Community struct {
	Part
	By []Distance `json:"by,omitempty"` // where it differs by the distance of the point
}

// Part is a share of what grid energy pays of a component, or a price of its own.
type Part struct {
	Share Share       `json:"share,omitempty"`
	Price *grid.Price `json:"price,omitempty"` // millionths/kWh
}

// Distance is what the points of a class pay, such as those of one transformer circuit
// (Switzerland, StromVV Art. 19h: 40 % less of the grid tariff, 20 % less beyond it) or of
// the same low-voltage network (Austria, SNE-V: levels 6 and 7 against 4 and 5).
type Distance struct {
	Class string `json:"class"`
	Part
}

// of returns what the points of a class pay.
func (c Community) of(class string) Part {
	for _, d := range c.By {
		if d.Class == class {
			return d.Part
		}
	}
	return c.Part
}

// ProblemError is something that is wrong with a schedule.
type ProblemError struct {
	Path string // of the field, as versions[0].components[2].windows[1].hours
	Text string
}

func (p ProblemError) Error() string { return p.Path + ": " + p.Text }

// problems collects what is wrong.
type problems []ProblemError

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, ProblemError{path, fmt.Sprintf(format, args...)})
}

// Problems returns all that is wrong with a schedule for delivery intervals of so many
// minutes, none when it can be used.
func (s Schedule) Problems(minutes int) []ProblemError {
	var p problems
	if s.Name == "" {
		p.add("name", "missing: give it one, by which metering points have it")
	}
	if !KnownCurrency(s.Currency) {
		p.add("currency", "%q is not an ISO 4217 code: write its three capital letters, such as EUR or CHF", s.Currency)
	}
	if len(s.Versions) == 0 {
		p.add("versions", "missing: give one at least, with valid_from and components")
	}
	ids := map[string]bool{}
	for k, v := range s.Versions {
		path := fmt.Sprintf("versions[%d].", k)
		for _, before := range s.Versions[:k] {
			if before.ValidFrom == v.ValidFrom {
				p.add(path+"valid_from", "%s is given twice: a day has one version", v.ValidFrom)
			}
		}
		if ids[v.Version] {
			p.add(path+"version", "%q is given twice", v.Version)
		}
		ids[v.Version] = true
		v.check(&p, path, minutes, s.Spot != nil)
	}
	if s.Spot != nil {
		s.Spot.check(&p)
		if !slices.ContainsFunc(s.Versions, Version.needsSpot) {
			p.add("series", "no component goes by it: write series: {} beside one, in place of its price, or leave it out")
		}
	}
	return p
}

// check looks at one version.
func (v Version) check(p *problems, path string, minutes int, spot bool) {
	if v.VAT != nil && (v.VAT.Rate < 0 || v.VAT.Rate > Whole) {
		p.add(path+"vat.rate", "%s: must be from 0 %% to 100 %%", v.VAT.Rate)
	}
	if len(v.Components) == 0 {
		p.add(path+"components", "missing: give one at least")
	}
	names := map[string]int{}
	for k, c := range v.Components {
		at := fmt.Sprintf("%scomponents[%d].", path, k)
		if _, twice := names[c.Name]; twice || c.Name == "" {
			p.add(at+"name", "%q is missing or given twice", c.Name)
		}
		names[c.Name] = k
		c.check(p, at, minutes, spot)
	}
	for k, c := range v.Components {
		v.checkShare(p, fmt.Sprintf("%scomponents[%d].of", path, k), c)
	}
}

// check looks at one component by itself.
func (c Component) check(p *problems, path string, minutes int, spot bool) {
	if !slices.Contains(Kinds(), c.Kind) {
		p.add(path+"kind", "%q is not one of %v", c.Kind, Kinds())
	}
	ways := 0
	for _, given := range []bool{c.Price != nil, len(c.Windows) > 0, c.Spot != nil} {
		if given {
			ways++
		}
	}
	switch c.Per {
	case PerKWh:
		if ways != 1 {
			p.add(path+"price", "%q has %d of price, windows and series: give one of them", c.Name, ways)
		}
	case PerDay, PerMonth, Percent:
		if ways != 0 {
			p.add(path+"windows", "%q is reckoned by the %s: windows and series are of prices by the kWh", c.Name, c.Per)
		}
	default:
		p.add(path+"per", "%q is not one of %s, %s, %s", c.Per, PerKWh, PerDay, PerMonth)
	}
	if c.Price != nil && outOfRange(*c.Price) {
		p.add(path+"price", "%d is out of range: at most %d either way", *c.Price, int64(mostPrice))
	}
	if c.Amount > grid.Money(mostPrice) || c.Amount < -grid.Money(mostPrice) {
		p.add(path+"price", "%d is out of range: at most %d either way", c.Amount, int64(mostPrice))
	}
	if c.Spot != nil {
		c.Spot.check(p, path+"series", spot)
	}
	if len(c.Windows) > 0 {
		checkWindows(p, path+"windows", c.Windows, minutes)
	}
	c.Community.check(p, path+"community", c)
}

// check looks at what community energy pays.
func (c Community) check(p *problems, path string, of Component) {
	parts, classes := []Part{c.Part}, map[string]bool{}
	for _, d := range c.By {
		if d.Class == "" || classes[d.Class] {
			p.add(path, "the distance %q is missing or given twice", d.Class)
		}
		classes[d.Class] = true
		parts = append(parts, d.Part)
	}
	for _, part := range parts {
		switch {
		case part == Part{}:
		case of.Export || of.Per == PerDay || of.Per == PerMonth:
			p.add(path, "%q is not paid by the kWh taken: only what is can be paid by community energy", of.Name)
		case part.Share < 0 || part.Share > Whole:
			p.add(path, "a reduction must be from 0 %% to 100 %%")
		case part.Price != nil && outOfRange(*part.Price):
			p.add(path, "%d is out of range: at most %d either way", *part.Price, int64(mostPrice))
		}
	}
}

// checkShare looks at what a percentage is of.
func (v Version) checkShare(p *problems, path string, c Component) {
	if c.Per != Percent {
		if len(c.Of) > 0 {
			p.add(path, "%q is no percentage: write percent: 6 %% beside it, or leave it out", c.Name)
		}
		return
	}
	if len(c.Of) == 0 {
		p.add(path, "missing: name the components of which %q is %s", c.Name, c.Share)
	}
	if magnitudeOf(c.Share) > 10*int64(Whole) {
		p.add(strings.TrimSuffix(path, "of")+"percent", "%s: at most 1000 %%", c.Share)
	}
	named := map[string]bool{}
	for k, name := range c.Of {
		at := fmt.Sprintf("%s[%d]", path, k)
		base, known := v.component(name)
		switch {
		case !known:
			p.add(at, "there is no component %q: %s", name, v.names())
		case named[name]:
			p.add(at, "%q is named twice", name)
		case base.Export != c.Export:
			p.add(at, "%q is of the other direction (import and export are apart)", name)
		case v.leadsTo(base, c.Name, len(v.Components)):
			p.add(at, "%q is a percentage that leads back to %q: percentages must not go in a circle", name, c.Name)
		}
		named[name] = true
	}
}

// leadsTo tells whether a percentage is, in the end, one of the component with the name.
func (v Version) leadsTo(c Component, name string, steps int) bool {
	if c.Name == name {
		return true
	}
	if steps == 0 {
		return false
	}
	return slices.ContainsFunc(c.Of, func(of string) bool {
		base, known := v.component(of)
		return known && v.leadsTo(base, name, steps-1)
	})
}

func (v Version) component(name string) (Component, bool) {
	k := slices.IndexFunc(v.Components, func(c Component) bool { return c.Name == name })
	if k < 0 {
		return Component{}, false
	}
	return v.Components[k], true
}

// names lists the components for somebody who named another.
func (v Version) names() string {
	all := make([]string, len(v.Components))
	for k, c := range v.Components {
		all[k] = c.Name
	}
	return "there are " + strings.Join(all, ", ")
}

// Digest names a version of a schedule with its prices: equal where it is. The prices of a
// series, which come later, are not part of it.
func (s Schedule) Digest(v Version) string {
	b, err := json.Marshal(struct {
		Name, Currency string
		Version        Version
		Minutes        int
	}{s.Name, s.Currency, v, s.spotMinutes()})
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (s Schedule) spotMinutes() int {
	if s.Spot == nil {
		return 0
	}
	return s.Spot.Minutes
}

// On returns the version that counts on a day. The error names the day.
func (s Schedule) On(d Date) (Version, error) {
	var found *Version
	for k := range s.Versions {
		if s.Versions[k].ValidFrom.Compare(d) <= 0 {
			found = &s.Versions[k]
		}
	}
	if found == nil {
		first := "no version"
		if len(s.Versions) > 0 {
			first = "its first version is valid from " + s.Versions[0].ValidFrom.String()
		}
		return Version{}, fmt.Errorf("tariff %q: nothing of it is valid on %s: %s", s.Name, d, first)
	}
	return *found, nil
}
