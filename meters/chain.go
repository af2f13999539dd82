package meters

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Part is one of several things of a kind behind one unit, and how it introduces itself.
type Part struct {
	Number int    `json:"number"` // from 1, in the order of the SunSpec chain
	Model  uint16 `json:"model"`
	Maker  string `json:"vendor,omitempty"`
	Name   string `json:"model_name,omitempty"`
	Option string `json:"option,omitempty"` // as some makers say what a meter is for
	Serial string `json:"serial,omitempty"`

	of profile.Part
}

// String describes the part for people.
func (p Part) String() string {
	words := slices.DeleteFunc([]string{fmt.Sprintf("%d:", p.Number), p.Maker, p.Name, p.Option}, func(word string) bool { return word == "" })
	text := strings.Join(words, " ")
	if p.Serial != "" {
		text += ", serial number " + p.Serial
	}
	return text
}

// Parts returns what a profile can read in a chain of a unit. Only where there are several
// the device is asked how they introduce themselves.
func Parts(ctx context.Context, conn *modbus.Conn, unit uint8, p *profile.Profile, quirks profile.Quirks, models []profile.Model) ([]Part, error) {
	found := p.Parts(models)
	parts := make([]Part, len(found))
	for i, of := range found {
		parts[i] = Part{Number: of.Number, Model: of.Model.ID, of: of}
		points := p.Introduces(of.Common)
		if len(found) == 1 || len(points) == 0 {
			continue
		}
		words, err := NewReader(points, quirks).Read(ctx, conn, unit)
		if err != nil {
			return nil, fmt.Errorf("what introduces part %d: %w", of.Number, err)
		}
		for _, m := range profile.Measure(points, words.At) {
			*map[string]*string{"1.Mn": &parts[i].Maker, "1.Md": &parts[i].Name, "1.Opt": &parts[i].Option, "1.SN": &parts[i].Serial}[m.Name] = m.Text
		}
	}
	return parts, nil
}

// Choose returns the part that is meant: the one with the number, else the one with the
// serial number that was bound, else the one that says it is a connection meter. certain
// is false where none of these tells; it is the first then, and the zero Part where there
// is none at all.
func Choose(parts []Part, number int, serial string) (part Part, certain bool) {
	if len(parts) == 0 {
		return Part{}, number == 0
	}
	connection := regexp.MustCompile(`(?i)export.*import|import.*export`)
	for _, is := range []func(Part) bool{
		func(p Part) bool { return p.Number == number },
		func(p Part) bool { return number == 0 && serial != "" && p.Serial == serial },
		func(p Part) bool { return number == 0 && connection.MatchString(p.Option) },
	} {
		if at := slices.IndexFunc(parts, is); at >= 0 && !slices.ContainsFunc(parts[at+1:], is) {
			return parts[at], true
		}
	}
	return parts[0], number == 0 && len(parts) == 1
}

// Of returns the chain with the part's own models first.
func (p Part) Of(models []profile.Model) []profile.Model {
	if p.Number == 0 {
		return models
	}
	return p.of.First(models)
}

// AmbiguousError reports a unit with several things of a kind, of which nothing tells which
// one is meant.
type AmbiguousError struct {
	Unit  uint8
	Asked int // the number that was asked for; 0: none
	Parts []Part
}

func (e *AmbiguousError) Error() string {
	all := make([]string, len(e.Parts))
	for i, p := range e.Parts {
		all[i] = p.String()
	}
	if e.Asked > 0 {
		return fmt.Sprintf("unit %d has no part %d: it has %s", e.Unit, e.Asked, strings.Join(all, "; "))
	}
	return fmt.Sprintf("unit %d shows %d of the kind: say which is meant, with --part N, or part: N in a configuration (%s)", e.Unit, len(all), strings.Join(all, "; "))
}

// Chain is where a unit's SunSpec models are, as far as it was looked for. It is used by
// one goroutine.
type Chain struct {
	target Target
	found  []profile.Model // as on the device
	chosen []profile.Model // the part that is meant first; nil: it must be looked for

	headless bool // the device refuses the heads of its models, by which one sees that they moved
}

// Models returns the models of the device, those of the part that is meant first. doubt
// tells of what was taken for want of a better reason.
func (c *Chain) Models(ctx context.Context, conn *modbus.Conn) (models []profile.Model, doubt, err error) {
	if c.chosen != nil || len(c.target.Profile.SunSpec) == 0 {
		return c.chosen, nil, nil
	}
	found, err := c.walk(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	c.found = nil
	for _, m := range found {
		c.found = append(c.found, profile.Model(m))
	}
	parts, err := Parts(ctx, conn, c.target.Unit, c.target.Profile, c.target.Quirks(), c.found)
	if err != nil {
		return nil, nil, err
	}
	part, certain := c.choose(parts)
	if !certain {
		doubt = &AmbiguousError{c.target.Unit, c.target.Part, parts}
		if c.target.Part > 0 {
			return nil, nil, doubt
		}
	}
	c.chosen = part.Of(c.found)
	return c.chosen, doubt, nil
}

// choose keeps to the first part where a device was bound by a serial number that none of
// them has: it is that of the head of the chain, by which devices were bound before parts
// were told apart, or of another device, which the reader refuses.
func (c *Chain) choose(parts []Part) (Part, bool) {
	serial := c.target.Serial
	if c.target.Part == 0 && serial != "" && len(parts) > 1 && !slices.ContainsFunc(parts, func(p Part) bool { return p.Serial == serial }) {
		return parts[0], true
	}
	return Choose(parts, c.target.Part, serial)
}

// walk looks where the chain was before, and everywhere when it is not there any more.
func (c *Chain) walk(ctx context.Context, conn *modbus.Conn) ([]modbus.Model, error) {
	if len(c.found) > 0 {
		const marker = 2
		found, err := modbus.WalkSunSpec(ctx, conn, c.target.Unit, c.found[0].Addr-marker)
		if !errors.Is(err, modbus.ErrNoSunSpec) {
			return found, err
		}
	}
	return modbus.WalkSunSpec(ctx, conn, c.target.Unit)
}

// Forget has the models looked for anew.
func (c *Chain) Forget() { c.chosen = nil }

// NewChain is of a device whose models are not known yet.
func NewChain(t Target) *Chain { return &Chain{target: t} }

// head returns the common model at the beginning of the chain.
func (c *Chain) head() (profile.Model, bool) {
	for _, m := range c.found {
		if m.ID == 1 {
			return m, true
		}
	}
	return profile.Model{}, false
}
