package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// Recorded is what a community at work keeps of its market and its settlements.
type Recorded struct {
	Orders string // folder of its order log
	// Workings shows how the runs of an interval came about, by run: what evidence.Log keeps.
	Workings func(ctx context.Context, interval string, see func(run int, root string, working []byte) error) error
	Book     *statements.Book
}

// Deviate finds what single members would have gained by other orders for the intervals that begin in [from, to), of
// so many members, spread evenly over them by name. The orders of the member are changed where they came, one way after the
// other; the same market clears all of it anew from the order log, and what was metered is settled with the trades that come of
// that. All others order as they did, and everybody's devices do what they did. So a gain is the least that the
// member could have gained at best: with devices that follow, or in ways that were not tried, it might have been more.
//
// Before anything is changed the log has to give the very trades that were settled. A log that no longer goes back to the
// opening of the first intervals leaves those out whose gate had closed where it begins, and orders as they are that had come before. The directory may
// belong to a community that runs. Errors: *usage.Error where what is needed is not there (any more).
func (r Recorded) Deviate(ctx context.Context, from, to time.Time, members int) (*Deviations, error) {
	day, err := r.settledDay(ctx, from, to)
	if err != nil {
		return nil, err
	}
	past, err := r.read(day)
	if err != nil {
		return nil, err
	}
	day = past.day
	if err := day.agrees(past.trades); err != nil {
		return nil, err
	}
	was, err := day.nets(past.trades)
	if err != nil {
		return nil, err
	}
	names := day.members()
	all := &Deviations{From: day.first().Begin(), To: day.last().End(), Intervals: len(day.intervals)}
	for _, k := range sampled(len(names), min(members, len(names))) {
		m := Deviating{Deviated: Deviated{Member: names[k]}}
		for _, d := range deviationsTried() {
			if d.by != "" {
				continue // what another agent would have ordered is found by living the day again
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t, err := past.deviate(deviant{m.Member, d}, was)
			if err != nil {
				return nil, fmt.Errorf("%s with %s: %w", m.Member, d.how, err)
			}
			m.add(t)
		}
		all.Members = append(all.Members, m)
	}
	if len(all.Members) > 0 {
		all.Best = new(slices.MaxFunc(all.Members, func(a, b Deviating) int { return cmp.Compare(a.Gain, b.Gain) }).Deviated)
	}
	return all, nil
}

// trades are those of each interval of a day, in the market's order.
type trades map[grid.Interval][]grid.Trade

// add adds a trade, if it is one of the day.
func (x trades) add(d *settledDay, t grid.Trade) {
	if i := t.Product.Interval; d.has(i) {
		x[i] = append(x[i], t)
	}
}

// clone returns a copy that can be added to.
func (x trades) clone() trades {
	all := maps.Clone(x)
	for i := range all {
		all[i] = slices.Clone(all[i])
	}
	return all
}

// pastMarket is a community's market of a day, as the order log has it.
type pastMarket struct {
	day      *settledDay // as far as the log goes back
	market   *community.Market
	before   []byte             // its state before the first product of the day was opened, or where the log begins
	earlier  trades             // of the day that it had in that state
	commands []matching.Command // from then on, until the last gate of the day closed
	open     map[grid.Interval]bool
	trades   trades // of the day
}

// newMarket returns a market without a past, by the rules of the day's settlements.
func (d *settledDay) newMarket() (*community.Market, error) {
	w := d.intervals[0].working
	return community.NewMarket(community.Config{
		Community: w.Community, Minutes: d.intervals[0].interval.Minutes, GateClosure: community.DefaultGateClosure,
		Deadline: community.DefaultDeadline, Ahead: community.DefaultAhead, Rules: w.Basis.Rules,
	}, w.Basis.Feeder, w.Tariff)
}

// Restore implements journal.Reader. What was closed in the state is no part of the day any more.
func (p *pastMarket) Restore(snapshot []byte) error {
	if err := p.market.Restore(snapshot); err != nil {
		return err
	}
	first, _, some := p.market.Open()
	if !some || first.Compare(p.day.first()) < 0 || first.Compare(p.day.last()) > 0 {
		return nil // the day is to come, or long over
	}
	p.before, p.day = snapshot, p.day.since(first)
	for _, x := range p.day.intervals {
		p.open[x.interval] = true
	}
	for _, t := range p.market.Trades() {
		p.earlier.add(p.day, t)
	}
	p.trades = p.earlier.clone()
	return nil
}

// See implements journal.Reader.
func (p *pastMarket) See(c *matching.Command) (more bool, err error) {
	of := p.day.interval(c.Product)
	if c.Kind == matching.Open && p.day.has(of) {
		if p.before == nil {
			if p.before, err = p.market.Snapshot(); err != nil {
				return false, err
			}
		}
		p.open[of] = true
	}
	if p.before == nil {
		p.market.Apply(c)
		if c.Kind == matching.Close { // what was traded long ago is not asked for
			p.market.Settled(of, 1, false, time.UnixMilli(c.Time))
		}
		return c.Kind != matching.Open || of.Compare(p.day.last()) <= 0, nil
	}
	p.commands = append(p.commands, *c)
	p.apply(p.market, *c, p.trades)
	if c.Kind == matching.Close {
		delete(p.open, of)
	}
	return len(p.open) > 0 || !p.day.over(c), nil
}

// apply has a market carry out a command, and notes the trades of the day.
func (p *pastMarket) apply(m *community.Market, c matching.Command, into trades) {
	m.Apply(&c)
	for _, ev := range m.Events() {
		if ev.Kind == community.Traded {
			into.add(p.day, *ev.Trade)
		}
	}
}

// deviate clears and settles the day anew with a member that deviates.
func (p *pastMarket) deviate(d deviant, was map[string]grid.Money) (t Tried, err error) {
	m, err := p.day.newMarket()
	if err == nil {
		err = m.Restore(p.before)
	}
	if err != nil {
		return t, err
	}
	other := p.earlier.clone()
	for _, c := range p.commands {
		if changed, some := p.changed(m, c, d); some {
			p.apply(m, changed, other)
		}
	}
	is, err := p.day.nets(other)
	if err != nil {
		return t, err
	}
	more, err := is[d.member].Sub(was[d.member])
	return Tried{How: d.how, Gain: more, Money: more}, err
}

// changed is a command as it comes from a member that deviates; some is false where nothing comes.
func (p *pastMarket) changed(m *community.Market, c matching.Command, d deviant) (_ matching.Command, some bool) {
	of, member, point, side := p.day.interval(c.Product), "", "", c.Side
	switch c.Kind { //nolint:exhaustive // no others are about what is ordered
	case matching.Submit:
		at := m.At(c.Account)
		member, point = at.Member, at.MeteringPoint
	case matching.Replace, matching.Amend:
		o, known := m.Order(c.Order)
		if !known {
			return c, true // the market refuses it
		}
		of, member, point, side = o.Product.Interval, o.Member, o.MeteringPoint, o.Side
	}
	rates, known := p.day.rates(of, point)
	if member != d.member || !known {
		return c, true
	}
	orders := d.orders([]grid.Order{{Side: side, Energy: c.Energy, Price: c.Price}}, rates)
	if len(orders) == 0 {
		return c, false
	}
	o := m.OnTick(of, orders[0])
	c.Energy, c.Price = o.Energy, o.Price
	if c.Kind == matching.Amend {
		c.Node = 0 // whatever version it replaces: there may be another
	}
	return c, true
}

// rates are those of a metering point in an interval of the day.
func (d *settledDay) rates(i grid.Interval, point string) (tariff.Rates, bool) {
	for _, x := range d.intervals {
		if x.interval == i {
			r, known := x.rates[point]
			return r, known
		}
	}
	return tariff.Rates{}, false
}

// missing says that a day cannot be cleared anew.
func missing(format string, args ...any) error {
	return usage.Errorf("the day is not cleared anew: "+format, args...)
}
