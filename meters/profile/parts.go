package profile

import "slices"

// A Part is one of several things of a kind that a device shows in one SunSpec chain, as
// the meters behind an inverter. What introduces it is the common model before it.
type Part struct {
	Number int   // from 1, in the order of the chain
	Model  Model // by which the profile reads it
	Common Model // zero: there is none before it
}

const commonModel = 1

// Parts returns what the profile can read in a chain, in the order of the chain: more than
// one where a device has several of a kind.
func (p *Profile) Parts(models []Model) (parts []Part) {
	var last Model
	for _, m := range models {
		switch {
		case m.ID == commonModel:
			last = m
		case slices.Contains(p.SunSpec, m.ID):
			parts = append(parts, Part{Number: len(parts) + 1, Model: m, Common: last})
		}
	}
	return parts
}

// First returns the chain with the part's own models before all others, so that points are
// looked for there first.
func (part Part) First(models []Model) []Model {
	own := []Model{part.Model}
	begun := part.Common == Model{}
	for _, m := range models {
		begun = begun || m == part.Common
		if begun && m != part.Common && m.ID == commonModel {
			break
		}
		if begun && m != part.Model {
			own = append(own, m)
		}
	}
	for _, m := range models {
		if !slices.Contains(own, m) {
			own = append(own, m)
		}
	}
	return own
}

// Introduces returns the points of a common model by which people tell parts apart.
func (p *Profile) Introduces(common Model) (points []Located) {
	if common == (Model{}) {
		return nil
	}
	for _, l := range (&Set{tables: p.tables}).All([]Model{common}) {
		switch l.Name {
		case "1.Mn", "1.Md", "1.Opt", "1.SN":
			points = append(points, l)
		}
	}
	return points
}

// Moved tells whether the models that points are in are not any more where they were
// found, or not as long: a device that gets another meter, or other firmware, may move them
// while it runs.
func Moved(points []Located, word Words) bool {
	return slices.ContainsFunc(points, func(l Located) bool {
		if l.In == (Model{}) {
			return false
		}
		id, read1 := word(l.FC, l.In.Addr)
		length, read2 := word(l.FC, l.In.Addr+1)
		return read1 && id != l.In.ID || read2 && length != l.In.Length
	})
}

// Headless tells whether the head of a model was not read: the device refuses it now.
func Headless(points []Located, word Words) bool {
	return slices.ContainsFunc(points, func(l Located) bool {
		_, read := word(l.FC, l.In.Addr)
		return l.In != (Model{}) && !read
	})
}
