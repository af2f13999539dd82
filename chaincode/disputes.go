package chaincode

import (
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Disputes settles disagreement on the record: who thinks that something on the
// ledger is wrong opens a dispute with evidence, the operator responds, and the
// utility resolves it. Posted entries stay; a dispute that is upheld brings an
// adjusting posting.
type Disputes struct {
	contractapi.Contract
}

// Dispute begins one.
type Dispute struct {
	Community string `json:"community"`
	ID        string `json:"id"`
	Member    string `json:"member"`   // whom it concerns
	Subject   string `json:"subject"`  // a posting's id, a run, an epoch, a challenge
	Evidence  string `json:"evidence"` // SHA-256 of a salted document
	Time      string `json:"time"`     // RFC 3339, UTC
}

// Response is the operator's answer.
type Response struct {
	Community string `json:"community"`
	ID        string `json:"id"`
	Evidence  string `json:"evidence"`
	Time      string `json:"time"`
}

// Resolution ends a dispute.
type Resolution struct {
	Community string `json:"community"`
	ID        string `json:"id"`
	Upheld    bool   `json:"upheld"`
	Debit     string `json:"debit"` // of the adjusting posting; empty: none
	Credit    string `json:"credit"`
	Amount    int64  `json:"amount"` // millionths of the currency unit
	Reason    string `json:"reason"`
	Time      string `json:"time"`
}

// Keys in the state.
const (
	KindDispute    = "dispute"    // community, id
	KindResponse   = "response"   // community, id
	KindResolution = "resolution" // community, id
)

// Open takes a Dispute, from the member whom it concerns or either side.
func (*Disputes) Open(ctx contractapi.TransactionContextInterface, arg string) error {
	var d Dispute
	if err := decode(arg, &d); err != nil {
		return err
	}
	who, err := allow(ctx, d.Community, RoleMember, RoleOperator, RoleUtility)
	if err != nil {
		return err
	}
	if who.Role == RoleMember && who.Member != d.Member {
		return fail(CodeDenied, "a member disputes what concerns it")
	}
	if d.ID == "" || d.Subject == "" || d.Evidence == "" {
		return fail(CodeInvalid, "id, subject, evidence: must be given")
	}
	if _, err := instant("time", d.Time); err != nil {
		return err
	}
	if _, err := mustHave[Member](ctx, KindMember, d.Community, d.Member); err != nil {
		return err
	}
	created, err := put(ctx, d, KindDispute, d.Community, d.ID)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "dispute-opened", d)
}

// Respond takes a Response to an open dispute.
func (*Disputes) Respond(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Response
	if err := decode(arg, &r); err != nil {
		return err
	}
	if _, err := allow(ctx, r.Community, RoleOperator); err != nil {
		return err
	}
	if _, err := instant("time", r.Time); err != nil {
		return err
	}
	if _, err := opened(ctx, r.Community, r.ID); err != nil {
		return err
	}
	created, err := put(ctx, r, KindResponse, r.Community, r.ID)
	if err != nil || !created {
		return err
	}
	var end Resolution
	if found, err := get(ctx, &end, KindResolution, r.Community, r.ID); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "dispute %q is resolved", r.ID))
	}
	return emit(ctx, "dispute-answered", r)
}

// Resolve takes a Resolution of a dispute that was answered.
func (*Disputes) Resolve(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Resolution
	if err := decode(arg, &r); err != nil {
		return err
	}
	if _, err := allow(ctx, r.Community, RoleUtility); err != nil {
		return err
	}
	at, err := instant("time", r.Time)
	if err != nil {
		return err
	}
	if _, err := opened(ctx, r.Community, r.ID); err != nil {
		return err
	}
	var answer Response
	if found, err := get(ctx, &answer, KindResponse, r.Community, r.ID); err != nil || !found {
		return cmpErr(err, fail(CodeMissing, "dispute %q was not answered yet", r.ID))
	}
	created, err := put(ctx, r, KindResolution, r.Community, r.ID)
	if err != nil || !created {
		return err
	}
	adjusts := r.Amount != 0 || r.Debit != "" || r.Credit != ""
	if adjusts && !r.Upheld {
		return fail(CodeInvalid, "amount: a dispute that is not upheld adjusts nothing")
	}
	if adjusts {
		p := record.Posting{Debit: r.Debit, Credit: r.Credit, Amount: grid.Money(r.Amount), Reason: ReasonAdjustment, Reference: r.ID}
		if _, err := post(ctx, r.Community, p, at); err != nil {
			return err
		}
	}
	return emit(ctx, "dispute-resolved", r)
}

// Get returns {"dispute": …, "response": …, "resolution": …}, null where there is none
// yet.
func (*Disputes) Get(ctx contractapi.TransactionContextInterface, community, id string) (string, error) {
	who, err := allow(ctx, community, RoleMember, RoleOperator, RoleUtility)
	if err != nil {
		return "", err
	}
	d, err := opened(ctx, community, id)
	if err != nil {
		return "", err
	}
	if who.Role == RoleMember && who.Member != d.Member {
		return "", fail(CodeDenied, "a member sees what concerns it")
	}
	found := struct {
		Dispute    Dispute     `json:"dispute"`
		Response   *Response   `json:"response"`
		Resolution *Resolution `json:"resolution"`
	}{Dispute: d}
	if _, err := get(ctx, &found.Response, KindResponse, community, id); err != nil {
		return "", err
	}
	if _, err := get(ctx, &found.Resolution, KindResolution, community, id); err != nil {
		return "", err
	}
	return text(found)
}

func opened(ctx context, community, id string) (d Dispute, err error) {
	found, err := get(ctx, &d, KindDispute, community, id)
	if err == nil && !found {
		err = fail(CodeMissing, "dispute %q was not opened", id)
	}
	return d, err
}
