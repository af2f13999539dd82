package chaincode

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Guarantee records what the fund topped up of a local month, to those who would have paid
// less without the community. A month is recorded once, with all its payments at once, and
// never for more than the fund holds. What was reckoned with stays off the chain: the record
// commits to it by a root over salted leaves, so that it tells nothing to who has no working.
type Guarantee struct {
	contractapi.Contract
}

// TopUps is what the fund pays for a month.
type TopUps struct {
	Community string  `json:"community"`
	Month     string  `json:"month"` // as in 2026-06, of the community's local time
	Root      string  `json:"root"`  // of the salted leaves of the working, 64 digits of hex
	Time      string  `json:"time"`  // of the payments, RFC 3339, UTC
	Payments  []TopUp `json:"payments"`
}

// TopUp is what the fund pays to an account.
type TopUp struct {
	Account string `json:"account"`
	Amount  int64  `json:"amount"` // millionths of the currency unit, positive
}

// GuaranteedMonth is the record of a month.
type GuaranteedMonth struct {
	Community string `json:"community"`
	Month     string `json:"month"`
	Root      string `json:"root"`
	Time      string `json:"time"`
}

// KindGuarantee is the key of a GuaranteedMonth in the state: community, month.
const KindGuarantee = "guarantee"

// GuaranteeReference is the reference of a month's payment to an account.
func GuaranteeReference(month, account string) string { return month + "/" + account }

// Record takes TopUps and posts their payments. The same again changes nothing; a month that
// was recorded otherwise is a conflict.
func (*Guarantee) Record(ctx contractapi.TransactionContextInterface, arg string) error {
	var t TopUps
	if err := decode(arg, &t); err != nil {
		return err
	}
	if _, err := allow(ctx, t.Community, RoleOperator); err != nil {
		return err
	}
	at, total, err := t.check()
	if err != nil {
		return err
	}
	month := GuaranteedMonth{Community: t.Community, Month: t.Month, Root: t.Root, Time: t.Time}
	created, err := put(ctx, month, KindGuarantee, t.Community, t.Month)
	if err != nil {
		return err
	}
	if created && total > 0 {
		held, err := balanceOf(ctx, t.Community, record.Fund)
		if err != nil {
			return err
		}
		if held < total {
			return fail(CodeFunds, "the fund holds %d, the payments of %s come to %d", held, t.Month, total)
		}
	}
	for _, p := range t.Payments {
		posted, err := post(ctx, t.Community, record.Posting{
			Debit: record.Fund, Credit: p.Account, Amount: grid.Money(p.Amount), Reason: ReasonGuarantee, Reference: GuaranteeReference(t.Month, p.Account),
		}, at)
		if err != nil {
			return err
		}
		if posted != created {
			return fail(CodeConflict, "guarantee of %s is recorded with other payments", t.Month)
		}
	}
	if !created {
		return nil
	}
	return emit(ctx, "guarantee-recorded", month)
}

// check returns when the payments count and what they come to.
func (t TopUps) check() (at time.Time, total grid.Money, err error) {
	if parsed, err := time.Parse("2006-01", t.Month); err != nil || parsed.Format("2006-01") != t.Month {
		return at, 0, fail(CodeInvalid, "month: %q: want a year and a month, as in 2026-06", t.Month)
	}
	if root, err := hex.DecodeString(t.Root); err != nil || len(root)*2 != len(t.Root) || len(root) != digestBytes {
		return at, 0, fail(CodeInvalid, "root: must be 64 digits of hex")
	}
	if at, err = instant("time", t.Time); err != nil {
		return at, 0, err
	}
	for n, p := range t.Payments {
		switch {
		case slices.Contains(record.SystemAccounts(), p.Account):
			return at, 0, fail(CodeInvalid, "payments[%d].account: %q is not a member's", n, p.Account)
		case n > 0 && t.Payments[n-1].Account >= p.Account:
			return at, 0, fail(CodeInvalid, "payments[%d].account: must come after the one before, each account once", n)
		case p.Amount <= 0:
			return at, 0, fail(CodeInvalid, "payments[%d].amount: %d, must be positive", n, p.Amount)
		}
		if total, err = total.Add(grid.Money(p.Amount)); err != nil {
			return at, 0, fail(CodeInvalid, "payments[%d].amount: %v", n, err)
		}
	}
	return at, total, nil
}

const digestBytes = 32

// Get returns a month's GuaranteedMonth. It tells that the month was reckoned and when, and
// nothing of amounts.
func (*Guarantee) Get(ctx contractapi.TransactionContextInterface, community, month string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility, RoleMember); err != nil {
		return "", err
	}
	var found GuaranteedMonth
	known, err := get(ctx, &found, KindGuarantee, community, month)
	if err != nil {
		return "", err
	}
	if !known {
		return "", fail(CodeMissing, "the guarantee of %s is not recorded", month)
	}
	return text(found)
}
