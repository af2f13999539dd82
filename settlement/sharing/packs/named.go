package packs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// Named is a metering point that a key names.
type Named struct {
	Field string // as people write it: shares.mp-ann, order[1], groups.house.points[0]
	Point string
}

// Names returns the metering points that the text names, in its order, shares and groups by
// name; those of a group where the group is named.
func (t SchemeText) Names() []Named {
	all := t.names("")
	for i, p := range t.Plants {
		path := fmt.Sprintf("plants[%d].", i)
		all = append(all, Named{path + "point", p.Point})
		for j, owner := range p.Owners {
			all = append(all, Named{fmt.Sprintf("%sowners[%d]", path, j), owner})
		}
		all = append(all, p.names(path)...)
	}
	for i, f := range t.Participation {
		all = append(all, Named{fmt.Sprintf("participation[%d].point", i), f.Point})
	}
	return all
}

// names returns those of a key.
func (t KeyText) names(path string) (all []Named) {
	note := func(field, name string) {
		group, is := t.Groups[name]
		switch {
		case is:
			all = append(all, group.names(path+"groups."+name+".")...)
		case name != sharing.Others:
			all = append(all, Named{path + field, name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Shares)) {
		note("shares."+name, name)
	}
	for i, names := range t.Order {
		for j, name := range names {
			field := fmt.Sprintf("order[%d]", i)
			if len(names) > 1 {
				field = fmt.Sprintf("%s[%d]", field, j)
			}
			note(field, name)
		}
	}
	for i, name := range t.Points {
		note(fmt.Sprintf("points[%d]", i), name)
	}
	return all
}

// once checks that a key names nobody twice, with what its groups name. The error begins with
// the field of the second.
func (t KeyText) once(path string) error {
	seen := map[string]string{}
	for _, n := range t.names(path) {
		if before, twice := seen[n.Point]; twice {
			return fmt.Errorf("%s: %q is there twice, in %s too: list each once", n.Field, n.Point, before)
		}
		seen[n.Point] = n.Field
	}
	return nil
}
