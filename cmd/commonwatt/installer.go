package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
)

// installerKeyFile holds the key that pairs devices over the API.
const installerKeyFile = "installer.key"

// installer serves the pairing of devices. In a simulated community it goes
// through the steps and adds nothing.
func (n *node) installer() (*web.Installer, error) {
	profiles, err := n.config.profiles()
	if err != nil {
		return nil, err
	}
	key, err := n.dir.key(installerKeyFile)
	if err != nil {
		return nil, err
	}
	desk := pairing.Open(n.dir.path, profiles, nil)
	paired, err := desk.Paired()
	if err != nil {
		return nil, err
	}
	for _, t := range n.targets {
		if !slices.ContainsFunc(paired, func(b pairing.Binding) bool { return b.ID == t.ID }) {
			desk.Configured = append(desk.Configured, pairing.Binding{Device: t.Device, Target: t.Endpoint.String(), Unit: t.Unit, Profile: t.Profile.ID, Inverted: t.Inverted})
		}
	}
	desk.HasRead = true
	desk.Trial, desk.Reserved, desk.Adopt, desk.Shared = n.config.Simulation != nil, settlement.SystemAccounts(), n.adopt, n.fleet.Conn
	return &web.Installer{Desk: desk, Key: key}, nil
}

// adopt registers a device that was paired, and reads it from now on. A metering
// point that is new trades from the next start, when its member does.
func (n *node) adopt(ctx context.Context, b pairing.Binding) error {
	err := n.ledger.Register(ctx, b.Device)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		return &pairing.ConflictError{Reason: fmt.Sprintf("the ledger refuses device %s: %v: a device or metering point that changed needs a new id", b.ID, err)}
	}
	if err != nil {
		return err
	}
	profiles, err := n.config.profiles()
	if err != nil {
		return err
	}
	d := device{
		ID: b.ID, Member: b.Member, MeteringPoint: b.MeteringPoint, Address: b.Target, Unit: b.Unit,
		Profile: b.Profile, Kind: string(b.Kind), Inverted: b.Inverted, Serial: b.Serial,
	}
	target, err := d.target(profiles)
	if err != nil {
		return err
	}
	last, err := n.store.Totals(ctx, b.ID)
	if err != nil {
		return err
	}
	n.readBy.add(b.Device)
	n.fleet.Add(target, last)
	return n.live.Add(b.Device)
}
