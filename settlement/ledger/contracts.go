package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Contracts calls the contracts of a community as somebody: a method for each of their
// functions, of the same name. What a function does, who may call it and what it refuses
// stands in docs/contracts.md and at the function in the package chaincode; a refusal is a
// *ContractError. A method that takes several arguments of one kind makes a transaction of
// each, commits them in any order and, as Chain.Submit, lets no refusal hold up the others.
//
// An argument is written as it stands on ledgers that are in use, whose blocks keep it:
// also the order of its fields.
type Contracts struct {
	Registry   Registry
	Settlement Settlement
	Rewards    Rewards
	Disputes   Disputes
	Guarantee  Guarantee
	Official   Official
	Bills      Bills
}

// ContractsOn returns the contracts of a community on a chain, called by an identity.
func ContractsOn(chain Chain, community string, as *identity.Identity) Contracts {
	of := func(name string) contract { return contract{chain: chain, name: name, community: community, as: as} }
	return Contracts{
		Registry: Registry{of("registry")}, Settlement: Settlement{of("settlement")},
		Rewards: Rewards{of("rewards")}, Disputes: Disputes{of("disputes")}, Guarantee: Guarantee{of("guarantee")}, Official: Official{of("official")},
		Bills: Bills{of("bills")},
	}
}

// callers call the contracts of a community on a chain.
type callers struct {
	on        Chain
	community string
}

// As returns the contracts of the ledger's community, called by an identity.
func (c callers) As(who *identity.Identity) Contracts { return ContractsOn(c.on, c.community, who) }

// contract is one of them.
type contract struct {
	chain     Chain
	name      string
	community string
	as        *identity.Identity
}

// submit calls a function with an argument.
func (c contract) submit(ctx context.Context, function string, arg any) error {
	return c.private(ctx, function, arg, nil)
}

// private calls a function with an argument and with values that are not on the chain.
func (c contract) private(ctx context.Context, function string, arg any, transient map[string][]byte) error {
	call, err := c.call(function, arg)
	if err != nil {
		return err
	}
	call.Transient = transient
	return c.chain.Submit(ctx, call)
}

func (c contract) call(function string, arg any) (Call, error) {
	b, err := json.Marshal(arg)
	if err != nil {
		return Call{}, fmt.Errorf("%s:%s: %w", c.name, function, err)
	}
	return Call{As: c.as, Function: c.name + ":" + function, Args: []string{string(b)}}, nil
}

// each calls a function with each argument; without any it does nothing.
func each[T any](ctx context.Context, c contract, function string, args []T) error {
	if len(args) == 0 {
		return nil
	}
	calls := make([]Call, len(args))
	for k, arg := range args {
		var err error
		if calls[k], err = c.call(function, arg); err != nil {
			return err
		}
	}
	return c.chain.Submit(ctx, calls...)
}

// text asks a function about the community.
func (c contract) text(ctx context.Context, function string, args ...string) (string, error) {
	return c.chain.Evaluate(ctx, Call{As: c.as, Function: c.name + ":" + function, Args: append([]string{c.community}, args...)})
}

// ask asks a function about the community, which answers in JSON.
func ask[T any](ctx context.Context, c contract, function string, args ...string) (answer T, err error) {
	text, err := c.text(ctx, function, args...)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return answer, fmt.Errorf("answer of %s:%s: %w", c.name, function, err)
	}
	return answer, nil
}

// Registry calls the contract of that name: who belongs to the community, and what is
// installed there.
type Registry struct{ contract }

// Admitted is what is registered under a kind and id.
type Admitted struct {
	Value   json.RawMessage `json:"value"`   // a chaincode.Member, MeteringPoint or Device; of a gateway its GatewayKeys
	Revoked string          `json:"revoked"` // RFC 3339; empty: it is not
}

// FoundCommunity founds a community, whose operator is the caller's organisation.
func (c Registry) FoundCommunity(ctx context.Context, community chaincode.Community) error {
	return c.submit(ctx, "FoundCommunity", community)
}

// AdmitMember admits members of whom the ledger keeps no personal record.
func (c Registry) AdmitMember(ctx context.Context, members ...chaincode.Member) error {
	return each(ctx, c.contract, "AdmitMember", members)
}

// GetPersonal returns a member's chaincode.Personal, byte for byte what its commitment is
// the digest of.
func (c Registry) GetPersonal(ctx context.Context, id string) (json.RawMessage, error) {
	text, err := c.text(ctx, "GetPersonal", id)
	return json.RawMessage(text), err
}

// EraseMember purges a member's personal record.
func (c Registry) EraseMember(ctx context.Context, id string) error {
	return c.submit(ctx, "EraseMember", struct {
		Community string `json:"community"`
		ID        string `json:"id"`
	}{c.community, id})
}

// RegisterMeteringPoint registers metering points.
func (c Registry) RegisterMeteringPoint(ctx context.Context, points ...chaincode.MeteringPoint) error {
	return each(ctx, c.contract, "RegisterMeteringPoint", points)
}

// RegisterDevice registers devices.
func (c Registry) RegisterDevice(ctx context.Context, devices ...chaincode.Device) error {
	return each(ctx, c.contract, "RegisterDevice", devices)
}

// RegisterGatewayKey registers one more key of a gateway.
func (c Registry) RegisterGatewayKey(ctx context.Context, key chaincode.GatewayKey) error {
	return c.submit(ctx, "RegisterGatewayKey", key)
}

// Revoke ends an admission, for good.
func (c Registry) Revoke(ctx context.Context, r chaincode.Revocation) error {
	return c.submit(ctx, "Revoke", r)
}

// Get returns what is registered under a kind and id.
func (c Registry) Get(ctx context.Context, kind, id string) (Admitted, error) {
	return ask[Admitted](ctx, c.contract, "Get", kind, id)
}

// GetHistory returns how that came about, the last change first.
func (c Registry) GetHistory(ctx context.Context, kind, id string) ([]chaincode.Change, error) {
	return ask[[]chaincode.Change](ctx, c.contract, "GetHistory", kind, id)
}

// Settlement calls the contract of that name: runs, and money from outside and to there.
type Settlement struct{ contract }

// OpenRun freezes a run.
func (c Settlement) OpenRun(ctx context.Context, m record.Manifest) error {
	return c.submit(ctx, "OpenRun", m)
}

// PostBatch posts batches that a manifest announced.
func (c Settlement) PostBatch(ctx context.Context, batches ...record.Batch) error {
	return each(ctx, c.contract, "PostBatch", batches)
}

// CloseRun closes the run of a manifest, all of whose batches are posted.
func (c Settlement) CloseRun(ctx context.Context, m record.Manifest) error {
	return c.submit(ctx, "CloseRun", struct {
		Community string `json:"community"`
		Interval  string `json:"interval"`
		Run       int    `json:"run"`
	}{m.Community, m.Interval, m.Run})
}

// Deposit books what came in for an account.
func (c Settlement) Deposit(ctx context.Context, t chaincode.Transfer) error {
	return c.submit(ctx, "Deposit", t)
}

// Withdraw books what goes out to a member.
func (c Settlement) Withdraw(ctx context.Context, t chaincode.Transfer) error {
	return c.submit(ctx, "Withdraw", t)
}

// FoldBalances sums up what moved the balances of some chaincode.Buckets on a UTC day, as
// in 2026-06-01.
func (c Settlement) FoldBalances(ctx context.Context, day string, buckets ...string) error {
	type fold struct {
		Bucket    string `json:"bucket"`
		Community string `json:"community"`
		Day       string `json:"day"`
	}
	folds := make([]fold, len(buckets))
	for k, bucket := range buckets {
		folds[k] = fold{bucket, c.community, day}
	}
	return each(ctx, c.contract, "FoldBalances", folds)
}

// Balance returns the balance of an account.
func (c Settlement) Balance(ctx context.Context, account string) (grid.Money, error) {
	text, err := c.text(ctx, "Balance", account)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("balance of %s: %w", account, err)
	}
	return grid.Money(v), nil
}

// RecordedRun is a run as the ledger has it.
type RecordedRun struct {
	Manifest record.Manifest `json:"manifest"`
	Closing  *record.Closing `json:"closing"` // nil: it is open
}

// GetRun returns a run of an interval.
func (c Settlement) GetRun(ctx context.Context, i grid.Interval, run int) (RecordedRun, error) {
	return ask[RecordedRun](ctx, c.contract, "GetRun", i.String(), strconv.Itoa(run))
}

// Rewards calls the contract of that name. An epoch is a UTC day, as in 2026-06-01; a
// battery goes by its pseudonym.
type Rewards struct{ contract }

// SetProgramme sets what is paid for, from an epoch on.
func (c Rewards) SetProgramme(ctx context.Context, p chaincode.Programme) error {
	return c.submit(ctx, "SetProgramme", p)
}

// Pledge commits a battery for an epoch.
func (c Rewards) Pledge(ctx context.Context, g chaincode.Pledge) error {
	return c.submit(ctx, "Pledge", g)
}

// DeclareOutage declares a battery away.
func (c Rewards) DeclareOutage(ctx context.Context, o chaincode.Outage) error {
	return c.submit(ctx, "DeclareOutage", o)
}

// ChangeStake moves tokens of a battery to its stake or back.
func (c Rewards) ChangeStake(ctx context.Context, s chaincode.StakeChange) error {
	return c.submit(ctx, "ChangeStake", s)
}

// CommitBeacon commits the caller to its secrets of an epoch.
func (c Rewards) CommitBeacon(ctx context.Context, a chaincode.Anchor) error {
	return c.submit(ctx, "CommitBeacon", a)
}

// RevealBeacon opens the caller's link of an interval.
func (c Rewards) RevealBeacon(ctx context.Context, r chaincode.Reveal) error {
	return c.submit(ctx, "RevealBeacon", r)
}

// SealBeacon fixes the seed of an interval, or first demands the other party's reveal.
func (c Rewards) SealBeacon(ctx context.Context, i grid.Interval) error {
	return c.submit(ctx, "SealBeacon", struct {
		Community string `json:"community"`
		Interval  string `json:"interval"`
	}{c.community, i.String()})
}

// FlagInterval marks an interval in which the feeder needs what batteries deliver.
func (c Rewards) FlagInterval(ctx context.Context, f chaincode.Flag) error {
	return c.submit(ctx, "FlagInterval", f)
}

// ReportInterval says which batteries were available in an interval.
func (c Rewards) ReportInterval(ctx context.Context, r chaincode.Report) error {
	return c.submit(ctx, "ReportInterval", r)
}

// ProveChallenge proves by a chaincode.Evidence, whose digest the proof has, that a battery
// met its challenge.
func (c Rewards) ProveChallenge(ctx context.Context, p chaincode.Proof, evidence []byte) error {
	return c.private(ctx, "ProveChallenge", p, map[string][]byte{chaincode.CollectionEvidence: evidence})
}

// ProveDelivery proves in the same way what a battery gave in a flagged interval.
func (c Rewards) ProveDelivery(ctx context.Context, p chaincode.Proof, evidence []byte) error {
	return c.private(ctx, "ProveDelivery", p, map[string][]byte{chaincode.CollectionEvidence: evidence})
}

// CloseEpoch closes an epoch and pays it out.
func (c Rewards) CloseEpoch(ctx context.Context, epoch string) error {
	return c.submit(ctx, "CloseEpoch", struct {
		Community string `json:"community"`
		Epoch     string `json:"epoch"`
	}{c.community, epoch})
}

// Adjust corrects what a closed epoch paid, after a dispute that was upheld.
func (c Rewards) Adjust(ctx context.Context, a chaincode.Adjustment) error {
	return c.submit(ctx, "Adjust", a)
}

// GetStanding returns how a battery stands.
func (c Rewards) GetStanding(ctx context.Context, battery string) (chaincode.Standing, error) {
	return ask[chaincode.Standing](ctx, c.contract, "GetStanding", battery)
}

// GetEpoch returns a closed epoch.
func (c Rewards) GetEpoch(ctx context.Context, epoch string) (chaincode.EpochClosing, error) {
	return ask[chaincode.EpochClosing](ctx, c.contract, "GetEpoch", epoch)
}

// GetOpenEpoch returns what the ledger has of an epoch, closed or not.
func (c Rewards) GetOpenEpoch(ctx context.Context, epoch string) (chaincode.OpenEpoch, error) {
	return ask[chaincode.OpenEpoch](ctx, c.contract, "GetOpenEpoch", epoch)
}

// GetChallenges returns the challenges of a sealed interval, by battery.
func (c Rewards) GetChallenges(ctx context.Context, i grid.Interval) ([]chaincode.Challenge, error) {
	return ask[[]chaincode.Challenge](ctx, c.contract, "GetChallenges", i.String())
}

// Disputes calls the contract of that name.
type Disputes struct{ contract }

// DisputeFile is a dispute and how far it came.
type DisputeFile struct {
	Dispute    chaincode.Dispute     `json:"dispute"`
	Response   *chaincode.Response   `json:"response"`   // nil: there is none yet
	Resolution *chaincode.Resolution `json:"resolution"` // nil: there is none yet
}

// Open begins a dispute.
func (c Disputes) Open(ctx context.Context, d chaincode.Dispute) error {
	return c.submit(ctx, "Open", d)
}

// Respond answers a dispute.
func (c Disputes) Respond(ctx context.Context, r chaincode.Response) error {
	return c.submit(ctx, "Respond", r)
}

// Resolve ends a dispute.
func (c Disputes) Resolve(ctx context.Context, r chaincode.Resolution) error {
	return c.submit(ctx, "Resolve", r)
}

// Get returns a dispute.
func (c Disputes) Get(ctx context.Context, id string) (DisputeFile, error) {
	return ask[DisputeFile](ctx, c.contract, "Get", id)
}
