package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// measured is what a measurement came to.
type measured interface{ Print(w io.Writer) error }

// measurement completes a command that measures and prints the result.
func measurement[R measured](c *cobra.Command, measure func(cmd *cobra.Command) (R, error)) *cobra.Command {
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := measure(cmd)
		if err != nil {
			return err
		}
		if *asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		}
		return r.Print(cmd.OutOrStdout())
	}
	return c
}
