package meters

import (
	"errors"
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// mostPower is what flows through no device of a home, in W.
const mostPower = 200_000

// Bound returns the power above which nothing is believed that a device says, from its
// rating and the limits of its connection in W, of which those that are 0 are not known:
// the largest of them and an eighth more, since fuses and inverters allow that for a while.
// Where none is known it is what no device of a home exceeds.
func Bound(ratings ...grid.Power) grid.Power {
	const part = 8
	most := grid.Power(0)
	for _, r := range ratings {
		most = max(most, r)
	}
	if most == 0 || most > math.MaxInt64/2 {
		return mostPower
	}
	return most + most/part
}

// belief judges what a device says. It withholds what cannot be.
type belief struct {
	kind     grid.DeviceKind
	turned   grid.Turned
	most     grid.Power
	counters map[profile.Role]*counter
}

// newBelief judges from the last good totals of before a restart on, which may be nil.
func newBelief(t Target, last *grid.Reading) belief {
	b := belief{kind: t.Kind, turned: t.Turned, most: t.Most, counters: map[profile.Role]*counter{}}
	if b.most <= 0 {
		b.most = Bound(t.Rated)
	}
	for _, pt := range t.Profile.Points {
		if pt.Counter != nil && pt.Kind == t.Kind && pt.Role != "" {
			b.counters[pt.Role] = &counter{zeroValid: pt.Counter.ZeroIs == "valid", most: b.most}
		}
	}
	if last == nil {
		return b
	}
	shows := *last
	b.turn(&shows)
	for role, c := range b.counters {
		if value := total(&shows, role); value != nil && *value != nil {
			c.accept(**value, last.Time)
		}
	}
	return b
}

// turn puts right what a meter says that is the wrong way round; done twice, it is undone.
func (b *belief) turn(r *grid.Reading) {
	if b.turned.Counters {
		r.Import, r.Export = r.Export, r.Import
	}
	if b.turned.Power && r.Power != nil {
		r.Power = new(-*r.Power)
	}
}

// total returns the reading's field of a counter's role, nil for another role.
func total(r *grid.Reading, role profile.Role) **grid.Energy {
	switch role {
	case profile.RoleImport:
		return &r.Import
	case profile.RoleExport:
		return &r.Export
	default:
		return nil
	}
}

// judge replaces registers by the totals they stand for, withholds what is not believed,
// and turns what is the wrong way round. Where a total is believed only now, because it
// stayed, the reading with which it began comes before that of now: what the register
// counted meanwhile counts. doubted says that something of the reading was left out already.
func (b *belief) judge(r grid.Reading, measured []profile.Measured, doubted bool) (readings []grid.Reading, doubt error) {
	var problems []error
	if r.Power != nil && max(*r.Power, -*r.Power) > b.most {
		problems = append(problems, fmt.Errorf("power %d W left out: more than %d W cannot flow here: if it can, correct the device's rated, or its import_limit and export_limit", *r.Power, b.most))
		r.Power = nil
	}
	confirmed, err := b.count(&r, measured)
	if doubt = errors.Join(append(problems, err)...); doubt != nil || doubted {
		r.Quality = grid.Suspect
	}
	for _, c := range b.counters {
		if c.held.n == 1 {
			c.held.reading = r
		}
	}
	readings = append(b.released(confirmed), r)
	for k := range readings {
		b.turn(&readings[k])
	}
	return readings, doubt
}

// count judges the registers, and returns the roles of those that are confirmed now.
func (b *belief) count(r *grid.Reading, measured []profile.Measured) (confirmed []profile.Role, doubt error) {
	var problems []error
	// A meter's register that never moved is zero beside one that did: a home that
	// only takes energy exports none. (A meter does not wake up.)
	moved := b.kind == grid.Meter && (r.Import != nil && *r.Import > 0 || r.Export != nil && *r.Export > 0)
	for _, m := range measured {
		value := total(r, m.Role)
		if value == nil || *value == nil || m.Err != nil {
			continue
		}
		c := b.counters[m.Role]
		if **value == 0 && moved && c.last == 0 {
			c.accept(0, r.Time)
			continue
		}
		sum, now, err := c.check(shown{value: **value, wraps: m.Wraps(), step: m.Resolution(), at: r.Time, zeroValid: c.zeroValid || moved})
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %w", m.Role, err))
			*value = nil
			continue
		}
		if now {
			confirmed = append(confirmed, m.Role)
		}
		*value = new(sum)
	}
	return confirmed, errors.Join(problems...)
}

// released returns the readings with which totals began that are believed from now on, by
// time.
func (b *belief) released(confirmed []profile.Role) (readings []grid.Reading) {
	for _, role := range confirmed {
		q := b.counters[role].held
		r := q.reading
		if n := len(readings); n > 0 && readings[n-1].Time.Equal(r.Time) {
			*total(&readings[n-1], role) = new(q.first)
			continue
		}
		*total(&r, role) = new(q.first)
		readings = append(readings, r)
	}
	if n := len(readings); n == 2 && readings[1].Time.Before(readings[0].Time) {
		readings[0], readings[1] = readings[1], readings[0]
	}
	return readings
}
