package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
)

func benchBillCommand() *cobra.Command {
	var o bench.BillOptions
	c := measurement(&cobra.Command{
		Use:   "bill",
		Short: "Bill a year of a street, month by month, from a generated statement book",
		Long: `Bill a year of a street, month by month: draft, approve, print. The statement book is
generated beforehand, which takes a while and does not count.`,
	}, func(cmd *cobra.Command) (bench.BillResult, error) {
		o.Progress = cmd.ErrOrStderr()
		return bench.Bill(cmd.Context(), o)
	})
	c.Flags().IntVar(&o.Homes, "homes", 100, "homes")   //nolint:mnd // the bar's
	c.Flags().IntVar(&o.Months, "months", 12, "months") //nolint:mnd // the bar's
	c.Flags().StringVar(&o.Dir, "dir", "", "directory on the disk to measure (default: that of temporary files)")
	return c
}
