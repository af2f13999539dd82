package chaincode

import (
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Outage declares beforehand that a battery is away.
type Outage struct {
	Community string `json:"community"`
	Battery   string `json:"battery"`
	From      string `json:"from"`  // first interval
	Until     string `json:"until"` // last interval, of the same epoch
	Reason    string `json:"reason"`
}

// DeclareOutage takes an Outage before its first interval is sealed or revealed.
func (*Rewards) DeclareOutage(ctx contractapi.TransactionContextInterface, arg string) error {
	var o Outage
	if err := decode(arg, &o); err != nil {
		return err
	}
	if err := mayAct(ctx, o.Community, o.Battery); err != nil {
		return err
	}
	epoch, from, err := intervalPlace(ctx, o.Community, o.From)
	if err != nil {
		return err
	}
	last, until, err := intervalPlace(ctx, o.Community, o.Until)
	if err != nil {
		return err
	}
	if last != epoch || until < from {
		return fail(CodeInvalid, "until: must be in the epoch of from, and not before it")
	}
	created, err := put(ctx, o, kindOutage, o.Community, epoch, o.Battery, o.From)
	if err != nil || !created {
		return err
	}
	if late, err := begun(ctx, o.Community, epoch, from); err != nil || late {
		return cmpErr(err, fail(CodeTooLate, "from: %s has begun: an outage is declared before", o.From))
	}
	return emit(ctx, "outage-declared", o)
}
