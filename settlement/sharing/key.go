package sharing

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Kind says how a key divides.
type Kind string

// The kinds of keys.
const (
	Static   Kind = "static"   // by agreed shares
	Dynamic  Kind = "dynamic"  // by what was consumed
	Priority Kind = "priority" // in an agreed order
)

// Kinds returns them all.
func Kinds() []Kind { return []Kind{Static, Dynamic, Priority} }

// Unused says what becomes of energy that a participant was offered and did not consume.
type Unused string

// What may become of it.
const (
	ToPlant Unused = "plant" // it stays the surplus of the plant
	Own     Unused = "own"   // it becomes the participant's own surplus
	Again   Unused = "again" // it is offered again to those who consume more
)

// MostRounds is how many rounds a static key may have: Annex 25 of the Czech decree 408/2015
// has five.
const MostRounds = 5

// Others stands, as the point of an entry, for all points that the key names nowhere.
const Others = "*"

// Key divides the energy of a pot.
type Key struct {
	Kind    Kind    `json:"kind"`
	Unused  Unused  `json:"unused,omitempty"` // of a static key; empty: ToPlant
	Rounds  int     `json:"rounds,omitempty"` // of a static key; 0: one
	Entries []Entry `json:"entries,omitempty"`
}

// Entry is a participant: a metering point, or a group with a key of its own. A dynamic key
// without entries is one of all points.
type Entry struct {
	Point string `json:"point,omitempty"`
	Group string `json:"group,omitempty"` // its name
	Key   *Key   `json:"key,omitempty"`   // of the group
	Share Ratio  `json:"share,omitzero"`  // of a static key
	Order int    `json:"order,omitempty"` // of a priority key, from 1: the least is first
}

// Plant is a producing point for which something else holds than for the others.
type Plant struct {
	Point  string   `json:"point"`
	Key    *Key     `json:"key,omitempty"`    // of its own; nil: its energy is divided with all other
	Owners []string `json:"owners,omitempty"` // points of those who pay nothing for its energy
}

// Factor says how much of a point takes part.
type Factor struct {
	Point string `json:"point"`
	Share Ratio  `json:"share"`
	Since int64  `json:"since,omitempty"` // Unix seconds from which on it counts
}

// Scheme is how a community shares.
type Scheme struct {
	Key

	Plants []Plant `json:"plants,omitempty"`
	// InOrder has the plants' energy count as shared in the order in which they are listed, and
	// then that of the others; otherwise each has the same part of its energy shared.
	InOrder bool     `json:"in_order,omitempty"`
	Factors []Factor `json:"factors,omitempty"` // by point, then since
}

// deepest bounds groups within groups.
const deepest = 8

// Validate checks the scheme. The error begins with the name of the field.
func (s Scheme) Validate() error {
	if err := s.validate("", map[string]bool{}, 0); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, p := range s.Plants {
		path := fmt.Sprintf("plants[%d].", i)
		switch {
		case p.Point == "" || p.Point == Others:
			return fmt.Errorf("%spoint: %q is no metering point", path, p.Point)
		case seen[p.Point]:
			return fmt.Errorf("%spoint: %q is listed twice; list each plant once", path, p.Point)
		}
		seen[p.Point] = true
		if p.Key == nil {
			continue
		}
		if err := p.Key.validate(path+"key.", map[string]bool{}, 0); err != nil {
			return err
		}
	}
	at := map[string]int64{}
	for i, f := range s.Factors {
		if since, twice := at[f.Point]; twice && since >= f.Since {
			return fmt.Errorf("factors[%d].since: of %q is not after the one before", i, f.Point)
		}
		at[f.Point] = f.Since
	}
	return nil
}

// validate checks a key. named are the points and groups of the pot that were met.
func (k Key) validate(path string, named map[string]bool, depth int) error {
	switch {
	case !slices.Contains(Kinds(), k.Kind):
		return fmt.Errorf("%skind: %q: must be %s, %s or %s", path, k.Kind, Static, Dynamic, Priority)
	case !slices.Contains([]Unused{"", ToPlant, Own, Again}, k.Unused):
		return fmt.Errorf("%sunused: %q: must be %s, %s or %s", path, k.Unused, ToPlant, Own, Again)
	case k.Unused != "" && k.Kind != Static:
		return fmt.Errorf("%sunused: a %s key offers nobody more than it consumes: leave it out", path, k.Kind)
	case k.Rounds < 0 || k.Rounds > MostRounds:
		return fmt.Errorf("%srounds: %d: must be 1 to %d", path, k.Rounds, MostRounds)
	case k.Rounds > 1 && (k.Kind != Static || k.Unused == Again || depth > 0):
		return fmt.Errorf("%srounds: %d: only a static key outside of groups, whose unused energy is not offered again without end, has rounds", path, k.Rounds)
	case len(k.Entries) == 0 && k.Kind != Dynamic:
		return fmt.Errorf("%sentries: missing: a %s key names its participants", path, k.Kind)
	case depth > deepest:
		return fmt.Errorf("%sentries: groups are nested deeper than %d", path, deepest)
	}
	for i, e := range k.Entries {
		here := fmt.Sprintf("%sentries[%d]", path, i)
		if err := e.validate(k.Kind, here, named, depth); err != nil {
			return err
		}
	}
	if sum := k.Sum(); sum.Cmp(big.NewRat(1, 1)) > 0 {
		return fmt.Errorf("%sshares: sum to %s, which is more than 1", path, sum.RatString())
	}
	return nil
}

func (e Entry) validate(kind Kind, path string, named map[string]bool, depth int) error {
	name, what := e.Point, "point"
	if e.Key != nil {
		name, what = e.Group, "group"
	}
	switch {
	case e.Key != nil && e.Point != "" || e.Key == nil && e.Group != "":
		return errors.New(path + ": give either a point, or a group with its key")
	case name == "":
		return fmt.Errorf("%s.%s: missing", path, what)
	case named[what+name]:
		return fmt.Errorf("%s.%s: %q is there twice; list each once", path, what, name)
	case e.Share != Ratio{} && kind != Static:
		return fmt.Errorf("%s.share: a %s key has no shares", path, kind)
	case kind == Static && name == Others:
		return fmt.Errorf("%s.point: %q has no share of a static key: list the points", path, Others)
	case kind == Priority && e.Order < 1:
		return fmt.Errorf("%s.order: %d: must be 1 or more", path, e.Order)
	}
	named[what+name] = true
	if e.Key == nil {
		return nil
	}
	return e.Key.validate(path+".key.", named, depth+1)
}

// Sum returns the sum of the shares of a static key.
func (k Key) Sum() *big.Rat {
	sum := new(big.Rat)
	for _, e := range k.Entries {
		sum.Add(sum, e.Share.rat())
	}
	return sum
}

// At returns the scheme as it counts in an interval that begins then (Unix seconds): of each
// point's factors the last one that counts.
func (s Scheme) At(start int64) Scheme {
	var counting []Factor
	for _, f := range s.Factors {
		if f.Since > start {
			continue
		}
		f.Since = 0
		if at := slices.IndexFunc(counting, func(g Factor) bool { return g.Point == f.Point }); at >= 0 {
			counting[at] = f
		} else {
			counting = append(counting, f)
		}
	}
	s.Factors = counting
	return s
}

// Rename returns the scheme with other names of the points, as of accounts. Points for which
// there is none are left out; a group stays, so that its share stays what it is.
func (s Scheme) Rename(name func(point string) (string, bool)) Scheme {
	s.Key = *s.Key.rename(name)
	var plants []Plant
	for _, p := range s.Plants {
		if to, known := name(p.Point); known {
			p.Point, p.Key = to, p.Key.rename(name)
			var owners []string
			for _, o := range p.Owners {
				if to, known := name(o); known {
					owners = append(owners, to)
				}
			}
			p.Owners = owners
			plants = append(plants, p)
		}
	}
	s.Plants = plants
	var factors []Factor
	for _, f := range s.Factors {
		if to, known := name(f.Point); known {
			f.Point = to
			factors = append(factors, f)
		}
	}
	s.Factors = factors
	return s
}

// rename renames the points of a key. One that names points and loses all of them keeps an
// entry for nobody, for without entries it would be one of all points.
func (k *Key) rename(name func(string) (string, bool)) *Key {
	if k == nil {
		return nil
	}
	to := *k
	to.Entries = nil
	for _, e := range k.Entries {
		known := true
		if e.Key != nil {
			e.Key = e.Key.rename(name)
		} else if e.Point != Others {
			e.Point, known = name(e.Point)
		}
		if known {
			to.Entries = append(to.Entries, e)
		}
	}
	if len(k.Entries) > 0 && len(to.Entries) == 0 {
		to.Entries = []Entry{{Point: Nobody, Order: 1}}
	}
	return &to
}

// Nobody is the point of an entry that stands for none.
const Nobody = "(nobody)"
