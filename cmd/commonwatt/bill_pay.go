package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func billPayCommand() *cobra.Command {
	var o operator
	var reference string
	c := &cobra.Command{
		Use:   "pay NUMBER",
		Short: "Note that a bill is paid, and book the money",
		Long: `Note that a bill is paid. What the member owed is booked as paid in, what it got as paid
out; the next bill shows it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			var b api.BillSummary
			if err := d.post(cmd.Context(), billPath(names[0], "/payment"), api.BillPayment{Reference: &reference}, &b); err != nil {
				return err
			}
			return printBills(cmd.OutOrStdout(), []api.BillSummary{b})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&reference, "reference", "", "of the bank, as on its statement")
	return c
}
