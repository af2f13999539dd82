package paper

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
)

// line is a row of a table of bills: what does not apply is empty.
type line struct {
	part, point, kind, text string
	energy                  *grid.Energy
	price                   *grid.Price
	amount                  grid.Money
	intervals               int
	formula                 string
}

// lines are all that a bill sums up, and then what it sums up to.
func lines(b *billing.Bill) (all []line) {
	of := func(part, point string, l *billing.Line) line {
		e := billing.EntryOf(l.Kind)
		return line{part, point, string(l.Kind), e.Text, &l.Energy, &l.Price, l.Amount, l.Intervals, e.Formula}
	}
	for _, p := range b.Points {
		for k := range p.Lines {
			all = append(all, of("energy", p.Point, &p.Lines[k]))
		}
	}
	for k := range b.Corrections {
		l := &b.Corrections[k]
		c := of("correction", l.Point, l)
		c.text += " of " + strings.Join(l.Months, ", ")
		all = append(all, c)
	}
	for _, o := range b.Others {
		all = append(all, line{part: "other", kind: o.Reason, text: o.Reference, amount: o.Amount})
	}
	for _, s := range b.Standing {
		all = append(all, line{part: "standing", point: s.Point, kind: s.Component, text: fmt.Sprintf("%d days from %s", s.Days, s.From), amount: s.Amount, formula: "charge of the tariff by the day or month × days"})
	}
	for _, v := range b.VAT {
		l := line{part: "vat", kind: strconv.FormatInt(v.Rate, 10), text: "on " + Plain(v.Base, b.Digits), amount: v.Amount, formula: "base × rate"}
		if v.Included {
			l.part, l.formula = "vat-included", "contained in the prices: not added"
		}
		all = append(all, l)
	}
	sums := []line{
		{part: "rounding", text: "to whole minor units", amount: b.Rounding}, {part: "total", amount: b.Total}, {part: "brought-forward", text: b.Previous, amount: b.Brought},
	}
	for _, p := range b.Payments {
		sums = append(sums, line{part: "payment", kind: p.Reason, text: p.Reference, amount: p.Amount})
	}
	sums = append(sums, line{part: "due", text: "negative: the member owes", amount: b.Due})
	for _, a := range b.Compared {
		sums = append(sums, line{part: "compared", kind: a.Name, amount: a.Amount, formula: a.Method})
	}
	return append(all, sums...)
}

func header() []string {
	return []string{
		"number", "member", "name", "period", "part", "metering_point", "kind", "text", "energy_wh", "price_millionths_per_kwh", "amount_millionths", "amount", "currency", "intervals", "formula",
	}
}

// cells are what a line has in a table.
func cells(doc Document, l line) []any {
	b := &doc.Bill
	row := []any{doc.Number, b.Member, doc.To.Name, b.Period.Name, l.part, l.point, l.kind, l.text, nil, nil, int64(l.amount), Plain(l.amount, b.Digits), b.Currency, nil, l.formula}
	const energy, price, intervals = 8, 9, 13
	if l.energy != nil {
		row[energy] = int64(*l.energy)
	}
	if l.price != nil && *l.energy != 0 {
		row[price] = int64(*l.price)
	}
	if l.intervals > 0 {
		row[intervals] = l.intervals
	}
	return row
}

// CSV writes the lines of bills as a table, amounts with the sign: − the member pays.
func CSV(docs []Document) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write(header()); err != nil {
		return nil, err
	}
	for _, doc := range docs {
		for _, l := range lines(&doc.Bill) {
			row := cells(doc, l)
			texts := make([]string, len(row))
			for k, c := range row {
				if c != nil {
					texts[k] = harmless(fmt.Sprint(c))
				}
			}
			if err := w.Write(texts); err != nil {
				return nil, err
			}
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula. Numbers stay as they are.
func harmless(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

// XLSX writes a workbook: a sheet of bills, and one of their lines.
func XLSX(docs []Document) (out []byte, err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	when := time.Unix(0, 0)
	for _, d := range docs {
		if d.Issued.After(when) {
			when = d.Issued
		}
	}
	stamp := when.UTC().Format(time.RFC3339)
	if err := f.SetDocProps(&excelize.DocProperties{Created: stamp, Modified: stamp, Creator: "commonwatt", LastModifiedBy: "commonwatt"}); err != nil {
		return nil, err
	}
	bills := [][]any{{"number", "cancels", "member", "name", "period", "approved", "due by", "total", "brought forward", "due (− the member owes)", "currency", "hash"}}
	var rows [][]any
	for k, name := range header() {
		if k == 0 {
			rows = append(rows, nil)
		}
		rows[0] = append(rows[0], name)
	}
	const amount = 11
	for _, d := range docs {
		b := &d.Bill
		bills = append(bills, []any{d.Number, d.CreditOf, b.Member, d.To.Name, b.Period.Name, d.Issued.UTC().Format(time.RFC3339), d.DueBy, number(b.Total, b.Digits), number(b.Brought, b.Digits), number(b.Due, b.Digits), b.Currency, d.Proof.Hash})
		for _, l := range lines(b) {
			row := cells(d, l)
			row[amount] = number(l.amount, b.Digits)
			rows = append(rows, row)
		}
	}
	if err := f.SetSheetName("Sheet1", "bills"); err != nil {
		return nil, err
	}
	if _, err := f.NewSheet("lines"); err != nil {
		return nil, err
	}
	for _, sheet := range []struct {
		name  string
		table [][]any
	}{{"bills", bills}, {"lines", rows}} {
		if err := fill(f, sheet.name, sheet.table); err != nil {
			return nil, fmt.Errorf("sheet %s: %w", sheet.name, err)
		}
	}
	buffer, err := f.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return sorted(buffer.Bytes())
}

// sorted packs a workbook again with its parts in the order of their names, and no times.
func sorted(workbook []byte) ([]byte, error) {
	from, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(from.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, part := range from.File {
		r, err := part.Open()
		if err != nil {
			return nil, err
		}
		w, err := to.CreateHeader(&zip.FileHeader{Name: part.Name, Method: zip.Deflate})
		if err == nil {
			_, err = io.Copy(w, r) //nolint:gosec // what was packed a moment before
		}
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func fill(f *excelize.File, sheet string, table [][]any) error {
	w, err := f.NewStreamWriter(sheet)
	if err != nil {
		return err
	}
	const usual = 16
	if err := w.SetColWidth(1, len(table[0]), usual); err != nil {
		return err
	}
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for k, row := range table {
		at, err := excelize.CoordinatesToCellName(1, k+1)
		if err != nil {
			return err
		}
		if err := w.SetRow(at, row); err != nil {
			return err
		}
	}
	return w.Flush()
}

// number is an amount as a spreadsheet reckons with it. It is exact as far as a spreadsheet
// is: the exact amount stands beside it, in millionths.
func number(m grid.Money, digits int) any {
	x, err := strconv.ParseFloat(Plain(m, digits), 64)
	if err != nil {
		return Plain(m, digits)
	}
	return x
}
