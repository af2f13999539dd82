package chaincode

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
)

// Registry records who belongs to a community and what is installed there. What
// was admitted once stays on record; a revocation says from when on it counts
// no longer, and is final: who comes back gets a new id.
type Registry struct {
	contractapi.Contract
}

// Community is a neighbourhood with a market of its own.
type Community struct {
	ID       string `json:"id"`
	Currency string `json:"currency"` // ISO 4217
	Operator string `json:"operator"` // organisation (MSP) that vouches for the community's people
	Utility  string `json:"utility"`  // organisation that vouches for the utility's
}

// vouches returns the organisation whose certificates may carry the role.
func (c Community) vouches(role string) string {
	if role == RoleUtility {
		return c.Utility
	}
	return c.Operator
}

// Member is a member under its pseudonym.
type Member struct {
	Community string `json:"community"`
	ID        string `json:"id"`
	// Commitment is the SHA-256 of the member's Personal record as it stands in the
	// private collection; empty when none is kept.
	Commitment string `json:"commitment"`
}

// Personal is what a community knows of a member. It is never on the chain.
type Personal struct {
	Salt    string            `json:"salt"` // random, at least 16 bytes in base64 or hex
	Details map[string]string `json:"details"`
}

// MeteringPoint is where a member's connection meter bills. Its id is the
// account of the postings.
type MeteringPoint struct {
	Community string `json:"community"`
	ID        string `json:"id"`
	Member    string `json:"member"`
}

// Device is an installed device.
type Device struct {
	Community     string `json:"community"`
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	MeteringPoint string `json:"metering_point"`
	Commitment    string `json:"commitment"` // to its serial number, salted
}

// GatewayKey is a key that signs readings. A gateway has one after the other.
type GatewayKey struct {
	Community string `json:"community"`
	Gateway   string `json:"gateway"`
	PublicKey string `json:"public_key"` // ECDSA P-256, base64 of its PKIX form
}

// Revocation ends an admission.
type Revocation struct {
	Community string `json:"community"`
	Kind      string `json:"kind"` // member, metering-point, device or gateway
	ID        string `json:"id"`
	At        string `json:"at"` // RFC 3339, UTC: from then on
	Reason    string `json:"reason"`
}

// Kinds of what is admitted; they are keys in the state as well.
const (
	KindMember        = "member"
	KindMeteringPoint = "metering-point"
	KindDevice        = "device"
	KindGateway       = "gateway"

	kindCommunity  = "community"
	kindRevocation = "revocation"
)

// admitted is a record with its end.
type admitted[T any] struct {
	Value   T      `json:"value"`
	Revoked string `json:"revoked,omitempty"` // RFC 3339
}

// Pseudonym names something of a member on the ledger: the HMAC of its kind and
// name under the member's salt. Without the salt nobody can tell whose it is;
// with it anybody can verify.
func Pseudonym(salt []byte, kind, name string) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(kind + "\x00" + name))
	return hex.EncodeToString(mac.Sum(nil)[:pseudonymBytes])
}

const (
	pseudonymBytes = 12
	minSalt        = 16
)

// FoundCommunity takes a Community without its operator: that is the caller's
// organisation.
func (*Registry) FoundCommunity(ctx contractapi.TransactionContextInterface, arg string) error {
	var c Community
	if err := decode(arg, &c); err != nil {
		return err
	}
	id := ctx.GetClientIdentity()
	if err := id.AssertAttributeValue(AttributeRole, RoleOperator); err != nil {
		return fail(CodeDenied, "only an operator may found a community")
	}
	if err := id.AssertAttributeValue(AttributeCommunity, c.ID); err != nil {
		return fail(CodeDenied, "the certificate is not for community %q", c.ID)
	}
	msp, err := id.GetMSPID()
	if err != nil {
		return fail(CodeDenied, "the certificate names no organisation")
	}
	var stored Community
	if found, err := get(ctx, &stored, kindCommunity, c.ID); err != nil || found && stored.Operator != msp {
		return cmpErr(err, fail(CodeDenied, "community %q was founded by organisation %q", c.ID, stored.Operator))
	}
	switch {
	case c.ID == "" || c.Utility == "" || len(c.Currency) != 3:
		return fail(CodeInvalid, "id, utility, currency: must be given, the currency as an ISO 4217 code")
	case c.Operator != "" && c.Operator != msp:
		return fail(CodeDenied, "operator: %q is not the caller's organisation", c.Operator)
	case c.Utility == msp:
		return fail(CodeInvalid, "utility: must be another organisation than the operator's")
	}
	c.Operator = msp
	created, err := put(ctx, c, kindCommunity, c.ID)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "community-founded", c)
}

// AdmitMember takes a Member, and its Personal record in the transient data
// under "personal" if the community keeps one. Admitting a member again without a
// record changes nothing.
func (*Registry) AdmitMember(ctx contractapi.TransactionContextInterface, arg string) error {
	var m Member
	if err := decode(arg, &m); err != nil {
		return err
	}
	if _, err := allow(ctx, m.Community, RoleOperator, RoleInstaller); err != nil {
		return err
	}
	if m.ID == "" {
		return fail(CodeInvalid, "id: must be given")
	}
	record, err := transient(ctx, CollectionPersonal)
	if err != nil {
		return err
	}
	if record == nil && m.Commitment == "" {
		var known admitted[Member]
		if found, err := get(ctx, &known, KindMember, m.Community, m.ID); err != nil || found {
			return err
		}
	}
	if record != nil {
		if err := m.check(record); err != nil {
			return err
		}
		key, err := ctx.GetStub().CreateCompositeKey(KindMember, []string{m.Community, m.ID})
		if err != nil {
			return fail(CodeInvalid, "%v", err)
		}
		if err := ctx.GetStub().PutPrivateData(CollectionPersonal, key, record); err != nil {
			return err
		}
	}
	return admit(ctx, m, KindMember, m.Community, m.ID)
}

func (m Member) check(record []byte) error {
	var p Personal
	if err := decode(string(record), &p); err != nil {
		return err
	}
	if len(p.Salt) < minSalt {
		return fail(CodeInvalid, "personal.salt: must have at least %d characters, or its digest could be guessed", minSalt)
	}
	if digest(record) != m.Commitment {
		return fail(CodeInvalid, "commitment: is not the SHA-256 of the personal record")
	}
	return nil
}

// GetPersonal returns a member's Personal record.
func (*Registry) GetPersonal(ctx contractapi.TransactionContextInterface, community, id string) (string, error) {
	who, err := allow(ctx, community, RoleOperator, RoleUtility, RoleMember)
	if err != nil {
		return "", err
	}
	if who.Role == RoleMember && who.Member != id {
		return "", fail(CodeDenied, "a member sees its own record only")
	}
	key, err := ctx.GetStub().CreateCompositeKey(KindMember, []string{community, id})
	if err != nil {
		return "", fail(CodeInvalid, "%v", err)
	}
	record, err := ctx.GetStub().GetPrivateData(CollectionPersonal, key)
	if err != nil {
		return "", err
	}
	if record == nil {
		return "", fail(CodeMissing, "no personal record of %q is kept", id)
	}
	return string(record), nil
}

// EraseMember takes {community, id} and purges the member's Personal record
// from every peer, its history included.
func (*Registry) EraseMember(ctx contractapi.TransactionContextInterface, arg string) error {
	var who struct {
		Community string `json:"community"`
		ID        string `json:"id"`
	}
	if err := decode(arg, &who); err != nil {
		return err
	}
	if _, err := allow(ctx, who.Community, RoleOperator); err != nil {
		return err
	}
	key, err := ctx.GetStub().CreateCompositeKey(KindMember, []string{who.Community, who.ID})
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if err := ctx.GetStub().PurgePrivateData(CollectionPersonal, key); err != nil {
		return err
	}
	return emit(ctx, "member-erased", who)
}

// RegisterMeteringPoint takes a MeteringPoint of an admitted member.
// Registering it again changes nothing.
func (*Registry) RegisterMeteringPoint(ctx contractapi.TransactionContextInterface, arg string) error {
	var p MeteringPoint
	if err := decode(arg, &p); err != nil {
		return err
	}
	if _, err := allow(ctx, p.Community, RoleInstaller, RoleOperator); err != nil {
		return err
	}
	if p.ID == "" || slices.Contains(record.SystemAccounts(), p.ID) {
		return fail(CodeInvalid, "id: must be given and must not be a system account")
	}
	if _, err := mustHave[Member](ctx, KindMember, p.Community, p.Member); err != nil {
		return err
	}
	return admit(ctx, p, KindMeteringPoint, p.Community, p.ID)
}

// RegisterDevice takes a Device whose metering point is registered.
func (*Registry) RegisterDevice(ctx contractapi.TransactionContextInterface, arg string) error {
	var d Device
	if err := decode(arg, &d); err != nil {
		return err
	}
	if _, err := allow(ctx, d.Community, RoleInstaller, RoleOperator); err != nil {
		return err
	}
	if d.ID == "" || d.Kind == "" {
		return fail(CodeInvalid, "id, kind: must be given")
	}
	if _, err := mustHave[MeteringPoint](ctx, KindMeteringPoint, d.Community, d.MeteringPoint); err != nil {
		return err
	}
	return admit(ctx, d, KindDevice, d.Community, d.ID)
}

// RegisterGatewayKey takes a GatewayKey. A gateway that has a key gets another
// one: readings signed by any of them count.
func (*Registry) RegisterGatewayKey(ctx contractapi.TransactionContextInterface, arg string) error {
	var k GatewayKey
	if err := decode(arg, &k); err != nil {
		return err
	}
	if _, err := allow(ctx, k.Community, RoleInstaller, RoleOperator); err != nil {
		return err
	}
	if k.Gateway == "" {
		return fail(CodeInvalid, "gateway: must be given")
	}
	if _, err := proof.DecodeKey(k.PublicKey); err != nil {
		return fail(CodeInvalid, "public_key: %v", err)
	}
	var keys admitted[[]GatewayKey]
	if _, err := get(ctx, &keys, KindGateway, k.Community, k.Gateway); err != nil {
		return err
	}
	if slices.Contains(keys.Value, k) {
		return nil
	}
	if keys.Revoked != "" {
		return fail(CodeConflict, "gateway %q was revoked: register it under a new name", k.Gateway)
	}
	keys.Value = append(keys.Value, k)
	if err := set(ctx, keys, KindGateway, k.Community, k.Gateway); err != nil {
		return err
	}
	return emit(ctx, "gateway-key-registered", k)
}

// Revoke takes a Revocation. It counts from its time on, and cannot be taken
// back or changed.
func (*Registry) Revoke(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Revocation
	if err := decode(arg, &r); err != nil {
		return err
	}
	if _, err := allow(ctx, r.Community, RoleOperator); err != nil {
		return err
	}
	if _, err := instant("at", r.At); err != nil {
		return err
	}
	if !slices.Contains([]string{KindMember, KindMeteringPoint, KindDevice, KindGateway}, r.Kind) {
		return fail(CodeInvalid, "kind: %q: must be member, metering-point, device or gateway", r.Kind)
	}
	record, err := mustHave[json.RawMessage](ctx, r.Kind, r.Community, r.ID)
	if err != nil {
		return err
	}
	created, err := put(ctx, r, kindRevocation, r.Community, r.Kind, r.ID)
	if err != nil || !created {
		return err
	}
	record.Revoked = r.At
	if err := set(ctx, record, r.Kind, r.Community, r.ID); err != nil {
		return err
	}
	return emit(ctx, "revoked", r)
}

// Get returns what is admitted under a kind and id: {"value": …, "revoked": …}.
func (*Registry) Get(ctx contractapi.TransactionContextInterface, community, kind, id string) (string, error) {
	if _, err := allow(ctx, community, RoleInstaller, RoleOperator, RoleUtility, RoleGovernor); err != nil {
		return "", err
	}
	if !slices.Contains([]string{KindMember, KindMeteringPoint, KindDevice, KindGateway}, kind) {
		return "", fail(CodeInvalid, "kind: %q: must be member, metering-point, device or gateway", kind)
	}
	record, err := mustHave[json.RawMessage](ctx, kind, community, id)
	if err != nil {
		return "", err
	}
	return text(record)
}

// Change is what a transaction made of something that is admitted.
type Change struct {
	Tx      string          `json:"tx"`
	Deleted bool            `json:"deleted"`
	Value   json.RawMessage `json:"value"` // as Get returns it
}

// GetHistory returns the Changes of what is admitted under a kind and id, the last
// first.
func (*Registry) GetHistory(ctx contractapi.TransactionContextInterface, community, kind, id string) (string, error) {
	if _, err := allow(ctx, community, RoleInstaller, RoleOperator, RoleUtility, RoleGovernor); err != nil {
		return "", err
	}
	key, err := ctx.GetStub().CreateCompositeKey(kind, []string{community, id})
	if err != nil {
		return "", fail(CodeInvalid, "%v", err)
	}
	found, err := ctx.GetStub().GetHistoryForKey(key)
	if err != nil {
		return "", fmt.Errorf("read history of %s %s: %w", kind, id, err)
	}
	defer found.Close() //nolint:errcheck // reading is over
	changes := []Change{}
	for found.HasNext() {
		c, err := found.Next()
		if err != nil {
			return "", fmt.Errorf("read history of %s %s: %w", kind, id, err)
		}
		change := Change{Tx: c.GetTxId(), Deleted: c.GetIsDelete(), Value: c.GetValue()}
		if change.Deleted {
			change.Value = json.RawMessage("null")
		}
		changes = append(changes, change)
	}
	return text(changes)
}

// admit stores a record once. The same again changes nothing, also after its
// revocation.
func admit[T comparable](ctx context, v T, kind, community, id string) error {
	var stored admitted[T]
	found, err := get(ctx, &stored, kind, community, id)
	if err != nil {
		return err
	}
	if found {
		if stored.Value != v {
			return fail(CodeConflict, "%s %q is registered with another content", kind, id)
		}
		return nil
	}
	if err := set(ctx, admitted[T]{Value: v}, kind, community, id); err != nil {
		return err
	}
	return emit(ctx, kind+"-admitted", v)
}

// mustHave returns a record that has to be there.
func mustHave[T any](ctx context, kind, community, id string) (admitted[T], error) {
	var stored admitted[T]
	found, err := get(ctx, &stored, kind, community, id)
	if err == nil && !found {
		err = fail(CodeMissing, "%s %q is not registered", kind, id)
	}
	return stored, err
}

// counts tells whether the record was not revoked at the instant.
func (a admitted[T]) counts(at time.Time) bool {
	if a.Revoked == "" {
		return true
	}
	until, err := time.Parse(time.RFC3339, a.Revoked)
	return err == nil && at.Before(until)
}

// instant reads a time of the one form that Go writes in UTC.
func instant(field, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Format(time.RFC3339) != s {
		return time.Time{}, fail(CodeInvalid, "%s: %q: want RFC 3339 in UTC and whole seconds, as in 2026-06-01T12:00:00Z", field, s)
	}
	return t, nil
}
