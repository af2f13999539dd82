package chaincode

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// Pledge commits a battery for an epoch: to give, and in some hours to take.
type Pledge struct {
	Community string   `json:"community"`
	Epoch     string   `json:"epoch"`
	Battery   string   `json:"battery"`
	Power     int64    `json:"power"`            // W
	Energy    int64    `json:"energy"`           // Wh kept for it; in the hours below, room kept for it
	Charge    []string `json:"charge,omitempty"` // hours of the day in which it is challenged by charging, UTC, as in 00:00-04:30
	From      string   `json:"from,omitempty"`   // first interval that it counts for, of an epoch that has begun; empty: all of the epoch
}

// counts of a register, which counts whole Wh, show what a battery did.
const counts = 20

// Pledge takes a Pledge of a battery, from its member or the operator, before the
// beacon of the first interval that it counts for is revealed.
func (*Rewards) Pledge(ctx contractapi.TransactionContextInterface, arg string) error {
	var g Pledge
	if err := decode(arg, &g); err != nil {
		return err
	}
	if err := mayAct(ctx, g.Community, g.Battery); err != nil {
		return err
	}
	p, _, err := programmeAt(ctx, g.Community, g.Epoch)
	if err != nil {
		return err
	}
	if g.Power < 1 || g.Energy < 1 || g.Power > most || g.Energy > most {
		return fail(CodeInvalid, "power, energy: must be 1 to %d", most)
	}
	if p.tooSmall(g) {
		return fail(CodeInvalid, "power: %d W is too little: a challenge of %d s could not be told from nothing", g.Power, p.Duration)
	}
	if err := checkHours(g.Charge); err != nil {
		return err
	}
	first, err := p.first(g)
	if err != nil {
		return err
	}
	created, err := put(ctx, g, kindPledge, g.Community, g.Epoch, g.Battery)
	if err != nil || !created {
		return err
	}
	if late, err := begun(ctx, g.Community, g.Epoch, first); err != nil || late {
		return cmpErr(err, fail(CodeTooLate, "%s has begun: a battery is pledged before", cmp.Or(g.From, "epoch "+g.Epoch)))
	}
	var closed EpochClosing
	if found, err := get(ctx, &closed, KindEpoch, g.Community, g.Epoch); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "epoch %s is closed", g.Epoch))
	}
	s, err := standing(ctx, g.Community, g.Battery)
	if err != nil {
		return err
	}
	if s.LastPledge == "" {
		if err := p.grant(ctx, g, &s); err != nil {
			return err
		}
	}
	if need := (p.Stake*g.Power + perMille - 1) / perMille; s.Stake < need {
		return fail(CodeFunds, "a pledge of %d W needs a stake of %d tokens, %q has %d", g.Power, need, g.Battery, s.Stake)
	}
	if err := set(ctx, s.Reputation, kindNoted, g.Community, g.Epoch, g.Battery); err != nil {
		return err
	}
	s.LastPledge = max(s.LastPledge, g.Epoch)
	if err := set(ctx, s, kindStanding, g.Community, g.Battery); err != nil {
		return err
	}
	return emit(ctx, "pledged", g)
}

// first returns the place in its epoch of the first interval that a pledge counts for.
func (p Programme) first(g Pledge) (int, error) {
	if g.From == "" {
		return 0, nil
	}
	epoch, index, err := p.place(g.From)
	if err == nil && epoch != g.Epoch {
		err = fail(CodeInvalid, "from: %s is not in the epoch %s", g.From, g.Epoch)
	}
	return index, err
}

// tooSmall tells whether registers, which count whole Wh, could not show the
// smallest challenge of a pledge.
func (p Programme) tooSmall(g Pledge) bool {
	if p.Energy == 0 {
		const least, half = 10, 2 // Wh; of the power
		return g.Power*p.Duration/int64(time.Hour/time.Second)/half < least
	}
	return g.Power < p.least()
}

// grant stakes what a battery gets with its first pledge, as long as the epoch's
// emission covers it.
func (p Programme) grant(ctx context, g Pledge, s *Standing) error {
	left, err := p.Emission(g.Epoch)
	if err != nil {
		return err
	}
	err = each(ctx, kindGrant, []string{g.Community, g.Epoch}, func(_ string, value []byte) error {
		var granted int64
		err := json.Unmarshal(value, &granted)
		left -= granted
		return err
	})
	if err != nil || p.Grant == 0 || p.Grant > left {
		return err
	}
	s.Stake += p.Grant
	s.Granted = p.Grant
	return set(ctx, p.Grant, kindGrant, g.Community, g.Epoch, g.Battery)
}

// mayAct checks that the caller is the operator, or the member whose battery it
// is, and that the battery is registered.
func mayAct(ctx context, community, battery string) error {
	who, err := allow(ctx, community, RoleOperator, RoleMember)
	if err != nil {
		return err
	}
	device, point, err := installed(ctx, community, battery)
	if err != nil {
		return err
	}
	if who.Role == RoleMember && point.Member != who.Member {
		return fail(CodeDenied, "%q is not the caller's", battery)
	}
	if device.Value.Kind != string(grid.Battery) || device.Revoked != "" {
		return fail(CodeInvalid, "battery: %q is not a battery, or was revoked", battery)
	}
	return nil
}

// installed returns a device and its metering point.
func installed(ctx context, community, id string) (admitted[Device], MeteringPoint, error) {
	device, err := mustHave[Device](ctx, KindDevice, community, id)
	if err != nil {
		return device, MeteringPoint{}, err
	}
	point, err := mustHave[MeteringPoint](ctx, KindMeteringPoint, community, device.Value.MeteringPoint)
	return device, point.Value, err
}
