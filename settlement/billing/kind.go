package billing

import (
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// Kind is what a line is for: a reason of postings, which for trades tells apart what was
// bought and sold, or own energy, which has no posting.
type Kind string

// Kinds that are no reason of postings by themselves.
const (
	OwnTaken    Kind = "own"       // met by the member's own surplus
	OwnGiven    Kind = "own-given" // that met the member's own shortage
	TradeBought Kind = "trade-bought"
	TradeSold   Kind = "trade-sold"
)

// Section is a part of a bill.
type Section string

// Sections, in the order of a bill.
const (
	Taken Section = "energy that you used"
	Given Section = "energy that you gave"
	Fees  Section = "fees and charges"
)

// Entry says how lines of a kind look.
type Entry struct {
	Kind    Kind
	Section Section
	Text    string
	Formula string // in words
}

// Entries are the kinds that a bill knows, in its order. Others stand among the fees, by the
// reason of their postings.
func Entries() []Entry {
	return []Entry{
		{OwnTaken, Taken, "own energy", "what your own metering points gave in the same interval: no price"},
		{"key-bought", Taken, "from neighbours, by the key", "the share that the allocation key gives you of each interval, at its price"},
		{TradeBought, Taken, "from neighbours, traded ahead", "energy of each trade × the price of that trade"},
		{Kind(settlement.ReasonPoolBought), Taken, "from neighbours, shared after delivery", "what no trade covers in an interval × the price of the pool there"},
		{Kind(settlement.ReasonRetail), Taken, "from the grid", "what nothing else covers in an interval × the retail price of your tariff there"},
		{OwnGiven, Given, "own energy, given", "what your own metering points used in the same interval: no price"},
		{"key-sold", Given, "to neighbours, by the key", "what the allocation key gives of your energy to others, at its price"},
		{TradeSold, Given, "to neighbours, traded ahead", "energy of each trade × the price of that trade"},
		{Kind(settlement.ReasonPoolSold), Given, "to neighbours, shared after delivery", "what no trade covers in an interval × the price of the pool there"},
		{Kind(settlement.ReasonFeedIn), Given, "to the grid", "what nobody else took in an interval × the feed-in price of your tariff there"},
		{Kind(settlement.ReasonLines), Fees, "lines, of trades", "what a trade's energy paid for the lines between buyer and seller"},
		{Kind(settlement.ReasonOwnFee), Fees, "lines, of own energy", "fee of the lines between your metering points × energy over them"},
		{"community-components", Fees, "grid charges of neighbours' energy", "energy from neighbours × the components of your tariff that it pays too"},
		{"deviation", Fees, "deviations from trades", "what was traded and not delivered or not drawn × the price where it was made up for"},
	}
}

// energyOf returns the energy of a point in an interval that lines of a kind are about, by
// what its statement says; false where the statement does not say it.
func energyOf(p *statements.Point, k Kind) (grid.Energy, bool) {
	c := &p.Cover
	switch k {
	case OwnTaken:
		return c.Own, true
	case OwnGiven:
		return c.OwnGiven, true
	case TradeBought:
		return c.Bought, true
	case TradeSold:
		return c.Sold, true
	case Kind(settlement.ReasonPoolBought):
		return c.PoolBought, true
	case Kind(settlement.ReasonPoolSold):
		return c.PoolSold, true
	case Kind(settlement.ReasonRetail):
		return c.Retail, true
	case Kind(settlement.ReasonFeedIn):
		return c.FeedIn, true
	default:
		return 0, false
	}
}

// stated are the kinds whose energy the statement says, whether it was paid for or not.
func stated() []Kind {
	return []Kind{
		OwnTaken, OwnGiven, TradeBought, TradeSold, Kind(settlement.ReasonPoolBought), Kind(settlement.ReasonPoolSold),
		Kind(settlement.ReasonRetail), Kind(settlement.ReasonFeedIn),
	}
}

// kindOf returns the kind of line that a sum of postings belongs to.
func kindOf(s statements.Sum) Kind {
	switch {
	case s.Reason != settlement.ReasonTrade:
		return Kind(s.Reason)
	case s.Energy < 0:
		return TradeSold
	default:
		return TradeBought
	}
}

// isGiven tells whether a kind is of energy that the member gave.
func isGiven(k Kind) bool {
	switch k {
	case OwnGiven, TradeSold, "key-sold", Kind(settlement.ReasonPoolSold), Kind(settlement.ReasonFeedIn):
		return true
	default:
		return false
	}
}

// Item is what one interval adds to one line.
type Item struct {
	Kind   Kind
	Energy grid.Energy // positive, unless it is taken back
	Amount grid.Money
}

// ItemsOf returns what an interval of the period adds to the lines of a metering point: the
// state of the interval, with the sums of all its runs. They are appended to into.
func ItemsOf(p *statements.Point, into []Item) []Item {
	into = into[:0]
	for _, k := range stated() {
		if e, _ := energyOf(p, k); e != 0 {
			into = append(into, Item{Kind: k, Energy: e})
		}
	}
	for _, s := range p.Sums {
		k := kindOf(s)
		_, is := energyOf(p, k)
		e := s.Energy
		if isGiven(k) {
			e = -e
		}
		if is {
			e = 0 // the statement has it
		}
		into = addItem(into, Item{k, e, s.Money})
	}
	return into
}

// ChangesOf returns what one run adds to the lines of a metering point in an interval that
// was billed before: what its own postings say.
func ChangesOf(p *statements.Point, into []Item) []Item {
	into = into[:0]
	for _, s := range p.Sums {
		k, e := kindOf(s), s.Energy
		if isGiven(k) {
			e = -e
		}
		into = addItem(into, Item{k, e, s.Money})
	}
	return into
}

func addItem(items []Item, i Item) []Item {
	for k := range items {
		if items[k].Kind == i.Kind {
			items[k].Energy += i.Energy
			items[k].Amount += i.Amount // of one interval: bounded by settlement
			return items
		}
	}
	return append(items, i)
}

// EntryOf says how lines of a kind look; one that a bill does not know stands among the fees,
// by its name.
func EntryOf(k Kind) Entry {
	for _, e := range Entries() {
		if e.Kind == k {
			return e
		}
	}
	return Entry{k, Fees, string(k), "the postings of that reason"}
}

// Entries says how the lines of the bill look: each kind that it has once, in the order of a bill, and then by name those that
// bills do not know.
func (b *Bill) Entries() (all []Entry) {
	lines := slices.Clone(b.Corrections)
	for _, p := range b.Points {
		lines = append(lines, p.Lines...)
	}
	has := map[Kind]bool{}
	for _, l := range lines {
		has[l.Kind] = true
	}
	for _, e := range Entries() {
		if has[e.Kind] {
			all = append(all, e)
		}
		delete(has, e.Kind)
	}
	for _, k := range slices.Sorted(maps.Keys(has)) {
		all = append(all, EntryOf(k))
	}
	return all
}
