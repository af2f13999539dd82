package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/gateway"
	"github.com/commonwatt/commonwatt/usage"
)

func gatewayCommand() *cobra.Command {
	var file string
	var duration time.Duration
	c := &cobra.Command{
		Use:   "gateway --config FILE",
		Short: "Read devices on a machine of their own, and send the readings to the community",
		Long: `Read devices and send signed readings to the community's hub. What is read is
durable on this machine's disk first: while the hub cannot be reached it waits
there, and follows in order.

  community: demo                 # its name at the hub
  data: gateway-data              # directory of everything that is kept
  hub: {url: "tls://hub.example:7422", ca: FILE, password_file: FILE}
  buffer: {max_mb: 2048, when_full: drop_oldest}  # or refuse_new
  devices:                        # as in "commonwatt config check --help"
    - {id: ann/meter, member: ann, metering_point: mp-ann, address: "192.0.2.7", profile: sunspec-meter}

The hub admits the gateway by the lines that "commonwatt gateway key" prints, put
into its configuration. The password is a secret of 32 characters or more, as from
openssl rand -hex 32: one file with it on each machine. The hub listens with bus: {gateways: {listen: ADDR}}, and
lists the same devices with gateway: ID in place of an address. What is marked
control: true on both sides is moved as the hub asks (docs/control.md).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, targets, err := readEdge(file)
			if err == nil && duration < 0 {
				err = usage.Errorf("--duration: %s is negative", duration)
			}
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			return runGateway(ctx, plan, targets, cmd.ErrOrStderr())
		},
	}
	c.PersistentFlags().StringVar(&file, "config", "", "configuration file")
	c.Flags().DurationVar(&duration, "duration", 0, "stop after this time (0: run until stopped)")
	c.AddCommand(gatewayKeyCommand(&file))
	require(c, "config")
	return c
}

// readEdge reads a gateway's file. Errors are usage errors.
func readEdge(path string) (plan config.EdgePlan, targets []gateway.Moved, err error) {
	e, err := config.ReadEdge(path)
	if err != nil {
		return plan, nil, err
	}
	if plan, err = e.Resolve(); err != nil {
		return plan, nil, usage.Errorf("%s: %w", path, err)
	}
	for i, d := range plan.Devices {
		t, err := hub.Target(d)
		if err != nil {
			return plan, nil, usage.Errorf("%s: devices[%d].%w", path, i, err)
		}
		targets = append(targets, gateway.Moved{Target: t, Supply: control.Supply{Phases: d.Phases}})
	}
	return plan, targets, nil
}

// checkGateway checks a gateway's configuration file.
func checkGateway(w io.Writer, path string) error {
	plan, targets, err := readEdge(path)
	if err != nil {
		return err
	}
	if _, err := plan.Password(); err != nil {
		return usage.Errorf("%s: %w", path, err)
	}
	_, err = fmt.Fprintf(w, "%s: gateway for community %q at %s, devices: %d\n", path, plan.Community, plan.Hub.URL, len(targets))
	return err
}

func runGateway(ctx context.Context, plan config.EdgePlan, devices []gateway.Moved, progress io.Writer) (err error) {
	password, err := plan.Password()
	if err != nil {
		return usage.Mark(err)
	}
	dir, err := disk.OpenDir(plan.Data)
	if err != nil {
		return err
	}
	var targets []meters.Target
	var moved []gateway.Moved
	for k, d := range devices {
		targets = append(targets, d.Target)
		if plan.Devices[k].Control {
			moved = append(moved, d)
		}
	}
	err = gateway.Run(ctx, gateway.Options{
		Community: plan.Community, Dir: dir, Targets: targets, Moved: moved, Log: slog.New(slog.NewTextHandler(progress, nil)),
		Hub: gateway.Hub{
			URL: plan.Hub.URL, CA: plan.Hub.CA, Password: password, MaxBytes: plan.MaxBytes, DropOldest: plan.WhenFull == config.DropOldest,
		},
		Began: func(name string) {
			fmt.Fprintf(progress, "gateway %s reads %s for %s; stop with Ctrl-C\n", name, grid.Number(len(targets), "device"), plan.Hub.URL)
		},
	})
	return errors.Join(err, dir.Close())
}

func gatewayKeyCommand(file *string) *cobra.Command {
	var rotate bool
	c := &cobra.Command{
		Use:   "key --config FILE",
		Short: "Print the gateway's id and public key for the hub's configuration",
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, _, err := readEdge(*file)
			if err != nil {
				return err
			}
			dir, err := disk.OpenDir(plan.Data)
			if err != nil {
				return err
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			id, err := gateway.OpenIdentity(dir)
			if err != nil {
				return err
			}
			if rotate {
				if err := gateway.Announce(dir); err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "a new key was made: at its next start the gateway announces it, signed by the old one")
				return err
			}
			public, err := id.Public()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "gateways:\n  - {id: %s, key: %s, password_file: FILE}\n", id.Name, public)
			return err
		},
	}
	c.Flags().BoolVar(&rotate, "rotate", false, "make a new key, which the old one announces at the next start")
	return c
}
