package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/usage"
)

// needs is the annotation of a command that says which flag it, and those below it, must be
// given.
const needs = "needs"

// require makes a flag one that must be given.
func require(c *cobra.Command, flag string) { c.Annotations = map[string]string{needs: flag} }

// checkArguments checks what a command is given against its use, and that the flag is there
// which must be given.
func checkArguments(c *cobra.Command, args []string) error {
	if err := unknownWord(c, args); err != nil {
		return err
	}
	if err := usage.Arguments(c.CommandPath(), c.Use, args); err != nil {
		return err
	}
	for at := c; at != nil; at = at.Parent() {
		if f := c.Flag(at.Annotations[needs]); f != nil && !f.Changed {
			return usage.Flag(c.CommandPath(), f.Name, f.Usage)
		}
	}
	return nil
}
