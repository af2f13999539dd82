package main

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
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestCuttingTheMeterDoesNotPay lets a home take 200 Wh in every interval for nine days,
// and 900 Wh in one of the week before; then its meter is cut. It settles provisionally
// outside of own energy and pool, and for good with the dearer of what was forecast and
// what it took a week before; with that it takes part.
func TestCuttingTheMeterDoesNotPay(t *testing.T) {
	kept, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	cut := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	dear := cut.Shift(-7 * 96)
	var readings []grid.Reading
	total := grid.Energy(0)
	for i := cut.Shift(-9 * 96); i.Compare(cut) <= 0; i = i.Shift(1) {
		readings = append(readings, grid.Reading{Device: "ann/meter", Time: i.Begin(), Import: new(total), Export: new(grid.Energy(0)), Quality: grid.Good})
		total += 200
		if i == dear {
			total += 700
		}
	}
	if err := kept.Write(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	tariff := tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 80_000}
	market, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15}, grid.SingleNode(), tariff)
	if err != nil {
		t.Fatal(err)
	}
	s := &settler{market: market, store: kept, tariff: tariff}
	s.add(grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}, time.Time{})
	for _, c := range []struct {
		i       grid.Interval
		last    bool
		want    grid.Energy
		quality grid.Quality
	}{
		{cut, false, 0, grid.Estimated},
		{cut, true, 900, grid.Final},          // a week before
		{cut.Shift(1), true, 200, grid.Final}, // as forecast, and a week before
		{cut.Shift(-1), true, 200, grid.Good},
	} {
		metered, complete, err := s.meter(t.Context(), c.i, c.last)
		if err != nil || len(metered) != 1 || metered[0].Flow.Import != c.want || metered[0].Quality != c.quality || complete != (c.quality == grid.Good) {
			t.Errorf("%s, last %t: %+v, complete %t, %v, want %d Wh, %s", c.i, c.last, metered, complete, err, c.want, c.quality)
		}
	}
	if f, err := dearest(tariff, grid.Flow{Export: 500}, grid.Flow{}, grid.Flow{Export: 100, Import: 10}); err != nil || f != (grid.Flow{}) {
		t.Errorf("the dearest of what is given is %+v, %v, want nothing", f, err)
	}
}

// TestALaterRunKeepsWhoHasLeft settles an interval again after a member's meter was taken
// out: what it metered then stays, under the leaf that proves it.
func TestALaterRunKeepsWhoHasLeft(t *testing.T) {
	evidence, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer evidence.Close()
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
	s := &settler{market: market, evidence: evidence, names: names}
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
	if err := s.keepWorking(t.Context(), first, leaves); err != nil {
		t.Fatal(err)
	}
	// Ann's meter answers again; Bob has left.
	now := []record.Metered{{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 200}, Quality: grid.Good}}
	all, kept, err := s.carry(t.Context(), i, false, []settlement.Run{first}, now, leaves[:1])
	if err != nil || len(all) != 2 || all[1] != metered[1] || len(kept) != 2 || !bytes.Equal(kept[1], leaves[1]) {
		t.Fatalf("%+v, %s, %v", all, kept, err)
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
