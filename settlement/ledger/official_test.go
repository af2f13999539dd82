package ledger_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestAFileOfOfficialValuesIsRecorded records one, again, and with each thing wrong.
func TestAFileOfOfficialValuesIsRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, _ int) {
		good := chaincode.OfficialFile{Digest: strings.Repeat("0a", 32), Format: "sdat", From: "2026-05-31T22:00:00Z", Until: "2026-06-30T22:00:00Z", Values: 5760}
		for range 2 {
			must(t, l.RecordOfficial(t.Context(), good))
		}
		official := l.As(l.People.Utility).Official
		good.Community = community
		if f, err := official.GetFile(t.Context(), good.Digest); err != nil || f != good {
			t.Errorf("%+v %v", f, err)
		}
		_, err := official.GetFile(t.Context(), strings.Repeat("0b", 32))
		expect(t, "a file that is not there", chaincode.CodeMissing, err)
		expect(t, "recorded by the utility", chaincode.CodeDenied, official.RecordFile(t.Context(), good))
		for name, change := range map[string]func(f *chaincode.OfficialFile){
			"digest": func(f *chaincode.OfficialFile) { f.Digest = strings.Repeat("0A", 32) }, "digest ": func(f *chaincode.OfficialFile) { f.Digest = "0a" },
			"format": func(f *chaincode.OfficialFile) { f.Format = "xls" }, "from": func(f *chaincode.OfficialFile) { f.From = "2026-05-31" },
			"until": func(f *chaincode.OfficialFile) { f.Until = f.From }, "until ": func(f *chaincode.OfficialFile) { f.Until = "2026-06-30T22:00:00+02:00" },
			"values": func(f *chaincode.OfficialFile) { f.Values = 0 },
		} {
			f := good
			change(&f)
			err := l.RecordOfficial(t.Context(), f)
			expect(t, name, chaincode.CodeInvalid, err)
			if !strings.Contains(err.Error(), strings.TrimSpace(name)+":") {
				t.Errorf("%s: %v", name, err)
			}
		}
		other := good
		other.Values++
		expect(t, "the same digest, another file", chaincode.CodeConflict, l.RecordOfficial(t.Context(), other))
	})
}

// TestARunWithoutPostings is on the ledger like any other: official values may change energy
// that costs nothing.
func TestARunWithoutPostings(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 1)
		account, err := l.Account("m-"+point(0), point(0))
		must(t, err)
		i := interval(day, 0)
		r, err := settlement.Settle(settlement.Input{
			Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR"}, Points: map[string]settlement.Point{point(0): {Account: account}},
			Metered: []record.Metered{{MeteringPoint: point(0), Flow: grid.Flow{Import: 7}, Quality: grid.Official1}},
		})
		must(t, err)
		if len(r.Batches) != 0 || r.Manifest.Estimated {
			t.Fatalf("%+v", r)
		}
		must(t, l.SubmitRun(t.Context(), r.Record()))
		_, err = l.Index(t.Context())
		must(t, err)
		got, err := l.As(l.People.Operator).Settlement.GetRun(t.Context(), i, 1)
		if err != nil || got.Closing == nil || got.Closing.Postings != 0 || !l.IsClosed(r.Manifest) {
			t.Errorf("%+v %v", got, err)
		}
		if runs := l.Runs(); !slices.Contains(runs, ledger.ClosedRun{Interval: i.String(), Run: 1}) || !slices.IsSortedFunc(runs, func(a, b ledger.ClosedRun) int { return strings.Compare(a.Interval, b.Interval) }) {
			t.Errorf("closed are %v", runs)
		}
	})
}
