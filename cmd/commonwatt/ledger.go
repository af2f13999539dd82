package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

func ledgerCommand() *cobra.Command {
	parent := &cobra.Command{Use: "ledger", Short: "Audit the ledger"}
	var data, key string
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Verify the whole ledger of a data directory",
		Long: `Verify the whole ledger of a data directory: the database, the chain of block
hashes, every signature, the state against the chain, the Merkle log and its
signed checkpoints, and that every run sums to zero. Exit code 1 names what
does not match. Without --key the checkpoints are verified with the directory's
own ledger.pub; an auditor keeps a copy of that file elsewhere and gives it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(filepath.Join(data, embedded.File)); err != nil {
				return usage("--data: no ledger in %s: %w", data, err)
			}
			last := time.Now()
			if key != "" {
				if _, err := os.Stat(key); err != nil {
					return usage("--key: %w", err)
				}
			}
			report, err := embedded.VerifyDir(cmd.Context(), data, key, func(done, all int64) {
				if time.Since(last) > time.Second {
					last = time.Now()
					fmt.Fprintf(cmd.ErrOrStderr(), "verified %d of %d blocks\n", done, all)
				}
			})
			if err != nil {
				return fmt.Errorf("ledger verify: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), `verified %s
  %d blocks chained by hash, the last %s
  %d signatures, %d keys of state
  %d postings in the Merkle log, its root %s
  %d checkpoints signed by %s; %d postings cosigned by the utility, %d not covered yet
  %d runs of %d intervals, each summing to zero; turnover %d.%06d
`, filepath.Join(data, embedded.File), report.Blocks, report.Hash, report.Signatures, report.Keys, report.Postings, report.Root,
				report.Checkpoints, report.Signer, report.Cosigned, report.Uncovered, report.Runs, report.Intervals, report.Turnover/1e6, report.Turnover%1e6)
			return nil
		},
	}
	verify.Flags().StringVar(&data, "data", defaults().Data, "data directory of the community")
	verify.Flags().StringVar(&key, "key", "", "file with the verifier key of the checkpoints, kept apart from the ledger")
	parent.AddCommand(verify)
	return parent
}
