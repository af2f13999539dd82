package paper

import (
	"fmt"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
)

// pay writes who pays what, with the code for a banking app.
func (p *page) pay() {
	b, doc := &p.doc.Bill, &p.doc
	p.Ln(2) //nolint:mnd // below the sums
	how := p.how()
	high := 13 + float64(len(how))*lineHeight //nolint:mnd // the amount, and how it is paid below it
	epc := ""
	if b.Due < 0 && doc.CreditOf == "" && doc.Number != "" && !doc.collected() { // else it would be paid twice
		epc = EPC(doc.From, b.Currency, -b.Due, doc.Number+" "+doc.To.Number)
	}
	if epc != "" {
		high = max(high, codeSize+4) //nolint:mnd // margins
	}
	if p.GetY()+high > bottom {
		p.AddPage()
	}
	y := p.GetY()
	p.SetFillColor(237, 245, 240) //nolint:mnd // a light green
	p.Rect(left, y, wide, high, "F")
	p.SetXY(left+3, y+1.5) //nolint:mnd // margins
	p.write(title, true, green())
	who, amount := "You pay ", Amount(b.Due, b.Digits)+" "+b.Currency
	switch {
	case doc.CreditOf != "":
		who, amount = "Taken back: ", Amount(b.Total, b.Digits)+" "+b.Currency
	case b.Due > 0:
		who = "You get "
	case b.Due == 0:
		who = "Nothing is due: "
	}
	p.cell(wide-codeSize-8, 9, who+amount, "L") //nolint:mnd // line height
	p.write(normal, false, black())
	for k, text := range how {
		p.SetXY(left+3, y+11.5+float64(k)*lineHeight) //nolint:mnd // below it
		p.fit(wide-codeSize-8, lineHeight, text, "L") //nolint:mnd // beside the code
	}
	if epc != "" {
		p.drawCode(epc, right-codeSize-2, y+2) //nolint:mnd // margins
	}
	p.SetY(y + high + 4) //nolint:mnd // below the box
}

// how says how it is paid.
func (p *page) how() []string {
	b, doc := &p.doc.Bill, &p.doc
	switch {
	case doc.Number == "":
		return []string{"A draft: nothing is due before it is approved."}
	case doc.CreditOf != "":
		return []string{"Bill " + doc.CreditOf + " does not count any more; the period is billed anew.", "What was paid on it counts for the next bill."}
	case b.Due == 0:
		return nil
	case b.Due > 0 && doc.To.IBAN != "":
		return []string{"It is paid out to " + Spaced(doc.To.IBAN) + "."}
	case b.Due > 0:
		return []string{"Please tell us an IBAN to pay it out to; until then it stays to your credit."}
	case doc.collected():
		return []string{"It is collected from " + Spaced(doc.To.IBAN), "under the mandate " + doc.To.Mandate + ", not before " + doc.DueBy + "."}
	default:
		return nonEmpty("Please transfer it by "+doc.DueBy+prefixed(" to ", Spaced(doc.From.IBAN)), "to "+doc.From.Name, "with the reference "+doc.Number+prefixed(" ", doc.To.Number))
	}
}

// Spaced writes an IBAN in groups of four.
func Spaced(iban string) string {
	var groups []string
	const four = 4
	for len(iban) > four {
		groups, iban = append(groups, iban[:four]), iban[four:]
	}
	return strings.Join(append(groups, iban), " ")
}

func (p *page) drawCode(text string, x, y float64) {
	rows, err := code(text)
	if err != nil {
		p.err = err
		return
	}
	p.SetFillColor(255, 255, 255) //nolint:mnd // white
	p.Rect(x, y, codeSize, codeSize, "F")
	p.SetFillColor(0, 0, 0)
	const quiet = 2.0
	module := (codeSize - 2*quiet) / float64(len(rows))
	for r := range rows {
		for c := 0; c < len(rows[r]); c++ {
			n := 0
			for c+n < len(rows[r]) && rows[r][c+n] {
				n++
			}
			if n > 0 {
				p.Rect(x+quiet+float64(c)*module, y+quiet+float64(r)*module, float64(n)*module, module+0.02, "F") //nolint:mnd // no hairline between rows
				c += n
			}
		}
	}
}

// compared writes what the period would have come to otherwise.
func (p *page) compared() {
	b := &p.doc.Bill
	if len(b.Compared) < 2 || p.doc.CreditOf != "" { //nolint:mnd // with what it is compared
		return
	}
	p.write(normal, true, black())
	p.SetX(left)
	p.cell(wide-3*amountWidth, 5.5, "The same period otherwise", "L") //nolint:mnd // line height
	p.write(small, false, grey())
	for _, text := range []string{"pays " + b.Currency, "gets " + b.Currency, "against this bill"} {
		p.cell(amountWidth, 5.5, text, "R") //nolint:mnd // line height
	}
	p.Ln(5.5) //nolint:mnd // line height
	p.rule()
	this := b.Compared[0].Amount
	for _, a := range b.Compared {
		p.write(normal, a.Name == billing.This, black())
		p.SetX(left)
		name := a.Name
		if a.Estimated {
			name += " (estimate)"
		}
		p.fit(wide-3*amountWidth, lineHeight, name, "L")
		p.amounts(a.Amount)
		against := ""
		if diff := a.Amount - this; diff != 0 && a.Name != billing.This {
			against = Amount(diff, b.Digits) + " better"
			if diff < 0 {
				against = Amount(diff, b.Digits) + " worse"
			}
		}
		p.cell(amountWidth, lineHeight, against, "R")
		p.Ln(lineHeight)
	}
	var methods []string
	for _, a := range b.Compared[1:] {
		methods = append(methods, capital(a.Name)+": "+a.Method+".")
	}
	p.note(strings.Join(methods, " "))
	p.Ln(2) //nolint:mnd // below it
}

// rewards says what the member's batteries earned, apart from the money.
func (p *page) rewards() {
	var all []string
	for _, r := range p.doc.Bill.Rewards {
		all = append(all, fmt.Sprintf("%s %s on %s", r.Device, grid.Number(r.Tokens, "token"), grid.Number(int64(r.Days), "day")))
	}
	if len(all) > 0 {
		p.note("Storage rewards, which are no money: " + strings.Join(all, ", ") + ".")
	}
}

// proof says how the bill is proven.
func (p *page) proof() {
	x := p.doc.Proof
	if x.Hash == "" {
		return
	}
	text := "Proof. Every line is the sum of postings on the community's ledger, each proven down to signed meter readings: commonwatt bill show " + p.doc.Number + " --line 1. " +
		"SHA-256 of this bill with its salt, on the ledger: " + x.Hash + " (salt " + x.Salt + ")."
	if x.Root != "" {
		text += fmt.Sprintf(" Checkpoint over %d postings: %s.", x.Postings, x.Root)
	}
	p.note(text)
}

func (p *page) footer() {
	p.SetY(-13) //nolint:mnd // from below
	p.write(small, false, grey())
	p.SetX(left)
	p.fit(wide-30, 4, strings.Join(nonEmpty(p.doc.From.Name, prefixed("IBAN ", Spaced(p.doc.From.IBAN)), prefixed("BIC ", p.doc.From.BIC)), " · "), "L") //nolint:mnd // column
	wider := p.GetStringWidth(pagesAlias) - p.GetStringWidth("1")                                                                                        // what stands there until the pages are counted
	p.cell(30+wider, 4, fmt.Sprintf("page %d of %s", p.PageNo(), pagesAlias), "R")                                                                       //nolint:mnd // column
}
