package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/usage"
)

func compareSharingCommand() *cobra.Command {
	var of audited
	var sharing, price, from, to, out string
	c := &cobra.Command{
		Use:   "sharing",
		Short: "Compare what a community's members had with what they would have had by another rule",
		Long: `Reads the settled intervals of a data directory and reckons each of them anew by another
rule, of the same metered energy and at the tariffs that counted:

  commonwatt compare sharing --data data --sharing at-eeg --sharing-price "0.12 EUR/kWh"
  commonwatt compare sharing --data data --sharing market

By the market nothing is traded then, and all is shared by the pool at its middle price: how
members would have traded is not known, nor what their batteries would have done. A point whose
value was estimated shares nothing. Fees of lines are left out.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			currency, err := of.currency(cmd.Context())
			if err != nil {
				return err
			}
			text, err := replayedSharing(sharing, price)
			if err != nil {
				return err
			}
			rules := settlement.DefaultRules()
			if rules.Key, err = text.Rules(currency, 0); err != nil {
				return usage.Mark(err)
			}
			if rules.Key != nil {
				rules.Pool = settlement.Off
			}
			begin, err := day("--from", from, time.Unix(0, 0))
			if err != nil {
				return err
			}
			end, err := day("--to", to, time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC))
			if err != nil {
				return err
			}
			result, err := scenarios.CompareData(cmd.Context(), of.data, currency, begin, end, rules)
			if err == nil && out != "" {
				err = result.Write(out)
			}
			if err != nil {
				return err
			}
			return result.Print(cmd.OutOrStdout())
		},
	}
	of.flags(c)
	c.Flags().StringVar(&sharing, "sharing", "", "market, or an allocation key: a pack or a file, as of clear --key")
	c.Flags().StringVar(&price, "sharing-price", "", "what energy costs that the key allocates, such as \"0.12 EUR/kWh\", midpoint or free")
	c.Flags().StringVar(&from, "from", "", "first day (UTC), such as 2026-06-01; absent: all")
	c.Flags().StringVar(&to, "to", "", "day after the last one (UTC)")
	c.Flags().StringVar(&out, "out", "", "directory for compare.json and compare.csv")
	require(c, "sharing")
	return c
}

// day reads a day of a flag.
func day(flag, text string, absent time.Time) (time.Time, error) {
	if text == "" {
		return absent, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, usage.Errorf("%s: %q is no day: write it as 2026-06-01", flag, text)
	}
	return t, nil
}
