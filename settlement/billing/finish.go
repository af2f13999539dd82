package billing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// finish sums a bill up.
func (d *Drafter) finish(b *builder) error {
	bill := &b.bill
	parts := slices.SortedFunc(maps.Values(b.points), func(a, c *part) int {
		return cmp.Or(strings.Compare(a.Point, c.Point), strings.Compare(a.Account, c.Account))
	})
	for _, p := range parts {
		if err := d.finishPoint(b, p); err != nil {
			return fmt.Errorf("%s: %w", p.Point, err)
		}
	}
	bill.Corrections = slices.Collect(maps.Values(dereferenced(b.changes)))
	slices.SortFunc(bill.Corrections, func(a, c Line) int {
		return cmp.Or(strings.Compare(a.Point, c.Point), compareKinds(a.Kind, c.Kind))
	})
	for k := range bill.Corrections {
		slices.Sort(bill.Corrections[k].Months)
		bill.Corrections[k].price()
	}
	for _, all := range [][]Posted{bill.Others, bill.Payments} {
		slices.SortFunc(all, func(a, c Posted) int { return cmp.Compare(a.Leaf, c.Leaf) })
	}
	var err error
	if bill.VAT, _, err = b.tax.vat(); err != nil {
		return err
	}
	if err := bill.sumUp(); err != nil {
		return err
	}
	return d.compare(b)
}

func dereferenced(of map[change]*Line) map[change]Line {
	all := map[change]Line{}
	for k, l := range of {
		all[k] = *l
	}
	return all
}

func (d *Drafter) finishPoint(b *builder, p *part) (err error) {
	for _, l := range p.lines {
		l.price()
		p.Lines = append(p.Lines, *l)
		if b.bill.Energy, err = b.bill.Energy.Add(l.Amount); err != nil {
			return err
		}
	}
	slices.SortFunc(p.Lines, func(a, c Line) int { return compareKinds(a.Kind, c.Kind) })
	if p.Components, err = p.utility.components(p.settled); err != nil {
		return err
	}
	if p.Intervals > 0 {
		from, to := p.first.In(d.Zone), p.last.In(d.Zone).AddDate(0, 0, 1)
		fixed, err := d.Tariffs.Standing(p.Point, from.Format(time.DateOnly), to.Format(time.DateOnly))
		if err != nil {
			return err
		}
		for _, f := range fixed {
			b.bill.Standing = append(b.bill.Standing, Standing{
				Point: p.Point, Account: p.Account, Component: f.Component, Version: f.Version, From: f.From, To: f.To, Days: f.Days, Amount: -f.Amount,
			})
		}
		for _, t := range []*tally{b.tax, b.retail, b.alone, b.keyed} {
			if err := t.standing(fixed); err != nil {
				return err
			}
		}
		for k, o := range d.others {
			if d.lacking[k] {
				continue
			}
			fixed, err := o.Standing(from.Format(time.DateOnly), to.Format(time.DateOnly))
			if err == nil {
				err = b.others[k].standing(fixed)
			}
			if err != nil {
				return err
			}
		}
	}
	b.bill.Points = append(b.bill.Points, p.PointPart)
	return nil
}

// price sets the mean price: what a kWh cost that was used, or earned that was given.
func (l *Line) price() {
	amount := l.Amount
	if !isGiven(l.Kind) {
		amount = -amount
	}
	l.Price = mean(amount, l.Energy)
}

func compareKinds(a, b Kind) int {
	return cmp.Or(cmp.Compare(placeOf(a), placeOf(b)), strings.Compare(string(a), string(b)))
}

// placeOf returns a kind's place in Entries, or one after all of them.
func placeOf(k Kind) int {
	all := Entries()
	at := slices.IndexFunc(all, func(e Entry) bool { return e.Kind == k })
	if at < 0 {
		return len(all)
	}
	return at
}

// Charged returns what a bill sums up to before it is rounded, + the member receives.
func (b *Bill) Charged() (sum grid.Money, err error) {
	amounts := []grid.Money{b.Energy}
	for _, l := range b.Corrections {
		amounts = append(amounts, l.Amount)
	}
	for _, p := range b.Others {
		amounts = append(amounts, p.Amount)
	}
	for _, s := range b.Standing {
		amounts = append(amounts, s.Amount)
	}
	for _, v := range b.VAT {
		if !v.Included {
			amounts = append(amounts, v.Amount)
		}
	}
	return grid.Sum(amounts...)
}

func (b *Bill) sumUp() error {
	charged, err := b.Charged()
	if err != nil {
		return err
	}
	if b.Rounding, err = roundingOf(charged, b.Digits); err != nil {
		return err
	}
	if b.Total, err = charged.Add(b.Rounding); err != nil {
		return err
	}
	due := []grid.Money{b.Total, b.Brought}
	for _, p := range b.Payments {
		due = append(due, p.Amount)
	}
	b.Due, err = grid.Sum(due...)
	return err
}

// Account returns the account to which VAT and rounding are posted; empty: the bill has none,
// for nothing of it is about a metering point.
func (b *Bill) Account() string {
	if len(b.Points) > 0 {
		return b.Points[0].Account
	}
	for _, all := range [][]Posted{b.Others, b.Payments} {
		if len(all) > 0 {
			return all[0].Account
		}
	}
	return ""
}

// compare says what the period would have come to otherwise.
func (d *Drafter) compare(b *builder) error {
	bill := &b.bill
	if len(bill.Points) == 0 {
		return nil
	}
	standing := grid.Money(0)
	for _, s := range bill.Standing {
		standing += s.Amount // which was summed up before
	}
	_, retailVAT, err := b.retail.vat()
	if err != nil {
		return err
	}
	_, aloneVAT, err := b.alone.vat()
	if err != nil {
		return err
	}
	_, keyVAT, err := b.keyed.vat()
	if err != nil {
		return err
	}
	this, err := d.thisPeriod(b, standing)
	if err != nil {
		return err
	}
	without := Alternative{Name: Alone, Estimated: b.sums.estimated, Method: "what the same home would have drawn and given with nobody moving its battery, at its own tariff"}
	if b.sums.estimated {
		without.Method += "; estimated from the measured load by a battery of the same size that covers the home's own balance"
	}
	if without.Amount, err = grid.Sum(b.sums.alone, aloneVAT, standing); err != nil {
		return err
	}
	retail, err := grid.Sum(b.sums.retailOnly, retailVAT, standing)
	if err != nil {
		return err
	}
	key, err := grid.Sum(b.sums.key, keyVAT, standing)
	if err != nil {
		return err
	}
	bill.Compared = []Alternative{
		{Name: This, Amount: this, Method: "energy, fees, standing charges and VAT of the period, without corrections of earlier months"},
		without,
		{Name: RetailOnly, Amount: retail, Method: "what was metered, bought and sold at your own tariff alone: provable from signed readings"},
		{Name: UnderKey, Amount: key, Method: "what all gave in an interval shared out in proportion to what each took, at the middle between avoided retail and feed-in; computed from the same readings"},
	}
	for k, o := range d.others {
		if d.lacking[k] || b.hasOnly(o.Name()) {
			continue
		}
		a := Alternative{Name: AnotherTariff + o.Name(), Method: "what was metered, bought and sold at that tariff alone, with its standing charges"}
		if a.Amount, err = b.others[k].all(); err != nil {
			return err
		}
		bill.Compared = append(bill.Compared, a)
	}
	return nil
}

// hasOnly tells whether all points of a bill were supplied by one tariff.
func (b *builder) hasOnly(name string) bool {
	for _, p := range b.points {
		if p.tariff.Tariff != name {
			return false
		}
	}
	return true
}

// thisPeriod returns what the bill comes to without corrections, other postings and rounding.
func (d *Drafter) thisPeriod(b *builder, standing grid.Money) (grid.Money, error) {
	only := newTally() // the VAT of the period alone
	for _, p := range b.points {
		for c, x := range p.utility.sums {
			sum := only.of(c).sum()
			only.sums[c] = &exact{big: sum.Add(sum, x.sum())}
		}
	}
	maps.Copy(only.fixed, b.tax.fixed)
	_, vat, err := only.vat()
	if err != nil {
		return 0, err
	}
	return grid.Sum(b.bill.Energy, standing, vat)
}

// all returns what a tally comes to, with standing charges and added VAT.
func (t *tally) all() (sum grid.Money, err error) {
	if sum, err = t.energy(); err != nil {
		return 0, err
	}
	for _, m := range t.fixed {
		if sum, err = sum.Add(m); err != nil {
			return 0, err
		}
	}
	_, vat, err := t.vat()
	if err != nil {
		return 0, err
	}
	return sum.Add(vat)
}

// Reverse returns what a credit note says: a bill with all amounts turned, so that both
// together come to nothing.
func Reverse(b Bill) Bill {
	turnedLines := func(all []Line) []Line {
		all = slices.Clone(all)
		for k := range all {
			all[k].Amount = -all[k].Amount
		}
		return all
	}
	turnedPosted := func(all []Posted) []Posted {
		all = slices.Clone(all)
		for k := range all {
			all[k].Amount = -all[k].Amount
		}
		return all
	}
	b.Points = slices.Clone(b.Points)
	for k := range b.Points {
		p := &b.Points[k]
		p.Lines, p.Components = turnedLines(p.Lines), slices.Clone(p.Components)
		for n := range p.Components {
			p.Components[n].Amount = -p.Components[n].Amount
		}
	}
	b.Corrections, b.Others = turnedLines(b.Corrections), turnedPosted(b.Others)
	b.Standing, b.VAT = slices.Clone(b.Standing), slices.Clone(b.VAT)
	for k := range b.Standing {
		b.Standing[k].Amount = -b.Standing[k].Amount
	}
	for k := range b.VAT {
		b.VAT[k].Amount, b.VAT[k].Base = -b.VAT[k].Amount, -b.VAT[k].Base
	}
	b.Energy, b.Rounding, b.Total = -b.Energy, -b.Rounding, -b.Total
	b.Brought, b.Payments, b.Due = 0, nil, 0
	b.Compared, b.Rewards = nil, nil
	return b
}
