// Package ledger submits settlement runs exactly once, and reads and proves
// what was recorded, on the embedded chain or on a Fabric network: the contracts
// are the same, and so are the keys under which they write.
//
// A run is submitted as its manifest, its batches and its closing. Each is a
// call that changes nothing when it comes again, so that a submission that was
// interrupted anywhere is simply made again.
package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Ledger is a community's ledger. It is safe for concurrent use.
//
// Lock order: the cosigner's mu, then those of the witness and of the index, one at a time.
type Ledger struct {
	Names  *Names
	People *People

	callers
	registrar
	*following
	*cosigner
}

// Open opens a community's ledger on a chain, which is its own from now on, and
// founds the community if that is new.
func Open(ctx context.Context, chain Chain, index *Index, people *People, names *Names, community, currency string) (*Ledger, error) {
	calls, following := callers{on: chain, community: community}, newFollowing(chain, index)
	l := &Ledger{
		Names: names, People: people, callers: calls, registrar: registrar{calls, names, people}, following: following, cosigner: &cosigner{of: following, people: people},
	}
	err := following.fits(ctx)
	if err == nil {
		err = l.found(ctx, currency)
	}
	if err == nil {
		err = following.begin(ctx)
	}
	if err == nil {
		err = l.continues()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.Close())
	}
	return l, nil
}

// found founds the community if that is new.
func (l *Ledger) found(ctx context.Context, currency string) error {
	return l.As(l.People.Operator).Registry.FoundCommunity(ctx, chaincode.Community{ID: l.community, Currency: currency, Utility: l.People.UtilityMSP})
}

// continues refuses a ledger that is shorter than what the utility has cosigned.
func (l *Ledger) continues() error {
	if l.People.Witness == nil {
		return nil
	}
	cosigned := l.People.Witness.Last().Size
	if size := l.index.size(); size < cosigned {
		return disk.Mismatch("the ledger", fmt.Sprintf("is older than keys/utility/witnessed: it has %d postings, and %d were cosigned", size, cosigned))
	}
	return nil
}

// Kind names the driver.
func (l *Ledger) Kind() string { return l.following.chain.Kind() }

// Close brings the index up to the chain, if that answers, and closes both.
func (l *Ledger) Close() error { return l.following.close() }

// Account returns the account of a member's metering point.
func (l *Ledger) Account(member, point string) (string, error) { return l.Names.Account(member, point) }

// SubmitRun records a run: manifest, batches, closing. Submitting it again,
// whole or after a crash in the middle, changes nothing that is there.
func (l *Ledger) SubmitRun(ctx context.Context, run record.Run) error {
	m := run.Manifest
	if l.IsClosed(m) {
		return nil
	}
	if err := l.submitRun(ctx, run); err != nil {
		return fmt.Errorf("submit %s run %d: %w", m.Interval, m.Run, err)
	}
	l.announce()
	return nil
}

func (l *Ledger) submitRun(ctx context.Context, run record.Run) error {
	operator := l.As(l.People.Operator)
	if err := operator.Settlement.OpenRun(ctx, run.Manifest); err != nil {
		return err
	}
	if err := operator.Settlement.PostBatch(ctx, run.Batches...); err != nil {
		return err
	}
	return operator.Settlement.CloseRun(ctx, run.Manifest)
}

// Balance returns the balance of a system account.
func (l *Ledger) Balance(ctx context.Context, account string) (grid.Money, error) {
	return l.As(l.People.Operator).Settlement.Balance(ctx, account)
}

// Fold sums up what moved the balances on a UTC day that is over, so that a balance
// is read from a few keys. What comes later is taken in by a later call.
func (l *Ledger) Fold(ctx context.Context, day time.Time) error {
	return l.As(l.People.Operator).Settlement.FoldBalances(ctx, day.UTC().Format(time.DateOnly), chaincode.Buckets()...)
}

// Chain returns what the ledger is on.
func (l *Ledger) Chain() Chain { return l.following.chain }

// Head returns the number of blocks and the hash of the last, in hex.
func (l *Ledger) Head(ctx context.Context) (height int64, root string, err error) {
	height, hash, err := l.following.chain.Head(ctx)
	return height, hex.EncodeToString(hash), err
}
