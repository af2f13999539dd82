package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/matching/clearing"
	"github.com/commonwatt/commonwatt/usage"
)

func clearCommand() *cobra.Command {
	var mechanism string
	var keys []string
	var inOrder bool
	c := &cobra.Command{
		Use:   "clear FILE|-",
		Short: "Clear one auction from JSON, or divide an interval by an allocation key",
		Long:  clearing.Help + keyHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return usage.Mark(err)
			}
			switch {
			case len(keys) > 0 && mechanism != "":
				return usage.Errorf("--key, --mechanism: give one of them, not both: a key is no auction")
			case inOrder && len(keys) < 2: //nolint:mnd // several
				return usage.Errorf("--in-order: is the order of several communities: give --key for each")
			case len(keys) > 0:
				result, err := divide(args[0], b, keys, inOrder)
				if err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), result)
			}
			input, err := clearing.Parse(b, mechanism)
			if err != nil {
				return usage.Errorf("%s: %w", args[0], err)
			}
			result, err := input.Clear()
			if err != nil {
				return usage.Errorf("%s: %w", args[0], err)
			}
			if why := input.Why(result); why != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), why)
			}
			return printJSON(cmd.OutOrStdout(), result)
		},
	}
	c.Flags().StringVar(&mechanism, "mechanism", "", "mechanism instead of the file's")
	c.Flags().StringArrayVar(&keys, "key", nil, "allocation key, a pack or a file, by which what was metered is divided; several: of several communities")
	c.Flags().BoolVar(&inOrder, "in-order", false, "what a community leaves over goes on to that of the next --key")
	return c
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // the path is the user's
}
