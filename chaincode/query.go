package chaincode

import (
	"errors"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// GetStanding returns a battery's Standing.
func (*Rewards) GetStanding(ctx contractapi.TransactionContextInterface, community, battery string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	s, err := standing(ctx, community, battery)
	if err != nil {
		return "", err
	}
	if s.Tokens, err = tokensOf(ctx, community, battery); err != nil {
		return "", err
	}
	return text(s)
}

// GetEpoch returns an EpochClosing.
func (*Rewards) GetEpoch(ctx contractapi.TransactionContextInterface, community, epoch string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	var c EpochClosing
	found, err := get(ctx, &c, KindEpoch, community, epoch)
	if err == nil && !found {
		err = fail(CodeMissing, "epoch %s is not closed", epoch)
	}
	if err != nil {
		return "", err
	}
	return text(c)
}

// OpenEpoch is what the ledger has of an epoch.
type OpenEpoch struct {
	Programme Programme         `json:"programme"`
	Anchors   []string          `json:"anchors"`  // parties that have committed
	Revealed  map[string]int    `json:"revealed"` // the last link's interval in the epoch, −1 before, by party
	Pledges   []Pledge          `json:"pledges"`  // by battery
	Sealed    map[string]Beacon `json:"sealed"`   // by interval
	Reported  []string          `json:"reported"` // intervals
	Flagged   []string          `json:"flagged"`  // intervals
	Met       []string          `json:"met"`      // interval and battery
	Delivered []string          `json:"delivered"`
	Closed    bool              `json:"closed"`
}

// GetOpenEpoch returns an OpenEpoch.
func (*Rewards) GetOpenEpoch(ctx contractapi.TransactionContextInterface, community, day string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	e, err := openEpoch(ctx, community, day)
	if err != nil {
		return "", err
	}
	o := OpenEpoch{
		Programme: e.Programme, Anchors: []string{}, Revealed: map[string]int{}, Pledges: e.pledges, Sealed: e.beacons,
		Reported: []string{}, Flagged: []string{}, Met: []string{}, Delivered: []string{},
	}
	for _, party := range parties() {
		var a Anchor
		found, err := get(ctx, &a, kindAnchor, community, day, party)
		if err != nil {
			return "", err
		}
		if !found {
			continue
		}
		o.Anchors = append(o.Anchors, party)
		at, err := lastLink(ctx, community, day, party)
		if err != nil {
			return "", err
		}
		o.Revealed[party] = at.Index
	}
	for kind, into := range map[string]*[]string{kindReport: &o.Reported, kindFlag: &o.Flagged} {
		err = errors.Join(err, each(ctx, kind, []string{community, day}, func(key string, _ []byte) error {
			*into = append(*into, last(key))
			return nil
		}))
	}
	for kind, into := range map[string]*[]string{kindChallenge: &o.Met, kindDelivery: &o.Delivered} {
		proven, failed := e.proven(ctx, kind)
		*into, err = slices.Sorted(maps.Keys(proven)), errors.Join(err, failed)
	}
	if err != nil {
		return "", err
	}
	var closed EpochClosing
	if o.Closed, err = get(ctx, &closed, KindEpoch, community, day); err != nil {
		return "", err
	}
	return text(o)
}

// GetChallenges returns the Challenges of a sealed interval, by battery.
func (*Rewards) GetChallenges(ctx contractapi.TransactionContextInterface, community, interval string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	epoch, _, err := intervalPlace(ctx, community, interval)
	if err != nil {
		return "", err
	}
	e, err := openEpoch(ctx, community, epoch)
	if err != nil {
		return "", err
	}
	i, err := grid.ParseInterval(interval)
	if err != nil {
		return "", fail(CodeInvalid, "interval: %v", err)
	}
	b, sealed := e.beacons[interval]
	if !sealed {
		return "", fail(CodeMissing, "interval %s is not sealed", interval)
	}
	all := []Challenge{}
	for _, g := range e.pledges {
		if c, challenged := e.Challenge(b, i, g, e.noted[g.Battery]); challenged && !e.away(g.Battery, interval) {
			all = append(all, c)
		}
	}
	return text(all)
}
