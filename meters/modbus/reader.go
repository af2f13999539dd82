package modbus

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
)

// A Reader reads the same ranges of a unit again and again, in reads as long as the
// device answers. It is used by one goroutine.
type Reader struct {
	wanted  []Range
	apart   map[Range][]Range
	reads   []Range
	refused []Range // wanted, and refused by themselves
	proven  uint16  // registers of the longest read that was ever answered
}

// NewReader plans the reads.
func NewReader(wanted []Range, limits Limits) *Reader {
	return &Reader{wanted: wanted, apart: map[Range][]Range{}, reads: Plan(wanted, limits)}
}

// Reads returns what one round asks for.
func (r *Reader) Reads() []Range { return r.reads }

// MayPart lets a wanted range be read in parts, where the device does not answer all of it
// at once: what lies between a value and its scale factor may not exist.
func (r *Reader) MayPart(whole Range, parts ...Range) { r.apart[whole] = parts }

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

// Read carries out the planned reads. A read of registers that the device does not have,
// or to which it is silent while it answers shorter ones, is split into what was wanted of
// it, for good: a hole in it may not exist, or it is too long. What is refused by itself is
// left out. Errors: ErrRefusesAll, or those of Conn.Read.
func (r *Reader) Read(ctx context.Context, c *Conn, unit uint8) (Answers, error) {
	all := make(Answers, 0, len(r.reads))
	for k := 0; k < len(r.reads); k++ {
		at := r.reads[k]
		words, err := c.Read(ctx, unit, at.Table, at.Addr, at.Count)
		if err == nil {
			r.proven = max(r.proven, at.Count)
			all = append(all, answer{at, words})
			continue
		}
		parts, split := r.split(ctx, c, unit, at, err)
		if !split {
			return nil, err
		}
		r.reads = slices.Replace(r.reads, k, k+1, parts...)
		k--
	}
	if len(all) == 0 {
		return nil, ErrRefusesAll
	}
	return all, nil
}

// split returns what is read in place of a read that failed; nothing when it is left out.
func (r *Reader) split(ctx context.Context, c *Conn, unit uint8, at Range, err error) (parts []Range, split bool) {
	parts = r.within(at)
	refused := (*ExceptionError)(nil)
	switch {
	case errors.As(err, &refused) && refused.ForGood() && len(parts) == 0:
		r.refused = append(r.refused, at)
		return nil, true
	case errors.As(err, &refused) && refused.Code == IllegalValue:
		return halves(at, parts), len(parts) > 0 // it may be too long
	case errors.As(err, &refused):
		return parts, len(parts) > 0 && refused.OfRange()
	case len(parts) == 0 || at.Count <= r.proven || !silentTo(ctx, err):
		return nil, false
	}
	return r.shorter(ctx, c, unit, at, parts)
}

// shorter finds out whether a device that is silent to a long read answers a short one: if
// so, reads are half as long from now on. One that answers neither is not there.
func (r *Reader) shorter(ctx context.Context, c *Conn, unit uint8, at Range, parts []Range) ([]Range, bool) {
	var least Range
	for finer := parts; len(finer) > 0; finer = r.within(least) {
		least = slices.MinFunc(finer, func(a, b Range) int { return cmp.Compare(a.Count, b.Count) })
	}
	_, err := c.Read(ctx, unit, least.Table, least.Addr, least.Count)
	if refused := (*ExceptionError)(nil); err != nil && !errors.As(err, &refused) {
		return nil, false
	}
	return halves(at, parts), true
}

// halves joins the parts of a read to reads half as long at most.
func halves(at Range, parts []Range) []Range {
	if joined := Plan(parts, Limits{MaxRegs: at.Count / 2, MaxHole: at.Count}); len(joined) > 1 {
		return joined
	}
	return parts
}

// silentTo tells whether a request found no answer, or a part of one, while there was a
// connection.
func silentTo(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, ErrConnect) || errors.Is(err, ErrClosed) {
		return false
	}
	return isTimeout(err) || hungUp(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errNotTheAnswer) || errors.Is(err, errChecksum)
}

// Retry asks the next time again for what was refused: a device that starts up
// refuses what it has later.
func (r *Reader) Retry() {
	r.reads = append(r.reads, r.refused...)
	r.refused = nil
}

// within returns the wanted ranges that a read was joined from; of one that is the read itself
// the parts in which it may be read, beside what else is wanted of it. There are none when it
// cannot be read otherwise.
func (r *Reader) within(at Range) (parts []Range) {
	itself, may := r.apart[at]
	parts = slices.Clone(itself)
	for _, w := range r.wanted {
		if w == at {
			if !may {
				return nil
			}
			continue
		}
		if w.Table == at.Table && w.Addr >= at.Addr && w.end() <= at.end() && !slices.Contains(parts, w) {
			parts = append(parts, w)
		}
	}
	return parts
}
