package settlement

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/tariff"
)

// Key is an allocation key: in place of a market it says whose energy goes to whom, and
// what it costs. In Rules it names metering points, in a Basis their accounts.
type Key struct {
	sharing.Scheme

	Pack     string   `json:"pack,omitempty"` // of rules that it follows, such as "at-eeg"
	Price    KeyPrice `json:"price"`
	OwnFirst bool     `json:"own_first,omitempty"` // a member's own energy goes first, by Rules.SamePoint
}

// KeyPrice is what allocated energy costs. Owners of a plant pay nothing for its energy.
type KeyPrice struct {
	By    PriceBy    `json:"by"`
	Fixed grid.Price `json:"fixed,omitempty"`
}

// PriceBy says by what allocated energy is priced.
type PriceBy string

// What allocated energy can be priced by.
const (
	ByAmount   PriceBy = "fixed"    // one price for all
	ByMidpoint PriceBy = "midpoint" // half each of what lies between the taker's avoided price and the giver's feed-in
	ByNothing  PriceBy = "free"     // it costs nothing, for the members own the plants together
)

// Validate checks the key. The error begins with the name of the field.
func (k Key) Validate() error {
	if !slices.Contains([]PriceBy{ByAmount, ByMidpoint, ByNothing}, k.Price.By) {
		return fmt.Errorf("price: %q: must be an amount, %s or %s", k.Price.By, ByMidpoint, ByNothing)
	}
	return k.Scheme.Validate()
}

// Words says in a few words by which key it is: its pack, its kind, its price a kWh.
func (k Key) Words(currency string) string {
	price := string(k.Price.By)
	if k.Price.By == ByAmount {
		price = "at " + tariff.PerKWhText(k.Price.Fixed, currency)
	}
	return strings.Join(slices.DeleteFunc([]string{k.Pack, string(k.Kind), price}, func(x string) bool { return x == "" }), " ")
}

// named returns the rules as the basis has them: the key's points by their accounts, and
// what counts of it in the interval. at are the positions by metering point.
func (r *Rules) named(i grid.Interval, at map[string]*position) *Rules {
	if r == nil || r.Key == nil {
		return r
	}
	rules, key := *r, *r.Key
	key.Scheme = key.At(i.Start).Rename(func(point string) (string, bool) {
		p, there := at[point]
		if !there {
			return "", false
		}
		return p.account, true
	})
	rules.Key = &key
	return &rules
}

// keyed is what an allocation key gave a metering point.
type keyed struct {
	sides // bought and sold

	surplus, given grid.Energy // own surplus of others' plants, and of this plant to others
	price          grid.Price
}

// byKey are the steps of a community that shares by an allocation key: own energy first where
// the key says so, then the key.
func (c *clearing) byKey() []func() error {
	if c.basis.Rules.Key.OwnFirst {
		return []func() error{c.own, c.key}
	}
	return []func() error{c.key}
}

// key shares what is left by the allocation key.
func (c *clearing) key() error {
	points := slices.DeleteFunc(slices.Clone(c.points), func(p *position) bool { return p.apart })
	energies, ranks := make([]sharing.Point, len(points)), map[string]string{}
	for i, p := range points {
		energies[i] = sharing.Point{ID: p.account, Import: p.left.short, Export: p.left.long}
		ranks[p.account] = p.rank
	}
	all, err := c.basis.Rules.Key.Allocate(energies, func(account string) string { return ranks[account] })
	if err != nil {
		return fmt.Errorf("allocation key: %w", err)
	}
	for i, p := range points {
		x := all.Parts[i]
		p.take(&p.keyed.sides, sides{x.Bought, x.Sold})
		p.keyed.surplus, p.keyed.given = x.Surplus, x.Given
		p.left.long += x.Surplus - x.Given
	}
	if err := c.payKey(points, all); err != nil {
		return fmt.Errorf("allocation key: %w", err)
	}
	if err := c.keyFees(points); err != nil {
		return fmt.Errorf("allocation key: fees: %w", err)
	}
	return nil
}

// payKey posts what each point pays for allocated energy and gets for it. The pool sums to
// zero.
func (c *clearing) payKey(points []*position, all sharing.Allocation) error {
	pays, gets := c.keyAmounts(points, all)
	owed, err := divideExactly(pays, points)
	if err != nil {
		return err
	}
	got, err := divideExactly(gets, points)
	if err != nil {
		return err
	}
	for k, p := range points {
		takes, gives := p.keyed.short+p.keyed.surplus, p.keyed.long+p.keyed.given
		c.book.pay(p.account, record.Pool, owed[k], takes, ReasonKeyBought, p.account)
		c.book.pay(record.Pool, p.account, got[k], gives, ReasonKeySold, p.account)
		if e := takes + gives; e > 0 {
			p.keyed.price = perKWh(owed[k], got[k], e)
		}
	}
	return nil
}

// keyAmounts returns what each point owes and earns, exactly, in thousandths of a
// millionth. Both sum to the same.
func (c *clearing) keyAmounts(points []*position, all sharing.Allocation) (pays, gets []*big.Rat) {
	key := c.basis.Rules.Key
	pays, gets = make([]*big.Rat, len(points)), make([]*big.Rat, len(points))
	for i := range points {
		pays[i], gets[i] = new(big.Rat), new(big.Rat)
	}
	owners := map[string][]string{}
	for _, plant := range key.Plants {
		owners[plant.Point] = plant.Owners
	}
	owned := slices.ContainsFunc(key.Plants, func(p sharing.Plant) bool { return len(p.Owners) > 0 })
	switch {
	case key.Price.By == ByNothing:
	case key.Price.By == ByAmount && !owned: // whole Wh, as the bill has them
		for i, p := range points {
			pays[i].Mul(whole(int64(key.Price.Fixed)), whole(int64(p.keyed.short+p.keyed.surplus)))
			gets[i].Mul(whole(int64(key.Price.Fixed)), whole(int64(p.keyed.long+p.keyed.given)))
		}
	default:
		for _, pot := range all.Pots {
			charge(pot, points, key.Price, owners, pays, gets)
		}
	}
	return pays, gets
}

// whole is a whole number.
func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// charge adds what the energy of a pot costs. In it all energy mixes, so that what each takes
// comes from each giver in the same parts.
func charge(pot sharing.Pot, points []*position, price KeyPrice, owners map[string][]string, pays, gets []*big.Rat) {
	together, brought, saved := new(big.Rat), new(big.Rat), new(big.Rat)
	takes, worths := map[string]*big.Rat{}, map[string]*big.Rat{} // by account
	for _, x := range pot.Gives {
		e := new(big.Rat).Add(x.Used, x.Own)
		together.Add(together, e)
		brought.Add(brought, e.Mul(e, whole(int64(points[x.Point].rates.FeedIn))))
	}
	if together.Sign() == 0 {
		return
	}
	for _, x := range pot.Takes {
		p := points[x.Point]
		worth := new(big.Rat).Mul(x.Used, whole(int64(p.rates.Avoided())))
		worth.Add(worth, new(big.Rat).Mul(x.Own, whole(int64(p.rates.FeedIn))))
		takes[p.account], worths[p.account] = new(big.Rat).Add(x.Used, x.Own), worth
		saved.Add(saved, worth)
	}
	half := big.NewRat(1, 2)                                           //nolint:mnd // the middle
	cost := func(take, give, takeWorth, giveWorth *big.Rat) *big.Rat { // of what goes from one to the other
		if price.By == ByAmount {
			sum := new(big.Rat).Mul(take, give)
			return sum.Quo(sum.Mul(sum, whole(int64(price.Fixed))), together)
		}
		sum := new(big.Rat).Mul(takeWorth, give)
		sum.Add(sum, new(big.Rat).Mul(take, giveWorth))
		return sum.Quo(sum.Mul(sum, half), together)
	}
	for _, x := range pot.Takes {
		account := points[x.Point].account
		pays[x.Point].Add(pays[x.Point], cost(takes[account], together, worths[account], brought))
	}
	taker := map[string]int{}
	for _, x := range pot.Takes {
		taker[points[x.Point].account] = x.Point
	}
	for _, x := range pot.Gives {
		p := points[x.Point]
		e := new(big.Rat).Add(x.Used, x.Own)
		worth := new(big.Rat).Mul(e, whole(int64(p.rates.FeedIn)))
		gets[x.Point].Add(gets[x.Point], cost(together, e, saved, worth))
		for _, owner := range owners[p.account] {
			if take, some := takes[owner]; some {
				free := cost(take, e, worths[owner], worth)
				pays[taker[owner]].Sub(pays[taker[owner]], free)
				gets[x.Point].Sub(gets[x.Point], free)
			}
		}
	}
}

// divideExactly rounds the sum of exact amounts, in thousandths of a millionth, to
// millionths, half away from zero, and each so that they sum to it: down, and one up by largest
// remainder, of equal ones by rank. Errors: grid.ErrOverflow.
func divideExactly(exact []*big.Rat, points []*position) ([]grid.Money, error) {
	sum, unit := new(big.Rat), whole(thousandths)
	parts, remainders, order := make([]grid.Money, len(exact)), make([]*big.Rat, len(exact)), make([]int, len(exact))
	down := func(x *big.Rat) *big.Int { return new(big.Int).Div(x.Num(), x.Denom()) } // Euclidean: the denominator is > 0
	left := new(big.Int)
	for i, x := range exact {
		x = new(big.Rat).Quo(x, unit)
		sum.Add(sum, x)
		floor := down(x)
		if !floor.IsInt64() {
			return nil, fmt.Errorf("what %s pays or gets: %w", points[i].MeteringPoint, grid.ErrOverflow)
		}
		left.Sub(left, floor)
		parts[i], order[i] = grid.Money(floor.Int64()), i
		remainders[i] = new(big.Rat).Sub(x, new(big.Rat).SetInt(floor))
	}
	half := big.NewRat(1, 2) //nolint:mnd // to round
	if sum.Sign() < 0 {
		left.Sub(left, down(new(big.Rat).Add(new(big.Rat).Neg(sum), half)))
	} else {
		left.Add(left, down(new(big.Rat).Add(sum, half)))
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := remainders[b].Cmp(remainders[a]); c != 0 {
			return c
		}
		return strings.Compare(points[a].rank, points[b].rank)
	})
	for _, i := range order[:left.Int64()] {
		parts[i]++
	}
	return parts, nil
}

// keyFees charges the fees of the lines to who consumes what came over them, and notes the
// flows.
func (c *clearing) keyFees(points []*position) error {
	r := &result{network.Clearing{Fills: map[string]grid.Energy{}, Flows: map[string]grid.Energy{}}}
	for _, p := range points {
		r.Fills[p.rank+bidding], r.Fills[p.rank+offering] = p.keyed.short, p.keyed.long
		for n := c.lines[c.node(p)]; n.Parent != ""; n = c.lines[n.Parent] {
			r.Flows[n.ID] += p.keyed.long - p.keyed.short
		}
	}
	shares, err := c.trace(points, r, c.flows)
	if err != nil {
		return err
	}
	fees, err := apportion(thousandths, exactly(points, func(p *position) int64 { return shares.fee[p] }))
	if err != nil {
		return err
	}
	for k, p := range points {
		if p.ownFee, err = p.ownFee.Add(fees[k]); err != nil {
			return err
		}
		c.book.pay(p.account, record.Fund, fees[k], 0, ReasonKeyFee, p.account)
	}
	c.send(r)
	return nil
}
