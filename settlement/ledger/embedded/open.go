package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// OpenLedger opens or begins a community's ledger in a data directory.
func OpenLedger(ctx context.Context, dir, community, currency string, names *ledger.Names) (*ledger.Ledger, error) {
	people, err := ledger.OpenPeople(dir, community)
	if err != nil {
		return nil, err
	}
	chain, err := Open(ctx, filepath.Join(dir, File), people.Trust)
	if err != nil {
		return nil, err
	}
	index, err := ledger.RebuildIndex(ctx, dir, people.Signer)
	if err != nil {
		return nil, errors.Join(err, chain.Close())
	}
	return ledger.Open(ctx, chain, index, people, names, community, currency)
}

// Currency returns the currency in which the community of a data directory was
// founded, an ISO 4217 code.
func Currency(ctx context.Context, dir string) (string, error) {
	db, err := disk.ReadSQLite(filepath.Join(dir, File))
	if err != nil {
		return "", fmt.Errorf("open ledger: %w", err)
	}
	defer db.Close()
	first, err := ledger.CompositeKey("community")
	if err != nil {
		return "", err
	}
	var founded chaincode.Community
	var value []byte
	err = db.QueryRowContext(ctx, `SELECT value FROM state WHERE key > ? AND key < ? ORDER BY key LIMIT 1`, []byte(first), []byte(first+"\xff")).Scan(&value)
	if err == nil {
		err = json.Unmarshal(value, &founded)
	}
	if err != nil {
		return "", fmt.Errorf("currency of the ledger: %w", err)
	}
	return founded.Currency, nil
}

// OpenMemory begins a ledger that is gone when it is closed.
func OpenMemory(ctx context.Context, community, currency string, names *ledger.Names) (*ledger.Ledger, error) {
	dir, err := os.MkdirTemp("", "commonwatt-keys-")
	if err != nil {
		return nil, fmt.Errorf("open ledger in memory: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears its temporary directory as well
	people, err := ledger.OpenPeople(dir, community)
	if err != nil {
		return nil, err
	}
	people.Witness = nil // it remembers in a file
	chain, err := Open(ctx, "", people.Trust)
	if err != nil {
		return nil, err
	}
	index, err := ledger.OpenIndex(ctx, "", people.Signer)
	if err != nil {
		return nil, errors.Join(err, chain.Close())
	}
	return ledger.Open(ctx, chain, index, people, names, community, currency)
}

// VerifyDir verifies the ledger of a data directory with the key in keyFile, or
// without one with that of the directory, and the utility's cosignatures with
// the directory's witness.pub.
func VerifyDir(ctx context.Context, dir, keyFile string, progress func(done, all int64)) (audit.Report, error) {
	if keyFile == "" {
		keyFile = filepath.Join(dir, ledger.PublicKey)
	}
	key, err := ledger.ReadVerifier(keyFile)
	if err != nil {
		return audit.Report{}, err
	}
	witness, err := ledger.ReadVerifier(filepath.Join(dir, ledger.WitnessKey))
	if err != nil {
		return audit.Report{}, err
	}
	trust, err := ledger.TrustOf(dir)
	if err != nil {
		return audit.Report{}, err
	}
	index, err := ledger.ReadIndex(ctx, dir)
	if err != nil {
		return audit.Report{}, err
	}
	defer index.Close() //nolint:errcheck // it was only read
	auditor, err := Verify(ctx, filepath.Join(dir, File), trust, index, progress)
	if err != nil {
		return audit.Report{}, err
	}
	err = auditor.Checkpoints(ctx, index, key, witness)
	return auditor.Report, err
}
