package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// byTheOperator is a run settled by the grid operator's value of an account, and what the
// ledger has of it.
type byTheOperator struct {
	run     settlement.Run
	working audit.Working
	file    chaincode.OfficialFile
}

// fileDigest is that of the file of official values, as it stands on the ledger.
func fileDigest() string { return strings.Repeat("ab", 32) }

// official settles an interval by a leaf that change makes another one before.
func official(t *testing.T, change func(l *record.Leaf)) *byTheOperator {
	t.Helper()
	i := interval(100, 0)
	m := record.Metered{MeteringPoint: "A", Flow: grid.Flow{Import: 412}, Quality: grid.Official1}
	leaf := record.Leaf{Metered: m, Salt: "blind", Official: []string{fileDigest()}}
	change(&leaf)
	text, err := json.Marshal(leaf)
	must(t, err)
	root, err := proof.Root([][]byte{text})
	must(t, err)
	in := settlement.Input{
		Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Feeder: grid.SingleNode(), Metered: []record.Metered{leaf.Metered}, ReadingRoot: root,
	}
	run, err := settlement.Settle(in)
	must(t, err)
	return &byTheOperator{
		run: run, working: audit.Working{Community: community, Interval: i.String(), Run: 1, Tariff: in.Tariff, Basis: run.Basis, Leaves: []json.RawMessage{text}},
		file: chaincode.OfficialFile{Community: community, Digest: fileDigest(), Format: "csv", From: i.Shift(-2).Begin().Format("2006-01-02T15:04:05Z"), Until: i.End().Format("2006-01-02T15:04:05Z"), Values: 3},
	}
}

// judged lets a judge check it, with what is on the ledger.
func (o *byTheOperator) judged(t *testing.T) (audit.Checked, error) {
	t.Helper()
	var records [][]byte
	for kind, v := range map[string]any{chaincode.KindManifest: o.run.Manifest, chaincode.KindOfficialFile: o.file} {
		value, err := json.Marshal(v)
		must(t, err)
		at := []string{community, o.run.Manifest.Interval, fmt.Sprint(o.run.Manifest.Run)}
		if kind == chaincode.KindOfficialFile {
			at = []string{community, o.file.Digest}
		}
		text, err := json.Marshal(ledger.Record{Kind: kind, At: at, Value: value})
		must(t, err)
		records = append(records, text)
	}
	j, err := audit.NewJudge(records, nil, func(context.Context, string) ([]record.Posting, error) { return nil, nil })
	must(t, err)
	err = j.Check(t.Context(), o.working)
	return j.Checked, err
}

// TestOfficialValuesAreAudited checks a run by the file that its leaf names, in place of
// readings, and then changes each thing of it.
func TestOfficialValuesAreAudited(t *testing.T) {
	t.Parallel()
	same := func(*record.Leaf) {}
	c, err := official(t, same).judged(t)
	if want := (audit.Checked{Runs: 1, Statements: 1, Official: 1}); err != nil || c != want || c.IsProven() || !strings.Contains(c.String(), "1 statements by the grid operator's values") {
		t.Errorf("%+v, %v: %s", c, err, c)
	}
	told := func(change func(l *record.Leaf)) func(o *byTheOperator) { // afterwards
		return func(o *byTheOperator) {
			var l record.Leaf
			must(t, json.Unmarshal(o.working.Leaves[0], &l))
			change(&l)
			var err error
			o.working.Leaves[0], err = json.Marshal(l)
			must(t, err)
		}
	}
	for name, c := range map[string]struct {
		made   func(l *record.Leaf)   // the run is made so
		change func(o *byTheOperator) // what is told of it afterwards
		want   string
	}{
		"another value":           {change: told(func(l *record.Leaf) { l.Flow.Import++ }), want: "other readings"},
		"another quality":         {change: told(func(l *record.Leaf) { l.Quality = grid.Official2 }), want: "other readings"},
		"a better quality":        {change: told(func(l *record.Leaf) { l.Quality = grid.Good }), want: "does not count as one"},
		"another digest":          {change: told(func(l *record.Leaf) { l.Official[0] = strings.Repeat("cd", 32) }), want: "which is not on the ledger"},
		"made by an unknown file": {made: func(l *record.Leaf) { l.Official[0] = strings.Repeat("cd", 32) }, want: "which is not on the ledger"},
		"made by no file":         {made: func(l *record.Leaf) { l.Official = nil }, want: "names no file"},
		"made by a file twice":    {made: func(l *record.Leaf) { l.Official = append(l.Official, l.Official[0]) }, want: "one twice"},
		"made by readings too":    {made: func(l *record.Leaf) { l.Batches[0] = "a" }, want: "and names readings"},
		"a file of another time":  {change: func(o *byTheOperator) { o.file.Until = o.file.From }, want: "which reaches from"},
		"a file that was altered": {change: func(o *byTheOperator) { o.file.Digest = strings.Repeat("cd", 32) }, want: "which is not on the ledger"},
	} {
		if c.made == nil {
			c.made = same
		}
		o := official(t, c.made)
		if c.change != nil {
			c.change(o)
		}
		_, err := o.judged(t)
		var tampered *audit.TamperedError
		if !errors.As(err, &tampered) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
