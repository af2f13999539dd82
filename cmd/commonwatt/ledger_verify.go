package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/usage"
)

func verifyCommand() *cobra.Command {
	var a audited
	var key, witness, bundle, checkpoint string
	var strict bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Verify the whole ledger, or a proof bundle offline",
		Long: `Verify the whole ledger: the chain of block hashes, every signature, on Fabric the
endorsements of both organisations, every batch and run summed up again, the
Merkle log and its signed checkpoints; and, where the signed readings are at hand,
every statement computed anew from them. Exit code 1 names what does not match.

  commonwatt ledger verify --data DIR                  an embedded ledger
  commonwatt ledger verify --data DIR --network DIR    on a network of commonwatt fabric up
  commonwatt ledger verify --config FILE               on an existing network (ledger.authorities)

Without --key the checkpoints are verified with the directory's own ledger.pub; an
auditor keeps a copy of that file elsewhere and gives it. With --bundle nothing but
the bundle is read, and the key must come from elsewhere:

  commonwatt ledger verify --bundle DIR --key ledger.pub [--checkpoint OLDER] [--witness witness.pub]

OLDER is the file checkpoint of an earlier bundle, or what /api/v1/ledger said then.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.config != "" {
				c, err := hub.ReadConfig(a.config)
				if err != nil {
					return err
				}
				if c.Ledger.IsEmbedded() {
					a.data, a.config = c.Data, ""
				}
			}
			if bundle != "" && (cmd.Flags().Changed("data") || a.config != "" || a.network != "") {
				return usage.Errorf("--bundle: is verified by itself: leave --data, --config and --network out")
			}
			if bundle != "" {
				return verifyBundle(cmd.Context(), bundle, key, witness, checkpoint, strict, cmd.OutOrStdout())
			}
			if a.network != "" && !cmd.Flags().Changed("data") {
				a.data = a.network // which community runs on it was not said
			}
			if checkpoint != "" || witness != "" {
				return usage.Errorf("--checkpoint, --witness: belong to --bundle")
			}
			return a.verify(cmd.Context(), key, strict, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	a.flags(c)
	c.Flags().StringVar(&a.network, "network", "", "directory of the Fabric network that holds the ledger")
	c.Flags().StringVar(&a.config, "config", "", "configuration of a community whose ledger is on an existing network")
	c.Flags().StringVar(&key, "key", "", "file with the verifier key of the checkpoints, kept apart from the ledger")
	c.Flags().StringVar(&bundle, "bundle", "", "proof bundle to verify instead, offline")
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "earlier checkpoint that the bundle must continue")
	c.Flags().BoolVar(&strict, "strict", false, "fail where anything is taken on trust: estimates, readings that are not here")
	c.Flags().StringVar(&witness, "witness", "", "file with the utility's verifier key, which must have cosigned the bundle's checkpoint")
	return c
}

// verify verifies a whole ledger.
func (a audited) verify(ctx context.Context, key string, strict bool, stdout, stderr io.Writer) error {
	progress := blocksProgress(stderr)
	if key != "" {
		if _, err := os.Stat(key); err != nil {
			return usage.Errorf("--key: %w", err)
		}
	}
	var report audit.Report
	var what string
	var err error
	if a.network != "" || a.config != "" {
		report, what, err = a.verifyFabric(ctx, key, progress)
	} else {
		what = filepath.Join(a.data, embedded.File)
		if _, err := os.Stat(what); err != nil {
			return usage.Errorf("--data: no ledger in %s: %w; for one on Fabric give --network or --config", a.data, err)
		}
		report, err = embedded.VerifyDir(ctx, a.data, key, progress)
	}
	if wrong := (*usage.Error)(nil); errors.As(err, &wrong) {
		return err
	}
	if err != nil {
		return fmt.Errorf("ledger verify: %w", err)
	}
	checked, err := a.recompute(ctx)
	if err != nil {
		return fmt.Errorf("ledger verify: %w", err)
	}
	if err := report.Print(stdout, what, checked); err != nil {
		return err
	}
	if key != "" && report.Checkpoints == 0 {
		return fmt.Errorf("ledger verify: --key: there is no checkpoint that it could have signed: the key proves nothing here")
	}
	if strict && report.Uncovered > 0 {
		return fmt.Errorf("ledger verify: --strict: %d postings are under no checkpoint", report.Uncovered)
	}
	if strict {
		return proven(checked)
	}
	return nil
}

// proven is the error of --strict: what was taken on trust.
func proven(c audit.Checked) error {
	if !c.IsProven() {
		return fmt.Errorf("ledger verify: --strict: not everything is proven by signed readings: %s", c)
	}
	return nil
}

func blocksProgress(stderr io.Writer) func(done, all int64) {
	last := time.Now()
	return func(done, all int64) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(stderr, "verified %d of %d blocks\n", done, all)
		}
	}
}

// verifyFabric verifies a ledger on a Fabric network, with what the data directory
// has of it.
func (a *audited) verifyFabric(ctx context.Context, key string, progress func(done, all int64)) (r audit.Report, what string, err error) {
	var c config.Config
	if a.config != "" {
		if c, err = hub.ReadConfig(a.config); err != nil {
			return r, "", err
		}
		a.data = c.Data
		if c.Ledger.Profile == nil {
			a.network = cmp.Or(c.Ledger.Network, hub.DefaultNetwork)
		}
	}
	// What the index has now the chain has too, whatever is written meanwhile.
	var x *ledger.Index
	if _, err := os.Stat(filepath.Join(a.data, ledger.IndexFile)); err == nil || key != "" {
		if x, err = ledger.ReadIndex(ctx, a.data); err != nil {
			return r, "", err
		}
		defer func() { err = errors.Join(err, x.Close()) }()
	}
	var auditor *audit.Auditor
	keys, witness := a.data, ""
	if a.network != "" {
		what = "channel " + network.Channel + " on the network in " + a.network
		auditor, keys, err = verifyNetwork(ctx, a.network, progress)
		witness = filepath.Join(keys, ledger.WitnessKey)
	} else {
		what = "channel " + c.Ledger.Profile.Channel
		auditor, err = verifyExisting(ctx, c.Ledger, progress)
	}
	if err != nil {
		return r, "", err
	}
	if x != nil { // else a network alone, without a community's directory
		err = auditor.CheckpointsBy(ctx, x, cmp.Or(key, filepath.Join(keys, ledger.PublicKey)), witness)
	}
	return auditor.Report, what, err
}

// verifyNetwork verifies the chain of a network of commonwatt fabric up, and returns where
// its keys are.
func verifyNetwork(ctx context.Context, dir string, progress func(done, all int64)) (auditor *audit.Auditor, keys string, err error) {
	n, err := hub.OpenNetwork(ctx, dir, "", 0)
	if err != nil {
		return nil, "", err
	}
	if !n.IsUp() {
		return nil, "", usage.Errorf("--network: the network in %s is not running: commonwatt fabric up --dir %s", dir, dir)
	}
	auditor, err = n.Verify(ctx, progress)
	return auditor, n.Dir, err
}

// verifyExisting verifies the chain of an existing network.
func verifyExisting(ctx context.Context, l config.Ledger, progress func(done, all int64)) (*audit.Auditor, error) {
	own := l.Identities[chaincode.RoleOperator]
	reader, err := fabric.Outside{
		Profile: hub.Profile(*l.Profile), Organisation: l.Organisation, Utility: l.Utility, Authorities: l.Authorities, Certificate: own.Certificate, Key: own.Key,
	}.Open()
	if err != nil {
		return nil, usage.Errorf("ledger.%w", err)
	}
	return reader.Verify(ctx, progress)
}

// recompute computes the runs of a data directory anew, whose ledger was verified.
func (a audited) recompute(ctx context.Context) (checked audit.Checked, err error) {
	readings, err := a.openReadings()
	if err != nil || readings == nil {
		return checked, err
	}
	defer func() { err = errors.Join(err, readings.evidence.Close()) }()
	x, err := ledger.ReadIndex(ctx, a.data)
	if err != nil {
		return checked, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	return audit.Recompute(ctx, x, readings, readings.evidence.Workings, audit.KeptGuarantees{Dir: filepath.Join(a.data, audit.GuaranteeDir)})
}

// verifyBundle verifies a bundle offline.
func verifyBundle(ctx context.Context, dir, key, witness, older string, strict bool, stdout io.Writer) error {
	if key == "" {
		return usage.Errorf("--key: missing: the key that judges a bundle comes from elsewhere: the community's ledger.pub, as its utility's page shows it")
	}
	verifier, err := ledger.ReadVerifier(key)
	if err != nil {
		return usage.Errorf("--key: %w", err)
	}
	var cosigner note.Verifier
	if witness != "" {
		if cosigner, err = ledger.ReadVerifier(witness); err != nil {
			return usage.Errorf("--witness: %w", err)
		}
	}
	var before []byte
	if older != "" {
		if before, err = os.ReadFile(older); err != nil { //nolint:gosec // the path is the auditor's
			return usage.Errorf("--checkpoint: %w", err)
		}
		before = append(bytes.TrimRight(before, "\n"), '\n') // copied from a page it may have more
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usage.Errorf("--bundle: %s is not a directory", dir)
	}
	r, err := audit.VerifyBundle(ctx, os.DirFS(dir), verifier, cosigner, before)
	if err != nil {
		return fmt.Errorf("ledger verify: %s: %w", dir, err)
	}
	if cosigner != nil && !r.Cosigned {
		return fmt.Errorf("ledger verify: %s: %s: the utility has not cosigned it", dir, proof.CheckpointFile)
	}
	if err := r.Print(stdout, dir, verifier.Name(), before != nil); err != nil {
		return err
	}
	if strict {
		return proven(r.Checked)
	}
	return nil
}
