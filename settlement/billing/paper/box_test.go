package paper_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf16"

	"github.com/commonwatt/commonwatt/settlement/billing/paper"
)

// drawn is what the pages of a PDF draw, out of their compressed streams.
func drawn(t *testing.T, pdf []byte) (all []byte) {
	t.Helper()
	for _, at := range regexp.MustCompile(`(?s)stream\n`).FindAllIndex(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(pdf[at[1]:]))
		if err != nil {
			continue // no compressed stream
		}
		text, err := io.ReadAll(r)
		if err == nil && bytes.Contains(text, []byte(")Tj")) {
			all = append(all, text...)
		}
	}
	return all
}

// letters is a text as the pages have it: UTF-16, the high byte first.
func letters(text string) (out []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// TestHowToPayStaysInItsBox looks where the lines below "You pay" stand, and where the light
// green rectangle behind them ends: in points from the lower edge of the page.
func TestHowToPayStaysInItsBox(t *testing.T) {
	box := regexp.MustCompile(`[\d.]+ ([\d.]+) 481\.89 (-?[\d.]+) re f`) // 170 mm wide
	for name, change := range map[string]func(*paper.Document){
		"code":    func(*paper.Document) {},
		"no IBAN": func(d *paper.Document) { d.From.IBAN = "" },
		"CHF":     func(d *paper.Document) { d.Bill.Currency = "CHF" }, // no payment code
		"mandate": func(d *paper.Document) { d.To.Mandate, d.To.IBAN = "M-1", "AT611904300234573201" },
	} {
		doc := document(t)
		change(&doc)
		pdf, err := paper.PDF(doc, paper.DefaultFont())
		if err != nil {
			t.Fatal(err)
		}
		page := drawn(t, pdf)
		last := "with the reference 2026-000017"
		if name == "mandate" {
			last = "under the mandate M-1"
			if bytes.Count(page, []byte(" re f")) > 50 { // the squares of a payment code
				t.Error("what is collected has a payment code, by which it is paid twice")
			}
		}
		line := regexp.MustCompile(`BT [\d.]+ ([\d.]+) Td \(` + regexp.QuoteMeta(string(letters(last)))).FindSubmatch(page)
		rect := box.FindSubmatch(page)
		if line == nil || rect == nil {
			t.Fatalf("%s: the line is found: %t, the box: %t", name, line != nil, rect != nil)
		}
		y, _ := strconv.ParseFloat(string(line[1]), 64)
		from, _ := strconv.ParseFloat(string(rect[1]), 64)
		high, _ := strconv.ParseFloat(string(rect[2]), 64)
		if under := min(from, from+high); y < under+2 {
			t.Errorf("%s: the line stands at %.1f, the box ends at %.1f", name, y, under)
		}
	}
}

// TestNamesAreWhole has a name of 70 letters, the most that the register keeps, and a long
// line of an address: all words are on the page. Scripts whose letters join are refused,
// whatever the font.
func TestNamesAreWhole(t *testing.T) {
	doc := document(t)
	doc.To.Name = "Maximiliane Freifrau von und zu Hohenlohe-Schillingsfürst-Waldenburg"
	doc.To.Address = []string{"Straße des 17. Juni 135, Hinterhaus, Aufgang C, 3. Obergeschoss links", "10623 Berlin"}
	pdf, err := paper.PDF(doc, paper.DefaultFont())
	if err != nil {
		t.Fatal(err)
	}
	page := drawn(t, pdf)
	for _, word := range []string{"Maximiliane", "Hohenlohe-Schillingsfürst-Waldenburg", "Hinterhaus", "Obergeschoss links", "10623 Berlin"} {
		if !bytes.Contains(page, letters(word)) {
			t.Errorf("%q is not on the page", word)
		}
	}
	for _, name := range []string{"محمد عبد الله", "שרה כהן", "अनिल कुमार", "สมชาย"} {
		doc.To.Name = name
		missing := (*paper.MissingLetterError)(nil)
		if _, err := paper.PDF(doc, paper.DefaultFont()); !errors.As(err, &missing) || !missing.Shaped {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyPages has ten metering points and charges with long names: no page ends with the
// head of a table, a charge says its days, and each page says how many there are.
func TestManyPages(t *testing.T) {
	doc := document(t)
	for len(doc.Bill.Points) < 10 {
		doc.Bill.Points = append(doc.Bill.Points, doc.Bill.Points[0])
	}
	doc.Bill.Standing[0].Component = "metering and billing of the local grid operator"
	pdf, err := paper.PDF(doc, paper.DefaultFont())
	if err != nil {
		t.Fatal(err)
	}
	pages := bytes.Count(pdf, []byte("/Type /Page\n"))
	text := drawn(t, pdf)
	for page := 1; page <= pages; page++ {
		said := fmt.Sprintf("page %d of %d", page, pages)
		if !bytes.Contains(text, letters(said)) {
			t.Errorf("%d pages, and none is %q", pages, said)
		}
	}
	if pages < 2 || !bytes.Contains(text, letters("metering and billing of the local grid operator, 30 days from 2026-06-01")) {
		t.Errorf("%d pages, or the charge is cut", pages)
	}
	lowest := regexp.MustCompile(`BT 5\d\.\d+ ([\d.]+) Td \(` + regexp.QuoteMeta(string(letters("AT0010000000000000001000000017"))))
	for _, at := range lowest.FindAllSubmatch(text, -1) {
		if y, _ := strconv.ParseFloat(string(at[1]), 64); y < (297-278+4*4.3)*72/25.4 {
			t.Errorf("the head of a table stands at %.1f, without its rows", y)
		}
	}
}
