// Package settlement compares what was traded with what was metered and makes
// statements and balanced postings of it. It is pure.
//
// # Model
//
// A trade moves money from the buyer to the seller. Where a line between them
// has a fee or is full, the buyer pays more than the seller gets: the difference
// goes to the fund, which pays the grid operator each line's fee on the net flow
// of all trades over it; what stays is congestion rent. Metered energy that no
// trade covers settles at the utility's tariff: a metering point that bought B
// and imported I buys I − B at retail, or gives B − I back at the feed-in
// price; one that sold S and exported E is paid E − S at the feed-in price, or
// buys S − E at retail. Both directions of the meter count gross. The two
// differ by the imbalance:
//
//	retail energy − feed-in energy = metered net import − contracted net import
//
// # Invariants
//
// Every posting has a positive amount, a debit account that pays and a credit
// account that receives, so that every batch, run and interval sums to zero.
// Posted entries never change: a later run posts the difference.
package settlement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// System accounts.
const (
	Utility = "utility"
	Grid    = "grid" // the grid operator's
	Fund    = "fund" // the community's
)

// SystemAccounts lists the accounts that no metering point may be named after.
func SystemAccounts() []string { return []string{Utility, Grid, Fund, "rounding", "tax", "bank"} }

// Tariff is what the utility charges and pays.
type Tariff struct {
	Version  string     `json:"version" yaml:"version"`
	Currency string     `json:"currency" yaml:"currency"` // ISO 4217
	Retail   grid.Price `json:"retail" yaml:"retail"`     // millionths/kWh
	FeedIn   grid.Price `json:"feed_in" yaml:"feed_in"`   // millionths/kWh
}

// Validate checks the tariff. The error begins with the name of the field.
func (t Tariff) Validate() error {
	switch {
	case t.Version == "":
		return fmt.Errorf("tariff.version: missing")
	case len(t.Currency) != 3:
		return fmt.Errorf("tariff.currency: %q is not an ISO 4217 code", t.Currency)
	case t.FeedIn > t.Retail:
		return fmt.Errorf("tariff.feed_in: %d is above retail (%d)", t.FeedIn, t.Retail)
	default:
		return nil
	}
}

// Metered is the energy of an interval at one metering point.
type Metered struct {
	MeteringPoint string       `json:"metering_point"`
	Flow          grid.Flow    `json:"flow"`
	Quality       grid.Quality `json:"quality"`
}

// Input is all that a run depends on.
type Input struct {
	Community string
	Interval  grid.Interval
	Run       int // from 1
	Tariff    Tariff
	Trades    []grid.Trade
	Feeder    grid.Feeder       // that was traded over; zero: one node
	Nodes     map[string]string // of metering points; none: the root
	Metered   []Metered
	// Account returns the account on the ledger of a metering point; nil: points are
	// their own accounts.
	Account  func(point string) (string, error)
	Previous []Posting // of the earlier runs of the interval
	// ReadingRoot is the Merkle root over the metered values, in hex.
	ReadingRoot string
}

// Reasons of postings.
const (
	ReasonTrade  = "trade"
	ReasonLines  = "lines"             // what a buyer pays more than the seller gets
	ReasonFee    = "grid-fee"          // of a line
	ReasonRetail = "imbalance-retail"  // energy that no trade covers, bought
	ReasonFeedIn = "imbalance-feed-in" // energy that no trade covers, sold
)

// Posting moves money between two accounts.
type Posting struct {
	ID        string      `json:"id"` // community/interval/run/batch/number
	Debit     string      `json:"debit"`
	Credit    string      `json:"credit"`
	Amount    grid.Money  `json:"amount"` // > 0
	Energy    grid.Energy `json:"energy"` // Wh that it pays for; < 0 where a later run takes back
	Reason    string      `json:"reason"`
	Reference string      `json:"reference"` // trade number or metering point
}

// Batch is what goes to the ledger in one transaction.
type Batch struct {
	Community string    `json:"community"`
	Interval  string    `json:"interval"`
	Run       int       `json:"run"`
	Batch     int       `json:"batch"` // from 0
	Postings  []Posting `json:"postings"`
}

// Manifest freezes a run before its first batch is sent.
type Manifest struct {
	Community    string   `json:"community"`
	Interval     string   `json:"interval"`
	Run          int      `json:"run"`
	TradeDigest  string   `json:"trade_digest"` // SHA-256 of the trades between accounts, as JSON
	ReadingRoot  string   `json:"reading_root"`
	Tariff       string   `json:"tariff"`        // version
	TariffDigest string   `json:"tariff_digest"` // SHA-256 of the tariff as JSON
	Estimated    bool     `json:"estimated"`
	BatchDigests []string `json:"batch_digests"` // SHA-256 of each batch as JSON
}

// Statement is what an interval means for one metering point.
type Statement struct {
	MeteringPoint string        `json:"metering_point"`
	Interval      grid.Interval `json:"interval"`
	Run           int           `json:"run"`
	Quality       grid.Quality  `json:"quality"`
	Metered       grid.Flow     `json:"metered"`
	Bought        grid.Energy   `json:"bought"`      // from neighbours
	Sold          grid.Energy   `json:"sold"`        // to neighbours
	Retail        grid.Energy   `json:"retail"`      // from the utility
	FeedIn        grid.Energy   `json:"feed_in"`     // to the utility
	Imbalance     grid.Energy   `json:"imbalance"`   // metered − contracted net import
	Net           grid.Money    `json:"net"`         // + receives, over all runs
	RetailOnly    grid.Money    `json:"retail_only"` // what Net would be without neighbours
	// Without is what Net would be without the community; nil: RetailOnly.
	Without          *grid.Money `json:"without,omitempty"`
	WithoutEstimated bool        `json:"without_estimated,omitempty"`
}

// Run is a settlement run.
type Run struct {
	Manifest   Manifest    `json:"manifest"`
	Tariff     Tariff      `json:"tariff"` // later runs of the interval use it too
	Batches    []Batch     `json:"batches"`
	Statements []Statement `json:"statements"` // by metering point
	Basis      Basis       `json:"basis"`
	// Substituted is true when a register was missing: a later run may follow.
	Substituted bool `json:"substituted,omitempty"`
}

// Basis is what a run was made from beside the meters, by accounts.
type Basis struct {
	Trades []grid.Trade      `json:"trades"`
	Feeder grid.Feeder       `json:"feeder"`
	Nodes  map[string]string `json:"nodes"`
}

// Postings returns the postings of all batches in order.
func (r Run) Postings() []Posting {
	var all []Posting
	for _, b := range r.Batches {
		all = append(all, b.Postings...)
	}
	return all
}

// batchSize is how many postings go into one ledger transaction: each becomes
// a key, and about 100 keys a transaction is where Fabric is efficient.
const batchSize = 80

// Settle makes the run. Errors: a metering point metered twice or traded but
// not metered, grid.ErrOverflow.
func Settle(in Input) (Run, error) {
	points, err := positions(in)
	if err != nil {
		return Run{}, fmt.Errorf("settle %s %s run %d: %w", in.Community, in.Interval, in.Run, err)
	}
	book := entries{}
	trades := slices.Clone(in.Trades)
	for k := range trades {
		t := &trades[k]
		t.Buyer, t.Seller = accountOf(points, t.Buyer), accountOf(points, t.Seller)
		if err := book.trade(*t); err != nil {
			return Run{}, fmt.Errorf("settle %s: trade %d: %w", in.Interval, t.Seq, err)
		}
	}
	if err := book.fees(in); err != nil {
		return Run{}, fmt.Errorf("settle %s: grid fees: %w", in.Interval, err)
	}
	for _, p := range points {
		if err := book.imbalance(p, in.Tariff); err != nil {
			return Run{}, fmt.Errorf("settle %s: %s: %w", in.Interval, p.MeteringPoint, err)
		}
	}
	run := Run{Tariff: in.Tariff, Statements: make([]Statement, len(points)), Basis: Basis{Trades: trades, Feeder: in.Feeder, Nodes: map[string]string{}}}
	for _, p := range points {
		if node, at := in.Nodes[p.MeteringPoint]; at {
			run.Basis.Nodes[p.account] = node
		}
	}
	for i, p := range points {
		if run.Statements[i], err = statement(in, p, book); err != nil {
			return Run{}, fmt.Errorf("settle %s: %s: %w", in.Interval, p.MeteringPoint, err)
		}
	}
	run.Batches = batches(in, book.less(in.Previous))
	run.Manifest, err = manifest(in, trades, run.Batches)
	return run, err
}

// position is a metering point's metered and contracted energy, each ≥ 0.
type position struct {
	Metered

	account string

	bought, sold   grid.Energy
	retail, feedIn grid.Energy
}

func positions(in Input) ([]position, error) {
	at := map[string]int{}
	points := make([]position, len(in.Metered))
	for i, m := range in.Metered {
		if _, twice := at[m.MeteringPoint]; twice || slices.Contains(SystemAccounts(), m.MeteringPoint) {
			return nil, fmt.Errorf("metering point %q: metered twice or named as a system account", m.MeteringPoint)
		}
		at[m.MeteringPoint] = i
		points[i].Metered = m
	}
	for _, t := range in.Trades {
		buyer, known1 := at[t.Buyer]
		seller, known2 := at[t.Seller]
		if !known1 || !known2 {
			return nil, fmt.Errorf("trade %d between %q and %q: not both metered", t.Seq, t.Buyer, t.Seller)
		}
		points[buyer].bought += t.Energy
		points[seller].sold += t.Energy
	}
	for i := range points {
		points[i].uncover()
		points[i].account = points[i].MeteringPoint
		if in.Account == nil {
			continue
		}
		var err error
		if points[i].account, err = in.Account(points[i].MeteringPoint); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(points, func(a, b position) int { return strings.Compare(a.MeteringPoint, b.MeteringPoint) })
	return points, nil
}

// accountOf returns the account of one of the points, which are sorted.
func accountOf(points []position, point string) string {
	at, _ := slices.BinarySearchFunc(points, point, func(p position, name string) int { return strings.Compare(p.MeteringPoint, name) })
	return points[at].account
}

// uncover finds what no trade covers. Only the net of bought and sold was to
// be delivered.
func (p *position) uncover() {
	contracted := p.bought - p.sold
	drawn := p.Flow.Import - max(contracted, 0)
	given := p.Flow.Export - max(-contracted, 0)
	p.retail = max(drawn, 0) + max(-given, 0)
	p.feedIn = max(given, 0) + max(-drawn, 0)
}

// key identifies an entry over the runs of an interval: two accounts in order
// of name, and what is paid for.
type key struct{ low, high, reason, reference string }

// amount is signed: + flows from low to high.
type amount struct {
	money  grid.Money
	energy grid.Energy
}

// entries is what the runs of an interval amount to together.
type entries map[key]amount

// pay adds money that debit owes credit; negative money flows back.
func (e entries) pay(debit, credit string, money grid.Money, energy grid.Energy, reason, reference string) {
	k := key{debit, credit, reason, reference}
	if credit < debit {
		k.low, k.high = credit, debit
		money, energy = -money, -energy
	}
	sum := e[k]
	e[k] = amount{sum.money + money, sum.energy + energy}
}

func (e entries) trade(t grid.Trade) error {
	pays, err := t.BidPrice.Cost(t.Energy)
	if err != nil {
		return err
	}
	gets, err := t.OfferPrice.Cost(t.Energy)
	if err != nil {
		return err
	}
	reference := fmt.Sprintf("trade-%d", t.Seq)
	e.pay(t.Buyer, t.Seller, gets, t.Energy, ReasonTrade, reference)
	e.pay(t.Buyer, Fund, pays-gets, 0, ReasonLines, reference)
	return nil
}

// fees pays the grid operator for the net flow over each line.
func (e entries) fees(in Input) error {
	nodes := map[string]grid.Node{}
	for _, n := range in.Feeder.Nodes {
		nodes[n.ID] = n
	}
	flows := map[string]grid.Energy{} // to the parent
	add := func(point string, energy grid.Energy) {
		for n := nodes[in.Nodes[point]]; n.Parent != ""; n = nodes[n.Parent] {
			flows[n.ID] += energy
		}
	}
	for _, t := range in.Trades {
		add(t.Seller, t.Energy)
		add(t.Buyer, -t.Energy)
	}
	for _, n := range in.Feeder.Nodes {
		over := max(flows[n.ID], -flows[n.ID])
		fee, err := n.Fee.Cost(over)
		if err != nil {
			return err
		}
		e.pay(Fund, Grid, fee, over, ReasonFee, n.ID)
	}
	return nil
}

func (e entries) imbalance(p position, tariff Tariff) error {
	owed, err := tariff.Retail.Cost(p.retail)
	if err != nil {
		return err
	}
	earned, err := tariff.FeedIn.Cost(p.feedIn)
	if err != nil {
		return err
	}
	e.pay(p.account, Utility, owed, p.retail, ReasonRetail, p.account)
	e.pay(Utility, p.account, earned, p.feedIn, ReasonFeedIn, p.account)
	return nil
}

// less returns the postings that lead from the previous ones to the entries,
// in order of reason, reference and accounts.
func (e entries) less(previous []Posting) []Posting {
	due := maps.Clone(e)
	for _, p := range previous {
		due.pay(p.Debit, p.Credit, -p.Amount, -p.Energy, p.Reason, p.Reference)
	}
	var postings []Posting
	for k, v := range due {
		if v.money == 0 {
			continue
		}
		p := Posting{Debit: k.low, Credit: k.high, Amount: v.money, Energy: v.energy, Reason: k.reason, Reference: k.reference}
		if v.money < 0 {
			p.Debit, p.Credit, p.Amount, p.Energy = k.high, k.low, -v.money, -v.energy
		}
		postings = append(postings, p)
	}
	slices.SortFunc(postings, func(a, b Posting) int {
		return cmp.Or(strings.Compare(a.Reason, b.Reason), strings.Compare(a.Reference, b.Reference),
			strings.Compare(a.Debit, b.Debit), strings.Compare(a.Credit, b.Credit))
	})
	return postings
}

func statement(in Input, p position, book entries) (Statement, error) {
	s := Statement{
		MeteringPoint: p.MeteringPoint, Interval: in.Interval, Run: in.Run, Quality: p.Quality, Metered: p.Flow,
		Bought: p.bought, Sold: p.sold, Retail: p.retail, FeedIn: p.feedIn, Imbalance: p.retail - p.feedIn,
	}
	var err error
	for k, v := range book {
		switch p.account {
		case k.low:
			s.Net, err = s.Net.Add(-v.money)
		case k.high:
			s.Net, err = s.Net.Add(v.money)
		}
		if err != nil {
			return Statement{}, err
		}
	}
	owed, err := in.Tariff.Retail.Cost(p.Flow.Import)
	if err != nil {
		return Statement{}, err
	}
	earned, err := in.Tariff.FeedIn.Cost(p.Flow.Export)
	if err != nil {
		return Statement{}, err
	}
	s.RetailOnly, err = earned.Add(-owed)
	return s, err
}

func batches(in Input, postings []Posting) []Batch {
	var all []Batch
	for chunk := range slices.Chunk(postings, batchSize) {
		b := Batch{Community: in.Community, Interval: in.Interval.String(), Run: in.Run, Batch: len(all), Postings: slices.Clone(chunk)}
		for i := range b.Postings {
			b.Postings[i].ID = fmt.Sprintf("%s/%s/%d/%d/%d", b.Community, b.Interval, b.Run, b.Batch, i)
		}
		all = append(all, b)
	}
	return all
}

func manifest(in Input, trades []grid.Trade, all []Batch) (Manifest, error) {
	m := Manifest{
		Community: in.Community, Interval: in.Interval.String(), Run: in.Run, ReadingRoot: in.ReadingRoot,
		Tariff: in.Tariff.Version, BatchDigests: make([]string, len(all)),
	}
	var err error
	if m.TradeDigest, err = digest(trades); err != nil {
		return Manifest{}, err
	}
	if m.TariffDigest, err = digest(in.Tariff); err != nil {
		return Manifest{}, err
	}
	for i, b := range all {
		if m.BatchDigests[i], err = digest(b); err != nil {
			return Manifest{}, err
		}
	}
	for _, metered := range in.Metered {
		m.Estimated = m.Estimated || metered.Quality != grid.Good
	}
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
