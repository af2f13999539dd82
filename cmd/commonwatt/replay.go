package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

func replayCommand() *cobra.Command {
	var out, mechanism, kind, sharing, price string
	var seed uint64
	var deviate int
	var force, percents bool
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Replay a scenario without waiting and write its results",
		Long:  scenarios.Help(),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := replayedSharing(sharing, price)
			if err != nil {
				return err
			}
			s, err := scenarios.Read(args[0], func(s *scenarios.Scenario) {
				if sharing != "" {
					s.Share(key)
				}
				if cmd.Flags().Changed("seed") {
					s.Seed = seed
				}
				if cmd.Flags().Changed("deviate") {
					s.Deviate = deviate
				}
				s.Mechanism = cmp.Or(mechanism, s.Mechanism)
			})
			if err == nil && !force {
				err = s.Free(out, version())
			}
			if err != nil {
				return err
			}
			progress := cmd.ErrOrStderr()
			if percents {
				progress = terminal.EachPercent{Writer: progress}
			}
			return replay(cmd.Context(), s, out, kind, cmd.OutOrStdout(), progress)
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for the results; must be new or empty, or have those of the same replay")
	c.Flags().BoolVar(&force, "force", false, "write into an --out that has something else, over the results of another replay (never over its ledger)")
	c.Flags().Uint64Var(&seed, "seed", 0, "seed instead of the scenario's")
	c.Flags().StringVar(&mechanism, "mechanism", "", "mechanism instead of the scenario's")
	c.Flags().IntVar(&deviate, "deviate", 0, "of how many homes to find out what they would gain by trading otherwise than their agents do; each is replayed some more times")
	c.Flags().StringVar(&kind, "ledger", scenarios.InMemory, "memory, embedded, or fabric: a real network of its own in DIR, from the binaries in $FABRIC_BIN")
	c.Flags().StringVar(&sharing, "sharing", "", "market, or an allocation key (a pack or a file, as of clear --key) instead of the scenario's")
	c.Flags().StringVar(&price, "sharing-price", "", "what energy costs that the key of --sharing allocates, such as \"0.12 EUR/kWh\", midpoint or free")
	c.Flags().BoolVar(&percents, "percents", false, "say of every percent that it is done, for another program")
	require(c, "out")
	return c
}

// replayedSharing reads what --sharing names.
func replayedSharing(name, price string) (config.KeyText, error) {
	if name == "" && price != "" {
		return config.KeyText{}, usage.Errorf("--sharing-price: is the price of what --sharing allocates: give both")
	}
	var file []byte
	if name != "" && name != config.ByMarket && isKeyFile(name) {
		var err error
		if file, err = os.ReadFile(name); err != nil { //nolint:gosec // the path is the user's
			return config.KeyText{}, usage.Errorf("--sharing: %w", err)
		}
	}
	k, err := config.NewKeyText(name, file, price)
	if err != nil {
		return k, usage.Errorf("--sharing %s: %w", name, err)
	}
	return k, nil
}

const percent = 100

func replay(ctx context.Context, s scenarios.Scenario, out, kind string, stdout, stderr io.Writer) (err error) {
	l, err := scenarios.OpenLedger(ctx, s, out, kind, func(step string) { fmt.Fprintln(stderr, step) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	bar := terminal.NewBar(stderr, "replayed", percent)
	result, err := scenarios.Replay(ctx, s, l.Ledger, func(share float64) { bar.Set(int(share * percent)) })
	bar.End()
	if err == nil && s.Deviate > 0 {
		bar = terminal.NewBar(stderr, "deviations replayed", percent)
		err = result.Deviate(ctx, func(share float64) { bar.Set(int(share * percent)) })
		bar.End()
	}
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
	return result.Print(stdout, k, out)
}
