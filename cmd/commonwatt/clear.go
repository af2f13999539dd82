package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/matching/clearing"
	"github.com/commonwatt/commonwatt/usage"
)

func clearCommand() *cobra.Command {
	var mechanism string
	c := &cobra.Command{
		Use:   "clear FILE|-",
		Short: "Clear one auction from JSON",
		Long:  clearing.Help,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return usage.Mark(err)
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
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(result)
		},
	}
	c.Flags().StringVar(&mechanism, "mechanism", "", "mechanism instead of the file's")
	return c
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // the path is the user's
}
