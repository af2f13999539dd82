package rewards

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// beacon draws who is challenged, from the secrets of its parties: those that are here
// commit to theirs, reveal them link by link, and seal.
type beacon struct {
	*participants

	secret   map[string][]byte // by party
	demanded string            // interval for which the other party's reveal was demanded
}

// commit commits the parties that are here to their secrets of an epoch.
func (b *beacon) commit(ctx context.Context, e *epoch, day string) error {
	for _, party := range b.parties() {
		who, secret := b.party(party)
		const minutesADay = 24 * 60
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(b.community + "/" + day))
		var anchor string
		anchor, e.links[party] = chaincode.Links(mac.Sum(nil), minutesADay/e.Programme.Minutes)
		if slices.Contains(e.Anchors, party) {
			continue
		}
		if err := b.ledger.As(who).Rewards.CommitBeacon(ctx, chaincode.Anchor{Community: b.community, Epoch: day, Anchor: anchor}); err != nil {
			return err
		}
	}
	return nil
}

// parties of the beacon that are here.
func (b *beacon) parties() (here []string) {
	for _, party := range []string{chaincode.RoleOperator, chaincode.RoleUtility} {
		if who, secret := b.party(party); who != nil && secret != nil {
			here = append(here, party)
		}
	}
	return here
}

func (b *beacon) party(role string) (*identity.Identity, []byte) {
	if role == chaincode.RoleUtility {
		return b.ledger.People.Utility, b.secret[role]
	}
	return b.ledger.People.Operator, b.secret[role]
}

// seal reveals the links of who is here, and seals when all have revealed, or
// when a challenge could begin.
func (b *beacon) seal(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	begin := i.Begin()
	index := (begin.Hour()*60 + begin.Minute()) / i.Minutes
	here := b.parties()
	for _, party := range here {
		if last, found := e.Revealed[party]; found && last >= index {
			continue
		}
		who, _ := b.party(party)
		err := b.ledger.As(who).Rewards.RevealBeacon(ctx, chaincode.Reveal{Community: b.community, Interval: i.String(), Value: e.links[party][index]})
		if ledger.Refused(err, chaincode.CodeTooLate) {
			e.Sealed[i.String()] = chaincode.Beacon{} // by the other party: the challenges hold all the same
			return nil
		}
		if err != nil {
			return err
		}
		e.Revealed[party] = index
	}
	const all = 2
	who, _ := b.party(here[0])
	if len(here) < all {
		return b.sealAlone(ctx, e, i, now)
	}
	if err := b.ledger.As(who).Rewards.SealBeacon(ctx, i); err != nil {
		return err
	}
	e.Sealed[i.String()] = chaincode.Beacon{}
	return nil
}

// sealAlone demands the other party's reveal, gives it half the time that there
// is, and then seals with it or without.
func (b *beacon) sealAlone(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	who, _ := b.party(b.parties()[0])
	window := time.Duration(e.Programme.Duration) * time.Second
	if b.demanded == i.String() && now.Before(i.Begin().Add(window/2)) { //nolint:mnd // the other half is for the challenge to go out
		return nil
	}
	if err := b.ledger.As(who).Rewards.SealBeacon(ctx, i); err != nil {
		return err
	}
	b.demanded = i.String()
	_, err := b.operator().Rewards.GetChallenges(ctx, i)
	if ledger.Refused(err, chaincode.CodeMissing) {
		return nil // not sealed yet
	}
	if err == nil {
		e.Sealed[i.String()] = chaincode.Beacon{}
	}
	return err
}
