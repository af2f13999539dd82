package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Members keeps what a community knows of its members' persons, and their money. What the
// operator can mend is a *RefusedError.
type Members interface {
	Import(ctx context.Context, list []byte, apply bool) (api.MemberImport, error)
	Persons(ctx context.Context) ([]api.Person, error)
	Purse
}

// Purse is members' money on the ledger.
type Purse interface {
	// Balance returns what a member's accounts hold.
	Balance(ctx context.Context, member string) (api.MemberBalance, error)
	// Transfer books what came in (amount > 0) or went out, once for each reference. point is
	// the metering point whose account is meant; empty: the member's first.
	Transfer(ctx context.Context, member, point, reference string, amount grid.Money) (api.MemberBalance, error)
}

// Fund tells what the community's fund holds: the whole of it, or what everybody may see.
type Fund interface {
	Fund(ctx context.Context, whole bool) (api.Fund, error)
}

// RefusedError is why something that was asked for is not done.
type RefusedError struct {
	Code int // of HTTP
	Text string
}

func (r *RefusedError) Error() string { return r.Text }

// inTerms says in the API's terms why something is not done.
func inTerms(err error) error {
	if r := (*RefusedError)(nil); errors.As(err, &r) {
		return refuse(r.Code, "%s", r.Text)
	}
	return err
}

// funds answers who asks for the community's fund.
type funds struct{ fund Fund }

// GetFund implements the API.
func (f funds) GetFund(ctx context.Context, _ api.GetFundRequestObject) (api.GetFundResponseObject, error) {
	if f.fund == nil {
		return api.GetFund200JSONResponse{Months: []api.FundMonth{}}, nil
	}
	who, _ := auth.From(ctx)
	answer, err := f.fund.Fund(ctx, who.Role == auth.Operator)
	answer.Months = listed(answer.Months)
	return api.GetFund200JSONResponse(answer), err
}

// GetMembers implements the API.
func (s operators) GetMembers(ctx context.Context, _ api.GetMembersRequestObject) (api.GetMembersResponseObject, error) {
	all, err := s.operator.Members.Persons(ctx)
	return api.GetMembers200JSONResponse(listed(all)), err
}

// ImportMembers implements the API.
func (s operators) ImportMembers(ctx context.Context, r api.ImportMembersRequestObject) (api.ImportMembersResponseObject, error) {
	apply := r.Params.Apply != nil && *r.Params.Apply
	if who, _ := auth.From(ctx); apply && who.Account == auth.Guest {
		return nil, refuse(http.StatusForbidden, "%s", auth.GuestsMayNot)
	}
	list, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the list did not come whole: %v", err)
	}
	done, err := s.operator.Members.Import(ctx, list, apply)
	done.Rows, done.Problems = listed(done.Rows), listed(done.Problems)
	return api.ImportMembers200JSONResponse(done), inTerms(err)
}

// GetBalance implements the API.
func (s operators) GetBalance(ctx context.Context, r api.GetBalanceRequestObject) (api.GetBalanceResponseObject, error) {
	b, err := s.operator.Members.Balance(ctx, r.Number)
	return api.GetBalance200JSONResponse(b), inTerms(err)
}

// TransferMoney implements the API.
func (s operators) TransferMoney(ctx context.Context, r api.TransferMoneyRequestObject) (api.TransferMoneyResponseObject, error) {
	point := ""
	if r.Body.MeteringPoint != nil {
		point = *r.Body.MeteringPoint
	}
	b, err := s.operator.Members.Transfer(ctx, r.Number, point, r.Body.Reference, grid.Money(r.Body.Amount))
	return api.TransferMoney200JSONResponse(b), inTerms(err)
}
