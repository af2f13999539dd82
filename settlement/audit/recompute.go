package audit

import (
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Verified is what a ledger says, after it was verified.
type Verified interface {
	// Records shows all records in the order of the chain.
	Records(ctx context.Context, see func(record []byte) error) error
	// PostingsOf returns the postings of an interval over its runs.
	PostingsOf(ctx context.Context, interval string) ([]record.Posting, error)
	// PostingsBy returns the postings of a reason.
	PostingsBy(ctx context.Context, reason string) ([]record.Posting, error)
}

// Told shows how the runs came about that are kept, each by its reading root.
type Told func(ctx context.Context, see func(root string, working []byte) error) error

// Recompute computes all runs anew of which it is told how they came about. readings may
// be nil, and so may months, which has the workings of guaranteed ones. Errors:
// *TamperedError, which names those that do not come out.
func Recompute(ctx context.Context, x Verified, readings Readings, told Told, months Guarantees) (Checked, error) {
	var records [][]byte
	if err := x.Records(ctx, func(record []byte) error { records = append(records, record); return nil }); err != nil {
		return Checked{}, err
	}
	judge, err := NewJudge(records, readings, x.PostingsOf)
	if err != nil {
		return Checked{}, err
	}
	if err := judge.tellGuarantees(ctx, x, months); err != nil {
		return judge.Checked, err
	}
	err = told(ctx, func(root string, working []byte) error { return judge.Note(judge.CheckKept(ctx, root, working)) })
	if err != nil {
		return judge.Checked, err
	}
	return judge.Finish()
}

// CheckpointsBy holds the index against the chain, as Checkpoints does, with the verifier
// keys in files; without a witness no cosignature is looked at.
func (a *Auditor) CheckpointsBy(ctx context.Context, x *ledger.Index, key, witness string) error {
	verifier, err := ledger.ReadVerifier(key)
	if err != nil {
		return err
	}
	var cosigner note.Verifier
	if witness != "" {
		if cosigner, err = ledger.ReadVerifier(witness); err != nil {
			return err
		}
	}
	return a.Checkpoints(ctx, x, verifier, cosigner)
}
