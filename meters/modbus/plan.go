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

// Plan covers the wanted ranges with few reads: ranges of one table are joined
// when at most maxHole unwanted registers lie between them and the read stays
// within maxRegs. A wanted range is never split, so that a value and its scale
// factor come from one answer. Reads come in order of table and address.
func Plan(wanted []Range, maxRegs, maxHole uint16) []Range {
	sorted := slices.Clone(wanted)
	slices.SortFunc(sorted, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Count, b.Count))
	})
	var reads []Range
	for _, r := range sorted {
		if len(reads) > 0 {
			last := &reads[len(reads)-1]
			end := max(last.end(), r.end())
			joined := end - int(last.Addr)
			if last.Table == r.Table && int(r.Addr) <= last.end()+int(maxHole) && joined <= int(maxRegs) {
				last.Count = uint16(joined)
				continue
			}
		}
		reads = append(reads, r)
	}
	return reads
}
