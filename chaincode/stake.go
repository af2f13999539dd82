package chaincode

import (
	"encoding/json"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// StakeChange moves tokens between a battery's balance and its stake.
type StakeChange struct {
	Community string `json:"community"`
	Battery   string `json:"battery"`
	Amount    int64  `json:"amount"` // + to the stake
	Reference string `json:"reference"`
}

// Adjustment corrects what a closed epoch paid, out of the budget of one that is
// open.
type Adjustment struct {
	Community string `json:"community"`
	Epoch     string `json:"epoch"` // that is open
	Battery   string `json:"battery"`
	Tokens    int64  `json:"tokens"`  // + the battery gets
	Dispute   string `json:"dispute"` // that was upheld: each brings one adjustment
}

// ChangeStake takes a StakeChange. Stake comes back only when every epoch that
// the battery pledged for is closed.
func (*Rewards) ChangeStake(ctx contractapi.TransactionContextInterface, arg string) error {
	var c StakeChange
	if err := decode(arg, &c); err != nil {
		return err
	}
	if err := mayAct(ctx, c.Community, c.Battery); err != nil {
		return err
	}
	s, err := standing(ctx, c.Community, c.Battery)
	if err != nil {
		return err
	}
	tokens, err := tokensOf(ctx, c.Community, c.Battery)
	if err != nil {
		return err
	}
	created, err := put(ctx, -c.Amount, kindTokens, c.Community, c.Battery, "stake/"+c.Reference)
	if err != nil || !created {
		return err
	}
	switch {
	case c.Amount == 0 || c.Amount > most || c.Amount < -most || c.Reference == "":
		return fail(CodeInvalid, "amount, reference: must be given, the amount at most %d", most)
	case c.Amount > tokens || -c.Amount > s.Stake-s.Granted:
		return fail(CodeFunds, "%q has %d tokens and a stake of %d, of which %d were granted and stay", c.Battery, tokens, s.Stake, s.Granted)
	case c.Amount < 0 && s.LastPledge != "":
		var closed EpochClosing
		if found, err := get(ctx, &closed, KindEpoch, c.Community, s.LastPledge); err != nil || !found {
			return cmpErr(err, fail(CodeConflict, "%q is pledged for %s, which is not closed", c.Battery, s.LastPledge))
		}
	}
	s.Stake += c.Amount
	if err := set(ctx, s, kindStanding, c.Community, c.Battery); err != nil {
		return err
	}
	return emit(ctx, "stake-changed", c)
}

// Adjust takes an Adjustment after a dispute about an epoch was upheld.
func (*Rewards) Adjust(ctx contractapi.TransactionContextInterface, arg string) error {
	var a Adjustment
	if err := decode(arg, &a); err != nil {
		return err
	}
	if _, err := allow(ctx, a.Community, RoleUtility); err != nil {
		return err
	}
	if _, _, err := installed(ctx, a.Community, a.Battery); err != nil {
		return err
	}
	if _, _, err := programmeAt(ctx, a.Community, a.Epoch); err != nil {
		return err
	}
	var r Resolution
	if found, err := get(ctx, &r, KindResolution, a.Community, a.Dispute); err != nil || !found || !r.Upheld {
		return cmpErr(err, fail(CodeMissing, "dispute %q was not upheld", a.Dispute))
	}
	created, err := put(ctx, a, kindAdjusting, a.Community, a.Dispute)
	if err != nil || !created {
		return err
	}
	tokens, err := tokensOf(ctx, a.Community, a.Battery)
	if err != nil {
		return err
	}
	if _, err := put(ctx, a.Tokens, kindTokens, a.Community, a.Battery, "dispute/"+a.Dispute); err != nil {
		return err
	}
	if a.Tokens == 0 || a.Tokens > most || a.Tokens < -most || tokens+a.Tokens < 0 {
		return fail(CodeFunds, "tokens: %d: %q has %d, and nobody gets more than %d", a.Tokens, a.Battery, tokens, most)
	}
	var closed EpochClosing
	if found, err := get(ctx, &closed, KindEpoch, a.Community, a.Epoch); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "epoch %s is closed", a.Epoch))
	}
	if _, err := put(ctx, a, kindAdjusted, a.Community, a.Epoch, a.Dispute); err != nil {
		return err
	}
	return emit(ctx, "reward-adjusted", a)
}

func tokensOf(ctx context, community, battery string) (sum int64, err error) {
	err = each(ctx, kindTokens, []string{community, battery}, func(_ string, value []byte) error {
		var d int64
		err := json.Unmarshal(value, &d)
		sum += d // bounded by what was minted
		return err
	})
	return sum, err
}
