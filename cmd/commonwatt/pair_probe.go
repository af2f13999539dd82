package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

func (p *pairFlags) probeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "probe TARGET",
		Short: "Show what a device says: identity, points, quality",
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			e, err := modbus.ParseEndpoint(args[0])
			if err != nil {
				return usage.Mark(err)
			}
			if by := p.wish.Profile; by != "" && set.Get(by) == nil {
				return usage.Errorf("--profile: there is no profile %q: commonwatt pair profiles lists them", by)
			}
			result, err := p.probe(cmd.Context(), e, set, cmd.ErrOrStderr())
			if err != nil {
				return pairingError(err)
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), result)
			}
			return result.Print(cmd.OutOrStdout())
		},
	}
	c.Flags().AddGoFlagSet(p.wish.Flags())
	return c
}

func (p *pairFlags) probe(ctx context.Context, e modbus.Endpoint, set *profile.Set, progress io.Writer) (pairing.Probed, error) {
	search := p.wish.Search(pairing.Access{Profiles: set})
	units := cmp.Or(len(search.Units), len(pairing.Units()))
	bar := terminal.NewBar(progress, "asking "+e.Address, units)
	search.Progress = func(uint8) { bar.Step() }
	defer bar.End()
	r, err := pairing.Probe(ctx, e, search)
	if p.wish.Unit == nil && errors.Is(err, pairing.ErrSilent) {
		err = fmt.Errorf("%w: a unit id of its own is given with --unit", err)
	}
	return r, err
}

func (p *pairFlags) discoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "discover PLACES",
		Short: "Look for Modbus TCP devices",
		Long: `Look for Modbus TCP devices at PLACES: hosts, HOST:PORT, or a network as
192.168.1.0/24, with commas between. Without a port 502 and 1502 are tried. Each
address is connected to once, a few at a time; at those that listen the units that
makers ship are asked who they are. Nothing is ever written.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			places, err := pairing.Places(args[0])
			if err == nil {
				err = pairing.Resolve(cmd.Context(), places)
			}
			if err != nil {
				return usage.Mark(err)
			}
			bar := terminal.NewBar(cmd.ErrOrStderr(), "connecting", len(places))
			open := pairing.Listening(cmd.Context(), places, func(modbus.Endpoint) bool { return false }, bar.Step)
			bar.End()
			found := []pairing.Finding{}
			for _, e := range open {
				bar := terminal.NewBar(cmd.ErrOrStderr(), "asking "+e.Address, len(pairing.Units()))
				units, err := pairing.Identify(cmd.Context(), e, pairing.Search{Access: pairing.Access{Profiles: set}, First: true, Progress: func(uint8) { bar.Step() }})
				bar.End()
				if cmd.Context().Err() != nil {
					return cmd.Context().Err()
				}
				if err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s listens, but %v\n", e, err)
				}
				found = append(found, units...)
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), found)
			}
			return pairing.PrintFindings(cmd.OutOrStdout(), len(places), found)
		},
	}
}
