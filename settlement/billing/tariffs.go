package billing

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Part is what a component of a tariff comes to in an interval.
type Part struct {
	Name      string
	Kind      string
	Export    bool       // it is of energy given to the utility, which earns it
	Price     grid.Price // millionths/kWh
	Community grid.Price // what neighbours' energy pays of it
	VAT       int64      // rate in millionths
	Gross     bool       // the price contains the VAT
}

// Fixed is what a component comes to that is paid by the day or month.
type Fixed struct {
	Component, Version string
	From, To           string // local dates, To excluded
	Days               int
	Amount             grid.Money // + is owed
	VAT                int64
	Gross              bool
}

// Tariffs say what energy costs, by the time of delivery.
type Tariffs interface {
	// Parts returns what the components of a metering point's tariff come to in an interval.
	Parts(point string, i grid.Interval) ([]Part, error)
	// Standing returns what a metering point owes for the days from one local date up to
	// another, as in 2026-06-01.
	Standing(point, from, to string) ([]Fixed, error)
	// Others returns the tariffs that were valid throughout a period beside the usual one.
	Others(p Period) ([]Other, error)
}

// Other is a tariff that a metering point might have had.
type Other interface {
	Name() string
	Parts(i grid.Interval) ([]Part, error)
	Standing(from, to string) ([]Fixed, error)
}

// component identifies what is summed up of tariffs.
type component struct {
	name, kind string
	rate       int64
	gross      bool
}

// tally sums up what is paid to and by a utility, by component, + the member receives.
type tally struct {
	sums  map[component]*exact
	fixed map[component]grid.Money // standing charges
}

func newTally() *tally {
	return &tally{map[component]*exact{}, map[component]grid.Money{}}
}

// add adds what was taken from the utility, given to it, and taken from neighbours.
func (t *tally) add(parts []Part, taken, given, neighbours grid.Energy) {
	for _, p := range parts {
		x, e := p.Price, taken
		if p.Export {
			x, e = -p.Price, given
		}
		if e == 0 && (neighbours == 0 || p.Community == 0) {
			continue
		}
		sum := t.of(component{p.Name, p.Kind, p.VAT, p.Gross})
		sum.add(-x, e)
		sum.add(-p.Community, neighbours)
	}
}

func (t *tally) of(c component) *exact {
	sum := t.sums[c]
	if sum == nil {
		sum = &exact{}
		t.sums[c] = sum
	}
	return sum
}

// standing adds standing charges.
func (t *tally) standing(all []Fixed) (err error) {
	for _, f := range all {
		c := component{f.Component, "", f.VAT, f.Gross}
		if t.fixed[c], err = t.fixed[c].Sub(f.Amount); err != nil {
			return err
		}
	}
	return nil
}

// energy returns what it all comes to that is paid by the kWh, rounded once.
func (t *tally) energy() (grid.Money, error) {
	all := &exact{}
	sum := all.sum()
	for _, x := range t.sums {
		sum.Add(sum, x.sum())
	}
	return round(sum, whPerKWh)
}

// whole part of a rate.
const wholeRate = 1_000_000

// vat returns the tax by rate, and what of it is added.
func (t *tally) vat() (all []VAT, added grid.Money, err error) {
	type group struct {
		rate  int64
		gross bool
	}
	sums := map[group]*exact{}
	for c, x := range t.sums {
		if c.rate == 0 {
			continue
		}
		g := group{c.rate, c.gross}
		if sums[g] == nil {
			sums[g] = &exact{}
		}
		sum := sums[g].sum()
		sums[g] = &exact{big: sum.Add(sum, x.sum())}
	}
	bases := map[group]grid.Money{}
	for g, x := range sums {
		if bases[g], err = x.money(); err != nil {
			return nil, 0, err
		}
	}
	for c, m := range t.fixed {
		if c.rate == 0 {
			continue
		}
		g := group{c.rate, c.gross}
		if bases[g], err = bases[g].Add(m); err != nil {
			return nil, 0, err
		}
	}
	order := func(a, b group) int {
		return cmp.Or(cmp.Compare(a.rate, b.rate), strings.Compare(word(a.gross), word(b.gross)))
	}
	for _, g := range slices.SortedFunc(maps.Keys(bases), order) {
		v := VAT{Rate: g.rate, Included: g.gross, Base: bases[g]}
		if g.gross {
			v.Amount, err = share(bases[g], g.rate, wholeRate+g.rate)
			v.Base -= v.Amount
		} else if v.Amount, err = share(bases[g], g.rate, wholeRate); err == nil {
			added, err = added.Add(v.Amount)
		}
		if err != nil {
			return nil, 0, err
		}
		if v.Base != 0 || v.Amount != 0 {
			all = append(all, v)
		}
	}
	return all, added, nil
}

func word(b bool) string {
	if b {
		return "gross"
	}
	return "added"
}

// components returns the parts of what was posted, which sum up to it: what the components
// come to is rounded once, and what the rounding of the intervals leaves over is the largest
// component's.
func (t *tally) components(posted grid.Money) (all []Component, err error) {
	sums := map[[2]string]*exact{}
	for c, x := range t.sums {
		k := [2]string{c.name, c.kind}
		if sums[k] == nil {
			sums[k] = &exact{}
		}
		sum := sums[k].sum()
		sums[k] = &exact{big: sum.Add(sum, x.sum())}
	}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		c := Component{Name: k[0], Kind: k[1]}
		if c.Amount, err = sums[k].money(); err != nil {
			return nil, err
		}
		if posted, err = posted.Sub(c.Amount); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	largest := -1
	for k, c := range all {
		if largest < 0 || abs(c.Amount) > abs(all[largest].Amount) {
			largest = k
		}
	}
	if largest >= 0 {
		all[largest].Amount, err = all[largest].Amount.Add(posted)
	}
	return all, err
}

func abs(m grid.Money) grid.Money { return max(m, -m) }
