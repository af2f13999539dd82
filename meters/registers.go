package meters

import (
	"slices"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// NewReader reads the registers of points, as a device's quirks allow. A value and its
// scale factor are read at once, and apart where the device forces it, as the parts of a text are.
func NewReader(points []profile.Located, quirks profile.Quirks) *modbus.Reader {
	return newReader(points, quirks, false)
}

// newReader reads with the points the heads of the models that hold them, when it is to
// tell whether they were moved.
func newReader(points []profile.Located, quirks profile.Quirks, heads bool) *modbus.Reader {
	limits := Limits(quirks)
	wanted := Ranges(points, limits)
	for _, pt := range points {
		if head := (modbus.Range{Table: modbus.Table(pt.FC), Addr: pt.In.Addr, Count: headWords}); heads && pt.In != (profile.Model{}) && !slices.Contains(wanted, head) {
			wanted = append(wanted, head)
		}
	}
	reader := modbus.NewReader(wanted, limits)
	for _, pt := range points {
		if whole, apart := pt.Spans(limits.MaxRegs), pt.Apart(); len(whole) == 1 && len(apart) > 1 {
			reader.MayPart(rangesOf(pt, whole)[0], rangesOf(pt, apart)...)
		} else if len(whole) == 1 && (pt.Type == profile.Text || pt.Type == profile.String) {
			mayHalve(reader, rangesOf(pt, whole)[0])
		}
	}
	return reader
}

// mayHalve lets a text be read in shorter and shorter parts: unlike a number it is not torn by
// that.
func mayHalve(reader *modbus.Reader, text modbus.Range) {
	if text.Count < 2 {
		return
	}
	first, second := text, text
	first.Count = (text.Count + 1) / 2
	second.Addr, second.Count = text.Addr+first.Count, text.Count-first.Count
	reader.MayPart(text, first, second)
	mayHalve(reader, first)
	mayHalve(reader, second)
}

const headWords = 2 // id and length of a SunSpec model

func rangesOf(pt profile.Located, spans []profile.Span) (all []modbus.Range) {
	for _, s := range spans {
		all = append(all, modbus.Range{Table: modbus.Table(pt.FC), Addr: s.Addr, Count: s.Count})
	}
	return all
}

// Limits returns what a profile's quirks allow of a read.
func Limits(q profile.Quirks) modbus.Limits {
	limits := modbus.Limits{MaxRegs: q.MaxRegs, MaxHole: q.MaxHole}
	for _, f := range q.ForbiddenRanges {
		for _, table := range []modbus.Table{modbus.Holding, modbus.Input} {
			limits.Forbidden = append(limits.Forbidden, modbus.Range{Table: table, Addr: f[0], Count: f[1] - f[0] + 1})
		}
	}
	return limits
}

// Ranges returns what must be read for points: a value together with its scale
// factor, unless one read cannot hold both.
func Ranges(points []profile.Located, limits modbus.Limits) (wanted []modbus.Range) {
	for _, pt := range points {
		wanted = append(wanted, rangesOf(pt, pt.Spans(limits.MaxRegs))...)
	}
	return wanted
}
