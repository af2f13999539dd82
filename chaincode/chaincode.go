// Package chaincode holds the contracts that run inside Hyperledger Fabric and,
// the same code, in process on the embedded ledger. They are pure: they use
// their arguments and the state, never a clock or a random source.
//
// Arguments and results are JSON, decoded strictly. Of an error only the
// message survives the way out, so that it begins with a code: CODE: text. The
// functions are listed in docs/contracts.md.
//
// Access is by the caller's X.509 certificate: its attributes AttributeRole,
// AttributeCommunity and AttributeMember, and the organisation (MSP) that
// vouches for it. An operator of a community is an operator only with a
// certificate of the organisation that founded it, and the utility only with
// one of the organisation that the founding named.
//
// What is personal stays off the chain: a transaction brings it in its transient
// data, the contract keeps it in a private collection that can be purged, and on
// the ledger stands a digest that a random salt makes unguessable. Names on the
// ledger are pseudonyms (see Pseudonym).
package chaincode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Attributes of a caller's certificate.
const (
	AttributeRole      = "commonwatt.role"
	AttributeCommunity = "commonwatt.community"
	AttributeMember    = "commonwatt.member" // of a member's certificate: its pseudonym
)

// Roles of callers. All but the utility's are certified by the community's
// organisation.
const (
	RoleOperator  = "operator"  // settles, reports, pays out
	RoleInstaller = "installer" // registers metering points and devices
	RoleGovernor  = "governor"  // carries out what the community decided
	RoleMember    = "member"    // pledges its batteries, disputes what concerns it
	RoleUtility   = "utility"   // audits, is the other half of the beacon, resolves disputes
)

// Codes that errors begin with.
const (
	CodeDenied   = "DENIED"   // the caller's role does not allow it
	CodeInvalid  = "INVALID"  // the argument is malformed or breaks a rule
	CodeConflict = "CONFLICT" // the key exists with another content
	CodeMissing  = "MISSING"  // something that must exist does not
	CodeTooLate  = "TOO_LATE" // what the argument should come before has happened
	CodeFunds    = "FUNDS"    // the balance or stake does not cover it
)

// Names of the private collections.
const (
	CollectionPersonal = "personal" // who a member is
	CollectionEvidence = "evidence" // signed readings that prove a delivery
)

type context = contractapi.TransactionContextInterface

func fail(code, format string, args ...any) error {
	return errors.New(code + ": " + fmt.Sprintf(format, args...))
}

// New returns the chaincode with all contracts.
func New() (*contractapi.ContractChaincode, error) {
	registry, settlement, rewards, disputes, guarantee, official := &Registry{}, &Settlement{}, &Rewards{}, &Disputes{}, &Guarantee{}, &Official{}
	registry.Name, settlement.Name, rewards.Name, disputes.Name = "registry", "settlement", "rewards", "disputes"
	registry.BeforeTransaction, settlement.BeforeTransaction = identified, identified
	rewards.BeforeTransaction, disputes.BeforeTransaction = identified, identified
	guarantee.Name, guarantee.BeforeTransaction = "guarantee", identified
	official.Name, official.BeforeTransaction = "official", identified
	bills := &Bills{}
	bills.Name, bills.BeforeTransaction = "bills", identified
	cc, err := contractapi.NewChaincode(registry, settlement, rewards, disputes, guarantee, official, bills)
	if err != nil {
		return nil, fmt.Errorf("assemble chaincode: %w", err)
	}
	return cc, nil
}

// identified refuses callers without a certificate before anything runs.
func identified(ctx context) error {
	if _, err := cid.New(ctx.GetStub()); err != nil {
		return fail(CodeDenied, "the caller has no certificate")
	}
	return nil
}

// caller is who calls.
type caller struct {
	Role   string
	Member string // of role member
}

// allow checks that the caller has one of the roles in the community.
func allow(ctx context, community string, roles ...string) (caller, error) {
	id := ctx.GetClientIdentity()
	role, found, err := id.GetAttributeValue(AttributeRole)
	if err != nil || !found || !slices.Contains(roles, role) {
		return caller{}, fail(CodeDenied, "role %q may not do this, want one of %v", role, roles)
	}
	own, found, err := id.GetAttributeValue(AttributeCommunity)
	if err != nil || !found || own != community {
		return caller{}, fail(CodeDenied, "the certificate is for community %q, not %q", own, community)
	}
	var c Community
	if found, err = get(ctx, &c, kindCommunity, community); err != nil {
		return caller{}, err
	}
	if !found {
		return caller{}, fail(CodeMissing, "community %q is not founded", community)
	}
	msp, err := id.GetMSPID()
	if err != nil {
		return caller{}, fail(CodeDenied, "the certificate names no organisation")
	}
	if want := c.vouches(role); msp != want {
		return caller{}, fail(CodeDenied, "role %q is vouched for by organisation %q, not %q", role, want, msp)
	}
	who := caller{Role: role}
	if role == RoleMember {
		who.Member, found, err = id.GetAttributeValue(AttributeMember)
		if err != nil || !found || who.Member == "" {
			return caller{}, fail(CodeDenied, "the certificate names no member")
		}
	}
	return who, nil
}

// decode reads exactly one JSON value without unknown fields.
func decode(s string, into any) error {
	dec := json.NewDecoder(bytes.NewReader([]byte(s)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fail(CodeInvalid, "more than one JSON value")
	}
	return nil
}

// put stores v under the key once. The same content again changes nothing and
// gives false; another content is a conflict.
func put(ctx context, v any, kind string, attributes ...string) (created bool, err error) {
	value, err := json.Marshal(v)
	if err != nil {
		return false, fail(CodeInvalid, "%v", err)
	}
	key, stored, err := load(ctx, kind, attributes)
	if err != nil {
		return false, err
	}
	if stored != nil {
		if !bytes.Equal(stored, value) {
			return false, fail(CodeConflict, "%s %v exists with another content", kind, attributes)
		}
		return false, nil
	}
	if err := ctx.GetStub().PutState(key, value); err != nil {
		return false, fmt.Errorf("write %s %v: %w", kind, attributes, err)
	}
	return true, nil
}

// set stores v under the key, whatever was there.
func set(ctx context, v any, kind string, attributes ...string) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	key, err := ctx.GetStub().CreateCompositeKey(kind, attributes)
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if err := ctx.GetStub().PutState(key, value); err != nil {
		return fmt.Errorf("write %s %v: %w", kind, attributes, err)
	}
	return nil
}

// get reads the value under the key into v; found is false when there is none.
func get(ctx context, v any, kind string, attributes ...string) (found bool, err error) {
	_, stored, err := load(ctx, kind, attributes)
	if err != nil || stored == nil {
		return false, err
	}
	if err := json.Unmarshal(stored, v); err != nil {
		return false, fmt.Errorf("decode %s %v: %w", kind, attributes, err)
	}
	return true, nil
}

// load returns the composite key and what is stored there, nil when nothing is.
func load(ctx context, kind string, attributes []string) (key string, stored []byte, err error) {
	stub := ctx.GetStub()
	if key, err = stub.CreateCompositeKey(kind, attributes); err != nil {
		return "", nil, fail(CodeInvalid, "%v", err)
	}
	if stored, err = stub.GetState(key); err != nil {
		return "", nil, fmt.Errorf("read %s %v: %w", kind, attributes, err)
	}
	return key, stored, nil
}

// each calls f with the key and value of everything whose key begins with the
// attributes, in order of key.
func each(ctx context, kind string, attributes []string, f func(key string, value []byte) error) error {
	found, err := ctx.GetStub().GetStateByPartialCompositeKey(kind, attributes)
	if err != nil {
		return fmt.Errorf("read %s %v: %w", kind, attributes, err)
	}
	defer found.Close() //nolint:errcheck // reading is over
	for found.HasNext() {
		kv, err := found.Next()
		if err != nil {
			return fmt.Errorf("read %s %v: %w", kind, attributes, err)
		}
		if err := f(kv.GetKey(), kv.GetValue()); err != nil {
			return err
		}
	}
	return nil
}

// emit says what changed. A transaction has one event.
func emit(ctx context, name string, what any) error {
	payload, err := json.Marshal(what)
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	return ctx.GetStub().SetEvent(name, payload)
}

// text is a query's result.
func text(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// transient returns a private value of the transaction, nil when there is none.
func transient(ctx context, name string) ([]byte, error) {
	all, err := ctx.GetStub().GetTransient()
	if err != nil {
		return nil, fmt.Errorf("transient data: %w", err)
	}
	return all[name], nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
