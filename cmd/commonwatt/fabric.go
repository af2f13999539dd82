package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/usage"
)

func fabricCommand() *cobra.Command {
	var dir string
	parent := &cobra.Command{
		Use:   "fabric",
		Short: "Run a real Hyperledger Fabric network on this machine",
		Long: `Run a real Hyperledger Fabric network on this machine: two organisations, Community
and Utility, with a peer and a contract service each, and Raft orderers, or four of
SmartBFT with --bft. Fabric's own binaries (peer, orderer, configtxgen; 3.1, or 2.5
without --bft) are found in $FABRIC_BIN or on PATH. Everything listens on loopback,
with TLS.

A configuration file uses the network with
  ledger:
    kind: fabric
    network: data/fabric`,
	}
	for _, c := range []*cobra.Command{fabricUpCommand(&dir), fabricDownCommand(&dir), fabricStatusCommand(&dir)} {
		c.Args = cobra.NoArgs
		c.Flags().StringVar(&dir, "dir", hub.DefaultNetwork, "directory of the network")
		parent.AddCommand(c)
	}
	return parent
}

func fabricUpCommand(dir *string) *cobra.Command {
	var community string
	var orderers int
	var bft bool
	c := &cobra.Command{Use: "up", Short: "Lay out a network, or start it again, and deploy the contracts"}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains([]int{1, 3}, orderers) {
			return usage.Errorf("--orderers: %d: must be 1 or 3", orderers)
		}
		if bft {
			if cmd.Flags().Changed("orderers") {
				return usage.Errorf("--bft: has four orderers: leave --orderers out")
			}
			orderers = 4
		}
		if _, err := os.Stat(*dir); err == nil && !cmd.Flags().Changed("community") {
			community = "" // the one that founded it
		}
		n, err := hub.OpenNetwork(cmd.Context(), *dir, community, orderers)
		if err != nil {
			return err
		}
		say := func(step string) { fmt.Fprintln(cmd.ErrOrStderr(), step) }
		if err := n.Up(cmd.Context(), say); err != nil {
			return err
		}
		say("a first transaction of both organisations")
		l, _, err := n.OpenLedger(cmd.Context(), n.Dir, "EUR", ledger.SeededNames(0), slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return errors.Join(printNodes(cmd.Context(), n, cmd.OutOrStdout()), l.Close())
	}
	c.Flags().StringVar(&community, "community", config.Defaults().Community, "name of the community that founds it")
	c.Flags().BoolVar(&bft, "bft", false, "four SmartBFT orderers of a new network, of which one may lie; Fabric 3 only")
	c.Flags().IntVar(&orderers, "orderers", 3, "Raft orderers of a new network: 1 or 3")
	return c
}

func fabricDownCommand(dir *string) *cobra.Command {
	c := &cobra.Command{Use: "down", Short: "Stop what up has started; the ledger stays"}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		n, err := hub.OpenNetwork(cmd.Context(), *dir, "", 0)
		if err != nil {
			return err
		}
		stopped, err := n.Down()
		for _, name := range stopped {
			fmt.Fprintln(cmd.OutOrStdout(), "stopped", name)
		}
		if len(stopped) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "nothing was running")
		}
		return err
	}
	return c
}

func fabricStatusCommand(dir *string) *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "Show what runs, and the height of the ledger at each peer"}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		n, err := hub.OpenNetwork(cmd.Context(), *dir, "", 0)
		if err != nil {
			return err
		}
		return printNodes(cmd.Context(), n, cmd.OutOrStdout())
	}
	return c
}

func printNodes(ctx context.Context, n *network.Network, out io.Writer) error {
	states, err := n.States(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-22s %-8s %-17s %s\n", "NODE", "STATE", "ADDRESS", "HEIGHT")
	for _, s := range states {
		state := "down"
		if s.Up {
			state = "up"
		}
		fmt.Fprintf(out, "%-22s %-8s 127.0.0.1:%-7d %s\n", s.Name, state, s.Port, s.Height)
	}
	return nil
}
