package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
	"github.com/commonwatt/commonwatt/usage"
)

// OpenLedger opens the ledger that a plan names, on the community's data directory.
// What does not belong to the rest of the directory is refused.
func OpenLedger(ctx context.Context, plan config.Plan, dir *disk.Dir, log *slog.Logger) (*ledger.Ledger, error) {
	names, err := ledger.OpenNames(dir.File(ledger.NamesFile))
	if err == nil {
		err = dir.StillHolds(ledger.NamesFile, names.Marks())
	}
	if err != nil {
		return nil, err
	}
	names.Kept = func(marks []string) error { return dir.Hold(ledger.NamesFile, marks) }
	l, err := openLedger(ctx, plan, dir, names, log)
	if err != nil {
		return nil, err
	}
	for _, path := range l.Rebuilt() {
		log.WarnContext(ctx, "the index of the ledger did not fit: it is set aside, as ….damaged, and built anew from the ledger", slog.String("file", path))
	}
	if l, err = atHome(ctx, l); err != nil || !plan.Ledger.IsEmbedded() {
		return l, err
	}
	height, _, err := l.Head(ctx)
	if err == nil {
		err = dir.Grown(embedded.File, height)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func openLedger(ctx context.Context, plan config.Plan, dir *disk.Dir, names *ledger.Names, log *slog.Logger) (*ledger.Ledger, error) {
	currency := plan.Tariff.Currency
	switch {
	case plan.Ledger.IsEmbedded():
		return embedded.OpenLedger(ctx, dir.Path, plan.Community, currency, names)
	case plan.Ledger.Profile == nil:
		n, err := runningNetwork(ctx, plan.Ledger, plan.Community)
		if err != nil {
			return nil, err
		}
		if err := n.PublishKeys(dir); err != nil {
			return nil, err
		}
		l, _, err := n.OpenLedger(ctx, dir.Path, currency, names, log)
		return l, err
	default:
		return openExisting(ctx, plan, dir, names, log)
	}
}

// atHome refuses a ledger of another community, or the wrong directory.
func atHome(ctx context.Context, l *ledger.Ledger) (*ledger.Ledger, error) {
	if err := usage.Mark(l.CheckHome(ctx)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// CheckNetwork checks that the network was laid out which a ledger is on.
func CheckNetwork(c config.Ledger) error {
	dir := cmp.Or(c.Network, DefaultNetwork)
	if c.IsEmbedded() || c.Profile != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "network.json")); err != nil {
		return fmt.Errorf("ledger.network: no network in %s: bring one up with commonwatt fabric up --dir %s", dir, dir)
	}
	return nil
}

// runningNetwork opens the network that is configured, which must be up.
func runningNetwork(ctx context.Context, c config.Ledger, community string) (*network.Network, error) {
	if err := CheckNetwork(c); err != nil {
		return nil, usage.Mark(err)
	}
	dir := cmp.Or(c.Network, DefaultNetwork)
	n, err := OpenNetwork(ctx, dir, community, 0)
	if err != nil {
		return nil, err
	}
	if !n.IsUp() {
		return nil, usage.Errorf("ledger.network: the network in %s is not running: commonwatt fabric up --dir %s", dir, dir)
	}
	return n, nil
}

func openExisting(ctx context.Context, plan config.Plan, dir *disk.Dir, names *ledger.Names, log *slog.Logger) (*ledger.Ledger, error) {
	c := plan.Ledger
	ids := map[string]*identity.Identity{}
	for _, role := range config.LedgerRoles() {
		var err error
		if ids[role], err = identity.Load(c.Organisation, c.Identities[role].Certificate, c.Identities[role].Key); err != nil {
			return nil, usage.Errorf("ledger.identities.%s: %w", role, err)
		}
	}
	return fabric.OpenLedger(ctx, fabric.Existing{
		Profile: Profile(*c.Profile), Utility: c.Utility, Identities: ids, Dir: dir.Path, Community: plan.Community, Currency: plan.Tariff.Currency,
	}, names, log)
}

// Profile says how an existing Fabric network is reached.
func Profile(p config.FabricProfile) fabric.Profile {
	out := fabric.Profile{Channel: p.Channel, Chaincode: p.Chaincode}
	for _, peer := range p.Peers {
		out.Peers = append(out.Peers, fabric.Peer(peer))
	}
	return out
}

// DefaultNetwork is where a network lies unless the operator says otherwise.
const DefaultNetwork = "data/fabric"

// OpenNetwork opens a network; that there is none, or no binaries, is wrong usage.
func OpenNetwork(ctx context.Context, dir, community string, orderers int) (*network.Network, error) {
	if orderers == 0 {
		if _, err := os.Stat(dir); err != nil {
			return nil, usage.Errorf("--dir: no network in %s: bring one up with commonwatt fabric up", dir)
		}
	}
	n, err := network.Open(ctx, dir, community, orderers)
	if missing := (*network.MissingError)(nil); errors.As(err, &missing) {
		return nil, usage.Mark(err)
	}
	return n, err
}
