// Package record is what a ledger holds of settlements, written once for those who make
// it (settlement), those who keep it (the contracts) and those who check it (the audit).
// It is pure. Its JSON is what stands on ledgers that are in use: it only gains fields.
//
// # Model
//
// A run of an interval is a Manifest, which freezes it, Batches of Postings, which it
// announced, and a Closing, by which it counts. A posting moves money between two
// accounts, so that nothing can sum to anything but zero.
//
// Energy is in Wh, money in millionths of the currency unit.
package record

import (
	"fmt"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// System accounts.
const (
	Utility  = "utility"
	Grid     = "grid" // the grid operator's
	Fund     = "fund" // the community's
	Pool     = "pool" // of what is shared after delivery: zero in every interval
	Rounding = "rounding"
	Tax      = "tax"
	Bank     = "bank" // where money comes from and goes to outside
)

// SystemAccounts lists the accounts that no metering point may be named after.
func SystemAccounts() []string {
	return []string{Utility, Grid, Fund, Pool, Rounding, Tax, Bank}
}

// Posting moves money between two accounts.
type Posting struct {
	ID        string      `json:"id"` // see PostingID; of one outside of the runs, what its contract gives it
	Debit     string      `json:"debit"`
	Credit    string      `json:"credit"`
	Amount    grid.Money  `json:"amount"` // > 0
	Energy    grid.Energy `json:"energy"` // Wh that it pays for; < 0 where a later run takes back
	Reason    string      `json:"reason"`
	Reference string      `json:"reference"` // trade number or account
}

// Batch is what goes to the ledger in one transaction.
type Batch struct {
	Community string    `json:"community"`
	Interval  string    `json:"interval"`
	Run       int       `json:"run"`
	Batch     int       `json:"batch"` // from 0
	Postings  []Posting `json:"postings"`
}

// PostingID is the id of a batch's n-th posting.
func (b Batch) PostingID(n int) string {
	return fmt.Sprintf("%s/%s/%d/%d/%d", b.Community, b.Interval, b.Run, b.Batch, n)
}

// postingParts is how many parts such an id has: an interval has two.
const postingParts = 6

// PartsOf splits the id of a run's posting: community, the interval's start and length,
// run, batch and number; nil for the id of a posting outside of the runs.
func PartsOf(id string) []string {
	parts := strings.Split(id, "/")
	if len(parts) != postingParts {
		return nil
	}
	return parts
}

// IntervalOf returns the interval of the run that a posting belongs to, by the posting's
// id; empty for one outside of the runs.
func IntervalOf(id string) string {
	parts := PartsOf(id)
	if parts == nil {
		return ""
	}
	return parts[1] + "/" + parts[2]
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
	// RulesDigest commits to all else that the run was made by (settlement.Basis); absent:
	// there was no pool.
	RulesDigest string `json:"rules_digest,omitempty"`
}

// Closing is the record by which a run counts.
type Closing struct {
	Community string     `json:"community"`
	Interval  string     `json:"interval"`
	Run       int        `json:"run"`
	Postings  int        `json:"postings"`
	Turnover  grid.Money `json:"turnover"` // sum of the amounts
}

// Run is what a ledger is handed of a settlement run.
type Run struct {
	Manifest Manifest `json:"manifest"`
	Batches  []Batch  `json:"batches"`
}

// Postings returns the postings of all batches in order.
func (r Run) Postings() []Posting {
	var all []Posting
	for _, b := range r.Batches {
		all = append(all, b.Postings...)
	}
	return all
}

// Metered is the energy of an interval at one metering point.
type Metered struct {
	MeteringPoint string       `json:"metering_point"`
	Flow          grid.Flow    `json:"flow"`
	Quality       grid.Quality `json:"quality"`
}

// Leaf is what was metered at an account, and by which signed batches the
// registers at both ends are known (begin before and after, end before and after;
// empty where there is none). What the grid operator metered names the files that say so
// instead. The reading root of a run commits to its leaves.
type Leaf struct {
	Metered

	Salt    string          `json:"salt"` // without it the reading root tells nothing
	Batches [4]proof.Digest `json:"batches"`
	// Only names the one register of a meter that has no other: what it does not count is not
	// metered. Empty: it has both.
	Only grid.Only `json:"only,omitempty"`
	// Official are the digests of the files of official values that say what was metered, as
	// they are on the ledger, sorted; none: it was metered here.
	Official []string `json:"official,omitempty"`
}
