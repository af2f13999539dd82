package shown

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/members"
	"github.com/commonwatt/commonwatt/settlement/purse"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Members shows the members' persons and their money, and the fund. It implements web.Members
// and web.Fund.
type Members struct {
	Desk     members.Desk
	Purse    *purse.Purse
	Currency string
}

// Import implements web.Members.
func (m Members) Import(ctx context.Context, list []byte, apply bool) (api.MemberImport, error) {
	read, err := members.Read(list)
	if err != nil {
		return api.MemberImport{}, &web.RefusedError{Code: http.StatusBadRequest, Text: err.Error()}
	}
	done, err := m.Desk.Import(ctx, read, apply)
	if err != nil {
		return api.MemberImport{}, err
	}
	shown := api.MemberImport{Applied: done.Applied}
	for _, o := range done.Outcomes {
		shown.Rows = append(shown.Rows, api.MemberRow{
			Line: o.Line, Number: o.Number, Name: o.Name, Outcome: api.MemberRowOutcome(o.What), Fields: slices.Concat([]string{}, o.Fields), Points: o.Points,
		})
	}
	for _, w := range done.Problems {
		shown.Problems = append(shown.Problems, api.MemberProblem{Line: w.Line, Field: w.Field, Says: w.Says})
	}
	return shown, nil
}

// Persons implements web.Members.
func (m Members) Persons(ctx context.Context) ([]api.Person, error) {
	all, err := m.Desk.All(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]api.Person, len(all))
	for k, who := range all {
		shown[k] = api.Person{Number: who.Number, Points: who.Points}
		for detail, into := range map[string]**string{
			chaincode.DetailName: &shown[k].Name, chaincode.DetailAddress: &shown[k].Address, chaincode.DetailEMail: &shown[k].Email,
			chaincode.DetailIBAN: &shown[k].Iban, chaincode.DetailMandate: &shown[k].Mandate, chaincode.DetailMandateDate: &shown[k].MandateDate,
			chaincode.DetailLanguage: &shown[k].Language, chaincode.DetailDisplay: &shown[k].Display,
		} {
			if value, known := who.Details[detail]; known {
				*into = &value
			}
		}
	}
	return shown, nil
}

// Balance implements web.Purse.
func (m Members) Balance(ctx context.Context, member string) (api.MemberBalance, error) {
	held, err := m.Purse.Balance(ctx, member)
	b := api.MemberBalance{Number: member, Currency: m.Currency, Balance: int64(held.Held), Prepaid: held.Prepaid}
	if held.Prepaid {
		b.Bound, b.Free = new(int64(held.Bound)), new(int64(held.Free))
	}
	return b, refusal(err)
}

// Transfer implements web.Purse.
func (m Members) Transfer(ctx context.Context, member, point, reference string, amount grid.Money) (api.MemberBalance, error) {
	if err := m.Purse.Transfer(ctx, purse.Payment{Member: member, Point: point, Reference: reference, Amount: amount}); err != nil {
		return api.MemberBalance{}, refusal(err)
	}
	return m.Balance(ctx, member)
}

// refusal puts what the operator can mend into HTTP's terms.
func refusal(err error) error {
	refused := (*purse.RefusedError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	code := map[purse.Why]int{purse.Wrong: http.StatusBadRequest, purse.Unknown: http.StatusNotFound, purse.Conflict: http.StatusConflict}[refused.Why]
	return &web.RefusedError{Code: code, Text: refused.Text}
}

// Fund implements web.Fund.
func (m Members) Fund(ctx context.Context, whole bool) (api.Fund, error) {
	of, err := m.Purse.Fund(ctx, whole)
	f := api.Fund{Currency: m.Currency, Balance: int64(of.Balance)}
	for _, month := range of.Months {
		one := api.FundMonth{Month: month.Month, Sums: []api.FundSum{}}
		for _, s := range month.Sums {
			sum := api.FundSum{Reason: s.Reason, Amount: int64(s.Amount)}
			if s.Members > 0 {
				sum.Members = &s.Members
			}
			one.Sums = append(one.Sums, sum)
		}
		f.Months = append(f.Months, one)
	}
	if owed := of.Owed; owed != nil {
		f.Owed = &api.FundOwed{Members: owed.Members, Owed: int64(owed.Owed), Fund: int64(owed.Fund), Open: int64(owed.Open)}
	}
	return f, err
}
