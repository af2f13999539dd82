package hub

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web/api"
)

// Fund implements web.Fund. What members owe is shown to others as a sum over three or more
// alone.
func (p *purse) Fund(ctx context.Context, whole bool) (api.Fund, error) {
	f, held, err := p.treasury.shown(ctx, whole)
	if err != nil {
		return f, err
	}
	f.Currency = p.currency
	owed, err := p.owed(ctx, held)
	if owed.Members >= fund.Together || whole && owed.Members > 0 {
		f.Owed = &api.FundOwed{Members: owed.Members, Owed: int64(owed.Owed), Fund: int64(owed.Fund), Open: int64(owed.Open)}
	}
	return f, err
}

// available returns what the fund can give to the guarantee: what it holds, less what it
// stands in for.
func (p *purse) available(ctx context.Context) (held grid.Money, err error) {
	err = p.treasury.follow(ctx, func(s *fund.Sums) error {
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
func (p *purse) owed(ctx context.Context, held grid.Money) (fund.Owed, error) {
	var debts []fund.Debt
	for member, s := range p.keeper.All() {
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
func (p *purse) poolBought(ctx context.Context, member string) (sum grid.Money, err error) {
	accounts, err := p.accounts(member)
	if err != nil {
		return 0, err
	}
	x, err := p.ledger.Index(ctx)
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
