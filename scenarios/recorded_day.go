package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// settledDay is a time as it was settled, by interval without a gap.
type settledDay struct{ intervals []settledInterval }

// settledInterval is how the last run of an interval came about.
type settledInterval struct {
	interval grid.Interval
	working  audit.Working
	metered  []record.Metered  // by account
	accounts map[string]string // by metering point
	members  map[string]string // by account
	rates    map[string]tariff.Rates
}

// settledDay reads how a time was settled.
func (r Recorded) settledDay(ctx context.Context, from, to time.Time) (*settledDay, error) {
	d := &settledDay{}
	err := r.Book.Each(ctx, from, to, func(i *statements.Interval) error {
		if n := len(d.intervals); n > 0 && d.intervals[n-1].interval.Shift(1) != i.Interval {
			return missing("no interval was settled from %s on: give a time without a gap", d.intervals[n-1].interval.End().Format(time.RFC3339))
		}
		x := settledInterval{interval: i.Interval, accounts: map[string]string{}, members: map[string]string{}, rates: map[string]tariff.Rates{}}
		for _, p := range i.Points {
			if p.Account == "" || p.Member == "" {
				return missing("%s: whose a metering point was is forgotten", i.Interval)
			}
			x.accounts[p.MeteringPoint], x.members[p.Account], x.rates[p.MeteringPoint] = p.Account, p.Member, p.Rates
		}
		if err := r.working(ctx, &x, i); err != nil {
			return err
		}
		d.intervals = append(d.intervals, x)
		return nil
	})
	if err == nil && len(d.intervals) == 0 {
		err = missing("no interval is settled in that time")
	}
	return d, err
}

// working finds how the last run of an interval came about: of several tries it is the one that comes to what was settled.
func (r Recorded) working(ctx context.Context, x *settledInterval, i *statements.Interval) error {
	found := false
	err := r.Workings(ctx, i.Interval.String(), func(run int, _ string, text []byte) error {
		if run != i.Run || found {
			return nil
		}
		x.working, x.metered = audit.Working{}, nil
		if err := json.Unmarshal(text, &x.working); err != nil {
			return fmt.Errorf("how %s was settled: %w", i.Interval, err)
		}
		for _, text := range x.working.Leaves {
			var leaf record.Leaf
			if err := json.Unmarshal(text, &leaf); err != nil {
				return fmt.Errorf("how %s was settled: %w", i.Interval, err)
			}
			x.metered = append(x.metered, leaf.Metered)
		}
		var err error
		found, err = x.comesTo(i)
		return err
	})
	if err == nil && !found {
		err = missing("it is not kept how %s was settled", i.Interval)
	}
	return err
}

// comesTo tells whether an interval, settled anew, brings each metering point what the book says.
func (x *settledInterval) comesTo(i *statements.Interval) (bool, error) {
	all, err := x.settle(x.working.Basis.Trades)
	if err != nil {
		return false, err
	}
	nets := map[string]grid.Money{}
	for _, s := range all {
		nets[s.MeteringPoint] = s.Net
	}
	for _, p := range i.Points {
		if net, settled := nets[p.Account]; !settled || net != p.Net {
			return false, nil
		}
	}
	return len(nets) == len(i.Points), nil
}

// settle settles an interval with trades between accounts.
func (x *settledInterval) settle(traded []grid.Trade) ([]settlement.Statement, error) {
	basis := x.working.Basis
	basis.Trades = traded
	run, err := settlement.Settle(settlement.Input{
		Community: x.working.Community, Interval: x.interval, Run: 1, Tariff: x.working.Tariff, First: &basis, Metered: x.metered,
	})
	return run.Statements, err
}

// named are trades between metering points as trades between their accounts.
func (x *settledInterval) named(all []grid.Trade) []grid.Trade {
	named := slices.Clone(all)
	for k := range named {
		named[k].Buyer, named[k].Seller = x.accounts[named[k].Buyer], x.accounts[named[k].Seller]
	}
	return named
}

// nets settles the day with trades, and returns what each member receives.
func (d *settledDay) nets(of trades) (map[string]grid.Money, error) {
	sums := map[string]grid.Money{}
	for k := range d.intervals {
		x := &d.intervals[k]
		all, err := x.settle(x.named(of[x.interval]))
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			member := x.members[s.MeteringPoint]
			if sums[member], err = sums[member].Add(s.Net); err != nil {
				return nil, fmt.Errorf("%s, up to %s: %w", member, x.interval, err)
			}
		}
	}
	return sums, nil
}

// agrees makes sure that the trades of the order log are those that were settled.
func (d *settledDay) agrees(all trades) error {
	type trade struct {
		buyer, seller string
		energy        grid.Energy
		bid, offer    grid.Price
	}
	counted := func(all []grid.Trade) map[trade]int {
		n := map[trade]int{}
		for _, t := range all {
			n[trade{t.Buyer, t.Seller, t.Energy, t.BidPrice, t.OfferPrice}]++
		}
		return n
	}
	for k := range d.intervals {
		x := &d.intervals[k]
		if !maps.Equal(counted(x.named(all[x.interval])), counted(x.working.Basis.Trades)) {
			return missing("the order log has %d trades of %s that are not the %d by which it was settled", len(all[x.interval]), x.interval, len(x.working.Basis.Trades))
		}
	}
	return nil
}

// members returns those that were settled, sorted.
func (d *settledDay) members() []string {
	all := map[string]bool{}
	for k := range d.intervals {
		for _, member := range d.intervals[k].members {
			all[member] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (d *settledDay) first() grid.Interval { return d.intervals[0].interval }

func (d *settledDay) last() grid.Interval { return d.intervals[len(d.intervals)-1].interval }

// since is the day from an interval on, which is one of it.
func (d *settledDay) since(first grid.Interval) *settledDay {
	k := slices.IndexFunc(d.intervals, func(x settledInterval) bool { return x.interval == first })
	return &settledDay{d.intervals[max(k, 0):]}
}

// has tells whether an interval is one of the day.
func (d *settledDay) has(i grid.Interval) bool {
	return i.Compare(d.first()) >= 0 && i.Compare(d.last()) <= 0
}

// interval is that of a product's number.
func (d *settledDay) interval(product uint32) grid.Interval {
	minutes := d.first().Minutes
	return grid.Interval{Start: int64(product) * int64(minutes) * 60, Minutes: minutes}
}

// over tells whether a command came after the day.
func (d *settledDay) over(c *matching.Command) bool {
	return !time.UnixMilli(c.Time).Before(d.last().Begin())
}

// read reads the order log of a day.
func (r Recorded) read(d *settledDay) (*pastMarket, error) {
	m, err := d.newMarket()
	if err != nil {
		return nil, err
	}
	p := &pastMarket{day: d, market: m, open: map[grid.Interval]bool{}, earlier: trades{}, trades: trades{}}
	err = journal.Read(r.Orders, p)
	switch corrupt := (*journal.CorruptError)(nil); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing("the order log is not there, or no longer goes back to then: %w", err)
	case errors.As(err, &corrupt):
		return nil, missing("%w", err)
	case err != nil:
		return nil, err
	case p.before == nil:
		return nil, missing("the order log no longer goes back to when %s closed", d.last())
	}
	return p, nil
}
