package main

import (
	"github.com/spf13/cobra"
)

func ledgerCommand() *cobra.Command {
	parent := &cobra.Command{Use: "ledger", Short: "Audit the ledger"}
	parent.AddCommand(verifyCommand(), exportCommand(), showCommand(), eraseCommand())
	return parent
}
