package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

func valuesListCommand() *cobra.Command {
	var of operator
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "List the files of official values that were imported",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := of.dial()
			if err != nil {
				return err
			}
			var f api.ValuesFiles
			if err := d.get(cmd.Context(), "/api/v1/values", &f); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				return enc.Encode(f)
			}
			fmt.Fprintf(out, "%s values bill; %s still to be corrected\n", f.BillsBy, grid.Number(f.Waiting, "interval"))
			for _, one := range f.Files {
				state := "on the ledger as " + one.Digest
				if !one.Recorded {
					state = "not on the ledger yet: its values do not count"
				}
				fmt.Fprintf(out, "%s  %s (%s): %s, %d new, from %s until %s; %s\n", one.Imported.Format("2006-01-02 15:04Z"), one.Name, one.Format,
					grid.Number(one.Values, "value"), one.Changed, one.From.Format("2006-01-02 15:04Z"), one.Until.Format("2006-01-02 15:04Z"), state)
			}
			return nil
		},
	}
	of.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
