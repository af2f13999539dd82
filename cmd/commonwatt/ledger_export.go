package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/usage"
)

// selection says which postings a command is about.
type selection struct {
	audited

	member, account, interval, reason string
}

func (s *selection) flags(c *cobra.Command) {
	s.audited.flags(c)
	c.Flags().StringVar(&s.member, "member", "", "only postings of a member, by the community's own name for it")
	c.Flags().StringVar(&s.account, "account", "", "only postings of an account")
	c.Flags().StringVar(&s.interval, "interval", "", "only postings of a delivery interval, as in 2026-06-01T10:00:00Z/15")
	c.Flags().StringVar(&s.reason, "reason", "", "only postings of a reason, such as trade, pool-bought, imbalance-retail")
}

// open opens the index of the ledger, and says what to look for in it.
func (s selection) open(ctx context.Context) (*ledger.Index, ledger.Query, error) {
	q := ledger.Query{Account: s.account, Interval: s.interval, Reason: s.reason}
	if s.interval != "" {
		if _, err := grid.ParseInterval(s.interval); err != nil {
			return nil, q, usage.Errorf("--interval: %w", err)
		}
	}
	if err := audit.CheckReason(s.reason); err != nil {
		return nil, q, usage.Errorf("--reason: %w", err)
	}
	if _, err := os.Stat(filepath.Join(s.data, ledger.IndexFile)); err != nil {
		return nil, q, usage.Errorf("--data: no ledger in %s: %w", s.data, err)
	}
	if err := disk.Lacks(s.data, embedded.File); err != nil { // its index alone proves nothing
		return nil, q, err
	}
	x, err := ledger.ReadIndex(ctx, s.data)
	if err != nil || s.member == "" {
		return x, q, err
	}
	if q.Account, err = s.accountOf(ctx, x); err != nil {
		return nil, q, errors.Join(err, x.Close())
	}
	return x, q, nil
}

// accountOf finds the account of a member's metering point.
func (s selection) accountOf(ctx context.Context, x *ledger.Index) (string, error) {
	if s.account != "" {
		return "", usage.Errorf("--member, --account: give one of them")
	}
	names, err := ledger.OpenNames(filepath.Join(s.data, ledger.NamesFile))
	if err != nil {
		return "", err
	}
	if names.Known(s.member) == nil {
		return "", usage.Errorf("--member: %s knows no member %q, or it was erased", filepath.Join(s.data, ledger.NamesFile), s.member)
	}
	member, err := names.Member(s.member)
	if err != nil {
		return "", err
	}
	points, err := x.MeteringPoints(ctx, member)
	if err != nil {
		return "", err
	}
	if len(points) != 1 {
		return "", usage.Errorf("--member: %q has %d metering points: give one of their accounts with --account: %s", s.member, len(points), strings.Join(points, ", "))
	}
	return points[0], nil
}

func exportCommand() *cobra.Command {
	var s selection
	var format, out string
	var without bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Write postings as CSV, JSON or a proof bundle",
		Long: `Write postings of the ledger as CSV, as JSON (an array), or as a proof bundle that
anybody can verify offline with the community's key: checkpoint, postings, a proof
of inclusion for each, manifests and keys, how every run came about, and the
signed readings. Money is in millionths of the currency unit, energy in Wh.

A bundle of the whole log proves that nothing is missing; one of a part, as of a
member, has no statements and no readings. Readings name members and devices: leave
them out with --without-readings where they are nobody's business.

` + reasonsHelp(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usage.Errorf("--out: missing: where to write to")
			}
			x, q, err := s.open(cmd.Context())
			if err != nil {
				return err
			}
			switch format {
			case "csv":
				err = toFile(out, func(w io.Writer) error { return audit.WriteCSV(cmd.Context(), x, q, w) })
			case "json":
				err = toFile(out, func(w io.Writer) error { return audit.WriteJSON(cmd.Context(), x, q, w) })
			case "bundle":
				err = s.writeBundle(cmd.Context(), x, q, out, without, cmd.OutOrStdout())
			default:
				err = usage.Errorf("--format: %q: must be csv, json or bundle", format)
			}
			if why, wrong := audit.Empty(cmd.Context(), x, q); err == nil && wrong == nil && why != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), why)
			}
			return errors.Join(err, x.Close())
		},
	}
	s.flags(c)
	c.Flags().StringVar(&s.network, "network", "", "directory of the Fabric network whose keys seal a bundle")
	c.Flags().StringVar(&format, "format", "csv", "csv, json or bundle")
	c.Flags().StringVar(&out, "out", "", "file to write, or directory of a bundle; must not exist")
	c.Flags().BoolVar(&without, "without-readings", false, "leave the signed readings out of a bundle")
	return c
}

// toFile writes a new file whole or not at all.
func toFile(path string, write func(w io.Writer) error) error {
	if _, err := os.Stat(path); err == nil {
		return usage.Errorf("--out: %s exists already", path)
	}
	f, err := os.Create(path + ".new") //nolint:gosec // the path is the operator's
	if err != nil {
		return usage.Errorf("--out: %w", err)
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return disk.Rename(path+".new", path)
}

// writeBundle writes a proof bundle.
func (s selection) writeBundle(ctx context.Context, x *ledger.Index, q ledger.Query, out string, without bool, stdout io.Writer) (err error) {
	keys := s.data
	if s.network != "" {
		keys = s.network
	}
	signer, err := ledger.OpenSigner(keys)
	if err != nil {
		return usage.Errorf("--data: a bundle is sealed by the community: %w; with the keys of a Fabric network give --network", err)
	}
	e := audit.Export{Query: q, Program: version(), Signer: signer}
	readings, err := s.openReadings()
	if err != nil {
		return err
	}
	if readings != nil {
		defer func() { err = errors.Join(err, readings.evidence.Close()) }()
		e.Workings, e.Months = readings.evidence.Workings, audit.KeptGuarantees{Dir: filepath.Join(s.data, audit.GuaranteeDir)}
		if !without {
			e.Readings = readings
		}
	}
	c, err := audit.Bundle(ctx, x, out, e)
	if errors.Is(err, audit.ErrNothing) {
		return usage.Errorf("%w: nothing was written", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %d postings, %d files, sealed by %s\nVerify it with: commonwatt ledger verify --bundle %s --key KEY, the key being %s from elsewhere\n",
		out, c.Postings, len(c.Files), c.Origin, out, ledger.PublicKey)
	return nil
}

func showCommand() *cobra.Command {
	var s selection
	var id, hash string
	var limit int
	c := &cobra.Command{
		Use:   "show",
		Short: "Show postings, the last ones first",
		Long: `Show postings, the last ones first: amounts in the currency of the ledger, energy in
Wh. FROM pays, TO receives.

` + reasonsHelp(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage.Errorf("--limit: %d: must not be negative", limit)
			}
			if _, err := tlog.ParseHash(hash); hash != "" && err != nil {
				return usage.Errorf("--hash: %q: want the hash of a leaf in base64, as proofs have it", hash)
			}
			x, q, err := s.open(cmd.Context())
			if err != nil {
				return err
			}
			q.ID, q.Hash, q.Limit, q.Backwards = id, hash, limit, true
			currency, err := s.currency(cmd.Context())
			if err == nil {
				err = audit.PrintPostings(cmd.Context(), x, q, currency, cmd.OutOrStdout())
			}
			return errors.Join(err, x.Close())
		},
	}
	s.flags(c)
	c.Flags().StringVar(&id, "id", "", "only the posting with an id")
	c.Flags().StringVar(&hash, "hash", "", "only the posting with a leaf hash, base64")
	c.Flags().IntVar(&limit, "limit", 20, "how many at most; 0: all") //nolint:mnd // a screen
	return c
}

// reasonsHelp lists the reasons for a command's help.
func reasonsHelp() string {
	var b strings.Builder
	b.WriteString("The reasons of postings (docs/settlement.md tells who pays whom):\n\n")
	for _, r := range audit.Reasons() {
		fmt.Fprintf(&b, "  %-18s %s\n", r.Name, r.Says)
	}
	return strings.TrimRight(b.String(), "\n")
}
