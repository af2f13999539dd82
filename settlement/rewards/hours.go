package rewards

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
)

// A challenge costs its home the least when the energy comes back by itself: what is
// taken from a battery that will be full anyway, the sun refills; what is put into
// one that will be empty anyway is bought now instead of later.

// fill is how a battery is expected to stand.
type fill int

const (
	unknown fill = iota
	between
	full  // it has no room for what it pledged
	empty // or nearly so
)

// hours returns those of the coming day in which a battery pledges to be challenged
// by charging: in which it will have room, and be empty before it is full, if it does
// from now on what it did in the day before. Nothing read, none.
func (p pledger) hours(ctx context.Context, b Battery, now time.Time, minutes int) ([]string, error) {
	n := 24 * 60 / minutes
	current := grid.IntervalAt(now, minutes)
	held := make([]*grid.Energy, n+1) // from a day ago until now
	for k := range held {
		energy, digest, err := p.held(ctx, b, current.Shift(k-n).Begin())
		if err != nil {
			return nil, err
		}
		if digest != "" {
			held[k] = &energy
		}
	}
	begin := current.Begin()
	first := (begin.Hour()*60 + begin.Minute()) / minutes
	stands := make([]fill, n) // by time of the day
	for k, f := range b.foresee(held) {
		stands[(first+k)%n] = f
	}
	return charging(stands, minutes), nil
}

// foresee says how a battery will stand, from what it held in the day before: as
// then, but higher or lower by as much as it is now, until then it was full.
func (b Battery) foresee(held []*grid.Energy) []fill {
	n := len(held) - 1
	stands := make([]fill, n)
	var shift grid.Energy
	if held[0] != nil && held[n] != nil {
		shift = *held[n] - *held[0]
	}
	for k, h := range held[:n] {
		if h == nil {
			continue
		}
		if b.fill(*h) == full {
			shift = 0
		}
		stands[k] = b.fill(*h + shift)
	}
	return stands
}

func (b Battery) fill(held grid.Energy) fill {
	const twentieth = 20
	switch {
	case b.Capacity-held < b.Energy:
		return full
	case held < b.Capacity/twentieth:
		return empty
	default:
		return between
	}
}

// charging joins the intervals of a day after which a battery is empty before it is
// full; after the last comes the first.
func charging(stands []fill, minutes int) (hours []string) {
	from := -1
	for k := range len(stands) + 1 {
		charges := k < len(stands) && stands[k] != unknown && next(stands, k) == empty
		switch {
		case charges && from < 0:
			from = k
		case !charges && from >= 0:
			hours = append(hours, chaincode.Hours(from*minutes, k*minutes))
			from = -1
		}
	}
	return hours
}

// next returns whether full or empty comes first, from an interval on.
func next(stands []fill, k int) fill {
	for n := range stands {
		if f := stands[(k+n)%len(stands)]; f == full || f == empty {
			return f
		}
	}
	return unknown
}
