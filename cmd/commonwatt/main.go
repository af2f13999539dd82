// Command commonwatt runs a neighbourhood's electricity market. See the README
// for its subcommands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/usage"
)

// Exit codes that scripts rely on.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	stderr := usage.Redacting(os.Stderr)
	err := run(ctx, os.Args[1:], os.Stdout, stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(stderr, "commonwatt:", err)
	if e := (*usage.Error)(nil); errors.As(err, &e) {
		os.Exit(exitUsage)
	}
	os.Exit(exitFailed)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use:           "commonwatt",
		Short:         "An electricity market that a neighbourhood runs itself",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	mistyped := sayMistyped(root)
	root.AddCommand(runCommand(), clearCommand(), replayCommand(), compareCommand(), gainCommand(), benchCommand(), ledgerCommand(), billCommand(), accountCommand(), fabricCommand(), configCommand(), pairCommand(), gatewayCommand(), memberCommand(), fundCommand(), valuesCommand(), objectionsCommand(), tariffCommand(), forecastCommand(), backupCommand(), restoreCommand())
	root.InitDefaultCompletionCmd() // so that they are checked like the others
	root.InitDefaultHelpCmd()
	started := false
	for _, c := range leaves(root) {
		c.Args = checkArguments
		inner := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			started = true
			return inner(c, args)
		}
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = mistyped()
	}
	if err != nil && !started {
		return usage.Mark(err) // the command line could not be understood
	}
	return err
}

// leaves returns the commands that do something. One that only has others does nothing, and
// says so.
func leaves(c *cobra.Command) (all []*cobra.Command) {
	if !c.HasSubCommands() {
		return []*cobra.Command{c}
	}
	for _, sub := range c.Commands() {
		all = append(all, leaves(sub)...)
	}
	if c.RunE == nil && c.HasParent() {
		c.RunE = func(c *cobra.Command, args []string) error { return usage.Choose(c.CommandPath(), args, namesOf(c)) }
		c.Args = cobra.ArbitraryArgs
		return all
	}
	if c.RunE != nil {
		all = append(all, c)
	}
	return all
}
