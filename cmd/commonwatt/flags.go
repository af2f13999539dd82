package main

import "github.com/spf13/cobra"

// require makes a flag one that must be given.
func require(c *cobra.Command, flag string) {
	if err := c.MarkFlagRequired(flag); err != nil {
		panic(err) // the command was given the flag before
	}
}
