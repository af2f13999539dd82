package packs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// KeyText is how people write an allocation key.
type KeyText struct {
	Key    string             `yaml:"key" eg:"static" doc:"how produced energy is divided. static: by the shares; dynamic: by what each consumes; priority: in the order, each what it consumes; absent: as the pack has it"`
	Shares map[string]string  `yaml:"shares" eg:"{mp-ann: 1/3, mp-bob: 30 %}" doc:"of a static key, exactly, of metering points or groups"`
	Order  []Names            `yaml:"order" eg:"[mp-ann, [mp-bob, mp-cy], \"*\"]" doc:"of a priority key: metering points or groups, those in a list together; *: all others"`
	Points []string           `yaml:"points" eg:"[mp-ann, mp-bob]" doc:"of a dynamic key: metering points or groups that take part; absent: all"`
	Groups map[string]KeyText `yaml:"groups" eg:"{house-1: {key: dynamic, points: [mp-ann, mp-bob]}}" doc:"keys inside keys: shares, order and points may name them"`
	Unused string             `yaml:"unused" eg:"own" doc:"of a static key, what a participant was offered and does not consume: own: is its own surplus; again: is offered to those who consume more; plant: stays the plant's"`
	Rounds int                `yaml:"rounds" eg:"1" doc:"of a static key: up to 5, in each what is left over is offered by the same shares"`
}

// SchemeText is how people write the sharing of a community.
type SchemeText struct {
	KeyText `yaml:",inline"`

	Plants        []PlantText  `yaml:"plants" doc:"producing metering points for which something else holds than for the others"`
	InOrder       *bool        `yaml:"in_order" eg:"false" doc:"true: the plants' energy counts as shared in the order in which they are listed, then that of the others; else the same part of each"`
	Participation []FactorText `yaml:"participation" doc:"metering points of which only a part takes part, for they are in other communities too"`
	Zone          string       `yaml:"zone" eg:"Europe/Vienna" doc:"local time of changed; absent: as the pack has it, else UTC"`
}

// PlantText is a producing metering point.
type PlantText struct {
	Point  string   `yaml:"point" eg:"mp-roof"`
	Owners []string `yaml:"owners" eg:"[mp-ann]" doc:"metering points of those who pay nothing for its energy"`

	KeyText `yaml:",inline"`
}

// FactorText says how much of a metering point takes part.
type FactorText struct {
	Point   string `yaml:"point" eg:"mp-ann"`
	Factor  string `yaml:"factor" eg:"60 %"`
	Changed string `yaml:"changed" eg:"2026-06-30" doc:"the local day of the change, from which on it counts, with a pack that says so from the next; absent: always"`
}

// Names are one or several names.
type Names []string

// UnmarshalYAML reads a name, or a list of names.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = Names{node.Value}
		return nil
	}
	return node.Decode((*[]string)(n))
}

// given tells whether anything of a key is written.
func (t KeyText) given() bool {
	return t.Key != "" || len(t.Shares)+len(t.Order)+len(t.Points)+len(t.Groups) > 0 || t.Unused != "" || t.Rounds != 0
}

// Scheme reads what was written, with what the pack has where it is not; nil: no pack. The
// error begins with the name of the field.
func (t SchemeText) Scheme(p *Pack) (s sharing.Scheme, err error) {
	if p != nil {
		t = p.fill(t)
	}
	zone, err := time.LoadLocation(cmp.Or(t.Zone, "UTC"))
	if err != nil {
		return s, fmt.Errorf("zone: %q is no time zone: write one such as Europe/Vienna", t.Zone)
	}
	if s.Key, err = t.key(""); err != nil {
		return s, err
	}
	if err := t.once(""); err != nil {
		return s, err
	}
	for i, x := range t.Plants {
		plant := sharing.Plant{Point: x.Point, Owners: x.Owners}
		if x.given() {
			key, err := x.key(fmt.Sprintf("plants[%d].", i))
			if err != nil {
				return s, err
			}
			if err := x.once(fmt.Sprintf("plants[%d].", i)); err != nil {
				return s, err
			}
			plant.Key = &key
		}
		s.Plants = append(s.Plants, plant)
	}
	s.InOrder = t.InOrder != nil && *t.InOrder
	for i, f := range t.Participation {
		factor, err := f.factor(zone, p)
		if err != nil {
			return s, fmt.Errorf("participation[%d].%w", i, err)
		}
		s.Factors = append(s.Factors, factor)
	}
	slices.SortStableFunc(s.Factors, func(a, b sharing.Factor) int {
		return cmp.Or(strings.Compare(a.Point, b.Point), cmp.Compare(a.Since, b.Since))
	})
	if err := s.Validate(); err != nil {
		return s, err
	}
	if p != nil {
		return s, p.permits(s)
	}
	return s, nil
}

func (f FactorText) factor(zone *time.Location, p *Pack) (to sharing.Factor, err error) {
	if f.Point == "" {
		return to, errors.New("point: missing")
	}
	to.Point = f.Point
	if to.Share, err = sharing.ParseRatio(f.Factor); err != nil {
		return to, fmt.Errorf("factor: %w", err)
	}
	if f.Changed == "" {
		return to, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, f.Changed, zone)
	if err != nil {
		return to, fmt.Errorf("changed: %q: must be a day, such as 2026-06-30", f.Changed)
	}
	if p != nil && p.Participation.NextDay {
		day = day.AddDate(0, 0, 1)
	}
	to.Since = day.Unix()
	return to, nil
}

// key reads a key. The error begins with the path and the name of the field.
func (t KeyText) key(path string) (k sharing.Key, err error) {
	k = sharing.Key{Kind: sharing.Kind(t.Key), Unused: sharing.Unused(t.Unused), Rounds: t.Rounds}
	if !slices.Contains(sharing.Kinds(), k.Kind) {
		return k, fmt.Errorf("%skey: %q: must be %s, %s or %s", path, t.Key, sharing.Static, sharing.Dynamic, sharing.Priority)
	}
	for _, x := range []struct {
		field string
		given bool
		of    sharing.Kind
	}{
		{"shares", len(t.Shares) > 0, sharing.Static},
		{"order", len(t.Order) > 0, sharing.Priority},
		{"points", len(t.Points) > 0, sharing.Dynamic},
	} {
		switch {
		case x.given && x.of != k.Kind:
			return k, fmt.Errorf("%s%s: a %s key has none: leave it out", path, x.field, k.Kind)
		case !x.given && x.of == k.Kind && (k.Kind != sharing.Dynamic || path != "" && !strings.HasPrefix(path, "plants")):
			return k, fmt.Errorf("%s%s: missing: a %s key needs it", path, x.field, k.Kind)
		}
	}
	used := map[string]bool{}
	enter := func(name string, e sharing.Entry) error {
		if e.Point = name; name == "" {
			return fmt.Errorf("%s: a name is empty", strings.TrimSuffix(path, "."))
		}
		if inner, group := t.Groups[name]; group {
			used[name] = true
			key, err := inner.key(path + "groups." + name + ".")
			if err != nil {
				return err
			}
			e.Point, e.Group, e.Key = "", name, &key
		}
		k.Entries = append(k.Entries, e)
		return nil
	}
	if err := t.entries(path, enter); err != nil {
		return k, err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Groups)) {
		if !used[name] {
			return k, fmt.Errorf("%sgroups.%s: nothing names it: put it into shares, order or points, or leave it out", path, name)
		}
	}
	return k, nil
}

// entries enters whom the key names.
func (t KeyText) entries(path string, enter func(name string, e sharing.Entry) error) error {
	for _, name := range slices.Sorted(maps.Keys(t.Shares)) {
		share, err := sharing.ParseRatio(t.Shares[name])
		if err != nil {
			return fmt.Errorf("%sshares.%s: %w", path, name, err)
		}
		if err := enter(name, sharing.Entry{Share: share}); err != nil {
			return err
		}
	}
	for i, names := range t.Order {
		for _, name := range names {
			if err := enter(name, sharing.Entry{Order: i + 1}); err != nil {
				return err
			}
		}
	}
	for _, name := range t.Points {
		if err := enter(name, sharing.Entry{}); err != nil {
			return err
		}
	}
	return nil
}
