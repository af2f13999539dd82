// Package settlement compares what was traded with what was metered and makes
// statements and balanced postings of it. It is pure.
//
// # Model
//
// An interval is settled in four steps, each on what the one before left over.
//
//  1. Trades. A trade moves money from the buyer to the seller. Where a line
//     between them has a fee or is full, the buyer pays more than the seller gets:
//     the difference goes to the fund. What a metering point has short or long
//     after its trades follows from the gross values of its meter: a point that
//     bought B and imported I is short of I − B, or long by B − I; one that sold S
//     and exported E is long by E − S, or short of S − E.
//  2. Own energy. What is short at one metering point of a member is met from what
//     is long at points of the same member, also at the same point; it costs the
//     fees of the lines between them and nothing else.
//  3. Pool. What is left short and long is cleared once more, after delivery, by
//     the exact clearing of a radial feeder (matching/network): each shortage bids
//     at retail, each surplus offers at feed-in, the lines have no limits, for the
//     energy has flowed, and what trades and own energy sent over them counts, so
//     that a flow against it gives the fee back.
//  4. Utility. The rest is bought at retail or sold at the feed-in price.
//
// In a community that shares by an allocation key (Rules.Key) nothing is traded, and the key
// divides what is left (package sharing) in place of steps 2 and 3, own energy first only where
// the key says so. Allocated energy costs the key's price; who consumes it pays the fees of the
// lines that it took, and the parts of its tariff that neighbours' energy pays too.
//
// Where metering points have several tariffs, or neighbours' energy pays a part of one too,
// each bids at what neighbours' energy saves it and offers at its own feed-in price, and the
// clearing runs on metered energy: trades that came otherwise than agreed are made good by
// those who deviated, at the price of the points whose utility energy they changed, dearest
// import and cheapest export first (deviation.go; docs/settlement.md describes it).
//
// A metering point whose value was substituted, or estimated by the grid operator, takes
// part in trades and utility alone, until a run with the measured value, or with the final
// substitute, brings it in.
//
// The fund receives what buyers pay more than sellers get, and the fees of own
// energy and pool; it pays the grid operator each line's fee on the net flow of
// trades, own energy and pool. What stays is congestion rent.
//
// The two directions of the utility's energy differ by what the trades do not
// explain, whatever is shared: over all members
//
//	Σ retail energy − Σ feed-in energy = Σ metered import − Σ metered export
//
// # Invariants
//
// Every posting has a positive amount, a debit account that pays and a credit
// account that receives, so that every batch, run and interval sums to zero, and
// so does the pool in every interval. Posted entries never change: a later run
// posts the difference, by the rules of the first.
package settlement

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/tariff"
)

// Point is what a run must know of a metering point beside its meter.
type Point struct {
	Account string // on the ledger; empty: the point's own name
	Member  string // whose own energy it shares, by pseudonym; empty: nobody else's
	Node    string // of the feeder; empty: the root
	Apart   bool   // it takes part in neither own energy nor pool
}

// Input is all that a run depends on.
type Input struct {
	Community string
	Interval  grid.Interval
	Run       int           // from 1
	Tariff    tariff.Tariff // the community's, of every metering point that Rates lack
	// Rates are what a kWh costs in this interval, by metering point; nil: Tariff at all.
	Rates   map[string]tariff.Rates
	Trades  []grid.Trade
	Feeder  grid.Feeder // that was traded over; zero: one node
	Rules   *Rules      // of own energy and pool; nil: there is neither, as before there were any
	Salt    string      // without it the digest of the rules tells nothing
	Points  map[string]Point
	Metered []record.Metered
	// First is the basis of the interval's first run, in place of Rates, Trades, Feeder,
	// Rules, Salt and of all but the account of each of the Points; nil: this is the
	// first. Metering points that it does not know are left out.
	First    *Basis
	Previous []record.Posting // of the earlier runs of the interval
	// ReadingRoot is the Merkle root over the metered values, in hex.
	ReadingRoot string
}

// Cover is how a metering point's energy was covered in an interval, step by step: by
// trades, by the member's own energy, by the pool and by the utility.
type Cover struct {
	Bought     grid.Energy `json:"bought"`      // from neighbours, traded ahead
	Sold       grid.Energy `json:"sold"`        // to neighbours, traded ahead
	Imbalance  grid.Energy `json:"imbalance"`   // metered − contracted net import
	Uncovered  grid.Energy `json:"uncovered"`   // that no trade covers, either way, before own energy and pool
	Own        grid.Energy `json:"own"`         // short, met by the member's own surplus
	OwnGiven   grid.Energy `json:"own_given"`   // long, that met the member's own shortage
	PoolBought grid.Energy `json:"pool_bought"` // from neighbours after delivery
	PoolSold   grid.Energy `json:"pool_sold"`   // to neighbours after delivery
	PoolPrice  grid.Price  `json:"pool_price"`  // of the pool's energy, millionths/kWh; 0 without
	Fees       grid.Money  `json:"fees"`        // of lines, for own energy and that of an allocation key
	Retail     grid.Energy `json:"retail"`      // from the utility
	FeedIn     grid.Energy `json:"feed_in"`     // to the utility, with the key's own surplus

	Keyed // by an allocation key
}

// Keyed is what an allocation key gave a metering point and took from it.
type Keyed struct {
	KeyBought  grid.Energy `json:"key_bought,omitempty"`  // allocated to it and consumed
	KeySold    grid.Energy `json:"key_sold,omitempty"`    // that it gave, allocated to others and consumed
	KeySurplus grid.Energy `json:"key_surplus,omitempty"` // allocated to it, not consumed, its own surplus
	KeyGiven   grid.Energy `json:"key_given,omitempty"`   // that it gave, and that became the own surplus of others
	KeyPrice   grid.Price  `json:"key_price,omitempty"`   // of all of it, millionths/kWh
}

// Deviation is how a metering point's trades that came otherwise were settled among the
// members. It is all zero where one tariff counts for all: then what a point has short or
// long after its trades goes on to own energy, pool and utility by itself.
type Deviation struct {
	Undelivered grid.Energy `json:"undelivered,omitempty"` // sold, and not given by anybody of the member
	Undrawn     grid.Energy `json:"undrawn,omitempty"`     // bought, and not drawn by anybody of the member
	StoodIn     grid.Energy `json:"stood_in,omitempty"`    // metered, agreed with others who did not deliver or draw it, and supplied or taken by pool and utility
	Deviated    grid.Money  `json:"deviation,omitempty"`   // what all of it brought, + receives
}

// Statement is what an interval means for one metering point.
type Statement struct {
	MeteringPoint string        `json:"metering_point"`
	Interval      grid.Interval `json:"interval"`
	Run           int           `json:"run"`
	Quality       grid.Quality  `json:"quality"`
	Metered       grid.Flow     `json:"metered"`

	Cover     // how the metered energy was covered
	Deviation // and how what was traded otherwise than metered was made good

	// Rates are those that counted; nil: the run's one tariff did (see Run.Counted).
	Rates *tariff.Rates `json:"rates,omitempty"`
	// Components is what neighbours' energy paid to the utility beside its price, + pays.
	Components grid.Money `json:"community_components,omitempty"`

	Net        grid.Money `json:"net"`         // + receives, over all runs
	RetailOnly grid.Money `json:"retail_only"` // the metered energy at its own tariff alone
	// Without is what the home would have got without the community; nil: the same
	// as RetailOnly, for nothing of it was moved. It is shown and never posted.
	Without          *grid.Money `json:"without,omitempty"`
	WithoutEstimated bool        `json:"without_estimated,omitempty"`
	// WithoutFlow is what its meter would have counted then, where Without is given; nil: it was not
	// noted, as in earlier versions.
	WithoutFlow *grid.Flow `json:"without_flow,omitempty"`
}

// Alone returns what the home would have got without the community, + receives.
func (s Statement) Alone() grid.Money {
	if s.Without != nil {
		return *s.Without
	}
	return s.RetailOnly
}

// WorseOff tells whether a member, who received net and would have received without
// without the community, is worse off: by more than a cent, and by more than a
// thousandth of what the metered energy is worth at the own tariff, import and export
// added.
func WorseOff(net, without, worth grid.Money) bool {
	const cent, part = 10_000, 1000
	less, err := without.Sub(net)
	if err != nil { // by more than can be said
		return without > net
	}
	return less > max(cent, worth/part)
}

// Run is a settlement run.
type Run struct {
	Manifest   record.Manifest `json:"manifest"`
	Tariff     tariff.Tariff   `json:"tariff"` // later runs of the interval use it too
	Batches    []record.Batch  `json:"batches"`
	Statements []Statement     `json:"statements"` // by metering point
	Basis      Basis           `json:"basis"`
	// Substituted is true when a register was missing: a later run may follow.
	Substituted bool `json:"substituted,omitempty"`
	// Frozen is when it was, world time; zero: not yet, or before that was noted.
	Frozen time.Time `json:"frozen,omitzero"`
}

// Basis is what a run was made from beside meters and tariff, by accounts. Later
// runs of the interval are made from it too, whatever has changed since.
type Basis struct {
	Trades  []grid.Trade      `json:"trades"`
	Feeder  grid.Feeder       `json:"feeder"`
	Nodes   map[string]string `json:"nodes"`             // by account; absent: the root
	Members map[string]string `json:"members,omitempty"` // pseudonyms by account
	Apart   []string          `json:"apart,omitempty"`   // accounts that share nothing, sorted
	// Rates are what a kWh cost, by account; nil: the run's one tariff at all.
	Rates map[string]tariff.Rates `json:"rates,omitempty"`
	Rules *Rules                  `json:"rules,omitempty"` // nil: there was no pool
	Salt  string                  `json:"salt,omitempty"`  // of the digest
}

// digest is what the manifest commits to, with the rates of each account where they are not
// all of one tariff; empty when there was no pool.
func (b Basis) digest(t tariff.Tariff) (string, error) {
	if b.Rules == nil {
		return "", nil
	}
	b.Trades = nil // they have a digest of their own
	return digest(struct {
		Basis
		Tariff tariff.Tariff `json:"tariff"`
	}{b, t})
}

// Record returns what a ledger is handed of the run.
func (r Run) Record() record.Run { return record.Run{Manifest: r.Manifest, Batches: r.Batches} }

// Postings returns the postings of all batches in order.
func (r Run) Postings() []record.Posting { return r.Record().Postings() }

// Settle makes the run. Errors: a metering point metered twice or traded but
// not metered, grid.ErrOverflow.
func Settle(in Input) (Run, error) {
	run, err := settle(in)
	if err != nil {
		return Run{}, fmt.Errorf("settle %s %s run %d: %w", in.Community, in.Interval, in.Run, err)
	}
	return run, nil
}

func settle(in Input) (Run, error) {
	basis, points, err := open(in)
	if err != nil {
		return Run{}, err
	}
	c, err := newClearing(basis, in, points)
	if err != nil {
		return Run{}, err
	}
	for _, step := range c.steps() {
		if err := step(); err != nil {
			return Run{}, err
		}
	}
	run := Run{Tariff: in.Tariff, Statements: make([]Statement, len(points)), Basis: basis}
	net := c.book.nets()
	for i, p := range points {
		if run.Statements[i], err = p.statement(in, net[p.account], basis.Rates != nil); err != nil {
			return Run{}, fmt.Errorf("%s: %w", p.MeteringPoint, err)
		}
	}
	postings, err := c.book.less(in.Previous)
	if err != nil {
		return Run{}, err
	}
	run.Batches = batches(in, postings)
	run.Manifest, err = manifest(in, basis, run.Batches)
	return run, err
}

// steps are those of the interval, in their order. What is shared between trades and utility
// is the rules' affair: own energy and pool, or an allocation key.
func (c *clearing) steps() []func() error {
	steps := append([]func() error{c.trades}, c.sharing()...)
	return append(steps, c.utility, c.makeGood, c.components, c.fees)
}

// sharing are the steps by which members' energy is shared among them, each on what the one
// before left over.
func (c *clearing) sharing() []func() error {
	switch {
	case c.basis.Rules != nil && c.basis.Rules.Key != nil:
		return c.byKey()
	case c.one:
		return []func() error{c.own, c.pool}
	}
	return []func() error{c.ownMetered, c.cancel, c.standIn, c.pool}
}

func (p position) statement(in Input, net grid.Money, frozen bool) (Statement, error) {
	retailOnly, err := Worth(p.rates, p.Flow)
	s := Statement{
		MeteringPoint: p.MeteringPoint, Interval: in.Interval, Run: in.Run, Quality: p.Quality, Metered: p.Flow,
		Cover: p.cover(), Net: net, RetailOnly: retailOnly, Components: p.components,
		Deviation: Deviation{p.settled.short, p.settled.long, p.stands.short + p.stands.long, p.deviated},
	}
	if frozen {
		s.Rates = &p.rates
	}
	return s, err
}

func (p position) cover() Cover {
	return Cover{
		Bought: p.bought, Sold: p.sold, Imbalance: p.uncovered.short - p.uncovered.long, Uncovered: p.uncovered.short + p.uncovered.long,
		Own: p.owned.short, OwnGiven: p.owned.long, PoolBought: p.pooled.short, PoolSold: p.pooled.long, PoolPrice: p.poolPrice(),
		Fees: p.ownFee, Retail: p.left.short, FeedIn: p.left.long,
		Keyed: Keyed{p.keyed.short, p.keyed.long, p.keyed.surplus, p.keyed.given, p.keyed.price},
	}
}

func manifest(in Input, basis Basis, all []record.Batch) (record.Manifest, error) {
	m := record.Manifest{
		Community: in.Community, Interval: in.Interval.String(), Run: in.Run, ReadingRoot: in.ReadingRoot,
		Tariff: in.Tariff.Version, BatchDigests: make([]string, len(all)),
	}
	var err error
	if m.TradeDigest, err = digest(basis.Trades); err != nil {
		return record.Manifest{}, err
	}
	if m.TariffDigest, err = digest(in.Tariff); err != nil {
		return record.Manifest{}, err
	}
	if m.RulesDigest, err = basis.digest(in.Tariff); err != nil {
		return record.Manifest{}, err
	}
	for i, b := range all {
		if m.BatchDigests[i], err = digest(b); err != nil {
			return record.Manifest{}, err
		}
	}
	m.Estimated = slices.ContainsFunc(in.Metered, func(m record.Metered) bool { return !m.Quality.Measured() })
	return m, nil
}

func digest(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digest: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
