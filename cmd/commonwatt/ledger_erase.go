package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/history"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/usage"
)

func eraseCommand() *cobra.Command {
	var f runFlags
	var member string
	var yes bool
	c := &cobra.Command{
		Use:   "erase",
		Short: "Forget who a member was",
		Long: `Forget who a member was, after it has left: its personal record is purged from the
ledger's private collection, its signed readings are deleted, and the salt is
forgotten by which its pseudonyms could be told. Its postings stay on the ledger,
under accounts that are nobody's any more. The community must not be running, and
the member's devices must be out of the configuration.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if member == "" {
				return usage.Errorf("--member: missing: whom to forget")
			}
			c, plan, err := f.resolve(cmd)
			if err != nil {
				return err
			}
			names, err := ledger.OpenNames(filepath.Join(c.Data, ledger.NamesFile))
			if err != nil {
				return err
			}
			if names.Known(member) == nil {
				return usage.Errorf("--member: %s knows no member %q", filepath.Join(c.Data, ledger.NamesFile), member)
			}
			if c.IsMember(member) {
				return usage.Errorf("--member: %q still has devices in the configuration or the simulation: take them out first, and give that configuration with --config", member)
			}
			if !yes {
				return usage.Errorf("this cannot be taken back: give --yes to forget who %q was", member)
			}
			return erase(cmd.Context(), plan, member, cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&f.config, "config", "", "configuration of the community")
	c.Flags().StringVar(&f.data, "data", config.Defaults().Data, "data directory of the community")
	c.Flags().StringVar(&member, "member", "", "the community's own name of the member")
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func erase(ctx context.Context, plan config.Plan, member string, stdout io.Writer) (err error) {
	dir, err := disk.OpenDir(plan.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	l, err := hub.OpenLedger(ctx, plan, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	readings := func(ctx context.Context, member string) error {
		e, err := evidence.Open(ctx, dir.File(hub.EvidenceFile), plan.Community)
		if err != nil {
			return err
		}
		if err := errors.Join(e.Erase(ctx, member), e.Close()); err != nil {
			return err
		}
		values, err := archive.Open(ctx, dir.File(corrections.File))
		if err != nil {
			return err
		}
		if err := errors.Join(values.Erase(ctx, member), values.Close()); err != nil {
			return err
		}
		book, err := statements.Open(ctx, dir.File(statements.File))
		if err != nil {
			return err
		}
		return errors.Join(book.Forget(ctx, member), book.Close(), history.Forget(ctx, dir.File(history.File), member), hub.ForgetModels(plan, dir, member), hub.ForgetOwn(ctx, dir, member))
	}
	if err := l.Erase(ctx, member, readings, func(step string) { fmt.Fprintln(stdout, step) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "forgot its salt: whose the accounts of %q were can no longer be told from the ledger\nWhat lies beside the ledger is not touched: telemetry, the order journal, and on the bus the readings of the last days.\n", member)
	return err
}
