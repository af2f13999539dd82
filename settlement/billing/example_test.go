package billing_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// TestWorkedExample is the example of docs/money.md, reckoned there by hand. Ann (mp-a1 and
// mp-b1) has two intervals in June. Retail is 0.20 + 0.10, without 19 % VAT, feed-in 0.06.
//
//	12:00  Ann bought 300 Wh of Cy at 0.20 and drew 500 at a1; her b1 gave 150; Cy gave 350
//	12:15  Ann drew 1,000 Wh, Cy gave 400
//
// 12:00: 300 × 0.20 = 0.060; of the 200 short at a1 150 are own; of the last 50 all are of
// the pool, 0.18: 0.009. 12:15: 400 of the pool, 0.072, and 600 of the grid, 0.180.
func TestWorkedExample(t *testing.T) {
	s := newStreet(t, 1)
	p := month(t, "2026-06")
	noon := grid.IntervalAt(p.From, 15).Shift(10*96 + 48)
	metered := func(point string, imported, exported grid.Energy) record.Metered {
		return record.Metered{MeteringPoint: point, Flow: grid.Flow{Import: imported, Export: exported}, Quality: grid.Good}
	}
	trade := grid.Trade{Product: grid.Product{Community: "c", Interval: noon}, Seq: 1, Buyer: "mp-a1", Seller: "mp-a3", Energy: 300, BidPrice: 200_000, OfferPrice: 200_000}
	s.settle(t, noon, []grid.Trade{trade}, metered("mp-a1", 500, 0), metered("mp-b1", 0, 150), metered("mp-a3", 0, 350))
	s.settle(t, noon.Shift(1), nil, metered("mp-a1", 1000, 0), metered("mp-b1", 0, 0), metered("mp-a3", 0, 400))
	b := s.draft(t, p, s.cut(t), nil)[0]
	a1 := b.Points[0]
	if b.Member != "m1" || a1.Point != "mp-a1" || b.Points[1].Point != "mp-b1" {
		t.Fatalf("%s, %s", b.Member, a1.Point)
	}
	want := []billing.Line{
		{Kind: billing.OwnTaken, Energy: 150, Intervals: 1},
		{Kind: billing.TradeBought, Energy: 300, Price: 200_000, Amount: -60_000, Intervals: 1},
		{Kind: "pool-bought", Energy: 450, Price: 180_000, Amount: -81_000, Intervals: 2},
		{Kind: "imbalance-retail", Energy: 600, Price: 300_000, Amount: -180_000, Intervals: 1},
	}
	if len(a1.Lines) != len(want) {
		t.Fatalf("lines %+v", a1.Lines)
	}
	for k, l := range a1.Lines {
		if l.Kind != want[k].Kind || l.Energy != want[k].Energy || l.Price != want[k].Price || l.Amount != want[k].Amount || l.Intervals != want[k].Intervals {
			t.Errorf("line %+v, want %+v", l, want[k])
		}
	}
	// Standing: one day at 0.10 for each point. VAT: 19 % of 0.180 + 0.20 = 0.0722. All: 0.321 +
	// 0.20 + 0.0722 = 0.5932, rounded 0.59.
	if b.Energy != -321_000 || len(b.Standing) != 2 || b.Standing[0].Amount != -100_000 || len(b.VAT) != 1 || b.VAT[0].Amount != -72_200 || b.Rounding != 3_200 || b.Total != -590_000 {
		t.Errorf("energy %d, standing %+v, VAT %+v, rounding %d, total %d", b.Energy, b.Standing, b.VAT, b.Rounding, b.Total)
	}
	// Of the grid, 0.180, two thirds are energy and one third grid.
	if c := a1.Components; len(c) != 2 || c[0].Amount != -120_000 || c[1].Amount != -60_000 {
		t.Errorf("components %+v", c)
	}
	// Metered alone: 1,500 × 0.30 − 150 × 0.06 = 0.441, VAT 19 % of 0.450 + 0.20, 0.1235: 0.7645.
	// By the key: at 12:00 all 500 that are given go to a1, of which 150 are b1's own, and at 12:15
	// 400: 900 × 0.18 − 150 × 0.18 + 600 × 0.30 = 0.315, VAT as on the bill: 0.5872. At sunny's
	// prices: 1,500 × 0.40 − 150 × 0.10 = 0.585.
	for name, amount := range map[string]grid.Money{billing.This: -593_200, billing.Alone: -764_500, billing.RetailOnly: -764_500, billing.UnderKey: -587_200, billing.AnotherTariff + "sunny": -585_000} {
		found := false
		for _, a := range b.Compared {
			if a.Name == name {
				found = true
				if a.Amount != amount {
					t.Errorf("%s: %d, want %d", name, a.Amount, amount)
				}
			}
		}
		if !found {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestWithoutTheCommunityIsTaxedAsItWouldHaveBeen: a home that earned with its sun as much as it
// paid, but for 60 millionths. Without the community it would have drawn 1,000 Wh and given 500:
// 0.300 − 0.030 = 0.270, with 19 % VAT of 0.300, and the standing charge of a day, 0.10 with 0.019.
func TestWithoutTheCommunityIsTaxedAsItWouldHaveBeen(t *testing.T) {
	s := newStreet(t, 1)
	p := month(t, "2026-06")
	noon := grid.IntervalAt(p.From, 15).Shift(48)
	d, err := billing.NewDrafter(billing.Options{Community: "c", Currency: "EUR", Digits: 2, Zone: p.From.Location(), Period: p, Cut: s.cut(t), Tariffs: flat{}})
	if err != nil {
		t.Fatal(err)
	}
	point := statements.Point{
		MeteringPoint: "mp-a1", Member: "m1", Account: "account mp-a1", Quality: grid.Good, Metered: grid.Flow{Import: 100, Export: 501},
		RetailOnly: 60, Without: -270_000, WithoutFlow: &grid.Flow{Import: 1000, Export: 500},
	}
	if err := d.Interval(&statements.Interval{Interval: noon, Points: []statements.Point{point}}); err != nil {
		t.Fatal(err)
	}
	bills, err := d.Bills()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range bills[0].Compared {
		if want := (grid.Money)(-446_000); a.Name == billing.Alone && a.Amount != want {
			t.Errorf("without the community %d, want %d", a.Amount, want)
		}
	}
}
