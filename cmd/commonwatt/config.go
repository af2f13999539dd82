package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/usage"
)

func configCommand() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "Look at configuration files"}
	var data string
	check := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file",
		Long: `Check a configuration file: that of a gateway ("commonwatt gateway --help"), which
has a hub, or that of a community. Of this every field has a default; the fields are,
each with an example,

` + config.Reference(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if config.IsEdge(args[0]) {
				return checkGateway(cmd.OutOrStdout(), args[0])
			}
			return checkConfig(cmd.OutOrStdout(), args[0], data)
		},
	}
	check.Flags().StringVar(&data, "data", "", "data directory with which it is started, whose pairings count (default: that of the file)")
	parent.AddCommand(check)
	return parent
}

// checkConfig checks a community's file. Which devices were paired shows in the data
// directory, when the file or the caller names it.
func checkConfig(out io.Writer, file, data string) error {
	c, err := hub.ReadConfig(file)
	if err != nil {
		return err
	}
	located := data != "" || c.Given("data")
	c.Data = cmp.Or(data, c.Data)
	if located {
		if c, err = hub.WithPaired(c, false); err != nil {
			return err
		}
	}
	if c, err = hub.WithTerms(c); err != nil {
		return err
	}
	if !hasTerms(c) {
		return usage.Errorf("%s: %w", file, errTerms(c))
	}
	plan, err := hub.Resolve(c) // with what was paired
	if err == nil {
		err = hub.CheckNetwork(plan.Ledger)
	}
	strangers := c.Strangers()
	if located || c.Given("simulation") {
		err, strangers = cmp.Or(err, c.StrangersHere()), nil
	}
	if err != nil {
		return usage.Errorf("%s: %w", file, err)
	}
	what := fmt.Sprintf("real devices: %d", len(c.Devices))
	if c.Simulation != nil {
		what = fmt.Sprintf("simulated homes: %d", c.Simulation.Homes)
	}
	fmt.Fprintf(out, "%s: community %q, %s, %s ledger\n", file, c.Community, what, cmp.Or(c.Ledger.Kind, config.EmbeddedLedger))
	if key := plan.Market.Rules.Key; key != nil {
		fmt.Fprintf(out, "There is no market: shared by an allocation key, %s.\n", key.Words(plan.Tariff.Currency))
	}
	if strangers != nil {
		fmt.Fprintf(out, "%v: unless it comes by pairing; the start looks there, and so does this check with --data DIR.\n", strangers)
	}
	if text := plan.Money.Notes(); text != "" {
		fmt.Fprintln(out, text)
	}
	if text := plan.Falls(); text != "" {
		fmt.Fprintln(out, text)
	}
	if text := c.Notes(located); text != "" {
		fmt.Fprintln(out, text)
	}
	return nil
}
