package billing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// Options are what bills of a period are drafted by.
type Options struct {
	Community string
	Currency  string
	Digits    int // decimals of its minor unit
	Zone      *time.Location
	Period    Period
	Cut       Cut
	Tariffs   Tariffs
	Prior     map[string]Prior // by member; a member that is missing had no bill
}

// Prior is what a member's last bill that counts leaves to the next.
type Prior struct {
	Number  string
	Cut     Cut
	Through time.Time  // end of its period
	Brought grid.Money // what all bills and payments up to it came to
}

// Drafter makes the bills of all members for a period, from what it is shown. Its owner shows
// it the intervals of the period as they were at the cut (Interval), the runs that came since
// the earliest of the bills before (Earlier), what was posted outside of the runs (Post), and
// takes the bills.
type Drafter struct {
	Options

	members map[string]*builder
	others  []Other
	lacking []bool                  // which of them have no price of an interval: they are not compared
	prices  map[tariff.Rates][]Part // of the interval that is shown
	items   []Item
	keyed   keyed
}

// NewDrafter returns a drafter.
func NewDrafter(o Options) (*Drafter, error) {
	others, err := o.Tariffs.Others(o.Period)
	return &Drafter{Options: o, members: map[string]*builder{}, others: others, lacking: make([]bool, len(others)), prices: map[tariff.Rates][]Part{}}, err
}

// Since returns the place in the statement book from which on runs are to be shown to Earlier.
func (d *Drafter) Since(members []string) int64 {
	since := d.Cut.Place
	for _, m := range members {
		p, had := d.Prior[m]
		if !had || p.Through.Before(d.Period.From) {
			return 0
		}
		since = min(since, p.Cut.Place)
	}
	return since
}

// builder makes one bill.
type builder struct {
	bill    Bill
	points  map[string]*part // by account
	changes map[change]*Line
	tax     *tally // of all that is taxed on the bill
	retail  *tally // of what was metered
	alone   *tally // of what it would have been without the community
	keyed   *tally // under the allocation key
	others  []*tally
	sums    comparedSums
}

// comparedSums are what the period comes to otherwise, by the kWh.
type comparedSums struct {
	alone, retailOnly, key grid.Money
	estimated              bool
}

// part makes what a bill has of a metering point.
type part struct {
	PointPart

	lines       map[Kind]*Line
	utility     *tally
	settled     grid.Money // with the utility
	first, last time.Time
	tariff      tariff.Rates // the last one, whose name is in Tariffs
}

// change identifies a line of corrections.
type change struct {
	point string
	kind  Kind
}

func (d *Drafter) builder(member string) *builder {
	b := d.members[member]
	if b == nil {
		prior := d.Prior[member]
		b = &builder{points: map[string]*part{}, changes: map[change]*Line{}, tax: newTally(), retail: newTally(), alone: newTally(), keyed: newTally()}
		b.bill = Bill{
			Community: d.Community, Member: member, Period: d.Period, Zone: d.Zone.String(), Currency: d.Currency, Digits: d.Digits,
			Previous: prior.Number, After: prior.Cut, Cut: d.Cut,
		}
		b.bill.Brought = prior.Brought
		for range d.others {
			b.others = append(b.others, newTally())
		}
		d.members[member] = b
	}
	return b
}

// parts returns what the components of a point's tariff come to in an interval: of points
// with the same rates they are asked for once.
func (d *Drafter) parts(p *statements.Point, i grid.Interval) ([]Part, error) {
	all, known := d.prices[p.Rates]
	if known {
		return all, nil
	}
	all, err := d.Tariffs.Parts(p.MeteringPoint, i)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.MeteringPoint, i, err)
	}
	d.prices[p.Rates] = all
	return all, nil
}

// Interval adds an interval of the period, as it was at the cut. Intervals come in order of
// time.
func (d *Drafter) Interval(i *statements.Interval) error {
	if i.Place > d.Cut.Place {
		return fmt.Errorf("%s: place %d is after the cut", i.Interval, i.Place)
	}
	clear(d.prices)
	other := make([][]Part, len(d.others))
	for k, o := range d.others {
		var err error
		if other[k], err = o.Parts(i.Interval); err != nil {
			d.lacking[k] = true
		}
	}
	if err := d.keyed.share(i); err != nil {
		return fmt.Errorf("%s under the allocation key: %w", i.Interval, err)
	}
	for k := range i.Points {
		p := &i.Points[k]
		if p.Member == "" {
			continue
		}
		if err := d.point(i, p, other, d.keyed.of(k)); err != nil {
			return fmt.Errorf("%s: %s: %w", p.MeteringPoint, i.Interval, err)
		}
	}
	return nil
}

func (d *Drafter) point(i *statements.Interval, p *statements.Point, other [][]Part, key keyShare) (err error) {
	b := d.builder(p.Member)
	own := b.points[p.Account]
	if own == nil {
		own = &part{lines: map[Kind]*Line{}, utility: newTally(), first: i.Interval.Begin()}
		own.Point, own.Account = p.MeteringPoint, p.Account
		b.points[p.Account] = own
	}
	parts, err := d.parts(p, i.Interval)
	if err != nil {
		return err
	}
	d.items = ItemsOf(p, d.items)
	if err := own.add(i, p, d.items); err != nil {
		return err
	}
	neighbours := neighboursOf(p)
	own.utility.add(parts, p.Cover.Retail, p.Cover.FeedIn, neighbours)
	b.tax.add(parts, p.Cover.Retail, p.Cover.FeedIn, neighbours)
	b.retail.add(parts, p.Metered.Import, p.Metered.Export, 0)
	apart, known := p.Apart()
	if !known {
		apart = p.Metered // of which the tax differs the least from what it would have been
	}
	b.alone.add(parts, apart.Import, apart.Export, 0)
	b.keyed.add(parts, p.Metered.Import-key.taken, p.Metered.Export-key.given, key.taken)
	for k := range other {
		b.others[k].add(other[k], p.Metered.Import, p.Metered.Export, 0)
	}
	b.sums.estimated = b.sums.estimated || p.WithoutEstimated
	for _, sum := range []struct {
		to  *grid.Money
		add grid.Money
	}{{&b.sums.alone, p.Without}, {&b.sums.retailOnly, p.RetailOnly}, {&b.sums.key, key.money}} {
		if *sum.to, err = sum.to.Add(sum.add); err != nil {
			return err
		}
	}
	return nil
}

// neighboursOf is the energy for which a point pays the community's components.
func neighboursOf(p *statements.Point) grid.Energy {
	for _, s := range p.Sums {
		if s.Reason == "community-components" {
			return s.Energy
		}
	}
	return 0
}

// add adds what an interval adds to the lines.
func (o *part) add(i *statements.Interval, p *statements.Point, items []Item) error {
	o.Intervals++
	if p.Quality != grid.Good && !strings.HasPrefix(string(p.Quality), "official-1") && !strings.HasPrefix(string(p.Quality), "official-2") {
		o.Estimated++
	}
	o.Metered.Import += p.Metered.Import
	o.Metered.Export += p.Metered.Export
	o.last = i.Interval.Begin()
	if o.tariff.Tariff != p.Rates.Tariff || o.tariff.Version != p.Rates.Version {
		o.tariff = p.Rates
		name := p.Rates.Tariff
		if p.Rates.Version != name {
			name += " " + p.Rates.Version
		}
		if !slices.Contains(o.Tariffs, name) {
			o.Tariffs = append(o.Tariffs, name)
		}
	}
	for _, item := range items {
		l := o.lines[item.Kind]
		if l == nil {
			l = &Line{Kind: item.Kind}
			o.lines[item.Kind] = l
		}
		if err := l.add(item); err != nil {
			return err
		}
		if item.Kind == "imbalance-retail" || item.Kind == "imbalance-feed-in" || item.Kind == "community-components" {
			o.settled += item.Amount // within what the line sums up
		}
	}
	return nil
}

func (l *Line) add(i Item) (err error) {
	l.Intervals++
	l.Energy += i.Energy
	l.Amount, err = l.Amount.Add(i.Amount)
	return err
}

// Earlier adds a settlement run of an interval before the period, shown by itself, as far as
// no bill has it.
func (d *Drafter) Earlier(i *statements.Interval) error {
	start := i.Interval.Begin()
	if i.Place > d.Cut.Place || !start.Before(d.Period.From) {
		return nil
	}
	clear(d.prices)
	for k := range i.Points {
		p := &i.Points[k]
		prior := d.Prior[p.Member]
		if p.Member == "" || i.Place <= prior.Cut.Place && start.Before(prior.Through) {
			continue
		}
		if err := d.change(i, p); err != nil {
			return fmt.Errorf("%s: %s: %w", p.MeteringPoint, i.Interval, err)
		}
	}
	return nil
}

func (d *Drafter) change(i *statements.Interval, p *statements.Point) error {
	d.items = ChangesOf(p, d.items)
	if len(d.items) == 0 {
		return nil
	}
	b := d.builder(p.Member)
	month := i.Interval.Begin().In(d.Zone).Format("2006-01")
	var taken, given, neighbours grid.Energy
	for _, item := range d.items {
		at := change{p.MeteringPoint, item.Kind}
		l := b.changes[at]
		if l == nil {
			l = &Line{Kind: item.Kind, Point: p.MeteringPoint}
			b.changes[at] = l
		}
		if !slices.Contains(l.Months, month) {
			l.Months = append(l.Months, month)
		}
		if err := l.add(item); err != nil {
			return err
		}
		switch item.Kind { //nolint:exhaustive // the others are not reckoned with
		case "imbalance-retail":
			taken = item.Energy
		case "imbalance-feed-in":
			given = item.Energy
		case "community-components":
			neighbours = item.Energy
		}
	}
	if b.points[p.Account] == nil { // a point of which the period has nothing
		own := &part{lines: map[Kind]*Line{}, utility: newTally()}
		own.Point, own.Account = p.MeteringPoint, p.Account
		b.points[p.Account] = own
	}
	parts, err := d.parts(p, i.Interval)
	if err != nil {
		return err
	}
	b.tax.add(parts, taken, given, neighbours)
	return nil
}

// Post adds a posting outside of the runs that moved a member's account. What bills themselves
// post is left out: they say it themselves.
func (d *Drafter) Post(member string, p Posted) {
	switch p.Reason {
	case "standing", "vat", "rounding":
		return
	}
	if prior := d.Prior[member]; p.Leaf < prior.Cut.Leaf || p.Leaf >= d.Cut.Leaf {
		return
	}
	b := d.builder(member)
	if p.Reason == "deposit" || p.Reason == "withdrawal" {
		b.bill.Payments = append(b.bill.Payments, p)
		return
	}
	b.bill.Others = append(b.bill.Others, p)
}

// Bills returns the bills, by member.
func (d *Drafter) Bills() ([]Bill, error) {
	var all []Bill
	for _, member := range slices.Sorted(maps.Keys(d.members)) {
		b := d.members[member]
		if err := d.finish(b); err != nil {
			return nil, fmt.Errorf("bill of %s: %w", member, err)
		}
		all = append(all, b.bill)
	}
	return all, nil
}
