package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/usage"
)

func pairCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pair",
		Short: "Find devices, look at them, and bind them to a metering point",
		Long: `Find devices, look at them, and bind them to a metering point.

TARGET is tcp://HOST:PORT (or HOST), rtuovertcp://HOST:PORT,
tls://HOST:PORT?cert=FILE&key=FILE&ca=FILE or
rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1.`,
	}
	var p pairFlags
	c.PersistentFlags().StringArrayVar(&p.files, "profile-file", nil, "a profile beside those that are built in")
	c.PersistentFlags().BoolVar(&p.json, "json", false, "print JSON")
	c.AddCommand(p.discoverCommand(), p.probeCommand(), p.addCommand(), p.removeCommand(), p.restoreCommand(), p.renameCommand(), p.listCommand(), p.profilesCommand())
	return c
}

func (p *pairFlags) profilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles",
		Short: "List the devices that can be read",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			return pairing.PrintProfiles(cmd.OutOrStdout(), set)
		},
	}
}

func (p *pairFlags) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the devices that were paired or let go of, and pairings that were not finished",
		Long: `List the devices that were paired, those of the configuration (with --config), those
that were let go of with when, by whom and why, and pairings that were not finished.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, err := p.desk(cmd)
			if err == nil {
				err = p.isThere()
			}
			if err != nil {
				return err
			}
			bound, err1 := desk.Bound()
			sessions, err2 := desk.Sessions()
			removed, err3 := desk.Removed()
			if err := errors.Join(err1, err2, err3); err != nil {
				return err
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"devices": bound, "sessions": sessions, "removed": removed})
			}
			return pairing.PrintPaired(cmd.OutOrStdout(), bound, removed, sessions)
		},
	}
	p.placeFlags(c)
	return c
}

func (p *pairFlags) removeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove ID|TARGET",
		Short: "Let go of a device, or give up a pairing that was not finished",
		Long: `Let go of the device ID, which is not read from the next start of "commonwatt run"
on, or give up the pairing of TARGET that was not finished (with --unit, if there
are several). What a device measured stays, and so does its entry on the ledger:
another device needs another id. A device of the configuration (named with --config)
is let go of too: the file stays as it is, and its entry counts no more until "pair
restore" takes that back.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := p.desk(cmd); err != nil || p.isThere() != nil {
				return cmp.Or(err, p.isThere())
			}
			desk, dir, err := p.lockedDesk(cmd)
			if err != nil {
				return err
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			err = desk.Remove(cmd.Context(), args[0], pairing.Removal{By: whoami(), Reason: p.reason, Sure: true})
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is not read from the next start on; another device needs another id\n", args[0])
				return err
			}
			if missing := (*pairing.NotFoundError)(nil); !errors.As(err, &missing) {
				return pairingError(err)
			}
			kept, err := desk.Resume(args[0], p.wish.Unit)
			if err != nil {
				return err
			}
			if kept == nil {
				return usage.Errorf("there is neither a device nor a pairing %q: commonwatt pair list shows them, with --config FILE also those of the configuration", args[0])
			}
			if err := desk.Forget(kept.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the pairing of %s unit %d is given up\n", kept.Target, kept.Unit)
			return err
		},
	}
	p.placeFlags(c)
	c.Flags().StringVar(&p.reason, "reason", "", "why, for the protocol of the installation")
	c.Flags().AddGoFlagSet(p.wish.UnitFlag("unit `id` of the pairing (default: any)"))
	return c
}
