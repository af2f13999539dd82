package history

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// A row is what a local day has of a home or of a device: its intervals in order of time.
type row []cell

// cell is an interval of a row.
type cell struct {
	interval grid.Interval
	flags    uint64
	numbers  [cellNumbers]int64
}

// The numbers of a home's cell, in their order for good; a device's has taken and given alone.
const (
	imported = iota
	exported
	fromNeighbours
	toNeighbours
	cost
	earned
	without
	cellNumbers

	taken = imported
	given = exported
)

// The flags of a home's cell.
const (
	estimated        = 1 << iota // a value was not measured
	withoutEstimated             // what would have been without the community is an estimate
	provisional                  // it was read and is not settled yet; no row has it
)

// errTorn says that a row is none.
var errTorn = errors.New("a day of the past cannot be read: remove the file to have it made again")

const rowLayout = 1

// pack packs a row: its layout, its number of cells, and of each the minutes since the cell
// before, its length, flags, which numbers are not zero, and these.
func (r row) pack(day time.Time) []byte {
	out := binary.AppendUvarint([]byte{rowLayout}, uint64(len(r)))
	before := day.Unix()
	for _, c := range r {
		out = binary.AppendVarint(out, (c.interval.Start-before)/secondsPerMinute)
		before = c.interval.Start
		out = binary.AppendUvarint(out, uint64(c.interval.Minutes))
		out = binary.AppendUvarint(out, c.flags)
		var there uint64
		for k, n := range c.numbers {
			if n != 0 {
				there |= 1 << k
			}
		}
		out = binary.AppendUvarint(out, there)
		for _, n := range c.numbers {
			if n != 0 {
				out = binary.AppendVarint(out, n)
			}
		}
	}
	return out
}

const secondsPerMinute = 60

// unpack appends the cells of a packed row of a day.
func (r row) unpack(packed []byte, day time.Time) (row, error) {
	if len(packed) == 0 || packed[0] != rowLayout {
		return r, errTorn
	}
	in := packed[1:]
	torn := false
	unsigned := func() uint64 {
		n, size := binary.Uvarint(in)
		if size <= 0 {
			torn, in = true, nil
			return 0
		}
		in = in[size:]
		return n
	}
	signed := func() int64 {
		n := unsigned()
		return int64(n>>1) ^ -int64(n&1)
	}
	before := day.Unix()
	for range unsigned() {
		var c cell
		c.interval.Start = before + signed()*secondsPerMinute
		before = c.interval.Start
		c.interval.Minutes = int(unsigned())
		c.flags = unsigned()
		there := unsigned()
		if bits.Len64(there) > cellNumbers {
			return r, errTorn
		}
		for k := range c.numbers {
			if there&(1<<k) != 0 {
				c.numbers[k] = signed()
			}
		}
		if torn {
			return r, errTorn
		}
		r = append(r, c)
	}
	if torn || len(in) > 0 {
		return r, errTorn
	}
	return r, nil
}

// put puts a cell in its place, instead of the one of its interval that is there.
func (r row) put(c cell) row {
	at, found := slices.BinarySearchFunc(r, c.interval, func(a cell, i grid.Interval) int { return a.interval.Compare(i) })
	if found {
		r[at] = c
		return r
	}
	return slices.Insert(r, at, c)
}
