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
	var mechanism, keyed string
	c := &cobra.Command{
		Use:   "clear FILE|-",
		Short: "Clear one auction from JSON, or divide an interval by an allocation key",
		Long:  clearing.Help + keyHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return usage.Mark(err)
			}
			if keyed != "" {
				return clearByKey(cmd.OutOrStdout(), args[0], b, keyed, mechanism)
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
	c.Flags().StringVar(&keyed, "key", "", "allocation key, a pack or a file, by which what was metered is divided")
	return c
}

// clearByKey divides what was metered and prints what comes of it.
func clearByKey(out io.Writer, file string, text []byte, key, mechanism string) error {
	if mechanism != "" {
		return usage.Errorf("--key, --mechanism: give one of them, not both: a key is no auction")
	}
	k, err := readKey(key)
	if err != nil {
		return err
	}
	result, err := divide(file, text, k)
	if err != nil {
		return err
	}
	return printJSON(out, result)
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // the path is the user's
}
