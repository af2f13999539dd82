package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger/rows"
)

// Follow reads what the chain has more, and signs a checkpoint when that holds
// postings.
func (x *Index) Follow(ctx context.Context, chain Chain) error {
	x.trees.mu.Lock()
	defer x.trees.mu.Unlock()
	var some []Block
	take := func() error {
		if len(some) == 0 {
			return nil
		}
		err := x.take(ctx, some)
		some = some[:0]
		return err
	}
	err := chain.Blocks(ctx, x.next, func(b Block) error {
		if some = append(some, b); len(some) < together {
			return nil
		}
		return take()
	})
	return errors.Join(err, take())
}

// together is how many blocks the index takes in one transaction.
const together = 256

func (x *Index) take(ctx context.Context, blocks []Block) (err error) {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	before, records := x.log.Size, x.records.Size
	defer func() {
		if err != nil { // the hashes go back to what is on record
			x.log.Size = before
			again := context.WithoutCancel(ctx)
			err = errors.Join(err, tx.Rollback(), x.uncommitted(), x.accounts.restore(again, x.db), x.restoreRecords(again))
		}
	}()
	w := newIndexWriter(tx)
	closed := map[string]string{}
	for _, b := range blocks {
		for _, t := range b.Transactions {
			if err := x.transaction(ctx, w, b.Number, t, closed); err != nil {
				return fmt.Errorf("index block %d: %w", b.Number, err)
			}
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if x.log.Size > before || x.log.Size > 0 && x.records.Size > records {
		if err := x.checkpoint(ctx, tx, x.signer); err != nil {
			return err
		}
	}
	next := blocks[len(blocks)-1].Number + 1
	if _, err := tx.ExecContext(ctx, `INSERT INTO followed VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next, size = excluded.size`, next, x.log.Size); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := x.hashes.flush(); err != nil { // before the record of their number
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	x.next = next
	x.closedRuns.close(closed)
	return nil
}

type indexWriter struct{ postings, byAccount, accounts, closings, records, disputes *rows.Inserter }

func newIndexWriter(tx *sql.Tx) indexWriter {
	return indexWriter{
		postings: rows.New(tx, `INSERT INTO postings`, 7, ""), byAccount: rows.New(tx, `INSERT OR IGNORE INTO by_account`, 2, ""),
		accounts: rows.New(tx, `INSERT INTO accounts`, 2, ""), closings: rows.New(tx, `INSERT OR IGNORE INTO closings`, 2, ""),
		records: rows.New(tx, `INSERT INTO records`, 2, ""), disputes: rows.New(tx, `INSERT OR REPLACE INTO disputes`, 3, ""),
	}
}

func (w indexWriter) flush(ctx context.Context) error {
	for _, r := range []*rows.Inserter{w.postings, w.byAccount, w.accounts, w.closings, w.records, w.disputes} {
		if err := r.Flush(ctx); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}

func (x *Index) transaction(ctx context.Context, w indexWriter, block int64, t Transaction, closed map[string]string) error {
	for _, wr := range t.Writes {
		kind, at := SplitKey(wr.Key)
		if IsRecord(kind) {
			record, err := RecordOf(wr)
			if err != nil {
				return err
			}
			if err := w.records.Add(ctx, x.records.Size, record); err != nil {
				return err
			}
			if _, err := x.records.Add(record); err != nil {
				return err
			}
		}
		if isDispute(kind) && !wr.Deleted {
			if err := w.disputes.Add(ctx, at[1], kind, wr.Value); err != nil {
				return err
			}
		}
		if kind != chaincode.KindClosing {
			continue
		}
		run := strings.Join(at, "/")
		closed[run] = at[1]
		if err := w.closings.Add(ctx, run, at[1]); err != nil {
			return err
		}
	}
	all, err := t.Postings()
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(all...) {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		leaf := x.log.Size
		hash, err := x.log.Add(text)
		if err != nil {
			return err
		}
		if err := w.postings.Add(ctx, leaf, block, t.ID, record.IntervalOf(p.ID), p.Reason, short(hash), text); err != nil {
			return err
		}
		for _, account := range []string{p.Debit, p.Credit} {
			n, err := x.accounts.of(ctx, w, account)
			if err != nil {
				return err
			}
			if err := w.byAccount.Add(ctx, n, leaf); err != nil {
				return err
			}
		}
	}
	return nil
}
