package chaincode

import (
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Rewards pays batteries in tokens, by proof: for what they keep available,
// what they deliver when the feeder needs it, and for challenges that signed
// readings show they met. Tokens are not the currency of the bills.
//
// A battery pledges power and energy for an epoch, a UTC day. Its weight is
//
//	capacity × intervals available × reputation × share of challenges met, and
//	energy delivered in flagged intervals × share of challenges met
//
// each as a share of the community's sum, with the programme's coefficients.
// Reputation begins at 0. A battery whose reputation, or share of challenges met,
// is below the programme's threshold earns nothing: a household's other loads make
// a meter jump, so that now and then somebody passes who gave nothing.
// What an epoch does not pay out, and what is slashed, carries over to the next.
type Rewards struct {
	contractapi.Contract
}

// Standing is how a battery stands; anyone of the community may read it.
type Standing struct {
	Reputation int64  `json:"reputation"` // per mille
	Stake      int64  `json:"stake"`      // tokens
	Granted    int64  `json:"granted"`    // of the stake: it never becomes tokens
	Tokens     int64  `json:"tokens"`     // not staked
	LastPledge string `json:"last_pledge"`
}

// Keys in the state.
const (
	KindProgramme = "programme"  // community, from
	kindPledge    = "pledge"     // community, epoch, battery
	kindOutage    = "outage"     // community, epoch, battery, from
	kindReport    = "report"     // community, epoch, interval
	kindFlag      = "flag"       // community, epoch, interval
	kindStanding  = "standing"   // community, battery: reputation, stake, last pledge
	kindGrant     = "grant"      // community, epoch, battery
	kindNoted     = "noted"      // community, epoch, battery: reputation with which it pledged
	kindTokens    = "tokens"     // community, battery, source: a delta
	kindAdjusted  = "adjusted"   // community, epoch, dispute: an Adjustment
	kindAdjusting = "adjusting"  // community, dispute: the same, of which there is one
	KindEpoch     = "epoch"      // community, epoch: its EpochClosing
	kindChallenge = "challenged" // community, epoch, interval, battery: one that was met
	kindDelivery  = "delivery"   // community, epoch, interval, battery: Wh
)

// standing returns how a battery stands, without its tokens.
func standing(ctx context, community, battery string) (s Standing, err error) {
	_, err = get(ctx, &s, kindStanding, community, battery)
	return s, err
}
