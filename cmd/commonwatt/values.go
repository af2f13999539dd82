package main

import (
	"github.com/spf13/cobra"
)

func valuesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "values",
		Short: "The grid operator's meter values: import them, compare them with the signed ones",
		Long: `The grid operator's meter values are those that law bills by; the community's own are
signed and early. Both are kept. Which of them bill is in the configuration:

  bills_by: official        # or signed, the default

With official, values that are imported have the intervals settled again that they
change. The community must be running: these commands ask it.`,
	}
	c.AddCommand(valuesImportCommand(), valuesReconcileCommand(), valuesListCommand())
	return c
}
