// Package paper prints bills: as PDF, CSV and XLSX, as SEPA files to collect and pay out, and
// as the code that banking apps read (EPC069-12).
//
// What it prints is a function of the document: the same document gives the same bytes.
// Amounts stand in the currency's minor unit, each rounded by itself, half away from zero;
// they are positive, and the column or the words say who pays.
//
// It opens no file and asks nobody. The letters of a PDF are those of the Go fonts (Latin,
// Greek, Cyrillic) or of a font that is given.
package paper

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
)

// Party is who sends or gets a bill.
type Party struct {
	Number  string   `json:"number,omitempty"` // of a member
	Name    string   `json:"name"`
	Address []string `json:"address,omitempty"`
	EMail   string   `json:"email,omitempty"`
	IBAN    string   `json:"iban,omitempty"` // without spaces
	BIC     string   `json:"bic,omitempty"`
	TaxID   string   `json:"tax_id,omitempty"`
	// Creditor is the sender's SEPA creditor identifier; Mandate and Signed are the
	// recipient's direct debit mandate and its date, as in 2026-06-01.
	Creditor string `json:"creditor,omitempty"`
	Mandate  string `json:"mandate,omitempty"`
	Signed   string `json:"signed,omitempty"`
}

// Document is a bill or credit note, with what is printed around it.
type Document struct {
	Number   string // as in 2026-000017; of a draft empty
	CreditOf string // number of the bill that this credit note cancels; empty: it is a bill
	Bill     billing.Bill
	Issued   time.Time // when it was approved
	DueBy    string    // local date
	From, To Party
	Proof    Proof
}

// collected tells whether what is due is collected by direct debit.
func (d *Document) collected() bool {
	return d.To.Mandate != "" && d.To.IBAN != "" && d.From.Creditor != "" && d.Bill.Currency == "EUR"
}

// Proof is where the ledger has what a bill stands on.
type Proof struct {
	Hash     string `json:"hash"` // SHA-256 of salt and content, as on the ledger
	Salt     string `json:"salt"`
	Postings int64  `json:"postings"` // size of the checkpoint
	Root     string `json:"root"`     // of the log, as the checkpoint has it
}

// Amount returns money in the currency's minor unit, without the sign, as in 1,234.56.
func Amount(m grid.Money, digits int) string {
	return decimal(m, digits, ",")
}

// Plain returns money as a program reads it, as in -1234.56.
func Plain(m grid.Money, digits int) string {
	text := decimal(m, digits, "")
	if m < 0 && strings.Trim(text, "0.") != "" {
		return "-" + text
	}
	return text
}

const millionths = 6

// decimal writes the size of an amount of millionths with so many decimals, rounded half
// away from zero.
func decimal(m grid.Money, digits int, group string) string {
	x := new(big.Int).Abs(big.NewInt(int64(m)))
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(millionths-digits)), nil) //nolint:mnd // decimal
	half := new(big.Int).Rsh(unit, 1)
	text := x.Add(x, half).Quo(x, unit).String()
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	front, back := text[:len(text)-digits], text[len(text)-digits:]
	const thousand = 3
	for k := len(front) - thousand; k > 0; k -= thousand {
		front = front[:k] + group + front[k:]
	}
	if digits == 0 {
		return front
	}
	return front + "." + back
}

// KWh returns energy with its Wh, as in 1,234.567.
func KWh(e grid.Energy) string {
	return decimal(grid.Money(e)*1000, 3, ",") //nolint:mnd // Wh
}

// price returns a price with four decimals, as in 0.1812 or −0.0200.
func price(p grid.Price) string {
	text := decimal(grid.Money(p), 4, ",") //nolint:mnd // of a hundredth of a cent
	if p < 0 {
		return "−" + text
	}
	return text
}

// PeriodText says a period in words.
func PeriodText(p billing.Period, zone string) string {
	z, err := time.LoadLocation(zone)
	if err != nil {
		z = time.UTC
	}
	from, to := p.From.In(z), p.To.In(z).AddDate(0, 0, -1)
	if month, err := billing.Month(p.Name, z); err == nil && month.From.Equal(p.From) && month.To.Equal(p.To) {
		return from.Format("January 2006")
	}
	return from.Format("2 January 2006") + " to " + to.Format("2 January 2006")
}

// MissingLetterError says that a text cannot be printed.
type MissingLetterError struct {
	Text   string
	Letter rune
	Shaped bool // its script needs more than a font
}

func (e *MissingLetterError) Error() string {
	if e.Shaped {
		return fmt.Sprintf("%q cannot be printed: %q is of a script that is written from right to left, or whose letters join, which bills are not printed in: import the member's name and address in other letters", e.Text, e.Letter)
	}
	return fmt.Sprintf("%q cannot be printed: the font has no %q: name a TrueType font that has it as billing.font", e.Text, e.Letter)
}

// Mean returns a mean price with four decimals, as in 0.1812.
func Mean(p grid.Price) string { return price(p) }
