// Package guarantee reckons what the community's fund pays to members who would have paid
// less without the community. It is pure.
//
// # Model
//
// A local month is reckoned after its correction deadline, member by member, from what its
// settlement runs came to. A member's retail-only is its metered energy at its own tariffs
// alone. Whoever received less than that (or paid more) is topped up from the fund; where the
// fund falls short everybody gets the same part of it, by largest remainder, ties by
// SHA-256(month ‖ account), least first. The fund never goes below zero.
//
// # What counts
//
// Members must not be able to milk the fund by trades among friends. So what a member received
// is reckoned twice, and the more favourable reckoning counts: as it was posted, and with its
// trades counted thus:
//
//   - What was bought and sold again in one interval counts as nothing: one price for both.
//   - Of the rest, what the member metered as well counts at the mean price of its trades,
//     each no further than the bounds of its point: the feed-in price below, above what
//     neighbours' energy saves it of retail (all of it, where no component is paid for both).
//   - What was bought and not drawn, or sold and not given, counts at the price at which the
//     member's energy was settled after delivery on that side: the pool's price where the pool
//     took it, and the utility's for what it did not. Where several tariffs count and the
//     members made good among themselves what deviated, that counts as nothing on both sides.
//
// So a forecast that was wrong is nobody's but the member's own: what it cost could not be told
// from what a friend was given. What is left are the costs of sharing itself: a price of the
// rule that is worse than the utility's, fees, and what was rounded.
//
// # Corrections
//
// Runs that come after a month was reckoned count in the next month that is, by what they
// change.
//
// Money is in millionths of the currency unit, + receives.
package guarantee

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Sums are what a member received, + receives.
type Sums struct {
	Net        grid.Money `json:"net"`         // as posted
	Counted    grid.Money `json:"counted"`     // with its trades counted as the package says
	RetailOnly grid.Money `json:"retail_only"` // its metered energy at its own tariffs alone
}

// Plus adds. Errors: grid.ErrOverflow.
func (s Sums) Plus(t Sums) (sum Sums, err error) {
	if sum.Net, err = s.Net.Add(t.Net); err != nil {
		return sum, err
	}
	if sum.Counted, err = s.Counted.Add(t.Counted); err != nil {
		return sum, err
	}
	sum.RetailOnly, err = s.RetailOnly.Add(t.RetailOnly)
	return sum, err
}

// Minus subtracts. Errors: grid.ErrOverflow.
func (s Sums) Minus(t Sums) (rest Sums, err error) {
	if rest.Net, err = s.Net.Sub(t.Net); err != nil {
		return rest, err
	}
	if rest.Counted, err = s.Counted.Sub(t.Counted); err != nil {
		return rest, err
	}
	rest.RetailOnly, err = s.RetailOnly.Sub(t.RetailOnly)
	return rest, err
}

// Need is what tops the member up, at least 0. Errors: grid.ErrOverflow.
func (s Sums) Need() (grid.Money, error) {
	posted, err := s.RetailOnly.Sub(s.Net)
	if err != nil {
		return 0, err
	}
	counted, err := s.RetailOnly.Sub(s.Counted)
	return max(0, min(posted, counted)), err
}

// member gathers what an interval was for one member.
type member struct {
	Sums

	flow         grid.Flow
	bought, sold side
	short, long  side // settled after delivery
	traded       grid.Money
	deviated     grid.Money // by those points that others stood in for
	several      bool       // tariffs count
}

// side sums up energy and its price.
type side struct {
	energy grid.Energy
	worth  big.Int // Σ price × energy, thousandths of a millionth
}

func (s *side) add(p grid.Price, e grid.Energy) {
	s.energy += e
	s.worth.Add(&s.worth, new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e))))
}

// part is what a part of the energy is worth, at the mean price. Errors: grid.ErrOverflow.
func (s *side) part(e grid.Energy) (grid.Money, error) {
	if e == 0 || s.energy == 0 {
		return 0, nil
	}
	const thousandths = 1000
	of := new(big.Int).Mul(big.NewInt(int64(s.energy)), big.NewInt(thousandths))
	worth := new(big.Int).Mul(&s.worth, big.NewInt(int64(e)))
	// Rounded once, half away from zero: (2 worth ± of) ÷ (2 of).
	worth.Lsh(worth, 1)
	if worth.Sign() < 0 {
		worth.Sub(worth, of)
	} else {
		worth.Add(worth, of)
	}
	worth.Quo(worth, of.Lsh(of, 1))
	if !worth.IsInt64() {
		return 0, grid.ErrOverflow
	}
	return grid.Money(worth.Int64()), nil
}

// Of returns what a run came to for each member, by pseudonym. The run's metering points are
// named by their accounts, as an audit has them. Accounts of no member, of the time before
// there was a pool, say nothing. Errors: grid.ErrOverflow.
func Of(run settlement.Run) (map[string]Sums, error) {
	of, rates := map[string]*member{}, map[string]tariff.Rates{}
	for _, s := range run.Statements {
		who := run.Basis.Members[s.MeteringPoint]
		if who == "" {
			continue
		}
		if of[who] == nil {
			of[who] = &member{}
		}
		rates[s.MeteringPoint] = run.Counted(s)
		if err := of[who].see(s, rates[s.MeteringPoint]); err != nil {
			return nil, fmt.Errorf("guarantee: account %s: %w", s.MeteringPoint, err)
		}
	}
	for _, t := range run.Basis.Trades {
		if err := trade(of[run.Basis.Members[t.Buyer]], rates[t.Buyer], grid.Bid, t); err != nil {
			return nil, err
		}
		if err := trade(of[run.Basis.Members[t.Seller]], rates[t.Seller], grid.Offer, t); err != nil {
			return nil, err
		}
	}
	all := map[string]Sums{}
	for _, who := range slices.Sorted(maps.Keys(of)) {
		if err := of[who].count(); err != nil {
			return nil, fmt.Errorf("guarantee: member %s: %w", who, err)
		}
		all[who] = of[who].Sums
	}
	return all, nil
}

// see takes a statement in.
func (m *member) see(s settlement.Statement, r tariff.Rates) (err error) {
	if m.Sums, err = m.Plus(Sums{Net: s.Net, RetailOnly: s.RetailOnly}); err != nil {
		return err
	}
	m.flow.Import += s.Metered.Import // within the bounds of a run
	m.flow.Export += s.Metered.Export
	m.short.add(s.PoolPrice, s.PoolBought)
	m.short.add(r.Retail, s.Retail)
	m.long.add(s.PoolPrice, s.PoolSold)
	m.long.add(r.FeedIn, s.FeedIn)
	m.several = m.several || s.Rates != nil
	if s.Undelivered+s.Undrawn == 0 {
		return nil // nobody stood in for it: what deviation brought it is its due
	}
	own := s.Deviated
	if s.StoodIn > 0 {
		own = min(own, 0) // what it is due stays
	}
	m.deviated, err = m.deviated.Add(own)
	return err
}

// trade takes one side of a trade in.
func trade(m *member, r tariff.Rates, of grid.Side, t grid.Trade) (err error) {
	if m == nil {
		return nil
	}
	price, sign, into := t.BidPrice, grid.Money(-1), &m.bought
	if of == grid.Offer {
		price, sign, into = t.OfferPrice, 1, &m.sold
	}
	money, err := price.Cost(t.Energy)
	if err == nil {
		m.traded, err = m.traded.Add(sign * money)
	}
	if err != nil {
		return fmt.Errorf("guarantee: trade %d: %w", t.Seq, err)
	}
	if of == grid.Bid {
		into.add(min(max(price, r.FeedIn), r.Avoided()), t.Energy) // a purchase never counts for more than it saved
	} else {
		into.add(max(min(price, r.Avoided()), r.FeedIn), t.Energy) // a sale never for less than the utility pays
	}
	return nil
}

// count finds what counts of what was received.
func (m *member) count() (err error) {
	net := m.bought.energy - m.sold.energy
	drawn := min(max(net, 0), m.flow.Import)
	given := min(max(-net, 0), m.flow.Export)
	pays, err1 := m.bought.part(drawn)
	gets, err2 := m.sold.part(given)
	if err1 != nil || err2 != nil {
		return grid.ErrOverflow
	}
	parts := []grid.Money{-m.traded, -pays, gets}
	if m.several {
		parts = append(parts, -m.deviated)
	} else {
		spare, err1 := m.long.part(max(net, 0) - drawn)
		gap, err2 := m.short.part(max(-net, 0) - given)
		if err1 != nil || err2 != nil {
			return grid.ErrOverflow
		}
		parts = append(parts, -spare, gap)
	}
	m.Counted = m.Net
	for _, p := range parts {
		if m.Counted, err = m.Counted.Add(p); err != nil {
			return err
		}
	}
	return nil
}

// Rank orders accounts among which the rest of a division goes round.
func Rank(month, account string) string {
	sum := sha256.Sum256([]byte(month + account))
	return hex.EncodeToString(sum[:])
}

// Allot divides what the fund can give among the needs, by account: all of them where it is
// enough, else the same part of each. Errors: grid.ErrOverflow.
func Allot(month string, available grid.Money, needs map[string]grid.Money) (map[string]grid.Money, error) {
	var all grid.Money
	var shares []grid.Share
	accounts := slices.Sorted(maps.Keys(needs))
	for _, a := range accounts {
		var err error
		if all, err = all.Add(needs[a]); err != nil {
			return nil, fmt.Errorf("guarantee of %s: the needs together: %w", month, err)
		}
		shares = append(shares, grid.Share{ID: Rank(month, a), Weight: int64(needs[a])})
	}
	if available = min(max(available, 0), all); all == 0 {
		return map[string]grid.Money{}, nil
	}
	parts, err := grid.Split(int64(available), shares)
	if err != nil {
		return nil, fmt.Errorf("guarantee of %s: %w", month, err)
	}
	paid := map[string]grid.Money{}
	for k, a := range accounts {
		if parts[k] > 0 {
			paid[a] = grid.Money(parts[k])
		}
	}
	return paid, nil
}
