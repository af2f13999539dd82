package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/usage"
)

func replayCommand() *cobra.Command {
	var out, mechanism, kind string
	var seed uint64
	var force bool
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Replay a scenario without waiting and write its results",
		Long: `Replay a scenario through the same engine, settlement and contracts that run
live. Writes DIR/summary.json and DIR/{trades,intervals,statements,readings,feeder}.parquet
(docs/replay.md describes them; results that are there already stay, unless --force is
given); the same file, seed and version give the same bytes. With --ledger embedded the
ledger is kept in DIR, for commonwatt ledger verify --data DIR.

The fields of a scenario: version (1), name, seed, start (a full hour, UTC),
days, interval (minutes), gate_closure, deadline, latitude, longitude, homes,
mechanism (uniform), tariff {version, currency, retail, feed_in}, rewards (the
terms of the storage rewards, as in a configuration), pool, own, strategy and strategies (as there), cheats [{home, cheat}]
(claims-capacity, replays-readings, fakes-delivery). Trade begins with the first interval whose gate is still open at the start, so that a day of 96
quarter-hours settles 95.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return usage.Mark(err)
			}
			s, err := scenarios.Parse(b)
			if err != nil {
				return usage.Errorf("%s: %w", args[0], config.Plain(err, b, `"commonwatt replay --help"`))
			}
			if cmd.Flags().Changed("seed") {
				s.Seed = seed
			}
			if mechanism != "" {
				s.Mechanism = mechanism
			}
			if err := s.Validate(); err != nil {
				return usage.Mark(err)
			}
			if err := unused(out, force); err != nil {
				return err
			}
			return replay(cmd.Context(), s, out, kind, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for the results; must hold no others")
	c.Flags().BoolVar(&force, "force", false, "overwrite the results of another replay in --out (never its ledger)")
	c.Flags().Uint64Var(&seed, "seed", 0, "seed instead of the scenario's")
	c.Flags().StringVar(&mechanism, "mechanism", "", "mechanism instead of the scenario's")
	c.Flags().StringVar(&kind, "ledger", "memory", "memory, embedded, or fabric: a real network of its own in DIR, from the binaries in $FABRIC_BIN")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err) // the flag is defined above
	}
	return c
}

// unused refuses a directory that has the results of another replay, unless they may be
// overwritten.
func unused(out string, force bool) error {
	for _, name := range scenarios.Files() {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil && !force {
			return usage.Errorf("--out: %s has the results of another replay already (%s): choose another directory, or give --force to overwrite them", out, name)
		}
	}
	return nil
}

const percent = 100

func replay(ctx context.Context, s scenarios.Scenario, out, kind string, stdout, stderr io.Writer) (err error) {
	l, err := openReplayLedger(ctx, out, kind, s, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	bar := newBar(stderr, "replayed", percent)
	result, err := scenarios.Replay(ctx, s, l.Ledger, func(share float64) { bar.set(int(share * percent)) })
	bar.end()
	if err != nil {
		return err
	}
	if err := result.Write(out, version()); err != nil {
		return err
	}
	k, err := result.Summarize(version())
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, `%s, seed %d: %d intervals, %d orders, %d trades, %d postings
  consumed %.2f kWh, produced %.2f kWh, traded %.2f kWh
  self-sufficiency %.1f %%, self-consumption %.1f %%, import covered by neighbours %.1f %%
  all members together %+.2f %s, without the community %+.2f %s (+ received)
  %s; %d of %d homes worse off; trades moved %.0f %% of what could be shared
  results in %s
`, k.Scenario, k.Seed, k.Intervals, k.Orders, k.Trades, k.Postings,
		float64(k.Consumed)/1000, float64(k.Produced)/1000, float64(k.Traded)/1000,
		float64(k.SelfSufficiency)/10, float64(k.SelfConsumption)/10, float64(k.LocalShare)/10,
		float64(k.Net)/1e6, k.Currency, float64(k.Without.Net)/1e6, k.Currency,
		perfect(k), k.WorseOff, k.Homes, percent*float64(k.Delivered)/max(float64(k.Shareable), 1), out)
	showEpochs(stdout, result.Epochs)
	return nil
}

// perfect says how near the result came to perfect sharing.
func perfect(k scenarios.Summary) string {
	if k.PerfectSharing == nil {
		return "nothing could be shared"
	}
	return fmt.Sprintf("%.1f %% of what perfect sharing is worth", float64(*k.PerfectSharing)/10) //nolint:mnd // per mille
}

// showEpochs prints what the storage rewards paid.
func showEpochs(out io.Writer, epochs []chaincode.EpochClosing) {
	for _, e := range epochs {
		fmt.Fprintf(out, "\nstorage rewards of %s: %d tokens of the schedule, %d carried over, %d slashed, %d granted; %d paid, %d left\n",
			e.Epoch, e.Budget, e.Carried, e.Slashed, e.Granted, e.Paid, e.Left)
		fmt.Fprintf(out, "  %-20s %8s %10s %15s %12s %8s %11s\n", "BATTERY", "TOKENS", "AVAILABLE", "CHALLENGES MET", "AT PEAKS", "SLASHED", "REPUTATION")
		rewards := slices.Clone(e.Rewards)
		slices.SortFunc(rewards, func(a, b chaincode.Reward) int { return cmp.Compare(a.Battery, b.Battery) })
		for _, r := range rewards {
			fmt.Fprintf(out, "  %-20s %8d %10d %15s %9d Wh %8d %9.1f %%\n", r.Battery, r.Tokens, r.Intervals,
				fmt.Sprintf("%d of %d", r.Met, r.Challenged), r.Delivered, r.Slashed, float64(r.Reputation)/10) //nolint:mnd // per mille
		}
	}
}

// openReplayLedger begins a new ledger: in memory, or kept in the directory of
// the results.
func openReplayLedger(ctx context.Context, out, kind string, s scenarios.Scenario, stderr io.Writer) (*replayLedger, error) {
	names := ledger.SeededNames(s.Seed)
	if _, err := os.Stat(filepath.Join(out, ledger.IndexFile)); err == nil {
		return nil, usage.Errorf("--out: %s has the ledger of another replay already: choose another directory", out)
	}
	switch kind {
	case "memory":
		return single(embedded.OpenMemory(ctx, scenarios.Community, s.Tariff.Currency, names))
	case "embedded":
		return single(embedded.OpenLedger(ctx, out, scenarios.Community, s.Tariff.Currency, names))
	case "fabric":
		return replayOnFabric(ctx, out, s, names, stderr)
	default:
		return nil, usage.Errorf("--ledger: %q: must be memory, embedded or fabric", kind)
	}
}

// replayOnFabric brings up a network of the replay's own beside its results.
func replayOnFabric(ctx context.Context, out string, s scenarios.Scenario, names *ledger.Names, stderr io.Writer) (*replayLedger, error) {
	dir := filepath.Join(out, "fabric")
	if _, err := os.Stat(dir); err == nil {
		return nil, usage.Errorf("--out: %s has a network already: choose another directory", out)
	}
	const raft = 3
	n, err := hub.OpenNetwork(ctx, dir, scenarios.Community, raft)
	if err != nil {
		return nil, err
	}
	err = n.Up(ctx, func(step string) { fmt.Fprintln(stderr, step) })
	if err != nil {
		_, down := n.Down()
		return nil, errors.Join(err, down)
	}
	l, _, err := n.OpenLedger(ctx, out, s.Tariff.Currency, names, slog.New(slog.DiscardHandler))
	if err != nil {
		_, down := n.Down()
		return nil, errors.Join(err, down)
	}
	return &replayLedger{Ledger: l, then: func() error {
		_, err := n.Down()
		return err
	}}, nil
}

// replayLedger is a ledger and what ends with it.
type replayLedger struct {
	*ledger.Ledger

	then func() error // nil: nothing
}

func (l *replayLedger) Close() error {
	err := l.Ledger.Close()
	if l.then != nil {
		err = errors.Join(err, l.then())
	}
	return err
}

func single(l *ledger.Ledger, err error) (*replayLedger, error) {
	if err != nil {
		return nil, err
	}
	return &replayLedger{Ledger: l}, nil
}
