package paper_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	qr "github.com/piglig/go-qr"
	"github.com/xuri/excelize/v2"

	"github.com/commonwatt/commonwatt/settlement/billing/paper"
)

// TestTables writes bills as CSV and XLSX, twice to the same bytes: all that is summed up to
// the total is there, to the last millionth.
func TestTables(t *testing.T) {
	doc := document(t)
	doc.To.Name = "=HYPERLINK(1)"
	docs := []paper.Document{doc, doc}
	text, err := paper.CSV(docs)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var sum, total int64
	for _, row := range rows[1 : 1+(len(rows)-1)/2] {
		amount, err := strconv.ParseInt(row[10], 10, 64)
		if err != nil || row[2] != "'=HYPERLINK(1)" {
			t.Errorf("%q, %v", row, err)
		}
		switch row[4] {
		case "energy", "correction", "other", "standing", "vat", "rounding":
			sum += amount
		case "total":
			total = amount
		}
	}
	// Of the document: 8 lines of two points, a correction, a standing charge, VAT, rounding.
	if want := int64(-54_363_139 - 36_871_200 + 360_000 - 3_000_000 - 15_348_480 + 2_819); sum != want {
		t.Errorf("the lines sum up to %d, want %d", sum, want)
	}
	if total != -109_220_000 {
		t.Errorf("total %d", total)
	}
	one, err := paper.XLSX(docs)
	if err != nil {
		t.Fatal(err)
	}
	two, err := paper.XLSX(docs)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("written again the workbook has other bytes, %v", err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(one))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at, err := f.GetCellValue("bills", "J2"); err != nil || at != "-109.22" {
		t.Errorf("due %q, %v", at, err)
	}
	if all, err := f.GetRows("lines"); err != nil || len(all) != len(rows) {
		t.Errorf("%d rows, %d in the CSV, %v", len(all), len(rows), err)
	}
	if *show != "" {
		_ = os.WriteFile(*show+"/bills.xlsx", one, 0o600)
		_ = os.WriteFile(*show+"/bills.csv", text, 0o600)
	}
}

func sepa(t *testing.T) paper.SEPAOptions {
	return paper.SEPAOptions{ID: "lindengasse-2026-06-DD", Made: time.Date(2026, 7, 4, 9, 0, 0, 0, time.UTC), On: "2026-07-18", From: document(t).From}
}

// TestSEPA collects and pays out. The elements and their order are those of the messages
// pain.008.001.08 and pain.001.001.09 of ISO 20022; the expected file was written by hand
// from their message definition reports.
func TestSEPA(t *testing.T) {
	debit, none, gets := document(t), document(t), document(t)
	debit.To.IBAN, debit.To.Mandate, debit.To.Signed = "DE89370400440532013000", "M-17", "2026-01-15"
	none.Number, none.To.IBAN = "2026-000018", "DE89370400440532013000"
	gets.Number, gets.Bill.Due, gets.To.IBAN = "2026-000019", 7_210_000, "AT611904300234573201"
	wrong := debit
	wrong.Number, wrong.To.IBAN = "2026-000020", "DE88370400440532013000"
	text, left, err := paper.Collection([]paper.Document{debit, none, gets, wrong}, sepa(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "collection.xml", text)
	if len(left) != 3 || left[0].Number != "2026-000018" || !strings.Contains(left[0].Why, "mandate") || !strings.Contains(left[2].Why, "DE88370400440532013000") {
		t.Errorf("left out: %+v", left)
	}
	text, left, err = paper.Payouts([]paper.Document{debit, gets}, sepa(t))
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	golden(t, "payouts.xml", text)
	o := sepa(t)
	o.From.Creditor = ""
	if _, _, err := paper.Collection(nil, o); err == nil || !strings.Contains(err.Error(), "billing.creditor_id") {
		t.Errorf("without a creditor identifier: %v", err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %v; got\n%s", name, err, got)
	}
}

func TestLetters(t *testing.T) {
	for text, want := range map[string]string{"Zoë Ćwiklińska": "Zoe Cwiklinska", "Müller & Söhne": "Mueller + Soehne", "Łódź": "Lodz", "Παπαδοπούλου": "Papadopoyloy", "Київ": "Kiiv", "Щука": "Shchuka", "山田 7": ".. 7", strings.Repeat("a", 99): strings.Repeat("a", 70)} {
		if got := paper.Letters(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestIBANs(t *testing.T) {
	// The examples of the register of ISO 13616, and one with a wrong check digit each.
	for text, good := range map[string]bool{"AT61 1904 3002 3457 3201": true, "de89370400440532013000": true, "CH9300762011623852957": true, "AT62 1904 3002 3457 3201": false, "DE8937040044053201300": false, "": false, "AT": false, "XX6119": false} {
		if _, err := paper.CheckIBAN(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestEPC writes the payment code, which a decoder of its own reads again. The expected text
// is the layout of EPC069-12, version 002.
func TestEPC(t *testing.T) {
	doc := document(t)
	want := "BCD\n002\n1\nSCT\nBKAUATWW\nEnergiegemeinschaft Lindengasse\nAT611904300234573201\nEUR109.22\n\n\n2026-000017 17"
	got := paper.EPC(doc.From, "EUR", -doc.Bill.Due, "2026-000017 17")
	if got != want {
		t.Errorf("%q", got)
	}
	q, err := qr.EncodeText(got, qr.Medium)
	if err != nil {
		t.Fatal(err)
	}
	const scale, border = 4, 4
	picture, err := q.ToImage(qr.NewQrCodeImgConfig(scale, border))
	if err != nil {
		t.Fatal(err)
	}
	if read, err := qr.Decode(picture); err != nil || read != want {
		t.Errorf("read as %q, %v", read, err)
	}
	for _, none := range []string{paper.EPC(doc.From, "CHF", 1_000_000, "x"), paper.EPC(paper.Party{Name: "x"}, "EUR", 1_000_000, "x"), paper.EPC(doc.From, "EUR", 0, "x")} {
		if none != "" {
			t.Errorf("a code %q", none)
		}
	}
}
