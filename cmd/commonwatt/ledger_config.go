package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
	"github.com/commonwatt/commonwatt/usage"
)

// ledgerConfig says where settlements are recorded.
type ledgerConfig struct {
	Kind    string `yaml:"kind"`    // embedded, or fabric
	Network string `yaml:"network"` // directory of commonwatt fabric up

	// An existing network: how to reach it, and as whom.
	Profile      *fabric.Profile         `yaml:"profile"`
	Organisation string                  `yaml:"organisation"` // the community's MSP
	Utility      string                  `yaml:"utility"`      // the utility's MSP
	Identities   map[string]identityFile `yaml:"identities"`   // by role: operator, installer, governor
	Authorities  map[string]string       `yaml:"authorities"`  // by MSP: the CA's certificate, PEM, for ledger verify
}

// identityFile is a certificate with the contracts' attributes, and its key.
type identityFile struct {
	Certificate string `yaml:"certificate"` // PEM
	Key         string `yaml:"key"`         // PEM, PKCS #8
}

// Kinds of ledger.
const (
	embeddedLedger = "embedded"
	fabricLedger   = "fabric"
)

func ownRoles() []string {
	return []string{chaincode.RoleOperator, chaincode.RoleInstaller, chaincode.RoleGovernor}
}

// validate names the field that is wrong.
func (c ledgerConfig) validate() error {
	switch kind := cmp.Or(c.Kind, embeddedLedger); {
	case kind != embeddedLedger && kind != fabricLedger:
		return fmt.Errorf("ledger.kind: %q: must be embedded or fabric", c.Kind)
	case kind == embeddedLedger && (c.Network != "" || c.Profile != nil || c.Organisation != "" || c.Utility != "" || len(c.Identities) > 0):
		return errors.New("ledger.kind: embedded: the other fields are those of fabric")
	case kind == embeddedLedger:
		return nil
	case c.Profile == nil && (c.Organisation != "" || c.Utility != "" || len(c.Identities) > 0):
		return errors.New("ledger.profile: missing: organisation, utility and identities belong to an existing network")
	case c.Profile == nil:
		return nil
	case c.Network != "":
		return errors.New("ledger.network: give either the directory of commonwatt fabric up or the profile of an existing network")
	case c.Organisation == "" || c.Utility == "" || c.Organisation == c.Utility:
		return errors.New("ledger.organisation, ledger.utility: must be given, as the MSP ids of two organisations")
	}
	if err := c.Profile.Validate(); err != nil {
		return fmt.Errorf("ledger.profile.%w", err)
	}
	for _, role := range ownRoles() {
		if c.Identities[role].Certificate == "" || c.Identities[role].Key == "" {
			return fmt.Errorf("ledger.identities.%s: certificate and key must be given", role)
		}
	}
	return nil
}

// openLedger opens the ledger that the configuration names.
func (c config) openLedger(ctx context.Context, dir *disk.Dir, log *slog.Logger) (*ledger.Ledger, error) {
	names, err := ledger.OpenNames(dir.File(ledger.NamesFile))
	if err != nil {
		return nil, err
	}
	currency := c.Tariff.Currency
	switch {
	case cmp.Or(c.Ledger.Kind, embeddedLedger) == embeddedLedger:
		return embedded.OpenLedger(ctx, dir.Path, c.Community, currency, names)
	case c.Ledger.Profile == nil:
		n, err := c.Ledger.running(ctx, c.Community)
		if err != nil {
			return nil, err
		}
		if err := publish(n.Dir, dir); err != nil {
			return nil, err
		}
		l, _, err := n.OpenLedger(ctx, dir.Path, currency, names, log)
		return known(ctx, l, err)
	default:
		l, err := c.Ledger.openExisting(ctx, dir, c.Community, currency, names, log)
		return known(ctx, l, err)
	}
}

// exists tells whether the network that is configured was laid out.
func (c ledgerConfig) exists() error {
	dir := cmp.Or(c.Network, defaultNetwork)
	if cmp.Or(c.Kind, embeddedLedger) == embeddedLedger || c.Profile != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "network.json")); err != nil {
		return fmt.Errorf("ledger.network: no network in %s: bring one up with commonwatt fabric up --dir %s", dir, dir)
	}
	return nil
}

// running opens the network that is configured, which must be up.
func (c ledgerConfig) running(ctx context.Context, community string) (*network.Network, error) {
	if err := c.exists(); err != nil {
		return nil, usage.Mark(err)
	}
	dir := cmp.Or(c.Network, defaultNetwork)
	n, err := openNetwork(ctx, dir, community, 0)
	if err != nil {
		return nil, err
	}
	if !isUp(n) {
		return nil, usage.Errorf("ledger.network: the network in %s is not running: commonwatt fabric up --dir %s", dir, dir)
	}
	return n, nil
}

// isUp tells whether a peer of a network runs.
func isUp(n *network.Network) bool {
	up := n.Running()
	return slices.ContainsFunc(n.Nodes, func(node network.Node) bool {
		_, peer := n.PeerOf(node)
		return peer && up[node.Name]
	})
}

// known refuses a ledger that has members of whom the data directory knows none: it
// is another community's, or the wrong directory.
func known(ctx context.Context, l *ledger.Ledger, err error) (*ledger.Ledger, error) {
	if err != nil || !l.Names.Empty() {
		return l, err
	}
	x, err := l.Index(ctx)
	if err == nil {
		var points []string
		if points, err = x.MeteringPoints(ctx, ""); err == nil && len(points) > 0 {
			err = usage.Errorf("--data: the ledger has %d metering points of this community, and the directory knows nobody: give the directory that the community ran on", len(points))
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// publish copies the verifier keys of a network to where the community's auditors
// look for them.
func publish(network string, dir *disk.Dir) error {
	for _, name := range []string{ledger.PublicKey, ledger.WitnessKey} {
		key, err := os.ReadFile(filepath.Join(network, name)) //nolint:gosec // the directory is the operator's
		if errors.Is(err, os.ErrNotExist) {
			continue // the first start makes them
		}
		if err != nil {
			return fmt.Errorf("ledger key: %w", err)
		}
		if err := dir.Replace(name, key); err != nil {
			return err
		}
	}
	return nil
}

func (c ledgerConfig) openExisting(ctx context.Context, dir *disk.Dir, community, currency string, names *ledger.Names, log *slog.Logger) (*ledger.Ledger, error) {
	ids := map[string]*identity.Identity{}
	for _, role := range ownRoles() {
		var err error
		if ids[role], err = identity.Load(c.Organisation, c.Identities[role].Certificate, c.Identities[role].Key); err != nil {
			return nil, usage.Errorf("ledger.identities.%s: %w", role, err)
		}
	}
	people, err := ledger.Elsewhere(dir.Path, community, c.Utility, ids[chaincode.RoleOperator], ids[chaincode.RoleInstaller], ids[chaincode.RoleGovernor])
	if err != nil {
		return nil, err
	}
	chain, err := fabric.Open(ctx, *c.Profile, people.Operator, dir.File(fabric.OutboxFile), log)
	if err != nil {
		return nil, err
	}
	index, err := ledger.OpenIndex(ctx, dir.Path, people.Signer)
	if err != nil {
		return nil, errors.Join(err, chain.Close())
	}
	return ledger.Open(ctx, chain, index, people, names, community, currency)
}
