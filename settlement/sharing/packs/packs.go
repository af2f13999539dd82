// Package packs has the sharing rules of countries as data: each says which law it follows,
// what that law lays down, what it leaves to the members, and what of it is not modelled, with
// worked examples that a test computes. It also reads allocation keys as people write them.
//
// A pack is no legal advice: it names its sources and when they were read.
package packs

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"math/big"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/settlement/sharing"
)

//go:embed *.yaml
var embedded embed.FS

// Pack is the sharing rule of a country.
type Pack struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	Country string   `yaml:"country"` // ISO 3166
	Sources []Source `yaml:"sources"`
	Terms   `yaml:",inline"`

	Pays   string   `yaml:"pays"`   // who pays what
	Limits []string `yaml:"limits"` // that nothing here checks
	Omits  []string `yaml:"omits"`  // what of the law is not modelled

	Examples []Example `yaml:"examples"`
}

// Source is where a rule stands.
type Source struct {
	Title string `yaml:"title"`
	Part  string `yaml:"part"` // article, annex or page
	URL   string `yaml:"url"`
	Read  string `yaml:"read"` // the day
}

// Terms are what a pack sets.
type Terms struct {
	Keys     []string `yaml:"keys"`      // kinds that may be agreed, the first where none is
	Unused   []string `yaml:"unused"`    // of a static key, the first where none is agreed
	OwnFirst bool     `yaml:"own_first"` // a member's own energy goes first
	InOrder  bool     `yaml:"in_order"`  // the plants' energy counts as shared in their order
	Whole    bool     `yaml:"whole"`     // shares of a static key sum to 1
	Minutes  []int    `yaml:"minutes"`   // of a delivery interval
	Zone     string   `yaml:"zone"`

	Participation Participation `yaml:"participation"`
}

// Participation says how metering points take part in several communities.
type Participation struct {
	Allowed bool `yaml:"allowed"`
	Percent bool `yaml:"percent"`  // factors are whole percents, 1 at least
	NextDay bool `yaml:"next_day"` // a change counts from the next day
}

// Example is a worked example: an interval and what comes of it.
type Example struct {
	Title     string `yaml:"title"`
	Source    string `yaml:"source"`
	Published bool   `yaml:"published"` // its numbers are the source's; else they follow from its rule by hand

	Key    SchemeText `yaml:"key"`
	Points []struct {
		Point  string `yaml:"point"`
		Import int64  `yaml:"import"` // Wh
		Export int64  `yaml:"export"`
		Want   Want   `yaml:"want"`
	} `yaml:"points"`
}

// Want is what an example says comes out for a point, Wh.
type Want struct {
	Bought  int64 `yaml:"bought"`
	Sold    int64 `yaml:"sold"`
	Surplus int64 `yaml:"surplus"`
	Given   int64 `yaml:"given"`
}

// Set are all packs.
type Set struct{ byID map[string]*Pack }

// Embedded returns the packs that come with the program.
func Embedded() (*Set, error) {
	names, err := fs.Glob(embedded, "*.yaml")
	if err != nil {
		return nil, err
	}
	s := &Set{byID: map[string]*Pack{}}
	for _, name := range names {
		b, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p, err := Parse(b)
		if err == nil && p.ID+".yaml" != path.Base(name) {
			err = fmt.Errorf("id: %q: must be the name of the file", p.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		s.byID[p.ID] = p
	}
	return s, nil
}

// IDs returns the ids in order.
func (s *Set) IDs() (ids []string) {
	for id := range s.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Find returns a pack. The error names those that there are.
func (s *Set) Find(id string) (*Pack, error) {
	p := s.byID[id]
	if p == nil {
		return nil, fmt.Errorf("%q: there is no such pack: there are %s", id, strings.Join(s.IDs(), ", "))
	}
	return p, nil
}

// Parse reads a pack strictly. The error names the line or the field.
func Parse(text []byte) (*Pack, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	p := &Pack{}
	if err := dec.Decode(p); err != nil {
		return nil, err
	}
	switch {
	case p.ID == "" || p.Name == "" || len(p.Country) != 2:
		return nil, fmt.Errorf("id, name, country: one is missing")
	case len(p.Sources) == 0 || len(p.Omits) == 0 || p.Pays == "" || len(p.Minutes) == 0:
		return nil, fmt.Errorf("sources, pays, omits, minutes: one is missing")
	case len(p.Examples) == 0:
		return nil, fmt.Errorf("examples: missing: a pack has at least one worked example")
	case len(p.Keys) == 0 || len(p.Unused) == 0:
		return nil, fmt.Errorf("keys, unused: one is missing")
	}
	for _, k := range p.Keys {
		if !slices.Contains(sharing.Kinds(), sharing.Kind(k)) {
			return nil, fmt.Errorf("keys: %q is none", k)
		}
	}
	return p, nil
}

// fill fills in what was not written.
func (p *Pack) fill(t SchemeText) SchemeText {
	if t.Key == "" {
		t.Key = p.defaultKind(t.KeyText)
	}
	if t.Key == string(sharing.Static) && t.Unused == "" && t.Rounds < 2 {
		t.Unused = p.Unused[0]
	}
	if t.Zone == "" {
		t.Zone = p.Zone
	}
	if t.InOrder == nil {
		t.InOrder = &p.InOrder
	}
	t.Plants = slices.Clone(t.Plants)
	for i := range t.Plants {
		x := &t.Plants[i]
		if x.given() && x.Key == "" {
			x.Key = p.defaultKind(x.KeyText)
		}
		if x.Key == string(sharing.Static) && x.Unused == "" && x.Rounds < 2 {
			x.Unused = p.Unused[0]
		}
	}
	return t
}

// defaultKind is the kind of a key that has none: the one for which something is written, else
// the pack's first.
func (p *Pack) defaultKind(t KeyText) string {
	switch {
	case len(t.Shares) > 0:
		return string(sharing.Static)
	case len(t.Order) > 0:
		return string(sharing.Priority)
	default:
		return p.Keys[0]
	}
}

// permits tells whether a scheme keeps to the pack. The error begins with the name of the
// field.
func (p *Pack) permits(s sharing.Scheme) error {
	if err := p.permitsKey("", s.Key); err != nil {
		return err
	}
	for i, plant := range s.Plants {
		if plant.Key == nil {
			continue
		}
		if err := p.permitsKey(fmt.Sprintf("plants[%d].", i), *plant.Key); err != nil {
			return err
		}
	}
	if len(s.Factors) > 0 && !p.Participation.Allowed {
		return fmt.Errorf("participation: the pack %s has none: a metering point belongs to one community alone", p.ID)
	}
	for i, f := range s.Factors {
		hundred, ok := new(big.Rat).SetString(f.Share.String())
		if hundred = new(big.Rat).Mul(hundred, big.NewRat(100, 1)); p.Participation.Percent && ok && (!hundred.IsInt() || hundred.Sign() == 0) { //nolint:mnd // percent
			return fmt.Errorf("participation[%d].factor: %s: the pack %s takes whole percents from 1 to 100", i, f.Share, p.ID)
		}
	}
	return nil
}

func (p *Pack) permitsKey(path string, k sharing.Key) error {
	if !slices.Contains(p.Keys, string(k.Kind)) {
		return fmt.Errorf("%skey: %q: the pack %s permits %s", path, k.Kind, p.ID, strings.Join(p.Keys, ", "))
	}
	if k.Rounds > 1 {
		return fmt.Errorf("%srounds: %d: the pack %s has one round", path, k.Rounds, p.ID)
	}
	if k.Kind == sharing.Static && !slices.Contains(p.Unused, string(k.Unused)) {
		return fmt.Errorf("%sunused: %q: the pack %s permits %s", path, k.Unused, p.ID, strings.Join(p.Unused, ", "))
	}
	if sum := k.Sum(); p.Whole && k.Kind == sharing.Static && sum.Cmp(big.NewRat(1, 1)) != 0 {
		return fmt.Errorf("%sshares: sum to %s: by the pack %s they sum to 1", path, sum.RatString(), p.ID)
	}
	return nil
}
