package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func billCancelCommand() *cobra.Command {
	var o operator
	c := &cobra.Command{
		Use:   "cancel NUMBER",
		Short: "Cancel a bill by a credit note",
		Long: `Cancel a bill by a credit note, which posts the reverse of what the bill charged. The
period can be drafted again then. Later bills of the member are cancelled before.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			var b api.BillSummary
			if err := d.post(cmd.Context(), billPath(names[0], "/cancellation"), nil, &b); err != nil {
				return err
			}
			return printBills(cmd.OutOrStdout(), []api.BillSummary{b})
		},
	}
	o.flags(c)
	return c
}
