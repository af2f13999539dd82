package ledger_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

var update = flag.Bool("update", false, "write testdata/bytes.golden anew")

// TestBytes pins the bytes of what is on a ledger, or is committed to there, and of the
// contracts' metadata: whoever changes them breaks every ledger that is in use.
func TestBytes(t *testing.T) {
	i := grid.Interval{Start: 1_780_315_200, Minutes: 15}
	limit := grid.Energy(900)
	in := settlement.Input{
		Community: "c", Interval: i, Run: 1, ReadingRoot: "root", Rules: new(settlement.DefaultRules()), Salt: "salt",
		Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Feeder: grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: 20_000, ImportLimit: &limit}}},
		Points: map[string]settlement.Point{"a": {Account: "A", Member: "m", Node: "street"}, "b": {Account: "B", Member: "n"}, "c": {Account: "C", Member: "o", Apart: true}},
		Trades: []grid.Trade{{Product: grid.Product{Community: "c", Interval: i}, Seq: 7, Bid: "1", Offer: "2", Buyer: "a", Seller: "b", Energy: 500, BidPrice: 200_000, OfferPrice: 180_000}},
		Metered: []record.Metered{
			{MeteringPoint: "a", Flow: grid.Flow{Import: 600}, Quality: grid.Good},
			{MeteringPoint: "b", Flow: grid.Flow{Export: 700}, Quality: grid.Good},
			{MeteringPoint: "c", Flow: grid.Flow{Import: 100, Export: 20}, Quality: grid.Estimated},
		},
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	before := in
	before.Rules = nil
	old, err := settlement.Settle(before)
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenMemory(t.Context(), "c", "EUR", ledger.SeededNames(1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	metadata, err := l.Chain().Evaluate(t.Context(), ledger.Call{As: l.People.Operator, Function: "org.hyperledger.fabric:GetMetadata"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	show := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n\n", name, text)
	}
	show("run", run)
	show("run before there was a pool", old)
	show("manifest on the ledger", run.Manifest)
	show("closing", record.Closing{Community: "c", Interval: i.String(), Run: 1, Postings: 3, Turnover: 12})
	show("working", audit.Working{Community: "c", Interval: i.String(), Run: 1, Tariff: run.Tariff, Basis: run.Basis, Leaves: []json.RawMessage{[]byte(`{}`)}})
	show("leaf", record.Leaf{Metered: in.Metered[0], Salt: "s", Batches: [4]proof.Digest{"1", "2", "3", "4"}})
	show("programme", chaincode.Programme{
		Community: "c", From: "2026-06-01", Minutes: 15, Budget: 1000, Schedule: chaincode.Halving, Period: 2, Availability: 600, Grant: 10, Stake: 5, Slash: 500, Smoothing: 600,
		Threshold: 501, Challenging: chaincode.Challenging{Challenges: 100, Response: 60, Duration: 61, Energy: 20}, RevealPenalty: 7,
	})
	show("metadata of the contracts", json.RawMessage(metadata))
	golden := filepath.Join("testdata", "bytes.golden")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("bytes changed:\n%s", b.Bytes())
	}
}
