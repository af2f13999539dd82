package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/scenarios"
)

func compareCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "compare DIR DIR…",
		Short: "Compare replays member by member, such as of a market and of an allocation key",
		Long: `Compare the results of replays: what each member has by each of them, and how much of its
need neighbours met. Before a community moves from an allocation key to the market, or the
other way, replay its scenario by both and compare:

  commonwatt replay scenario.yaml --out market
  commonwatt replay scenario.yaml --out key --sharing at-eeg --sharing-price "0.12 EUR/kWh"
  commonwatt compare market key

Agents trade and move the batteries of a market's homes; by a key the batteries follow
their own logic, so that both are as they would be. "commonwatt compare sharing" does the same
for what a community has settled. --out writes compare.json and
compare.csv (money in millionths of the currency unit, energy in Wh).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := scenarios.Compare(args)
			if err == nil && out != "" {
				err = result.Write(out)
			}
			if err != nil {
				return err
			}
			return result.Print(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for compare.json and compare.csv")
	c.AddCommand(compareSharingCommand())
	return c
}
