package audit_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestPrintedReports prints what verifications covered whose figures were made up.
func TestPrintedReports(t *testing.T) {
	checked := audit.Checked{Runs: 3, Statements: 12, Proven: 8, Estimated: 2, Unseen: 1, Without: 1}
	embedded := audit.Report{
		Blocks: 1, Hash: "ab", Signatures: 2, Keys: 30, Postings: 4, Runs: 3, Intervals: 1, Turnover: 1_500_000,
		Sealed: audit.Sealed{Root: "cd", Checkpoints: 5, Cosigned: 4, Signer: "commonwatt/elm"},
	}
	onFabric := audit.Report{Blocks: 2, Hash: "ab", Signatures: 3, Endorsements: 6, Sealed: audit.Sealed{Root: "cd"}}
	for want, print := range map[string]func(out *bytes.Buffer) error{
		`verified ledger.db
  1 block chained by hash, the last ab
  2 signatures, 30 keys of state
  4 postings in the Merkle log, its root cd
  5 checkpoints signed by commonwatt/elm; 4 postings cosigned by the utility, 0 not covered yet
  3 runs of 1 interval, each summing to zero; turnover 1.500000
  3 runs computed anew with 12 statements: 8 from signed readings, 2 estimated (taken on trust), 1 whose readings are not here; 1 runs not
`: func(out *bytes.Buffer) error { return embedded.Print(out, "ledger.db", checked) },
		`verified channel c
  2 blocks chained by hash, the last ab
  3 signatures, 6 endorsements
  0 postings in the Merkle log, its root cd
  no checkpoint was looked at: the community's data directory is not here
  0 runs of 0 intervals, each summing to zero; turnover 0.000000
  no statement computed anew: how the runs came about is not here
`: func(out *bytes.Buffer) error { return onFabric.Print(out, "channel c", audit.Checked{}) },
		`verified dir
  sealed by commonwatt/elm, every file as it was written
  all 40 postings of the log, 1 of them outside of the runs, its root AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  3 runs, each as its manifest announced and summing to zero; turnover 0.250000
  3 runs computed anew with 12 statements: 8 from signed readings, 2 estimated (taken on trust), 1 whose readings are not here; 1 runs not
  cosigned by the utility
  continues the earlier checkpoint
`: func(out *bytes.Buffer) error {
			return audit.BundleReport{Whole: true, Postings: 40, Outside: 1, Runs: 3, Turnover: 250_000, Checked: checked, Cosigned: true}.Print(out, "dir", "commonwatt/elm", true)
		},
		`verified dir
  sealed by commonwatt/elm, every file as it was written
  2 of the 40 postings of the log, its root AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  a part of the log: that nothing is missing is proved by a bundle of the whole
`: func(out *bytes.Buffer) error {
			return audit.BundleReport{Postings: 2, Checkpoint: proof.Checkpoint{Size: 40}}.Print(out, "dir", "commonwatt/elm", false)
		},
	} {
		out := &bytes.Buffer{}
		if err := print(out); err != nil || out.String() != want {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// posted is a log of one posting, or of none.
type posted []ledger.Entry

func (p posted) Find(_ context.Context, _ ledger.Query, see func(ledger.Entry) error) error {
	for _, e := range p {
		if err := see(e); err != nil {
			return err
		}
	}
	return nil
}

// TestPrintedPostings prints postings in a table, which is left out where nothing fits.
func TestPrintedPostings(t *testing.T) {
	const want = `    LEAF  BLOCK  INTERVAL                FROM                     TO                           AMOUNT EUR       WH  REASON            REFERENCE
       7      2  2026-01-01T00:00:00Z/15 ann                      bob                            0.250000      900  trade             t-1
`
	entry := ledger.Entry{Leaf: 7, Block: 2, Interval: "2026-01-01T00:00:00Z/15", Posting: []byte(`{"id":"p","debit":"ann","credit":"bob","amount":250000,"energy":900,"reason":"trade","reference":"t-1"}`)}
	for want, log := range map[string]posted{want: {entry}, "no posting fits: the ledger has none yet; an interval is posted when it is over and its meters were read\n": nil} {
		out := &bytes.Buffer{}
		if err := audit.PrintPostings(t.Context(), log, ledger.Query{}, "EUR", out); err != nil || out.String() != want {
			t.Errorf("%v, got\n%s\nwant\n%s", err, out, want)
		}
	}
}

// TestAnEmptySelectionSaysWhy asks a ledger with nothing and one whose postings are others.
func TestAnEmptySelectionSaysWhy(t *testing.T) {
	entry := ledger.Entry{Posting: []byte(`{"id":"p"}`)}
	for want, log := range map[string]posted{"the ledger has none yet": nil, "": {entry}} {
		if why, err := audit.Empty(t.Context(), log, ledger.Query{}); err != nil || !strings.Contains(why, want) || (why == "") != (want == "") {
			t.Errorf("%q, %v, want %q", why, err, want)
		}
	}
}
