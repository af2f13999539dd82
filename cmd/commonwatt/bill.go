package main

import "github.com/spf13/cobra"

func billCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bill",
		Short: "Draft, approve, send and export the members' bills",
		Long: `Draft, approve, send and export the members' bills of a running community.

A month goes like this:

  commonwatt bill draft --month 2026-06     drafts of all members, to be looked at
  commonwatt bill show draft-2026-06-ann    what is on one
  commonwatt bill approve --all             numbers, locks and books them
  commonwatt bill export --out bills        as PDF; --format csv, xlsx, sepa for others
  commonwatt bill send --all                by e-mail

A bill that is approved stays as it is. What is corrected later stands on the next
one; bill cancel takes one back by a credit note. docs/money.md has an example.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(billDraftCommand(), billListCommand(), billShowCommand(), billApproveCommand(), billExportCommand(), billSendCommand(), billPayCommand(), billCancelCommand())
	return c
}
