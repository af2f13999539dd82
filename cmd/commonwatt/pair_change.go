package main

import (
	"errors"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/usage"
)

// whoami is who runs the program, for the protocol of the installation; empty where that is not known.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func (p *pairFlags) restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore ID",
		Short: "Have a device of the configuration that was let go of count again",
		Long: `Have the device ID of the configuration count again that was let go of, or in whose
place another one was paired: it is read from the next start of "commonwatt run" on as
the file says, and the device that took its place is let go of.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, done, err := p.thereDesk(cmd)
			if err != nil {
				return err
			}
			defer done()
			if err := desk.TakeBack(cmd.Context(), args[0], whoami()); err != nil {
				return p.unknown(err, args[0])
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is read from the next start on, as the configuration says\n", args[0])
			return err
		},
	}
	p.placeFlags(c)
	return c
}

func (p *pairFlags) renameCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rename ID NAME",
		Short: "Say what people call a device",
		Long: `Say what people call the device ID; an empty NAME takes that back. The id, which the
ledger knows, stays.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, done, err := p.thereDesk(cmd)
			if err != nil {
				return err
			}
			defer done()
			if err := desk.Call(args[0], args[1]); err != nil {
				return p.unknown(err, args[0])
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is called %q\n", args[0], args[1])
			return err
		},
	}
	p.placeFlags(c)
	return c
}

// thereDesk opens the pairings of a community that is there and does not run; done closes its directory.
func (p *pairFlags) thereDesk(cmd *cobra.Command) (desk *pairing.Bench, done func(), err error) {
	if _, err := p.desk(cmd); err != nil {
		return nil, nil, err
	}
	if err := p.isThere(); err != nil {
		return nil, nil, err
	}
	desk, dir, err := p.lockedDesk(cmd)
	if err != nil {
		return nil, nil, err
	}
	return desk, func() { _ = dir.Close() }, nil // only the lock is held
}

// unknown says where a device was looked for that there is not.
func (p *pairFlags) unknown(err error, id string) error {
	if missing := (*pairing.NotFoundError)(nil); errors.As(err, &missing) {
		return usage.Errorf("there is no device %q: commonwatt pair list shows them, with --config FILE also those of the configuration", id)
	}
	return pairingError(err)
}
