// Package fund tells what the community's fund holds and what moved it, as everybody in the
// community may see it. It is pure.
//
// # Model
//
// The fund receives what buyers pay more than sellers get and the fees of own energy and
// pool, and pays the grid operator's fees, penalties and the guarantee. Its postings are
// summed up by local month and reason: a posting of a settlement run counts in the month in
// which its interval begins, one of the guarantee in the month that it is for.
//
// # Privacy
//
// Sums alone are shown, never an entry by account. What the guarantee paid is shown as a sum
// over three members or more: payments to fewer wait for those of later months, and are
// counted in the month in which they are three together. Until then they are left out of the
// balance as well, so that nobody finds them by subtraction.
package fund

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Together is how many members at least a sum of the guarantee is shown over.
const Together = 3

// Sums are what moved the fund. The zero value with a Zone is a fund without a posting.
type Sums struct {
	Zone *time.Location // of the community

	held       grid.Money
	months     map[string]map[string]grid.Money // by local month and reason, but for the guarantee
	guaranteed map[string]map[string]grid.Money // by month and account
}

// Month is what moved the fund in a month.
type Month struct {
	Month string // as in 2026-06; empty: of postings that belong to none
	Sums  []Sum  // by reason
}

// Sum is what the postings of a reason moved.
type Sum struct {
	Reason  string
	Amount  grid.Money // + came into the fund
	Members int        // of the guarantee: to how many it was paid; else 0
}

// Held returns what the fund holds.
func (s *Sums) Held() grid.Money { return s.held }

// Add takes a posting of the fund in; others say nothing. Errors: grid.ErrOverflow.
func (s *Sums) Add(p record.Posting) (err error) {
	amount := p.Amount
	switch record.Fund {
	case p.Credit:
	case p.Debit:
		amount = -amount
	default:
		return nil
	}
	held, err := s.held.Add(amount)
	if err != nil {
		return fmt.Errorf("posting %s: the fund: %w", p.ID, err)
	}
	into, key := &s.months, p.Reason
	if p.Reason == chaincode.ReasonGuarantee {
		into, key = &s.guaranteed, p.Credit
	}
	month := s.monthOf(p)
	if *into == nil {
		*into = map[string]map[string]grid.Money{}
	}
	if (*into)[month] == nil {
		(*into)[month] = map[string]grid.Money{}
	}
	sum, err := (*into)[month][key].Add(amount)
	if err != nil {
		return fmt.Errorf("posting %s: sum of %s: %w", p.ID, month, err)
	}
	s.held, (*into)[month][key] = held, sum
	return nil
}

// monthOf returns the local month in which a posting counts.
func (s *Sums) monthOf(p record.Posting) string {
	if p.Reason == chaincode.ReasonGuarantee {
		month, _, _ := strings.Cut(p.Reference, "/")
		return month
	}
	text := record.IntervalOf(p.ID)
	if text == "" {
		_, text, _ = strings.Cut(p.Reference, "/") // party/START/MINUTES
	}
	i, err := grid.ParseInterval(text)
	if err != nil {
		return ""
	}
	return i.Begin().In(s.Zone).Format("2006-01")
}

// Shown returns the balance, and the sums by month, the last first, with sums of the guarantee
// over so many members at least: Together for what everybody may see.
func (s *Sums) Shown(together int) (balance grid.Money, months []Month, err error) {
	guarantee, waits, err := s.shownGuarantee(together)
	if err != nil {
		return 0, nil, err
	}
	names := map[string]bool{}
	for m := range s.months {
		names[m] = true
	}
	for m := range guarantee {
		names[m] = true
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(names))) {
		month := Month{Month: name}
		for _, reason := range slices.Sorted(maps.Keys(s.months[name])) {
			month.Sums = append(month.Sums, Sum{Reason: reason, Amount: s.months[name][reason]})
		}
		if g, some := guarantee[name]; some {
			month.Sums = append(month.Sums, g)
		}
		months = append(months, month)
	}
	balance, err = s.held.Sub(waits)
	return balance, months, err
}

// shownGuarantee returns the sums that may be seen, by the month in which they are, and what
// waits for more members (at most 0).
func (s *Sums) shownGuarantee(together int) (shown map[string]Sum, waits grid.Money, err error) {
	shown = map[string]Sum{}
	who := map[string]bool{}
	for _, month := range slices.Sorted(maps.Keys(s.guaranteed)) {
		for account, amount := range s.guaranteed[month] {
			who[account] = true
			if waits, err = waits.Add(amount); err != nil {
				return nil, 0, fmt.Errorf("guarantee of %s: %w", month, err)
			}
		}
		if len(who) >= together {
			shown[month] = Sum{Reason: chaincode.ReasonGuarantee, Amount: waits, Members: len(who)}
			who, waits = map[string]bool{}, 0
		}
	}
	return shown, waits, nil
}

// Owed is what members owe for the pool's energy and cannot pay.
type Owed struct {
	Members int        // how many owe
	Owed    grid.Money // that the pool's sellers have coming
	Fund    grid.Money // of it, that the fund stands in for
	Open    grid.Money // of it, that nobody can pay yet; it stays owed
}

// Debt is a prepaid member's.
type Debt struct {
	Balance    grid.Money // of its accounts
	PoolBought grid.Money // what it was charged for energy of the pool, ever
}

// Cover returns what the fund, which holds so much, stands in for. Of what a member owes the
// pool's sellers have coming what it was charged for their energy, at most: what it paid in
// counts for everything else first. Errors: grid.ErrOverflow.
func Cover(held grid.Money, debts []Debt) (o Owed, err error) {
	for _, d := range debts {
		owes := min(-d.Balance, d.PoolBought)
		if owes <= 0 {
			continue
		}
		o.Members++
		if o.Owed, err = o.Owed.Add(owes); err != nil {
			return Owed{}, fmt.Errorf("what members owe: %w", err)
		}
	}
	o.Fund = min(max(held, 0), o.Owed)
	o.Open = o.Owed - o.Fund
	return o, nil
}
