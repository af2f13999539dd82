package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/members"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// purse keeps the members' persons and their money, both on the ledger. It implements
// web.Members and web.Fund.
type purse struct {
	ledger    *ledger.Ledger
	community string
	currency  string
	clock     func() time.Time
	points    func(member string) []string // metering points, sorted
	treasury  *treasury
	keeper    *prepaid.Keeper
	months    *monthly.Runner // nil: no month is guaranteed
}

func newPurse(s *site, r *records) *purse {
	return &purse{
		ledger: r.ledger, community: s.plan.Community, currency: s.plan.Tariff.Currency, clock: s.clock, points: r.metering.Points,
		treasury: &treasury{ledger: r.ledger, sums: fund.Sums{Zone: zoneOf(s.plan)}},
	}
}

// Import implements web.Members.
func (p *purse) Import(ctx context.Context, list []byte, apply bool) (api.MemberImport, error) {
	read, err := members.Read(list)
	if err != nil {
		return api.MemberImport{}, &web.Refusal{Code: http.StatusBadRequest, Text: err.Error()}
	}
	done, err := p.desk().Import(ctx, read, apply)
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

func (p *purse) desk() members.Desk {
	return members.Desk{Register: p.ledger.Persons(), Points: func(member string) int { return len(p.points(member)) }}
}

// Persons implements web.Members.
func (p *purse) Persons(ctx context.Context) ([]api.Person, error) {
	all, err := p.desk().All(ctx)
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

// accounts returns those of a member on the ledger, by metering point.
func (p *purse) accounts(member string) (accounts []string, err error) {
	points := p.points(member)
	if len(points) == 0 {
		return nil, &web.Refusal{Code: http.StatusNotFound, Text: fmt.Sprintf("member %q has no metering point: no device of the community names it", member)}
	}
	for _, point := range points {
		account, err := p.ledger.Account(member, point)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// held returns what a member's accounts hold together.
func (p *purse) held(ctx context.Context, member string) (sum grid.Money, err error) {
	accounts, err := p.accounts(member)
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		balance, err := p.ledger.Balance(ctx, account)
		if err != nil {
			return 0, err
		}
		if sum, err = sum.Add(balance); err != nil {
			return 0, fmt.Errorf("balance of member %s: %w", member, err)
		}
	}
	return sum, nil
}

// Balance implements web.Purse.
func (p *purse) Balance(ctx context.Context, member string) (api.MemberBalance, error) {
	held, err := p.held(ctx, member)
	b := api.MemberBalance{Number: member, Currency: p.currency, Balance: int64(held)}
	if s, is := p.keeper.Of(member); is {
		bound := int64(s.Bound)
		b.Prepaid, b.Bound, b.Free = true, &bound, new(int64(min(max(held-s.Bound, 0), prepaid.Unbounded)))
	}
	return b, err
}

// Transfer implements web.Purse.
func (p *purse) Transfer(ctx context.Context, member, point, reference string, amount grid.Money) (api.MemberBalance, error) {
	accounts, err := p.accounts(member)
	if err != nil {
		return api.MemberBalance{}, err
	}
	at := 0
	if point != "" {
		if at = slices.Index(p.points(member), point); at < 0 {
			return api.MemberBalance{}, &web.Refusal{Code: http.StatusNotFound, Text: fmt.Sprintf("metering_point: %q is none of member %q", point, member)}
		}
	}
	operator := p.ledger.As(p.ledger.People.Operator)
	t := chaincode.Transfer{
		Community: p.community, Reference: reference, Account: accounts[at], Amount: int64(max(amount, -amount)), Time: p.clock().UTC().Truncate(time.Second).Format(time.RFC3339),
	}
	switch {
	case amount > 0:
		err = operator.Settlement.Deposit(ctx, t)
	case amount < 0:
		err = operator.Settlement.Withdraw(ctx, t)
	default:
		return api.MemberBalance{}, &web.Refusal{Code: http.StatusBadRequest, Text: "amount: is 0: write what was paid in as a positive amount, what was paid out as a negative one"}
	}
	if err != nil {
		return api.MemberBalance{}, transferRefused(err, reference)
	}
	return p.Balance(ctx, member)
}

// transferRefused makes what the contract refuses the operator's to mend.
func transferRefused(err error, reference string) error {
	why := (*ledger.ContractError)(nil)
	if !errors.As(err, &why) {
		return err
	}
	switch why.Code {
	case chaincode.CodeConflict:
		return &web.Refusal{Code: http.StatusConflict, Text: fmt.Sprintf("reference: %q was booked already, for another account or amount: each payment has a reference of its own", reference)}
	case chaincode.CodeFunds:
		return &web.Refusal{Code: http.StatusConflict, Text: "amount: is more than the account holds: commonwatt member balance shows what that is"}
	default:
		return &web.Refusal{Code: http.StatusBadRequest, Text: why.Message}
	}
}
