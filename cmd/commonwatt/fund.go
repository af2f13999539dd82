package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

func fundCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "fund",
		Short: "Show what the community's fund holds, and what moved it",
		Long: `Show what the community's fund holds, and what moved it, by local month and reason. This is
the operator's view; members see the same at GET /api/v1/fund, with what the guarantee paid
summed up over three members or more.

It asks the community that runs on the data directory.`,
		RunE: func(c *cobra.Command, _ []string) error { return showFund(c.Context(), at, c.OutOrStdout()) },
	}
	at.flags(c)
	return c
}

func showFund(ctx context.Context, at operator, out io.Writer) error {
	d, err := at.dial()
	if err != nil {
		return err
	}
	var f api.Fund
	if err := d.get(ctx, "/api/v1/fund", &f); err != nil {
		return err
	}
	show := func(m int64) string { return formatMoney(grid.Money(m), f.Currency) }
	fmt.Fprintf(out, "The fund holds %s %s.\n", show(f.Balance), f.Currency)
	if f.Owed != nil {
		fmt.Fprintf(out, "%d prepaid members owe %s for the pool's energy: the fund stands in for %s, and %s stays owed to the sellers.\n", f.Owed.Members, show(f.Owed.Owed), show(f.Owed.Fund), show(f.Owed.Open))
	}
	if len(f.Months) == 0 {
		fmt.Fprintln(out, "Nothing has moved it yet.")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight) //nolint:mnd // two spaces
	fmt.Fprintf(w, "MONTH\tREASON\t%s\t\n", f.Currency)
	for _, m := range f.Months {
		for _, s := range m.Sums {
			members := ""
			if s.Members != nil {
				members = fmt.Sprintf(" to %s", grid.Number(int64(*s.Members), "member"))
			}
			fmt.Fprintf(w, "%s\t%s%s\t%s\t\n", m.Month, s.Reason, members, show(s.Amount))
		}
	}
	return w.Flush()
}
