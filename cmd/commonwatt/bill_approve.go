package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func billApproveCommand() *cobra.Command {
	var o operator
	var all bool
	var month string
	c := &cobra.Command{
		Use:   "approve [DRAFT…]",
		Short: "Approve drafts: they get their numbers and are locked",
		Long: `Approve drafts, in their order: each gets the next number of the year and is locked, its
salted hash stands on the ledger, and standing charges, VAT and rounding are posted.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			ids, err := chosen(cmd.Context(), d, names, all, month, "approving", "draft")
			if err != nil {
				return err
			}
			var done []api.BillSummary
			var problems []error
			for _, id := range ids {
				var b api.BillSummary
				if err := d.post(cmd.Context(), billPath(id, "/approval"), nil, &b); err != nil {
					problems = append(problems, fmt.Errorf("%s: %w", id, err))
					continue
				}
				done = append(done, b)
			}
			return errors.Join(printBills(cmd.OutOrStdout(), done), errors.Join(problems...))
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&all, "all", false, "all drafts")
	c.Flags().StringVar(&month, "month", "", "with --all: of one month, as in 2026-06")
	return c
}
