package purse

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Fund is what may be seen of the community's fund.
type Fund struct {
	Balance grid.Money
	Months  []fund.Month // the last first
	Owed    *fund.Owed   // by prepaid members to the pool's sellers; nil: not shown
}

// Fund returns what everybody may see of the fund, or the whole, which is the operator's. What
// members owe is shown to others as a sum over fund.Together or more alone.
func (p *Purse) Fund(ctx context.Context, whole bool) (f Fund, err error) {
	held := grid.Money(0)
	err = p.follow(ctx, func(s *fund.Sums) (err error) {
		held = s.Held()
		together := fund.Together
		if whole {
			together = 1
		}
		f.Balance, f.Months, err = s.Shown(together)
		return err
	})
	if err != nil {
		return f, err
	}
	owed, err := p.owed(ctx, held)
	if owed.Members >= fund.Together || whole && owed.Members > 0 {
		f.Owed = &owed
	}
	return f, err
}

// follow sums up what the ledger has more, and shows the sums. mu is held meanwhile.
func (p *Purse) follow(ctx context.Context, show func(*fund.Sums) error) error {
	x, err := p.Ledger.Index(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err = x.Find(ctx, ledger.Query{Account: record.Fund, From: p.next}, func(e ledger.Entry) error {
		var one record.Posting
		if err := json.Unmarshal(e.Posting, &one); err != nil {
			return err
		}
		if err := p.sums.Add(one); err != nil {
			return err
		}
		p.next = e.Leaf + 1
		return nil
	})
	if err != nil {
		return err
	}
	return show(&p.sums)
}

// Available returns what the fund can give to the guarantee: what it holds, less what it
// stands in for.
func (p *Purse) Available(ctx context.Context) (held grid.Money, err error) {
	err = p.follow(ctx, func(s *fund.Sums) error {
		held = s.Held()
		return nil
	})
	if err != nil {
		return 0, err
	}
	owed, err := p.owed(ctx, held)
	return held - owed.Fund, err
}

// owed returns what members owe for the pool's energy and cannot pay, and what of it the fund,
// which holds so much, stands in for.
func (p *Purse) owed(ctx context.Context, held grid.Money) (fund.Owed, error) {
	var debts []fund.Debt
	for member, s := range p.Keeper.All() {
		if s.Held >= 0 {
			continue
		}
		bought, err := p.poolBought(ctx, member)
		if err != nil {
			return fund.Owed{}, err
		}
		debts = append(debts, fund.Debt{Balance: s.Held, PoolBought: bought})
	}
	return fund.Cover(held, debts)
}

// poolBought returns what a member was charged for energy of the pool, ever.
func (p *Purse) poolBought(ctx context.Context, member string) (sum grid.Money, err error) {
	accounts, err := p.accounts(member)
	if err != nil {
		return 0, err
	}
	x, err := p.Ledger.Index(ctx)
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		err = x.Find(ctx, ledger.Query{Account: account, Reason: settlement.ReasonPoolBought}, func(e ledger.Entry) error {
			var one record.Posting
			if err := json.Unmarshal(e.Posting, &one); err != nil {
				return err
			}
			amount := one.Amount
			if one.Credit == account { // a later run took back
				amount = -amount
			}
			sum, err = sum.Add(amount)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("what member %s bought of the pool: %w", member, err)
		}
	}
	return sum, nil
}
