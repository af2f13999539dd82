package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// audited is the ledger that a command is about.
type audited struct {
	data    string // directory of the community
	config  string // file, for a ledger on an existing network
	network string // directory of commonwatt fabric up
}

func (a *audited) flags(c *cobra.Command) {
	c.Flags().StringVar(&a.data, "data", config.Defaults().Data, "data directory of the community")
}

// readingsHere are the signed readings of a data directory.
type readingsHere struct {
	evidence *evidence.Log
	names    *ledger.Names
}

// openReadings opens them, nil when the directory has none.
func (a audited) openReadings() (*readingsHere, error) {
	path := filepath.Join(a.data, hub.EvidenceFile)
	if _, err := os.Stat(path); err != nil {
		return nil, nil //nolint:nilerr // a replay has none
	}
	names, err := ledger.OpenNames(filepath.Join(a.data, ledger.NamesFile))
	if err != nil {
		return nil, err
	}
	evidence, err := evidence.Read(path)
	return &readingsHere{evidence, names}, err
}

// Reading implements audit.Readings.
func (r *readingsHere) Reading(digest proof.Digest) ([]byte, error) {
	return r.evidence.Signed(context.Background(), digest)
}

// Salt implements audit.Readings.
func (r *readingsHere) Salt(member string) []byte { return r.names.Known(member) }

// currency returns the one of a data directory's ledger; empty where only a Fabric
// network knows it.
func (a audited) currency(ctx context.Context) (string, error) {
	if _, err := os.Stat(filepath.Join(a.data, embedded.File)); err == nil {
		return embedded.Currency(ctx, a.data)
	}
	kept, err := hub.ReadTerms(a.data)
	return kept.Tariff.Currency, err
}
