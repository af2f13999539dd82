package main

import (
	"github.com/spf13/cobra"
)

func billListCommand() *cobra.Command {
	var o operator
	var month, member, state string
	c := &cobra.Command{
		Use:   "list",
		Short: "List drafts, bills and credit notes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			all, err := listBills(cmd.Context(), d, month, member, state)
			if err != nil {
				return err
			}
			return printBills(cmd.OutOrStdout(), all)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&month, "month", "", "of one month, as in 2026-06")
	c.Flags().StringVar(&member, "member", "", "of one member")
	c.Flags().StringVar(&state, "state", "", "draft, approved, sent, paid or cancelled")
	return c
}
