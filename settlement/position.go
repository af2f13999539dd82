package settlement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/tariff"
)

// sides are energies in Wh, each ≥ 0: what a metering point lacks, and what it has
// too much of.
type sides struct{ short, long grid.Energy }

func (s sides) less(t sides) sides { return sides{s.short - t.short, s.long - t.long} }

// position is a metering point in an interval: what it metered and traded, and
// what each step made of the rest.
type position struct {
	record.Metered

	account, member string
	rates           tariff.Rates
	rank            string // by which it gets what rounding leaves over
	bid, offer      string // names of its orders in a clearing
	apart           bool   // shares nothing: so it is agreed, or its value is no measurement

	bought, sold grid.Energy
	uncovered    sides // that no trade covers
	owned        sides // met by the member's own energy
	pooled       sides // shared after delivery
	left         sides // with the utility
	keyed        keyed // shared by an allocation key

	paid
	deviating // where there are several tariffs
}

// paid is what a point paid to others than who traded with it and its utility, and what it got.
type paid struct {
	poolOwed, poolEarned grid.Money
	ownFee               grid.Money // of lines, for own energy
	components           grid.Money // to the utility, for neighbours' energy
}

// estimated tells whether what was metered is no measurement, nor settled for good.
func (p *position) estimated() bool { return !p.Quality.Shares() }

// poolPrice is what a kWh of the pool came to.
func (p *position) poolPrice() grid.Price {
	e := p.pooled.short + p.pooled.long
	if e == 0 {
		return 0
	}
	return perKWh(p.poolOwed, p.poolEarned, e)
}

// open finds what the run is made from, and the positions before anything is
// shared, by metering point.
func open(in Input) (Basis, []*position, error) {
	b := in.basis()
	if err := in.bounds(b); err != nil {
		return b, nil, err
	}
	at, points, err := in.enter(&b)
	if err != nil {
		return b, nil, err
	}
	for _, account := range slices.Sorted(maps.Keys(b.Members)) {
		if in.First != nil && at[account] == nil {
			return b, nil, fmt.Errorf("account %s: was part of the first run, and nothing of it is metered now", account)
		}
	}
	slices.Sort(b.Apart)
	if in.First == nil {
		b.Rules = b.Rules.named(in.Interval, at)
		if err := in.freezeRates(&b, at); err != nil {
			return b, nil, err
		}
	}
	if err := b.contract(at); err != nil {
		return b, nil, err
	}
	for _, p := range points {
		p.member, p.rank = b.Members[p.account], grid.Rank(in.Interval, p.account)
		p.bid, p.offer = p.rank+bidding, p.rank+offering
		_, apart := slices.BinarySearch(b.Apart, p.account)
		p.apart = apart || b.Rules == nil || p.estimated()
		p.uncover()
	}
	slices.SortFunc(points, func(a, b *position) int { return strings.Compare(a.MeteringPoint, b.MeteringPoint) })
	return b, points, nil
}

// The bounds of what is metered and traded, within which no sum of energies leaves 64 bits:
// each is checked on the way in, and so nothing has to be on the way through.
const (
	mostEnergy   grid.Energy = 1 << 40 // of a metering point or trade
	mostTogether grid.Energy = 1 << 60 // of all
)

// bounds refuses energies that could not be added up.
func (in Input) bounds(b Basis) error {
	var sum grid.Energy
	within := func(e grid.Energy) bool {
		if e < 0 || e > mostEnergy {
			return false
		}
		sum += e
		return sum <= mostTogether
	}
	for _, m := range in.Metered {
		if !within(m.Flow.Import) || !within(m.Flow.Export) {
			return fmt.Errorf("metering point %q: %d Wh import and %d Wh export are negative, too much, or too much together with all others: %w", m.MeteringPoint, m.Flow.Import, m.Flow.Export, grid.ErrOverflow)
		}
	}
	for _, t := range b.Trades {
		if !within(t.Energy) {
			return fmt.Errorf("trade %d: %d Wh are negative, too much, or too much together with all others: %w", t.Seq, t.Energy, grid.ErrOverflow)
		}
	}
	return nil
}

// basis returns that of the first run; this one's, without an account yet, if it is the
// first.
func (in Input) basis() Basis {
	if in.First != nil {
		b := *in.First
		b.Trades = slices.Clone(b.Trades)
		return b
	}
	b := Basis{Trades: slices.Clone(in.Trades), Feeder: in.Feeder, Nodes: map[string]string{}, Rules: in.Rules, Salt: in.Salt}
	if in.Rules != nil {
		b.Members = map[string]string{}
	}
	return b
}

// enter returns the positions of what was metered and the basis knows; at finds them by
// metering point in the first run, which tells the basis of them, by account in later
// ones.
func (in Input) enter(b *Basis) (at map[string]*position, points []*position, err error) {
	at = map[string]*position{}
	metered, accounts := map[string]bool{}, map[string]bool{}
	system := record.SystemAccounts()
	for _, m := range in.Metered {
		place := in.Points[m.MeteringPoint]
		p := &position{Metered: m, account: place.Account}
		if p.account == "" {
			p.account = m.MeteringPoint
		}
		if slices.Contains(system, m.MeteringPoint) {
			return nil, nil, fmt.Errorf("metering point %q: is named as an account that is not a member's; name it otherwise", m.MeteringPoint)
		}
		if metered[m.MeteringPoint] || accounts[p.account] {
			return nil, nil, fmt.Errorf("metering point %q: is there twice; give each metering point one value", m.MeteringPoint)
		}
		if m.Quality == grid.Final && in.Run == 1 {
			return nil, nil, fmt.Errorf("metering point %q: its value was substituted for good in the first run, which only a later one can", m.MeteringPoint)
		}
		metered[m.MeteringPoint], accounts[p.account] = true, true
		switch {
		case in.First == nil:
			b.enter(p.account, place)
			at[m.MeteringPoint] = p
		case !b.knows(p.account):
			continue // it came later
		default:
			at[p.account] = p
		}
		points = append(points, p)
	}
	return at, points, nil
}

// contract adds the trades to the positions that they bind, and names them by account.
func (b *Basis) contract(at map[string]*position) error {
	for k := range b.Trades {
		t := &b.Trades[k]
		buyer, seller := at[t.Buyer], at[t.Seller]
		if buyer == nil || seller == nil {
			return fmt.Errorf("trade %d between %q and %q: not both metered", t.Seq, t.Buyer, t.Seller)
		}
		buyer.bought += t.Energy
		seller.sold += t.Energy
		t.Buyer, t.Seller = buyer.account, seller.account
	}
	return nil
}

// enter notes where an account stands.
func (b *Basis) enter(account string, p Point) {
	if p.Node != "" {
		b.Nodes[account] = p.Node
	}
	if b.Rules == nil {
		return
	}
	b.Members[account] = p.Member
	if p.Apart {
		b.Apart = append(b.Apart, account)
	}
}

// knows tells whether an account was part of the run. Before there was a pool the
// basis did not say, so that all were.
func (b Basis) knows(account string) bool {
	_, known := b.Members[account]
	return known || b.Rules == nil
}

// uncover finds what no trade covers. Only the net of bought and sold was to
// be delivered.
func (p *position) uncover() {
	contracted := p.bought - p.sold
	drawn := p.Flow.Import - max(contracted, 0)
	given := p.Flow.Export - max(-contracted, 0)
	p.uncovered = sides{short: max(drawn, 0) + max(-given, 0), long: max(given, 0) + max(-drawn, 0)}
	p.left = p.uncovered
}
