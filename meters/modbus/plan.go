package modbus

import (
	"cmp"
	"slices"
)

// Range is a run of registers of one table: [Addr, Addr + Count).
type Range struct {
	Table Table
	Addr  uint16
	Count uint16
}

func (r Range) end() int { return int(r.Addr) + int(r.Count) }

func (r Range) meets(o Range) bool {
	return r.Table == o.Table && int(r.Addr) < o.end() && int(o.Addr) < r.end()
}

// Limits bounds what one read may ask of a device.
type Limits struct {
	MaxRegs   uint16  // registers of one read
	MaxHole   uint16  // unwanted registers between two wanted ranges
	Forbidden []Range // registers that may not be read at all
}

// Plan covers the wanted ranges with few reads: ranges of one table are joined
// when the hole between them is allowed, nothing forbidden lies in it and the
// read stays short enough. A wanted range is never split, so that a value and
// its scale factor come from one answer; one that meets a forbidden range is
// left out. Reads come in order of table and address.
func Plan(wanted []Range, limits Limits) []Range {
	sorted := slices.DeleteFunc(slices.Clone(wanted), limits.forbids)
	slices.SortFunc(sorted, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Count, b.Count))
	})
	var reads []Range
	for _, r := range sorted {
		if len(reads) > 0 {
			last := &reads[len(reads)-1]
			count := max(last.end(), r.end()) - int(last.Addr)
			joined := Range{Table: last.Table, Addr: last.Addr, Count: uint16(min(count, MaxRegisters))}
			if last.Table == r.Table && int(r.Addr) <= last.end()+int(limits.MaxHole) && count <= int(limits.MaxRegs) && !limits.forbids(joined) {
				*last = joined
				continue
			}
		}
		reads = append(reads, r)
	}
	return reads
}

func (l Limits) forbids(r Range) bool { return slices.ContainsFunc(l.Forbidden, r.meets) }
