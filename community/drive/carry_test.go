package drive

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestALaterRunKeepsWhoHasLeft settles an interval again after a member's meter was taken
// out: what it metered then stays, under the leaf that proves it.
func TestALaterRunKeepsWhoHasLeft(t *testing.T) {
	kept, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	names := ledger.SeededNames(1)
	market, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, Names: names, Rules: new(settlement.DefaultRules())}, grid.SingleNode(),
		tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 80_000})
	if err != nil {
		t.Fatal(err)
	}
	i := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	points := []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}
	admissions, err := market.Admissions(points, i.Begin())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append([]matching.Command{market.Begin(i.Begin())}, admissions...) {
		market.Apply(&c)
	}
	s := &Settler{Trades: market, Workings: audit.Workings{In: kept}, Names: names}
	metered := []record.Metered{
		{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 300}, Quality: grid.Estimated}, {MeteringPoint: "mp-bob", Flow: grid.Flow{Export: 300}, Quality: grid.Good},
	}
	leaves := make([]json.RawMessage, len(metered))
	for k, m := range metered {
		leaf := record.Leaf{Metered: m, Salt: "s"}
		if leaf.MeteringPoint, err = names.Account(points[k].Member, m.MeteringPoint); err != nil {
			t.Fatal(err)
		}
		if leaves[k], err = json.Marshal(leaf); err != nil {
			t.Fatal(err)
		}
	}
	root, err := rootOf(leaves)
	if err != nil {
		t.Fatal(err)
	}
	first, err := market.Settle(i, 1, metered, root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Workings.Keep(t.Context(), first, leaves); err != nil {
		t.Fatal(err)
	}
	// Ann's meter answers again; Bob has left.
	now := []record.Metered{{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 200}, Quality: grid.Good}}
	all, proven, err := s.carry(t.Context(), i, false, []settlement.Run{first}, now, leaves[:1])
	if err != nil || len(all) != 2 || all[1] != metered[1] || len(proven) != 2 || !bytes.Equal(proven[1], leaves[1]) {
		t.Fatalf("%+v, %s, %v", all, proven, err)
	}
	second, err := market.Settle(i, 2, all, root, []settlement.Run{first})
	if err != nil {
		t.Fatal(err)
	}
	// 200 Wh at the middle, 0.19, and Bob's other 100 Wh at 0.08.
	if a, b := second.Statements[0].Net, second.Statements[1].Net; a != -38_000 || b != 38_000+8_000 {
		t.Errorf("ann has %d, bob %d, want −38000 and 46000", a, b)
	}
}
