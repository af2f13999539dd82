package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func billSendCommand() *cobra.Command {
	var o operator
	var all bool
	var month string
	c := &cobra.Command{
		Use:   "send [NUMBER…]",
		Short: "Send bills by e-mail, each to its member, once",
		RunE: func(cmd *cobra.Command, names []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			ids, err := chosen(cmd.Context(), d, names, all, month, "approved")
			if err != nil {
				return err
			}
			var out api.BillsSent
			if err := d.post(cmd.Context(), "/api/v1/bill-letters", api.BillLetters{Ids: ids}, &out); err != nil {
				return err
			}
			for _, id := range out.Sent {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is sent\n", id)
			}
			printLeft(cmd.ErrOrStderr(), out.Left)
			if len(out.Left) > 0 {
				return errors.New("not all bills were sent")
			}
			return nil
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&all, "all", false, "all that are approved and not sent yet")
	c.Flags().StringVar(&month, "month", "", "with --all: of one month, as in 2026-06")
	return c
}
