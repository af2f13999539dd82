package chaincode

import (
	"encoding/json"
	"slices"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Registry records who belongs to a community and what is installed there.
type Registry struct {
	contractapi.Contract
}

// MeteringPoint is where a member's connection meter bills.
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
	Serial        string `json:"serial"`
}

// Keys in the state.
const (
	kindMeteringPoint = "metering-point"
	kindDevice        = "device"
)

// systemAccounts may not name a metering point: postings use them.
func systemAccounts() []string { return []string{"utility", "grid", "fund", "rounding", "tax"} }

// RegisterMeteringPoint takes a MeteringPoint. Registering it again changes
// nothing.
func (*Registry) RegisterMeteringPoint(ctx contractapi.TransactionContextInterface, arg string) error {
	var p MeteringPoint
	if err := decode(arg, &p); err != nil {
		return err
	}
	if err := allow(ctx, p.Community, RoleInstaller, RoleOperator); err != nil {
		return err
	}
	if p.ID == "" || p.Member == "" || slices.Contains(systemAccounts(), p.ID) {
		return fail(CodeInvalid, "id, member: must be given, and id must not be a system account")
	}
	_, err := put(ctx, p, kindMeteringPoint, p.Community, p.ID)
	return err
}

// RegisterDevice takes a Device whose metering point is registered.
func (*Registry) RegisterDevice(ctx contractapi.TransactionContextInterface, arg string) error {
	var d Device
	if err := decode(arg, &d); err != nil {
		return err
	}
	if err := allow(ctx, d.Community, RoleInstaller, RoleOperator); err != nil {
		return err
	}
	if d.ID == "" || d.Kind == "" {
		return fail(CodeInvalid, "id, kind: must be given")
	}
	if err := mustHavePoint(ctx, d.Community, d.MeteringPoint); err != nil {
		return err
	}
	_, err := put(ctx, d, kindDevice, d.Community, d.ID)
	return err
}

// GetMeteringPoint returns a MeteringPoint.
func (*Registry) GetMeteringPoint(ctx contractapi.TransactionContextInterface, community, id string) (string, error) {
	if err := allow(ctx, community, RoleInstaller, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	var p MeteringPoint
	found, err := get(ctx, &p, kindMeteringPoint, community, id)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fail(CodeMissing, "metering point %q is not registered", id)
	}
	b, err := json.Marshal(p)
	return string(b), err
}

func mustHavePoint(ctx contractapi.TransactionContextInterface, community, id string) error {
	var p MeteringPoint
	found, err := get(ctx, &p, kindMeteringPoint, community, id)
	if err == nil && !found {
		return fail(CodeMissing, "metering point %q is not registered", id)
	}
	return err
}
