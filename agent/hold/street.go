package hold

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Wish is what is wanted of a home's battery in a delivery interval.
type Wish struct {
	// Asked is a power that somebody asks for, such as a storage challenge: it goes first.
	Asked *grid.Power

	Contracted grid.Energy // what the home bought, less what it sold
	Traded     bool        // it bought or sold
	Intent     *Intent     // of its plan; nil: there is none
}

// Setpoint is what a battery shall do.
type Setpoint struct {
	Power grid.Power
	Held  bool // false: the battery follows its own logic
}

// Street holds the homes of a community together. Each keeps its own promise (Holder); what
// the community then still lacks or has left over is made up for by the batteries of the homes
// whose plans want that (Intent), for a pool shares within an interval what all meters count.
// Use NewStreet. It is not safe for concurrent use.
type Street struct {
	places []*place // in the order in which they joined
	points map[string]*place
}

// place is a metering point.
type place struct {
	*neighbour // of a home without a battery that can be held; nil: it has one

	home   *Holder
	limits Limits
	turn   turn
}

// lately is the time constant of the mean of a neighbour's power: those whose batteries are
// moved follow steps of the others, but not each.
const lately = 40 * time.Second

// neighbour is a metering point that is only looked at.
type neighbour struct {
	gauge

	mean float64 // of its power, lately
}

// turn is what one step reckons for a battery.
type turn struct {
	rest grid.Power // of the home, that it is reckoned with
	base grid.Power // what it would do for its own home
	want grid.Power // what it shall do

	least, most  grid.Power // between which it can be moved for others
	even         grid.Power // at which its home would come out even in the interval
	gives, takes bool       // whether it does
	held         bool       // it is told something, or has to be
	known        bool       // the home is known well enough to be told anything
	fixed        bool       // what it does is not for the street to decide
	apart        bool       // it works for its own home and its promise alone
}

// NewStreet returns a street without homes.
func NewStreet() *Street { return &Street{points: map[string]*place{}} }

// Join adds a metering point whose battery is held by h, nil where there is none. One that has joined
// keeps its place, and what its connection meter has shown: its battery may be another one now.
func (s *Street) Join(point string, h *Holder, l Limits) {
	p := s.points[point]
	if p == nil {
		p = &place{neighbour: &neighbour{}}
		s.places, s.points[point] = append(s.places, p), p
	}
	p.limits = l
	switch {
	case h == p.home:
	case h == nil:
		p.neighbour = &neighbour{gauge: p.home.gauge, mean: float64(p.home.now)}
	case p.home == nil:
		h.gauge, p.neighbour = p.neighbour.gauge, nil
	default:
		h.gauge = p.home.gauge
	}
	p.home = h
}

// Meter takes a reading of the connection meter of a metering point. It goes on to its
// Holder.
func (s *Street) Meter(point string, r grid.Reading) {
	p := s.points[point]
	switch {
	case p == nil:
	case p.home != nil:
		p.home.Meter(r)
	default:
		p.see(r)
	}
}

// see takes a reading of a neighbour's meter.
func (n *neighbour) see(r grid.Reading) {
	var before time.Time
	if len(n.meter) > 0 {
		before = n.last().Time
	}
	if !n.take(r) {
		return
	}
	weight := 1.0
	if !before.IsZero() && r.Time.Sub(before) <= stale {
		weight = min(float64(r.Time.Sub(before))/float64(lately), 1)
	}
	n.mean += (float64(*r.Power) - n.mean) * weight
}

// Step says what the batteries shall do now, in the order in which their homes joined. So are
// the wishes.
func (s *Street) Step(now time.Time, i grid.Interval, wishes []Wish) []Setpoint {
	var homes []*place
	need, counted := 0.0, 0.0 // W without the batteries that are moved here, Wh so far
	for _, p := range s.places {
		if p.home == nil {
			w, wh := p.look(now, i)
			need, counted = need+w, counted+wh
			continue
		}
		w, wh := p.reckon(now, i, wishes[len(homes)])
		need, counted = need+w, counted+wh
		homes = append(homes, p)
	}
	left := max(i.End().Sub(now), horizon).Hours()
	share(homes, -need-counted/left)
	return tell(homes, now)
}

// look returns what a neighbour takes now, and has taken of the interval.
func (n *neighbour) look(now time.Time, i grid.Interval) (w, wh float64) {
	n.open(i)
	if !n.fresh(now) {
		return 0, 0 // nobody knows
	}
	if n.begin != nil {
		wh = n.metered()
		if age := now.Sub(n.last().Time); age > Quiet {
			wh += n.mean * age.Hours()
		}
	}
	return n.mean, wh
}

// reckon finds what a battery would do for its home alone, and what it can do for others. It
// returns what the home takes beside what the street decides, and has taken of the interval.
func (p *place) reckon(now time.Time, i grid.Interval, w Wish) (power, energy float64) {
	h := p.home
	h.open(i)
	p.turn = turn{}
	if h.begin != nil && h.fresh(now) {
		energy = h.metered() + h.unread(now)
	}
	t := &p.turn
	_, known := h.Rest(now)
	if in := w.Intent.during(i, now); in != nil && w.Asked == nil && known {
		t.rest, t.known = h.now, true
		p.plan(now, w, *in)
		return float64(t.rest), energy
	}
	t.fixed = true
	t.want, t.held = h.Follow(now, w.Asked, i, w.Contracted, w.Traded)
	switch {
	case known && t.held:
		power = float64(h.now + t.want)
	case h.fresh(now):
		power = float64(h.last().power)
	}
	return power, energy
}

// during returns an intent in its interval, and its levels shortly after it, when the next
// one may not be there yet; nil where there is none.
func (in *Intent) during(i grid.Interval, now time.Time) *Intent {
	switch {
	case in == nil:
		return nil
	case in.Interval == i:
		return in
	case in.Interval.Shift(1) == i && now.Sub(i.Begin()) <= stale:
		return &Intent{Interval: i, GiveTo: in.GiveTo, TakeTo: in.TakeTo, Apart: in.Apart, Reserve: in.Reserve, Export: in.Export}
	default:
		return nil
	}
}

// plan finds what a battery does for its home by its plan, and what it can do for others.
func (p *place) plan(now time.Time, w Wish, in Intent) {
	h, t := p.home, &p.turn
	target, wanted := w.Contracted, w.Traded && w.Contracted != 0
	if !w.Traded && in.Net != nil {
		target, wanted = *in.Net, true
	}
	if wanted && h.begin != nil {
		t.base, t.held = h.want(now, target, Levels{Give: max(in.GiveTo, in.Reserve), Take: in.TakeTo})
	}
	if !t.held {
		t.base = h.own()
	}
	t.least, t.most = h.Bounds(p.limits.with(in), now)
	if able := h.able[1]; now.Sub(able.at) < stale {
		t.most = min(t.most, able.power)
	}
	if able := h.able[0]; now.Sub(able.at) < stale {
		t.least = max(t.least, able.power)
	}
	var keeps bool
	if h.charge != nil {
		t.gives, t.takes, keeps = h.levels.look(*h.charge, in)
	}
	if keeps {
		t.least = max(t.least, 0)
	}
	if base := min(max(t.base, t.least), t.most); base != t.base {
		t.base, t.held = base, true
	}
	t.want, t.even, t.apart = t.base, min(-t.rest, 0), in.Apart
	if h.begin != nil {
		left := max(h.interval.End().Sub(now), horizon)
		t.even = grid.Power(-(h.metered()+h.unread(now))/left.Hours()) - t.rest
	}
}

// with adds what a plan has the home give at most.
func (l Limits) with(in Intent) Limits {
	if in.Export != nil && (l.Export == nil || *in.Export < *l.Export) {
		l.Export = in.Export
	}
	return l
}

// own estimates what the battery does on its own logic: it covers its home.
func (h *Holder) own() grid.Power {
	const empty, full = 5, 995
	if n := len(h.battery); h.told == nil && n > 0 {
		return h.battery[n-1].power
	}
	p := h.within(-h.now)
	if h.charge != nil && (*h.charge <= empty && p < 0 || *h.charge >= full && p > 0) {
		return 0
	}
	return p
}

// share divides what all batteries together shall do among those that may be moved for
// others: what is above or below what they do for their own homes goes to each in proportion
// to the energy that it can still give or take, as far as its power allows.
func share(homes []*place, total float64) {
	extra := total
	for _, p := range homes {
		if !p.turn.fixed {
			extra -= float64(p.turn.base)
		}
	}
	var open []*place
	for _, p := range homes {
		if p.room(extra) > 0 {
			open = append(open, p)
		}
	}
	for len(open) > 0 && math.Abs(extra) >= 1 {
		weights := 0.0
		for _, p := range open {
			weights += p.weight(extra)
		}
		rest, full := open[:0:0], false
		for _, p := range open {
			if part := extra * p.weight(extra) / weights; math.Abs(part) >= p.room(extra) {
				full = true
			} else {
				rest = append(rest, p)
			}
		}
		if !full {
			for _, p := range open {
				p.turn.want += grid.Power(extra * p.weight(extra) / weights)
			}
			return
		}
		left := extra
		for _, p := range open {
			if part := extra * p.weight(extra) / weights; math.Abs(part) >= p.room(extra) {
				all := math.Copysign(p.room(extra), extra)
				p.turn.want += grid.Power(all)
				left -= all
			}
		}
		open, extra = rest, left
	}
}

// room returns by how much more the battery can be moved for others that way, W.
func (p *place) room(way float64) float64 {
	t := &p.turn
	switch {
	case t.fixed || !t.known || t.apart:
		return 0
	case way < 0 && t.gives:
		return float64(max(t.want-t.least, 0))
	case way > 0:
		return float64(max(p.top()-t.want, 0))
	default:
		return 0
	}
}

// top is the most that the battery does for others. One that takes nothing from them still
// gives nothing that nobody takes: what is left over stays in the batteries that give more
// than their homes need, or goes back into them, until their homes come out even.
func (p *place) top() grid.Power {
	if t := &p.turn; !t.takes {
		return min(t.most, max(t.even, t.least))
	}
	return p.turn.most
}

// weight returns the energy that the battery can still give or take, Wh; where its capacity
// is not known, that of an hour.
func (p *place) weight(way float64) float64 {
	return max(Unit{p.limits.Rated, p.limits.Capacity, p.home.charge}.weight(grid.Power(way)), 1)
}

// tell sets the batteries. What one does less or more than it should, for its setpoint is
// within the dead band or was changed just now, the next ones make up for.
func tell(homes []*place, now time.Time) []Setpoint {
	said, carry := make([]Setpoint, len(homes)), 0.0
	for k, p := range homes {
		t := &p.turn
		if t.fixed {
			said[k] = Setpoint{t.want, t.held}
			continue
		}
		want := float64(t.want)
		if p.room(carry) > 0 {
			want = min(max(want+carry, float64(t.least)), float64(max(p.top(), t.want)))
		}
		said[k] = p.set(grid.Power(want), now)
		done := float64(t.base)
		if said[k].Held {
			done = float64(said[k].Power)
		}
		carry += float64(t.want) - done
	}
	return said
}

// set tells a battery a power, or leaves it to its own logic where that does as well.
func (p *place) set(want grid.Power, now time.Time) Setpoint {
	h, t := p.home, &p.turn
	switch {
	case h.told != nil && now.Sub(h.changed) < Quiet:
		return Setpoint{*h.told, true}
	case !t.held && (h.told == nil && size(want-t.base) <= h.band() || want == t.base):
		h.tell(nil, now)
		return Setpoint{}
	case h.told != nil && !h.may(now):
		return Setpoint{*h.told, true}
	default:
		return Setpoint{h.move(want, now), true}
	}
}
