// Package chaincode holds the contracts that run inside Hyperledger Fabric and,
// the same code, in process on the embedded ledger. They are pure: they use
// their arguments and the state, never a clock or a random source.
//
// Arguments and results are JSON, decoded strictly. Of an error only the
// message survives the way out, so that it begins with a code: CODE: text.
//
// Access is by the attributes of the caller's X.509 certificate: AttributeRole
// and AttributeCommunity.
package chaincode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Attributes of a caller's certificate.
const (
	AttributeRole      = "commonwatt.role"
	AttributeCommunity = "commonwatt.community"
)

// Roles of callers.
const (
	RoleOperator  = "operator"  // of the community: settles
	RoleInstaller = "installer" // registers metering points and devices
	RoleUtility   = "utility"   // audits
)

// Codes that errors begin with.
const (
	CodeDenied   = "DENIED"   // the caller's role does not allow it
	CodeInvalid  = "INVALID"  // the argument is malformed or breaks a rule
	CodeConflict = "CONFLICT" // the key exists with another content
	CodeMissing  = "MISSING"  // something that must exist does not
)

func fail(code, format string, args ...any) error {
	return errors.New(code + ": " + fmt.Sprintf(format, args...))
}

// New returns the chaincode with all contracts.
func New() (*contractapi.ContractChaincode, error) {
	registry, settlement := &Registry{}, &Settlement{}
	registry.Name, settlement.Name = "registry", "settlement"
	registry.BeforeTransaction, settlement.BeforeTransaction = identified, identified
	cc, err := contractapi.NewChaincode(registry, settlement)
	if err != nil {
		return nil, fmt.Errorf("assemble chaincode: %w", err)
	}
	return cc, nil
}

// identified refuses callers without a certificate before anything runs.
func identified(ctx contractapi.TransactionContextInterface) error {
	creator, err := ctx.GetStub().GetCreator()
	if err != nil || len(creator) == 0 {
		return fail(CodeDenied, "the caller has no certificate")
	}
	return nil
}

// allow checks that the caller has one of the roles in the community.
func allow(ctx contractapi.TransactionContextInterface, community string, roles ...string) error {
	id := ctx.GetClientIdentity()
	role, found, err := id.GetAttributeValue(AttributeRole)
	if err != nil || !found || !slices.Contains(roles, role) {
		return fail(CodeDenied, "role %q may not do this, want one of %v", role, roles)
	}
	own, found, err := id.GetAttributeValue(AttributeCommunity)
	if err != nil || !found || own != community {
		return fail(CodeDenied, "the certificate is for community %q, not %q", own, community)
	}
	return nil
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
func put(ctx contractapi.TransactionContextInterface, v any, kind string, attributes ...string) (created bool, err error) {
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

// get reads the value under the key into v; found is false when there is none.
func get(ctx contractapi.TransactionContextInterface, v any, kind string, attributes ...string) (found bool, err error) {
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
func load(ctx contractapi.TransactionContextInterface, kind string, attributes []string) (key string, stored []byte, err error) {
	stub := ctx.GetStub()
	if key, err = stub.CreateCompositeKey(kind, attributes); err != nil {
		return "", nil, fail(CodeInvalid, "%v", err)
	}
	if stored, err = stub.GetState(key); err != nil {
		return "", nil, fmt.Errorf("read %s %v: %w", kind, attributes, err)
	}
	return key, stored, nil
}
