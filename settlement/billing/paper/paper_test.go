package paper_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
)

var (
	show   = flag.String("show", "", "folder to put the printed documents in, to look at them")
	update = flag.Bool("update", false, "write the golden files anew")
)

func month(t *testing.T) billing.Period {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	p, err := billing.Month("2026-06", zone)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// document is a bill of a member with two metering points, one of which has sun.
func document(t *testing.T) paper.Document {
	t.Helper()
	lines := []billing.Line{
		{Kind: "own", Energy: 41_250, Intervals: 640},
		{Kind: "trade-bought", Energy: 88_412, Price: 181_203, Amount: -16_020_519, Intervals: 1204},
		{Kind: "pool-bought", Energy: 30_114, Price: 180_000, Amount: -5_420_520, Intervals: 733},
		{Kind: "imbalance-retail", Energy: 122_904, Price: 300_000, Amount: -36_871_200, Intervals: 2101},
		{Kind: "trade-sold", Energy: 12_100, Price: 171_000, Amount: 2_069_100, Intervals: 203},
		{Kind: "imbalance-feed-in", Energy: 52_000, Price: 60_000, Amount: 3_120_000, Intervals: 340},
		{Kind: "lines", Amount: -1_240_000, Intervals: 900},
	}
	b := billing.Bill{
		Community: "lindengasse", Member: "17", Period: month(t), Zone: "Europe/Vienna", Currency: "EUR", Digits: 2, Previous: "2026-000005",
		Points: []billing.PointPart{
			{
				Point: "AT0010000000000000001000000017", Tariffs: []string{"Sonne 2026-01"}, Intervals: 2880, Estimated: 3, Metered: grid.Flow{Import: 282_680, Export: 105_350}, Lines: lines,
				Components: []billing.Component{{Name: "energy", Kind: "energy", Amount: -18_435_600}, {Name: "grid", Kind: "grid", Amount: -18_435_600}, {Name: "feed-in", Kind: "energy", Amount: 3_120_000}},
			},
			{Point: "AT0010000000000000001000000018", Tariffs: []string{"Sonne 2026-01"}, Intervals: 2880, Metered: grid.Flow{Import: 10_000}, Lines: lines[3:4]},
		},
		Totals: billing.Totals{
			Energy: -91_234_339, Corrections: []billing.Line{{Kind: "imbalance-retail", Energy: -1_200, Amount: 360_000, Months: []string{"2026-04", "2026-05"}, Point: "AT0010000000000000001000000017"}},
			Standing: []billing.Standing{{Component: "metering", From: "2026-06-01", To: "2026-07-01", Days: 30, Amount: -3_000_000}},
			VAT:      []billing.VAT{{Rate: 200_000, Base: -76_742_400, Amount: -15_348_480}},
			Rounding: 2_819, Total: -109_220_000, Brought: -12_000_000, Payments: []billing.Posted{{Reference: "2026-07-03 transfer", Amount: 12_000_000}}, Due: -109_220_000,
		},
		Compared: []billing.Alternative{
			{Name: billing.This, Amount: -109_582_819},
			{Name: billing.Alone, Amount: -131_140_000, Estimated: true, Method: "what the same home would have drawn and given with nobody moving its battery"},
			{Name: billing.RetailOnly, Amount: -128_200_000, Method: "what was metered, bought and sold at your own tariff alone"},
			{Name: billing.UnderKey, Amount: -108_400_000, Method: "what all gave, shared out by what each took"},
		},
	}
	return paper.Document{
		Number: "2026-000017", Bill: b, Issued: time.Date(2026, 7, 4, 8, 15, 0, 0, time.UTC), DueBy: "2026-07-18",
		From:  paper.Party{Name: "Energiegemeinschaft Lindengasse", Address: []string{"Lindengasse 12", "1070 Wien"}, EMail: "office@lindengasse.example", IBAN: "AT611904300234573201", BIC: "BKAUATWW", TaxID: "ATU12345678", Creditor: "AT61ZZZ01234567890"},
		To:    paper.Party{Number: "17", Name: "Zoë Ćwiklińska-Παπαδοπούλου", Address: []string{"Lindengasse 14/3", "1070 Wien"}, EMail: "zoe@example.org"},
		Proof: paper.Proof{Hash: strings.Repeat("3f9a", 16), Salt: "5d0c7f1e9b2a4c6d8e0f1a2b3c4d5e6f", Postings: 412_033, Root: "kQ3u0b3XqJ0w9m0mB5n1b0b9pXk0lq3zB1u8Z3mYV3A="},
	}
}

// TestPDF prints a document twice, to the same bytes, on one page.
func TestPDF(t *testing.T) {
	doc, font := document(t), paper.DefaultFont()
	one, err := paper.PDF(doc, font)
	if err != nil {
		t.Fatal(err)
	}
	two, err := paper.PDF(doc, font)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("printed again it has other bytes, %v", err)
	}
	if pages := bytes.Count(one, []byte("/Type /Page\n")); pages != 1 {
		t.Errorf("%d pages", pages)
	}
	if *show != "" {
		if err := os.WriteFile(*show+"/bill.pdf", one, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doc.To.Name = "山田太郎"
	missing := (*paper.MissingLetterError)(nil)
	if _, err := paper.PDF(doc, font); !errors.As(err, &missing) || missing.Letter != '山' {
		t.Errorf("a name in letters that the font lacks: %v", err)
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		amount grid.Money
		digits int
		want   string
	}{
		{-1_234_567_890_000, 2, "1,234,567.89"},
		{4_999, 2, "0.00"},
		{5_000, 2, "0.01"},
		{-5_000, 2, "0.01"},
		{1_499_999, 0, "1"},
		{1_500_000, 0, "2"},
		{1_234_500, 3, "1.235"},
		{-1 << 63, 2, "9,223,372,036,854.78"},
	} {
		if got := paper.Amount(c.amount, c.digits); got != c.want {
			t.Errorf("%d with %d decimals: %s, want %s", c.amount, c.digits, got, c.want)
		}
	}
	for want, m := range map[string]grid.Money{"-1234.57": -1_234_567_890, "0.00": -4_999, "12.30": 12_300_000} {
		if got := paper.Plain(m, 2); got != want {
			t.Errorf("%d: %s, want %s", m, got, want)
		}
	}
}
