package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/usage"
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
	key, err := n.dir.Secret(installerKeyFile)
	if err != nil {
		return nil, err
	}
	desk := pairing.Open(n.dir.Path, profiles, nil)
	paired, err := desk.Paired()
	if err != nil {
		return nil, err
	}
	for _, t := range n.targets {
		if !slices.ContainsFunc(paired, func(b pairing.Binding) bool { return b.ID == t.ID }) {
			desk.Configured = append(desk.Configured, pairing.Binding{Device: t.Device, Target: t.Endpoint.String(), Unit: t.Unit, Profile: t.Profile.ID, Inverted: t.Inverted})
		}
	}
	desk.HasRead, desk.Clock = true, n.clock
	desk.Trial, desk.Reserved, desk.Adopt, desk.Shared = n.config.Simulation != nil, record.SystemAccounts(), n.adopt, n.fleet.Conn
	return &web.Installer{Desk: desk, Key: key}, nil
}

// adopt takes in a device that was paired. What may refuse it comes first: the
// ledger, the market, and the page. Once it is kept, begin has it read; a connection
// meter bills, and its member trades, from the next interval on.
func (n *node) adopt(ctx context.Context, b pairing.Binding) (begin func(), err error) {
	target, last, err := n.wanted(ctx, b)
	if err != nil {
		return nil, err
	}
	err = n.ledger.Register(ctx, b.Device)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		return nil, &pairing.ConflictError{Reason: fmt.Sprintf("the ledger refuses device %s: %v: a device or metering point that changed needs a new id", b.ID, err)}
	}
	if err != nil {
		return nil, err
	}
	join := func() {}
	if b.Kind == grid.Meter {
		if join, err = n.market.Admit(community.Point{MeteringPoint: b.MeteringPoint, Member: b.Member}, n.clock()); err != nil {
			return nil, refusedAs(err)
		}
	}
	if err := n.live.Add(b.Device); err != nil {
		return nil, err
	}
	return func() {
		n.readBy.add(b.Device)
		if c, changed := n.signs.Add(b.Device); changed {
			n.tellSign(ctx, c)
		}
		if b.Kind == grid.Meter {
			n.metering.Add(b.Device, b.Since)
		}
		n.desk.Add(b.Device)
		join()
		n.fleet.Add(target, last)
	}, nil
}

// refusedAs makes what the market refuses the installer's to mend.
func refusedAs(err error) error {
	if refused := (*usage.Error)(nil); errors.As(err, &refused) {
		return &pairing.ConflictError{Reason: err.Error()}
	}
	return err
}

// wanted says how a paired device is read, and what its last registers were.
func (n *node) wanted(ctx context.Context, b pairing.Binding) (t meters.Target, last *grid.Reading, err error) {
	profiles, err := n.config.profiles()
	if err != nil {
		return t, nil, err
	}
	if t, err = ofBinding(b).target(profiles); err != nil {
		return t, nil, err
	}
	last, err = n.store.Totals(ctx, b.ID)
	return t, last, err
}

// ofBinding is the configuration of a device that was paired.
func ofBinding(b pairing.Binding) device {
	return device{
		ID: b.ID, Member: b.Member, MeteringPoint: b.MeteringPoint, Address: b.Target, Unit: b.Unit,
		Profile: b.Profile, Kind: string(b.Kind), Inverted: b.Inverted, Serial: b.Serial, since: b.Since,
	}
}
