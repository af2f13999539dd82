package scenarios

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/usage"
)

// Kinds of the ledger that a replay can have.
const (
	InMemory = "memory"   // gone with the replay
	Embedded = "embedded" // kept beside the results
	OnFabric = "fabric"   // on a network of the replay's own, which runs as long as it does
)

// Unused refuses a directory that has the results of another replay.
func Unused(dir string) error {
	for _, name := range Files() {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return usage.Errorf("--out: %s has the results of another replay already (%s): choose another directory, or give --force to overwrite them", dir, name)
		}
	}
	return nil
}

// Ledger is the new ledger of a replay, with what ends with it.
type Ledger struct {
	*ledger.Ledger

	network *network.Network // that was brought up for it; nil: none
}

// Close closes the ledger and takes the network down that was brought up for it.
func (l *Ledger) Close() error {
	err := l.Ledger.Close()
	if l.network != nil {
		_, down := l.network.Down()
		err = errors.Join(err, down)
	}
	return err
}

// OpenLedger begins a new ledger of a kind for a scenario whose results go to a
// directory. say is told what is done meanwhile. A directory that has one already is the
// caller's to mend.
func OpenLedger(ctx context.Context, s Scenario, dir, kind string, say func(step string)) (*Ledger, error) {
	names := ledger.SeededNames(s.Seed)
	if _, err := os.Stat(filepath.Join(dir, ledger.IndexFile)); err == nil {
		return nil, usage.Errorf("--out: %s has the ledger of another replay already: choose another directory", dir)
	}
	var l *ledger.Ledger
	var err error
	switch kind {
	case InMemory:
		l, err = embedded.OpenMemory(ctx, Community, s.Tariff.Currency, names)
	case Embedded:
		l, err = embedded.OpenLedger(ctx, dir, Community, s.Tariff.Currency, names)
	case OnFabric:
		return openNetwork(ctx, s, dir, names, say)
	default:
		err = usage.Errorf("--ledger: %q: must be %s, %s or %s", kind, InMemory, Embedded, OnFabric)
	}
	if err != nil {
		return nil, err
	}
	return &Ledger{Ledger: l}, nil
}

// openNetwork brings up a network of the replay's own beside its results.
func openNetwork(ctx context.Context, s Scenario, out string, names *ledger.Names, say func(step string)) (*Ledger, error) {
	dir := filepath.Join(out, "fabric")
	if _, err := os.Stat(dir); err == nil {
		return nil, usage.Errorf("--out: %s has a network already: choose another directory", out)
	}
	const raft = 3
	n, err := network.Open(ctx, dir, Community, raft)
	if missing := (*network.MissingError)(nil); errors.As(err, &missing) {
		return nil, usage.Mark(err)
	}
	if err != nil {
		return nil, err
	}
	var l *ledger.Ledger
	if err = n.Up(ctx, say); err == nil {
		l, _, err = n.OpenLedger(ctx, out, s.Tariff.Currency, names, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		_, down := n.Down()
		return nil, errors.Join(err, down)
	}
	return &Ledger{Ledger: l, network: n}, nil
}
