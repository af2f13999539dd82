package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/commonwatt/commonwatt/config"
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

// Read reads a scenario from a file, has it changed, and checks it. Errors are the caller's to
// mend and name the file.
func Read(file string, change func(*Scenario)) (Scenario, error) {
	b, err := os.ReadFile(file) //nolint:gosec // the path is the user's
	if err != nil {
		return Scenario{}, usage.Mark(err)
	}
	s, err := Parse(b)
	if err != nil {
		return s, usage.Errorf("%s: %w", file, config.Plain(err, b, `"commonwatt replay --help"`))
	}
	change(&s)
	return s, usage.Mark(s.Validate())
}

// Free refuses a directory that has anything but what the same replay by the same program
// wrote: its results would replace what is there, or be taken for a part of it.
func (s Scenario) Free(dir, version string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return usage.Errorf("--out: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(Files(), e.Name()) {
			return usage.Errorf("--out: %s has something that is no result of a replay (%s): choose another directory, or give --force to write the results beside it", dir, e.Name())
		}
	}
	want, err := s.replayed(version)
	if err != nil {
		return err
	}
	var there Replayed
	b, err := os.ReadFile(filepath.Join(dir, summaryFile)) //nolint:gosec // the directory is the user's
	if err == nil && json.Unmarshal(b, &there) == nil && reflect.DeepEqual(there, want) {
		return nil
	}
	return usage.Errorf("--out: %s has the results of another replay already (%s): choose another directory, or give --force to overwrite them", dir, entries[0].Name())
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
		l, err = embedded.OpenMemory(ctx, Community, s.Currency(), names)
	case Embedded:
		l, err = embedded.OpenLedger(ctx, dir, Community, s.Currency(), names)
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
		l, _, err = n.OpenLedger(ctx, out, s.Currency(), names, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		_, down := n.Down()
		return nil, errors.Join(err, down)
	}
	return &Ledger{Ledger: l, network: n}, nil
}
