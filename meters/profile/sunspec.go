package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Model is a SunSpec model as found on a device.
type Model struct {
	ID     uint16
	Addr   uint16 // register of its id: offset 0
	Length uint16 // registers after the id and length, as the device declares
}

// A table lists the points of a SunSpec model (SunSpec Device Information Model
// Reference and DER Information Model Specification).
type table struct {
	Model  uint16  `yaml:"model"`
	Length uint16  `yaml:"length"` // of the fixed part
	Points []entry `yaml:"points"`
	Groups []struct {
		Name   string  `yaml:"name"`
		Count  string  `yaml:"count"` // a number, or the point that holds it
		Offset uint16  `yaml:"offset"`
		Length uint16  `yaml:"length"`
		Points []entry `yaml:"points"`
	} `yaml:"groups"`
	Skipped bool `yaml:"groups_skipped"` // the groups of the curve models are not listed
}

type entry struct {
	Name   string `yaml:"name"`
	Offset uint16 `yaml:"offset"`
	Type   Type   `yaml:"type"`
	Words  uint16 `yaml:"words"`
	SF     string `yaml:"sf"`
	Unit   string `yaml:"unit"`
}

// entry returns a point, and how much further on it is than its entry says: one of a group
// that repeats is named by the group, its number from 1, and its own name.
func (t *table) entry(name string) (e *entry, offset uint16) {
	for i := range t.Points {
		if t.Points[i].Name == name {
			return &t.Points[i], 0
		}
	}
	group, rest, _ := strings.Cut(name, ".")
	number, name, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(number, 10, 8)
	if err != nil || n == 0 {
		return nil, 0
	}
	for _, g := range t.Groups {
		k := slices.IndexFunc(g.Points, func(e entry) bool { return e.Name == name })
		if g.Name == group && k >= 0 {
			return &g.Points[k], g.Offset + uint16(n-1)*g.Length
		}
	}
	return nil, 0
}

// fromTable fills in what the SunSpec tables say of a point. Models with
// floating-point twins agree in names, not in types: those are looked up anew
// on the device.
func (p checks) fromTable(pt *Point) error {
	for _, id := range p.candidates(pt) {
		t := p.tables[id]
		if t == nil {
			return fmt.Errorf("sunspec: model %d is not known", id)
		}
		e, _ := t.entry(pt.Name)
		if e == nil {
			return fmt.Errorf("name: SunSpec model %d has no point %s", id, pt.Name)
		}
		if pt.Type == "" {
			pt.Type, pt.Words = e.Type, e.Words
		}
		if pt.Unit == "" {
			pt.Unit = e.Unit
		}
	}
	return nil
}

func (p *Profile) candidates(pt *Point) []uint16 {
	if pt.Model != 0 {
		return []uint16{pt.Model}
	}
	return p.SunSpec
}

// locateSunSpec finds a point on the device.
func (p *Profile) locateSunSpec(pt Point, models []Model) (Located, bool) {
	for _, id := range p.candidates(&pt) {
		i := slices.IndexFunc(models, func(m Model) bool { return m.ID == id })
		if i < 0 {
			continue
		}
		t := p.tables[id]
		e, offset := t.entry(pt.Name)
		at, fits := t.place(models[i], offset, *e)
		if !fits {
			return Located{}, false
		}
		at.Point = pt
		at.Type, at.Words = e.Type, e.Words
		return at, true
	}
	return Located{}, false
}

// place returns where a table's entry is on the device, offset registers further;
// a model that the device declares shorter than its table lacks the rest.
func (t *table) place(m Model, offset uint16, e entry) (Located, bool) {
	const header = 2
	end := int(offset) + int(e.Offset) + int(e.Type.words(e.Words))
	l := Located{In: m, Addr: m.Addr + offset + e.Offset, sentinels: true}
	if e.SF != "" {
		factor, _ := t.entry(e.SF)
		l.ScaleAddr = m.Addr + factor.Offset
	}
	return l, end <= int(m.Length)+header && int(m.Addr)+end <= 1<<16
}

// All returns every point of the models found on a device that can be shown,
// named MODEL.POINT, or MODEL.GROUP.NUMBER.POINT where they repeat. A model of
// which no table is known is left out.
func (s *Set) All(models []Model) []Located {
	var all []Located
	for _, m := range models {
		t := s.tables[m.ID]
		if t == nil {
			continue
		}
		prefix := strconv.Itoa(int(m.ID)) + "."
		add := func(prefix string, offset uint16, e entry) {
			if l, fits := t.place(m, offset, e); fits && e.Type.shown() {
				l.Point = Point{
					Name: prefix + e.Name, Optional: true,
					Register: Register{Type: e.Type, Words: e.Words, FC: holding}, Scaling: Scaling{Unit: e.Unit, Scale: 1, Sign: 1},
				}
				all = append(all, l)
			}
		}
		for _, e := range t.Points {
			add(prefix, 0, e)
		}
		for _, g := range t.Groups {
			count := (int(m.Length) + 2 - int(g.Offset)) / max(int(g.Length), 1)
			name := func(k int) string { return fmt.Sprintf("%s%s.%d.", prefix, g.Name, k+1) }
			if fixed, err := strconv.Atoi(g.Count); err == nil {
				count = min(count, fixed)
				if fixed == 1 {
					name = func(int) string { return prefix + g.Name + "." }
				}
			}
			for k := range count {
				for _, e := range g.Points {
					add(name(k), g.Offset+uint16(k)*g.Length, e)
				}
			}
		}
	}
	return all
}

// Located is a point whose address on one device is known.
type Located struct {
	Point
	In        Model  // of SunSpec, that holds it; zero: its address is fixed
	Addr      uint16 // first register of the value
	ScaleAddr uint16 // register of the scale factor; 0: none
	sentinels bool   // SunSpec's "not implemented" values hold
}

// Locate finds the points of a kind (of all when empty) on a device; models
// are those found on it, if it speaks SunSpec. A point that a needed one is
// derived from comes along. A missing model is an error unless all its points
// are optional.
func (p *Profile) Locate(kind grid.DeviceKind, models []Model) ([]Located, error) {
	wanted := map[string]bool{}
	for i := range p.Points {
		if pt := &p.Points[i]; !pt.WriteOnly && (kind == "" || pt.Kind == kind && pt.Role != "") {
			p.want(pt, wanted)
		}
	}
	if p.Reckons(kind) {
		for _, s := range p.Cars.signs() {
			p.want(p.point(s.Of), wanted)
		}
	}
	var located []Located
	for _, pt := range p.Points {
		if !wanted[pt.Name] {
			continue
		}
		l, found := p.locate(pt, models)
		if !found && !pt.Optional {
			return nil, fmt.Errorf("profile %s: point %s: the device has no SunSpec model %v that holds it", p.ID, pt.Name, p.candidates(&pt))
		}
		if found {
			located = append(located, l)
		}
	}
	return located, nil
}

// want notes a point, and all that are needed to decode it.
func (p *Profile) want(pt *Point, wanted map[string]bool) {
	if pt == nil || wanted[pt.Name] {
		return
	}
	wanted[pt.Name] = true
	for other := range pt.Sum {
		p.want(p.point(other), wanted)
	}
	if pt.Classify != nil {
		p.want(p.point(pt.Classify.Of), wanted)
	}
	for _, while := range []*While{pt.PresentIf, pt.NegativeIf} {
		if while != nil {
			p.want(p.point(while.Of), wanted)
		}
	}
	p.want(p.point(pt.Times), wanted)
}

// LocateNamed finds one point on a device.
func (p *Profile) LocateNamed(name string, models []Model) (Located, error) {
	pt := p.point(name)
	if pt == nil {
		return Located{}, fmt.Errorf("profile %s: there is no point %q", p.ID, name)
	}
	l, found := p.locate(*pt, models)
	if !found {
		return Located{}, fmt.Errorf("profile %s: point %s: %w: none of the SunSpec models %v that it has holds it", p.ID, name, ErrNotImplemented, p.candidates(pt))
	}
	return l, nil
}

func (p *Profile) locate(pt Point, models []Model) (Located, bool) {
	if pt.derived() {
		return Located{Point: pt}, true
	}
	if len(p.SunSpec) > 0 {
		return p.locateSunSpec(pt, models)
	}
	l := Located{Point: pt, Addr: pt.Addr}
	if pt.SFRef != "" {
		l.ScaleAddr = p.point(pt.SFRef).Addr
	}
	return l, true
}

// Span is a run of registers.
type Span struct{ Addr, Count uint16 }

// Spans returns the registers that must be read to decode the point: one run that
// holds the value and its scale factor, or two when it were longer than most. A
// derived point has none.
func (l *Located) Spans(most uint16) []Span {
	if l.derived() {
		return nil
	}
	apart := l.Apart()
	if len(apart) == 1 {
		return apart
	}
	value := apart[0]
	from, to := min(int(l.Addr), int(l.ScaleAddr)), max(int(l.Addr)+int(value.Count), int(l.ScaleAddr)+1)
	if to-from > int(most) {
		return apart
	}
	return []Span{{uint16(from), uint16(to - from)}}
}

// Apart returns the registers of the value, and of its scale factor if it has one.
func (l *Located) Apart() []Span {
	if l.derived() {
		return nil
	}
	value := Span{l.Addr, l.Type.words(l.Words)}
	if l.ScaleAddr == 0 {
		return []Span{value}
	}
	return []Span{value, {l.ScaleAddr, 1}}
}
