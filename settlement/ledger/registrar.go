package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// registrar records who and what belongs to the community.
type registrar struct {
	callers

	names  *Names
	people *People
}

// Register records devices, with their members and metering points, all at once. The
// error of the contracts names the device that they refuse.
func (r registrar) Register(ctx context.Context, devices ...grid.Device) error {
	err := r.register(ctx, devices...)
	refused := (*ContractError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	for _, d := range devices {
		if err := r.register(ctx, d); errors.As(err, &refused) {
			return fmt.Errorf("the ledger refuses device %s: %w: a device or metering point that changed needs a new id", d.ID, err)
		}
	}
	return err
}

func (r registrar) register(ctx context.Context, devices ...grid.Device) error {
	all := registration{seen: map[any]bool{}}
	for _, d := range devices {
		if err := all.add(r, d); err != nil {
			return fmt.Errorf("register %s: %w", d.ID, err)
		}
	}
	installer := r.As(r.people.Installer)
	if err := installer.Registry.AdmitMember(ctx, all.members...); err != nil {
		return err
	}
	if err := installer.Registry.RegisterMeteringPoint(ctx, all.points...); err != nil { // of members that are there
		return err
	}
	return installer.Registry.RegisterDevice(ctx, all.devices...) // at metering points that are there
}

// registration is what some devices bring to the registry, each once.
type registration struct {
	members []chaincode.Member
	points  []chaincode.MeteringPoint
	devices []chaincode.Device
	seen    map[any]bool
}

func (r *registration) add(by registrar, d grid.Device) error {
	salt, err := by.names.Salt(d.Member)
	if err != nil {
		return err
	}
	point := chaincode.Pseudonym(salt, chaincode.KindMeteringPoint, d.MeteringPoint)
	if slices.Contains(record.SystemAccounts(), d.MeteringPoint) {
		point = d.MeteringPoint // which the contract refuses
	}
	m := chaincode.Member{Community: by.community, ID: chaincode.Pseudonym(salt, chaincode.KindMember, d.Member)}
	p := chaincode.MeteringPoint{Community: by.community, ID: point, Member: m.ID}
	device := chaincode.Device{
		Community: by.community, ID: chaincode.Pseudonym(salt, chaincode.KindDevice, d.ID), Kind: string(d.Kind),
		MeteringPoint: point, Commitment: chaincode.Pseudonym(salt, "serial", d.Serial),
	}
	if !r.seen[m] {
		r.members = append(r.members, m)
	}
	if !r.seen[p] {
		r.points = append(r.points, p)
	}
	if !r.seen[device] {
		r.devices = append(r.devices, device)
	}
	r.seen[m], r.seen[p], r.seen[device] = true, true, true
	return nil
}

// RegisterGateway records a key that signs readings.
func (r registrar) RegisterGateway(ctx context.Context, gateway, publicKey string) error {
	return r.As(r.people.Installer).Registry.RegisterGatewayKey(ctx, chaincode.GatewayKey{Community: r.community, Gateway: gateway, PublicKey: publicKey})
}

// RevokeGateway ends a gateway's keys: what they sign from t on counts no more.
func (r registrar) RevokeGateway(ctx context.Context, gateway string, t time.Time) error {
	return r.As(r.people.Operator).Registry.Revoke(ctx, chaincode.Revocation{
		Community: r.community, Kind: chaincode.KindGateway, ID: gateway, At: t.UTC().Format(time.RFC3339), Reason: "configured",
	})
}
