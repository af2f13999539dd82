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
	c.AddCommand(p.discoverCommand(), p.probeCommand(), p.addCommand(), p.removeCommand(), p.listCommand(), p.profilesCommand())
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
		Short: "List the devices that were paired, and pairings that were not finished",
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, err := p.desk(cmd)
			if err == nil {
				err = p.isThere()
			}
			if err != nil {
				return err
			}
			paired, err := desk.Paired()
			if err != nil {
				return err
			}
			sessions, err := desk.Sessions()
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"devices": paired, "sessions": sessions})
			}
			return pairing.PrintPaired(cmd.OutOrStdout(), paired, sessions)
		},
	}
	p.placeFlags(c)
	return c
}

func (p *pairFlags) removeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove ID|TARGET",
		Short: "Let go of a paired device, or give up a pairing that was not finished",
		Long: `Let go of the paired device ID, which is not read from the next start of
"commonwatt run" on, or give up the pairing of TARGET that was not finished (with
--unit, if there are several). What a device measured stays, and so does its
entry on the ledger: another device needs another id.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := p.desk(cmd); err != nil || p.isThere() != nil {
				return cmp.Or(err, p.isThere())
			}
			desk, dir, err := p.lockedDesk(cmd)
			if err != nil {
				return err
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			err = desk.Remove(cmd.Context(), args[0], true)
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
				return usage.Errorf("there is neither a paired device nor a pairing %q: commonwatt pair list shows them", args[0])
			}
			if err := desk.Forget(kept.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the pairing of %s unit %d is given up\n", kept.Target, kept.Unit)
			return err
		},
	}
	p.placeFlags(c)
	c.Flags().AddGoFlagSet(p.wish.UnitFlag("unit `id` of the pairing (default: any)"))
	return c
}
