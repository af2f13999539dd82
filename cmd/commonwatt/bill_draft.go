package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func billDraftCommand() *cobra.Command {
	var o operator
	var month, member string
	c := &cobra.Command{
		Use:   "draft",
		Short: "Draft the bills of a month that is over",
		Long: `Draft the bills of a month that is over, of all members or of one. A draft takes the
place of the one before; what is approved stays as it is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			if month == "" {
				var c api.Community
				if err := d.get(cmd.Context(), "/api/v1/operator", &c); err != nil {
					return err
				}
				month = c.WorldTime.AddDate(0, 0, 1-c.WorldTime.Day()).AddDate(0, -1, 0).Format("2006-01")
			}
			r := api.BillDraftRequest{Month: month}
			if member != "" {
				r.Member = &member
			}
			var out api.BillsDrafted
			if err := d.post(cmd.Context(), "/api/v1/bills", r, &out); err != nil {
				return err
			}
			if len(out.Bills) == 0 && len(out.Left) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "Nothing is to be billed in %s.\n", month)
				return err
			}
			printLeft(cmd.ErrOrStderr(), out.Left)
			return printBills(cmd.OutOrStdout(), out.Bills)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&month, "month", "", "local month, as in "+time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")+" (default: the last one)")
	c.Flags().StringVar(&member, "member", "", "one member alone")
	return c
}
