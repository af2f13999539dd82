package paper

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
)

// Font is the letters of a PDF. It is safe for concurrent use.
type Font struct {
	regular, bold []byte
	letters       *sfnt.Font
}

// DefaultFont are the Go fonts.
func DefaultFont() *Font {
	f, err := NewFont(goregular.TTF, gobold.TTF)
	if err != nil {
		panic(err) // part of the program
	}
	return f
}

// NewFont returns the letters of a TrueType font and its bold face.
func NewFont(regular, bold []byte) (*Font, error) {
	letters, err := sfnt.Parse(regular)
	if err != nil {
		return nil, fmt.Errorf("is no TrueType font: %w", err)
	}
	if _, err := sfnt.Parse(bold); err != nil {
		return nil, fmt.Errorf("is no TrueType font: %w", err)
	}
	return &Font{regular, bold, letters}, nil
}

// has refuses a text that has a letter which the font has not.
func (f *Font) has(text string) error {
	var buffer sfnt.Buffer
	for _, letter := range text {
		if unicode.In(letter, shaped()...) {
			return &MissingLetterError{text, letter, true}
		}
		if at, err := f.letters.GlyphIndex(&buffer, letter); err != nil || at == 0 {
			return &MissingLetterError{text, letter, false}
		}
	}
	return nil
}

// Prints tells whether a bill can be addressed to a member. Errors: MissingLetterError.
func (f *Font) Prints(to Party) error {
	for _, text := range append([]string{to.Name}, to.Address...) {
		if err := f.has(text); err != nil {
			return err
		}
	}
	return nil
}

// shaped are the scripts that are written from right to left, or whose letters join or change
// places. They are not printed, even where the font has their letters: what came out could
// not be read.
func shaped() []*unicode.RangeTable {
	return []*unicode.RangeTable{
		unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Samaritan, unicode.Mandaic, unicode.Adlam,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
		unicode.Malayalam, unicode.Sinhala, unicode.Thai, unicode.Lao, unicode.Tibetan, unicode.Myanmar, unicode.Khmer, unicode.Mongolian,
	}
}

// Sizes in mm, and in points of letters.
const (
	left, right   = 20.0, 190.0
	top           = 14.0
	bottom        = 278.0
	wide          = right - left
	amountWidth   = 25.0
	numberWidth   = 24.0
	whatWidth     = wide - 2*numberWidth - 2*amountWidth
	lineHeight    = 4.3
	small, normal = 7.0, 9.0
	large, title  = 11.5, 17.0
	codeSize      = 27.0
)

// pagesAlias stands for the number of pages until they are counted.
const pagesAlias = "{pages}"

// colour is one of the few of a bill.
type colour struct{ r, g, b int }

// page prints one document.
type page struct {
	*fpdf.Fpdf

	font *Font
	doc  Document
	err  error // the first text that cannot be printed
}

// PDF prints a document.
func PDF(doc Document, font *Font) ([]byte, error) {
	p := &page{Fpdf: fpdf.New("P", "mm", "A4", ""), font: font, doc: doc}
	p.SetCatalogSort(true)
	p.SetCreationDate(doc.Issued.UTC())
	p.SetModificationDate(doc.Issued.UTC())
	p.SetProducer("commonwatt", true)
	p.SetTitle(p.heading(), true)
	p.SetAuthor(doc.From.Name, true)
	p.AddUTF8FontFromBytes("bill", "", font.regular)
	p.AddUTF8FontFromBytes("bill", "B", font.bold)
	p.SetMargins(left, top, left)
	p.SetAutoPageBreak(true, 297-bottom) //nolint:mnd // A4
	p.SetFooterFunc(p.footer)
	p.AliasNbPages(pagesAlias)
	p.AddPage()
	p.head()
	for k := range doc.Bill.Points {
		p.point(&doc.Bill.Points[k])
	}
	p.rest()
	p.sums()
	p.pay()
	p.compared()
	p.rewards()
	p.proof()
	var out bytes.Buffer
	if p.err != nil {
		return nil, p.err
	}
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("bill %s: %w", doc.Number, err)
	}
	return out.Bytes(), nil
}

func (p *page) heading() string {
	switch {
	case p.doc.CreditOf != "":
		return "Credit note " + p.doc.Number
	case p.doc.Number == "":
		return "Draft of a bill"
	default:
		return "Bill " + p.doc.Number
	}
}

// write sets the letters for what comes.
func (p *page) write(size float64, bold bool, c colour) {
	style := ""
	if bold {
		style = "B"
	}
	p.SetFont("bill", style, size)
	p.SetTextColor(c.r, c.g, c.b)
}

func black() colour { return colour{20, 24, 28} }
func grey() colour  { return colour{105, 112, 120} }
func green() colour { return colour{22, 110, 72} }

// cell writes a text that is aligned L or R in a width.
func (p *page) cell(width, height float64, text, align string) {
	if err := p.font.has(text); err != nil && p.err == nil {
		p.err = err
	}
	p.CellFormat(width, height, text, "", 0, align, false, 0, "")
}

// fit writes a text in a width, shortened where it is too long.
func (p *page) fit(width, height float64, text, align string) {
	letters := []rune(text)
	for len(letters) > 1 && p.GetStringWidth(text) > width-2 { //nolint:mnd // margins of a cell
		letters = letters[:len(letters)-1]
		text = string(letters) + "…"
	}
	p.cell(width, height, text, align)
}

func (p *page) head() {
	from, to := p.doc.From, p.doc.To
	p.SetFillColor(green().r, green().g, green().b)
	p.Rect(0, 0, 210, 3, "F") //nolint:mnd // a band across the page
	p.SetXY(left, top)
	const name = wide - 70 // beside the heading
	size := title
	for p.write(size, true, green()); size > normal && p.GetStringWidth(from.Name) > name-2; p.write(size, true, green()) {
		size--
	}
	p.fit(name, 8, from.Name, "L") //nolint:mnd // line height
	p.write(title, true, black())
	p.cell(wide-name, 8, p.heading(), "R") //nolint:mnd // line height
	p.SetXY(left, top+9)                   //nolint:mnd // below it
	p.write(small, false, grey())
	p.fit(wide, 4, strings.Join(nonEmpty(append(from.Address, from.EMail, prefixed("Tax no. ", from.TaxID))...), " · "), "L") //nolint:mnd // line height
	const window = 42.0
	p.SetXY(left, window)
	p.write(large, true, black())
	below := p.lines(window, to.Name)
	p.write(large, false, black())
	for _, line := range to.Address {
		below = p.lines(below, line)
	}
	facts := [][2]string{
		{"Date", p.local(p.doc.Issued)},
		{"Period", PeriodText(p.doc.Bill.Period, p.doc.Bill.Zone)},
		{"Member", to.Number},
		{"Cancels", p.doc.CreditOf},
	}
	if p.doc.Bill.Due < 0 && p.doc.CreditOf == "" {
		facts = append(facts, [2]string{"Due by", p.doc.DueBy})
	}
	y := window
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		p.SetXY(left+wide/2+10, y) //nolint:mnd // the right half
		p.write(normal, false, grey())
		p.cell(25, 5, f[0], "L") //nolint:mnd // column
		p.write(normal, true, black())
		p.fit(wide/2-35, 5, f[1], "R") //nolint:mnd // column
		y += 5
	}
	p.SetY(max(y, below) + 6) //nolint:mnd // below both
}

// lines writes a line of the address, in as many as it takes, and returns where the next one
// goes: what a letter is addressed to is not shortened, except a word that is longer than a line.
func (p *page) lines(y float64, text string) float64 {
	const width, high = wide/2 + 8, 5.5 // up to the facts beside it
	line := ""
	put := func() {
		p.SetXY(left, y)
		p.fit(width, high, line, "L")
		y += high
	}
	for word := range strings.FieldsSeq(text) {
		longer := strings.TrimPrefix(line+" "+word, " ")
		if line != "" && p.GetStringWidth(longer) > width-2 { //nolint:mnd // margins of a cell
			put()
			longer = word
		}
		line = longer
	}
	if line != "" {
		put()
	}
	return y
}

func (p *page) local(t time.Time) string {
	z, err := time.LoadLocation(p.doc.Bill.Zone)
	if err != nil {
		z = time.UTC
	}
	return t.In(z).Format(time.DateOnly)
}

func nonEmpty(all ...string) (some []string) {
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// columns writes the head of a table.
func (p *page) columns(what string) {
	const rows = 4 // that stay with their head
	if p.GetY()+5.5+rows*lineHeight > bottom {
		p.AddPage()
	}
	p.write(normal, true, black())
	p.SetX(left)
	p.fit(whatWidth, 5.5, what, "L") //nolint:mnd // line height
	p.write(small, false, grey())
	for _, c := range []struct {
		width float64
		text  string
	}{{numberWidth, "kWh"}, {numberWidth, p.doc.Bill.Currency + "/kWh, mean"}, {amountWidth, "you pay " + p.doc.Bill.Currency}, {amountWidth, "you get " + p.doc.Bill.Currency}} {
		p.cell(c.width, 5.5, c.text, "R") //nolint:mnd // line height
	}
	p.Ln(5.5) //nolint:mnd // line height
	p.rule()
}

func (p *page) rule() {
	p.SetDrawColor(190, 196, 202) //nolint:mnd // a light grey
	p.SetLineWidth(0.2)           //nolint:mnd // mm
	p.Line(left, p.GetY(), right, p.GetY())
	p.Ln(0.6) //nolint:mnd // below the line
}

// row writes a line of a table.
func (p *page) row(what string, e grid.Energy, x *grid.Price, amount grid.Money) {
	p.write(normal, false, black())
	p.SetX(left)
	if e == 0 && x == nil { // nothing stands beside it
		p.fit(whatWidth+2*numberWidth, lineHeight, what, "L")
		p.amounts(amount)
		p.Ln(lineHeight)
		return
	}
	p.fit(whatWidth, lineHeight, what, "L")
	energy, mean := "", ""
	if e != 0 {
		energy = KWh(e)
		if e < 0 {
			energy = "−" + energy
		}
	}
	if x != nil && *x != 0 && e > 0 {
		mean = price(*x)
	}
	p.cell(numberWidth, lineHeight, energy, "R")
	p.cell(numberWidth, lineHeight, mean, "R")
	p.amounts(amount)
	p.Ln(lineHeight)
}

// amounts writes an amount into the column of who pays it.
func (p *page) amounts(amount grid.Money) {
	text := Amount(amount, p.doc.Bill.Digits)
	pay, get := "", ""
	switch {
	case amount < 0:
		pay = text
	case amount > 0:
		get = text
	}
	p.cell(amountWidth, lineHeight, pay, "R")
	p.cell(amountWidth, lineHeight, get, "R")
}

// note writes small letters over the width, as many lines as it takes.
func (p *page) note(text string) {
	p.write(small, false, grey())
	if err := p.font.has(text); err != nil && p.err == nil {
		p.err = err
	}
	p.SetX(left)
	p.MultiCell(wide, 3.2, text, "", "L", false) //nolint:mnd // line height
}

func (p *page) point(of *billing.PointPart) {
	p.columns(of.Point)
	section := billing.Section("")
	for _, l := range of.Lines {
		e := billing.EntryOf(l.Kind)
		if e.Section != section {
			section = e.Section
			p.write(small, true, green())
			p.SetX(left)
			p.cell(wide, lineHeight, capital(string(section)), "L")
			p.Ln(lineHeight)
		}
		x := &l.Price
		if l.Kind == billing.OwnTaken || l.Kind == billing.OwnGiven {
			x = nil
		}
		p.row(e.Text, l.Energy, x, l.Amount)
	}
	said := fmt.Sprintf("Metered: %s kWh used, %s kWh given, in %d intervals", KWh(of.Metered.Import), KWh(of.Metered.Export), of.Intervals)
	if of.Estimated > 0 {
		said += fmt.Sprintf(", %d of them estimated", of.Estimated)
	}
	said += ". Tariff: " + strings.Join(of.Tariffs, ", ") + "."
	if len(of.Components) > 1 {
		var parts []string
		for _, c := range of.Components {
			parts = append(parts, fmt.Sprintf("%s %s", c.Name, p.paid(c.Amount)))
		}
		said += " With the grid, by component: " + strings.Join(parts, ", ") + "."
	}
	p.note(said)
	p.Ln(3) //nolint:mnd // between points
}

// paid says an amount in words.
func (p *page) paid(m grid.Money) string {
	text := Amount(m, p.doc.Bill.Digits) + " " + p.doc.Bill.Currency
	if m > 0 {
		return text + " to you"
	}
	return text
}

func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// rest writes what is not about the energy of the period.
func (p *page) rest() {
	b := &p.doc.Bill
	if len(b.Standing)+len(b.Corrections)+len(b.Others)+len(b.VAT) == 0 {
		return
	}
	p.columns("Further charges")
	for _, s := range b.Standing {
		p.row(fmt.Sprintf("%s, %s from %s", s.Component, daysText(s.Days), s.From), 0, nil, s.Amount)
	}
	for k := range b.Corrections {
		l := &b.Corrections[k]
		p.row(fmt.Sprintf("correction of %s: %s", months(l.Months), billing.EntryOf(l.Kind).Text), l.Energy, nil, l.Amount)
	}
	for _, o := range b.Others {
		of, _, _ := strings.Cut(o.Reference, "/") // then comes the account
		p.row(prefixed(wordsOf(o.Reason)+" ", of), 0, nil, o.Amount)
	}
	for _, v := range b.VAT {
		rate := strings.TrimSuffix(strings.TrimRight(decimal(grid.Money(v.Rate)*100, 4, ""), "0"), ".") //nolint:mnd // percent
		if v.Included {
			p.note(fmt.Sprintf("Contains %s %% VAT: %s on %s.", rate, p.paid(v.Amount), p.paid(v.Base)))
			continue
		}
		p.row(fmt.Sprintf("VAT %s %% on %s", rate, Amount(v.Base, b.Digits)), 0, nil, v.Amount)
	}
	p.Ln(3) //nolint:mnd // before the sums
}

func daysText(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// wordsOf says what a posting outside of the settlement runs is for.
func wordsOf(reason string) string {
	switch reason {
	case "guarantee":
		return "guarantee, paid by the fund for"
	case "adjustment":
		return "adjustment after a dispute"
	default:
		return reason
	}
}

// months says which months a correction is of.
func months(all []string) string {
	const few = 2
	if len(all) <= few {
		return strings.Join(all, ", ")
	}
	return all[0] + " to " + all[len(all)-1]
}

// sums writes the total and what is due.
func (p *page) sums() {
	b := &p.doc.Bill
	p.rule()
	line := func(what string, amount grid.Money, bold bool) {
		p.write(normal, bold, black())
		p.SetX(left)
		p.fit(wide-2*amountWidth, lineHeight, what, "L")
		p.amounts(amount)
		p.Ln(lineHeight)
	}
	if cents := decimal(b.Rounding, b.Digits+2, ""); strings.Trim(cents, "0.") != "" { //nolint:mnd // hundredths of a minor unit
		p.write(small, false, grey())
		p.SetX(left)
		p.cell(wide, 3.5, fmt.Sprintf("Amounts are exact to a millionth and shown rounded; rounding of the total: %s %s.", cents, b.Currency), "L") //nolint:mnd // line height
		p.Ln(4)                                                                                                                                     //nolint:mnd // line height
	}
	line("Total of this period", b.Total, true)
	if b.Brought != 0 {
		line("Balance brought forward"+prefixed(" from ", b.Previous), b.Brought, false)
	}
	for _, pay := range b.Payments {
		what := "Payment received, thank you"
		if pay.Amount < 0 {
			what = "Paid out to you"
		}
		line(what+prefixed(": ", pay.Reference), pay.Amount, false)
	}
}
