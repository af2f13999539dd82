package main

import "github.com/spf13/cobra"

func tariffCommand() *cobra.Command {
	parent := &cobra.Command{Use: "tariff", Short: "Check tariffs, and show what a kWh costs when"}
	parent.AddCommand(tariffCheckCommand(), tariffShowCommand())
	return parent
}
