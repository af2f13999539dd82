package settlement

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Reasons of postings.
const (
	ReasonTrade      = "trade"
	ReasonLines      = "lines"             // what a buyer pays more than the seller gets
	ReasonFee        = "grid-fee"          // of a line, on the net flow over it
	ReasonOwnFee     = "own-fee"           // of lines that a member's own energy took
	ReasonPoolBought = "pool-bought"       // energy of neighbours, after delivery
	ReasonPoolSold   = "pool-sold"         // energy to neighbours, after delivery
	ReasonPoolFee    = "pool-fee"          // of lines that the pool's energy took
	ReasonPoolShare  = "pool-share"        // the fund's of what the pool gains
	ReasonKeyBought  = "key-bought"        // energy that an allocation key gave a point
	ReasonKeySold    = "key-sold"          // energy of a point that an allocation key gave others
	ReasonKeyFee     = "key-fee"           // of lines that the key's energy took
	ReasonRetail     = "imbalance-retail"  // energy that nothing else covers, bought
	ReasonFeedIn     = "imbalance-feed-in" // energy that nothing else covers, sold
	ReasonDeviation  = "deviation"         // for trades that came otherwise, where there are several tariffs
	// ReasonComponents is what neighbours' energy pays to the utility beside its price.
	ReasonComponents = "community-components"
)

// key identifies an entry over the runs of an interval: two accounts in order
// of name, and what is paid for.
type key struct{ low, high, reason, reference string }

// amount is signed: + flows from low to high.
type amount struct {
	money  grid.Money
	energy grid.Energy
}

// book is what the runs of an interval amount to together.
type book struct {
	entries map[key]amount
	err     error // the first sum that left its range
}

func newBook() *book { return &book{entries: map[key]amount{}} }

// pay adds money that debit owes credit; negative money flows back.
func (b *book) pay(debit, credit string, money grid.Money, energy grid.Energy, reason, reference string) {
	k := key{debit, credit, reason, reference}
	var err error
	if credit < debit {
		k.low, k.high = credit, debit
		money, err = grid.Money(0).Sub(money)
		energy = -energy // which is bounded (see Input.bounds)
	}
	sum := b.entries[k]
	total, err2 := sum.money.Add(money)
	if err = errors.Join(err, err2); err != nil && b.err == nil {
		b.err = fmt.Errorf("%s of %s: %w", reason, reference, err)
	}
	b.entries[k] = amount{total, sum.energy + energy}
}

// nets returns what each account receives.
func (b *book) nets() map[string]grid.Money {
	net := map[string]grid.Money{}
	add := func(account string, money grid.Money) {
		sum, err := net[account].Add(money)
		if err != nil && b.err == nil {
			b.err = fmt.Errorf("sum of account %s: %w", account, err)
		}
		net[account] = sum
	}
	keys := slices.AppendSeq(make([]key, 0, len(b.entries)), maps.Keys(b.entries))
	slices.SortFunc(keys, key.compare)
	for _, k := range keys {
		v := b.entries[k]
		paid, err := grid.Money(0).Sub(v.money)
		if err != nil && b.err == nil {
			b.err = fmt.Errorf("%s of %s: %w", k.reason, k.reference, err)
		}
		add(k.low, paid)
		add(k.high, v.money)
	}
	return net
}

// compare orders entries, so that of several sums that leave their range the same is named.
func (k key) compare(l key) int {
	return cmp.Or(strings.Compare(k.reason, l.reason), strings.Compare(k.reference, l.reference), strings.Compare(k.low, l.low), strings.Compare(k.high, l.high))
}

// less returns the postings that lead from the previous ones to the entries,
// in order of reason, reference and accounts. The book is used up.
func (b *book) less(previous []record.Posting) ([]record.Posting, error) {
	for _, p := range previous {
		b.pay(p.Debit, p.Credit, -p.Amount, -p.Energy, p.Reason, p.Reference)
	}
	if b.err != nil {
		return nil, b.err
	}
	var postings []record.Posting
	for k, v := range b.entries {
		if v.money == 0 {
			continue
		}
		p := record.Posting{Debit: k.low, Credit: k.high, Amount: v.money, Energy: v.energy, Reason: k.reason, Reference: k.reference}
		if v.money < 0 {
			p.Debit, p.Credit, p.Amount, p.Energy = k.high, k.low, -v.money, -v.energy
		}
		postings = append(postings, p)
	}
	slices.SortFunc(postings, func(a, b record.Posting) int {
		return cmp.Or(strings.Compare(a.Reason, b.Reason), strings.Compare(a.Reference, b.Reference),
			strings.Compare(a.Debit, b.Debit), strings.Compare(a.Credit, b.Credit))
	})
	return postings, nil
}

// batchSize is how many postings go into one ledger transaction: each becomes
// a key, and about 100 keys a transaction is where Fabric is efficient.
const batchSize = 80

func batches(in Input, postings []record.Posting) []record.Batch {
	var all []record.Batch
	for chunk := range slices.Chunk(postings, batchSize) {
		b := record.Batch{Community: in.Community, Interval: in.Interval.String(), Run: in.Run, Batch: len(all), Postings: slices.Clone(chunk)}
		for i := range b.Postings {
			b.Postings[i].ID = b.PostingID(i)
		}
		all = append(all, b)
	}
	return all
}
