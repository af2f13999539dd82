package modbus

import (
	"context"
	"errors"
	"slices"
)

// A Reader reads the same ranges of a unit again and again.
type Reader struct {
	wanted  []Range
	reads   []Range
	refused []Range // wanted, and refused by themselves
}

// NewReader plans the reads.
func NewReader(wanted []Range, limits Limits) *Reader {
	return &Reader{wanted: wanted, reads: Plan(wanted, limits)}
}

// Reads returns what one round asks for.
func (r *Reader) Reads() []Range { return r.reads }

// Answers are the words that a round brought, a range each.
type Answers []answer

type answer struct {
	Range

	words []uint16
}

// At returns the word at an address of a table.
func (a Answers) At(table string, addr uint16) (word uint16, read bool) {
	for _, r := range a {
		if string(r.Table) == table && addr >= r.Addr && int(addr-r.Addr) < len(r.words) {
			return r.words[addr-r.Addr], true
		}
	}
	return 0, false
}

// ErrRefusesAll reports a device that has none of the wanted registers.
var ErrRefusesAll = errors.New("the device refuses every read")

// Read carries out the planned reads. A read of registers that the device does
// not have is split into what was wanted of it, for good: a hole in it may not
// exist. What is refused by itself is left out. Errors: ErrRefusesAll, or those
// of Conn.Read.
func (r *Reader) Read(ctx context.Context, c *Conn, unit uint8) (Answers, error) {
	all := make(Answers, 0, len(r.reads))
	for k := 0; k < len(r.reads); k++ {
		at := r.reads[k]
		words, err := c.Read(ctx, unit, at.Table, at.Addr, at.Count)
		if refused := (*ExceptionError)(nil); errors.As(err, &refused) {
			parts := r.within(at)
			if refused.ForGood() || refused.OfRange() && len(parts) > 0 {
				if len(parts) == 0 {
					r.refused = append(r.refused, at)
				}
				r.reads = slices.Replace(r.reads, k, k+1, parts...)
				k--
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, answer{at, words})
	}
	if len(all) == 0 {
		return nil, ErrRefusesAll
	}
	return all, nil
}

// Retry asks the next time again for what was refused: a device that starts up
// refuses what it has later.
func (r *Reader) Retry() {
	r.reads = append(r.reads, r.refused...)
	r.refused = nil
}

// within returns the wanted ranges that a read was joined from, none when it
// is one of them.
func (r *Reader) within(at Range) (parts []Range) {
	for _, w := range r.wanted {
		if w == at {
			return nil
		}
		if w.Table == at.Table && w.Addr >= at.Addr && w.end() <= at.end() && !slices.Contains(parts, w) {
			parts = append(parts, w)
		}
	}
	return parts
}
