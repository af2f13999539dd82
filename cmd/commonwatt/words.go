package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/usage"
)

// sayMistyped has a command line with an unknown command end with an error that names it, also where it asks for help or
// has flags that only the right command knows. What it returns is asked after the program ran: help reports no errors.
func sayMistyped(root *cobra.Command) (mistyped func() error) {
	var err error
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if err = unknownWord(c, c.Flags().Args()); err == nil {
			help(c, args)
		}
	})
	root.SetFlagErrorFunc(func(c *cobra.Command, wrong error) error {
		if unknown := unknownWord(c, c.Flags().Args()); unknown != nil {
			return unknown
		}
		return usage.Mark(wrong)
	})
	root.Args = cobra.ArbitraryArgs // else an unknown command is told otherwise than here
	root.SetHelpCommand(helpCommand())
	return func() error { return err }
}

// helpCommand shows the help of the command that some words lead to.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND…]",
		Short: "Help about any command",
		RunE: func(c *cobra.Command, words []string) error {
			at := c.Root()
			for _, word := range words {
				next := commandOf(at, word)
				if next == nil {
					return usage.Choose(at.CommandPath(), []string{word}, namesOf(at))
				}
				at = next
			}
			at.InitDefaultHelpFlag()
			at.InitDefaultVersionFlag()
			return at.Help()
		},
	}
}

// commandOf returns a command's command of that name, nil when it has none.
func commandOf(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

// namesOf are those of the commands of a command that are shown.
func namesOf(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// unknownWord says that the first of the words which follow a command with others is none of those. Of a command that
// takes arguments itself only what is near to one of them is, and no file.
func unknownWord(c *cobra.Command, words []string) error {
	if !c.HasSubCommands() || len(words) == 0 || commandOf(c, words[0]) != nil {
		return nil
	}
	names := namesOf(c)
	if usage.Takes(c.Use) {
		if _, err := os.Stat(words[0]); err == nil || usage.Nearest(words[0], names) == "" {
			return nil
		}
	}
	return usage.Choose(c.CommandPath(), words, names)
}
