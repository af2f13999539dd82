package web

import (
	"context"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/web/api"
)

// Books read the ledger.
type Books interface {
	Postings(ctx context.Context, i grid.Interval) ([]record.Posting, error)
	Ledger(ctx context.Context) (api.Ledger, error)
	Rewards(ctx context.Context) (api.Rewards, error)
}

// auditors answers those who look into the books.
type auditors struct {
	books Books
	audit Auditing

	disputes Disputes // nil: nothing is contested
}

// GetPostings implements the API.
func (a auditors) GetPostings(ctx context.Context, r api.GetPostingsRequestObject) (api.GetPostingsResponseObject, error) {
	i, err := grid.ParseInterval(r.Params.Interval)
	if err != nil {
		return api.GetPostings400JSONResponse{Error: err.Error()}, nil //nolint:nilerr // the error is the answer
	}
	found, err := a.books.Postings(ctx, i)
	if err != nil {
		return nil, err
	}
	postings := make(api.GetPostings200JSONResponse, len(found))
	for k, p := range found {
		postings[k] = api.Posting{
			Id: p.ID, Debit: p.Debit, Credit: p.Credit, Amount: int64(p.Amount), Energy: int64(p.Energy),
			Reason: p.Reason, Reference: p.Reference,
		}
	}
	return postings, nil
}

// GetLedger implements the API.
func (a auditors) GetLedger(ctx context.Context, _ api.GetLedgerRequestObject) (api.GetLedgerResponseObject, error) {
	l, err := a.books.Ledger(ctx)
	return api.GetLedger200JSONResponse(l), err
}

// GetRewards implements the API.
func (a auditors) GetRewards(ctx context.Context, _ api.GetRewardsRequestObject) (api.GetRewardsResponseObject, error) {
	r, err := a.books.Rewards(ctx)
	r.Batteries, r.Epochs = listed(r.Batteries), listed(r.Epochs)
	return api.GetRewards200JSONResponse(r), err
}

// listed is a list as JSON has it: one without entries is empty, never null.
func listed[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
