package hub

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web/api"
)

// treasury keeps the sums of the community's fund, as the ledger has them. It is safe for
// concurrent use.
type treasury struct {
	ledger *ledger.Ledger

	mu   sync.Mutex
	sums fund.Sums
	next int64 // leaf of the ledger that is not summed up yet
}

// follow sums up what the ledger has more, and shows the sums. mu is held meanwhile.
func (t *treasury) follow(ctx context.Context, show func(*fund.Sums) error) error {
	x, err := t.ledger.Index(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err = x.Find(ctx, ledger.Query{Account: record.Fund, From: t.next}, func(e ledger.Entry) error {
		var p record.Posting
		if err := json.Unmarshal(e.Posting, &p); err != nil {
			return err
		}
		if err := t.sums.Add(p); err != nil {
			return err
		}
		t.next = e.Leaf + 1
		return nil
	})
	if err != nil {
		return err
	}
	return show(&t.sums)
}

// shown returns what everybody may see, or the whole, which is the operator's, and what the
// fund holds.
func (t *treasury) shown(ctx context.Context, whole bool) (f api.Fund, held grid.Money, err error) {
	err = t.follow(ctx, func(s *fund.Sums) error {
		held = s.Held()
		together := fund.Together
		if whole {
			together = 1
		}
		balance, months, err := s.Shown(together)
		f.Balance = int64(balance)
		for _, m := range months {
			month := api.FundMonth{Month: m.Month, Sums: []api.FundSum{}}
			for _, sum := range m.Sums {
				one := api.FundSum{Reason: sum.Reason, Amount: int64(sum.Amount)}
				if sum.Members > 0 {
					one.Members = &sum.Members
				}
				month.Sums = append(month.Sums, one)
			}
			f.Months = append(f.Months, month)
		}
		return err
	})
	return f, held, err
}
