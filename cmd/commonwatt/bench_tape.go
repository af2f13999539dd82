package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

func benchTapeCommand() *cobra.Command {
	var out string
	spec := tape.Spec{Seed: 1, Commands: 1_000_000, Resting: 20_000, Products: 1, MaxTick: 10_000, Add: 600, Cancel: 350, Cross: 300}
	c := &cobra.Command{
		Use:   "tape --out FILE",
		Short: "Make a random command tape for bench matching",
		Long: `Make a tape of random orders. The same flags give the same bytes. Prices stay
around a middle that wanders; shares are per mille of the commands, the rest are
immediate-or-cancel orders. The first commands fill the book up to --resting orders
and are not timed when the tape is played.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := tape.Generate(spec)
			if err != nil {
				return usage.Mark(err)
			}
			f, err := os.Create(out) //nolint:gosec // the path is the user's
			if err != nil {
				return usage.Mark(err)
			}
			if err := errors.Join(t.Write(f), f.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d commands, %d of them to fill the book\n", out, len(t.Records), t.Prefill)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "the file to write")
	f.Uint64Var(&spec.Seed, "seed", spec.Seed, "seed")
	f.IntVar(&spec.Commands, "commands", spec.Commands, "timed commands")
	f.IntVar(&spec.Resting, "resting", spec.Resting, "orders in the book before the timed commands")
	f.IntVar(&spec.Products, "products", spec.Products, "products, at most 65536")
	f.IntVar(&spec.MaxTick, "ticks", spec.MaxTick, "price range in ticks")
	f.IntVar(&spec.Add, "add", spec.Add, "share of orders that may rest, per mille")
	f.IntVar(&spec.Cancel, "cancel", spec.Cancel, "share of cancels, per mille")
	f.IntVar(&spec.Cross, "cross", spec.Cross, "share of those orders that cross the middle, per mille")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err) // the flag is defined above
	}
	return c
}
