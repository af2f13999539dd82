// Package members reads lists of members, as associations keep them in a spreadsheet, and
// brings them into the community's register of persons.
//
// # Files
//
// A list is a CSV file (UTF-8; comma, semicolon or tab between the cells) or the first sheet of
// an XLSX workbook. Its first row names the columns, in any order; number and name must be
// there. A member is known by its number alone: that is the name by which the devices of the
// configuration call it (member: …). Two people may have one name.
//
// A column that the file does not have leaves what is known as it is; an empty cell removes
// it. Every row is judged by itself: a bad one is reported, with its line and field, and the
// others go on.
//
// # Invariants
//
// Reading is a function of the file. What was imported before changes nothing when it comes
// again.
package members

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/almerlucke/go-iban/iban"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Column is one that a list of members may have.
type Column struct {
	Name   string // in the file
	Detail string // in the Details of chaincode.Personal
	Says   string // what stands there
	check  func(value string) (string, error)
}

// Columns are all that a list may have, in the order of a template.
func Columns() []Column {
	return []Column{
		{"number", chaincode.DetailNumber, "by which the configuration's devices call the member", number},
		{"name", chaincode.DetailName, "as bills are addressed, in any script", text(mostName)},
		{"address", chaincode.DetailAddress, "street, post code, town; a comma or a new line between", address},
		{"e-mail", chaincode.DetailEMail, "where bills go", email},
		{"iban", chaincode.DetailIBAN, "of the account that is debited and paid to", account},
		{"mandate", chaincode.DetailMandate, "reference of the SEPA direct debit mandate", mandate},
		{"mandate date", chaincode.DetailMandateDate, "when it was signed, as in 2026-06-01", date},
		{"language", chaincode.DetailLanguage, "of bills, as in de or en", language},
		{"display name", chaincode.DetailDisplay, "as others see the member", text(mostDisplay)},
	}
}

// The longest texts, in letters. A SEPA file holds 70 letters of a name and 35 of a mandate.
const (
	mostNumber  = 64
	mostName    = 70
	mostDisplay = 40
	mostAddress = 200
	mostMandate = 35
)

// clean refuses what no text of a person has.
func clean(value string, most int) error {
	switch {
	case !utf8.ValidString(value):
		return fmt.Errorf("is not UTF-8: save the file as CSV UTF-8, or as XLSX")
	case utf8.RuneCountInString(value) > most:
		return fmt.Errorf("has %d letters, at most %d are kept", utf8.RuneCountInString(value), most)
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return fmt.Errorf("has a control character")
	default:
		return nil
	}
}

func text(most int) func(string) (string, error) {
	return func(value string) (string, error) {
		if strings.Contains(value, "\n") {
			return "", fmt.Errorf("has more than one line")
		}
		return value, clean(value, most)
	}
}

func number(value string) (string, error) { return text(mostNumber)(value) }

// address keeps lines, whichever way they are written in one cell.
func address(value string) (string, error) {
	if err := clean(strings.ReplaceAll(value, "\r\n", "\n"), mostAddress); err != nil {
		return "", err
	}
	lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' })
	for k := range lines {
		lines[k] = strings.TrimSpace(lines[k])
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	return strings.Join(lines, "\n"), nil
}

func email(value string) (string, error) {
	a, err := mail.ParseAddress(value)
	if err != nil || a.Address != value || strings.HasSuffix(value, ".") || !strings.Contains(value[strings.LastIndex(value, "@"):], ".") {
		return "", fmt.Errorf("%q is no e-mail address, as in ann@example.org", value)
	}
	return value, nil
}

// account reads an IBAN, with or without spaces. Its check digits (ISO 13616, modulo 97) must
// fit.
func account(value string) (string, error) {
	code := strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, value))
	if strings.ContainsFunc(code, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) || len(code) < 5 {
		return "", fmt.Errorf("%q is no IBAN: it has two letters, two check digits, and letters and digits of the account", value)
	}
	a, err := iban.NewIBAN(code)
	if err != nil {
		return "", fmt.Errorf("%q is no IBAN: %s", value, strings.ToLower(err.Error()))
	}
	return a.Code, nil
}

// mandate keeps to the letters that SEPA files take.
func mandate(value string) (string, error) {
	strange := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+?/-:().,' ", r)
	}
	if len(value) > mostMandate || strings.ContainsFunc(value, strange) {
		return "", fmt.Errorf("%q: a mandate's reference has at most %d letters, digits, spaces and + ? / - : ( ) . , '", value, mostMandate)
	}
	return value, nil
}

func date(value string) (string, error) {
	if t, err := time.Parse(time.DateOnly, value); err != nil || t.Year() < 2000 {
		return "", fmt.Errorf("%q is no date, as in 2026-06-01", value)
	}
	return value, nil
}

func language(value string) (string, error) {
	if len(value) != 2 || strings.ContainsFunc(value, func(r rune) bool { return r < 'a' || r > 'z' }) { //nolint:mnd // ISO 639-1
		return "", fmt.Errorf("%q: write two small letters, as in de or en", value)
	}
	return value, nil
}

// Row is a line of a list: what it says of a member.
type Row struct {
	Line    int               // of the file, from 1
	Details map[string]string // by detail, those of the file's columns alone; empty: it shall be removed
}

// Number is the member's.
func (r Row) Number() string { return r.Details[chaincode.DetailNumber] }

// ProblemError is what is wrong with a line.
type ProblemError struct {
	Line  int    // from 1
	Field string // the column; empty: the whole line
	Says  string
}

func (p ProblemError) Error() string {
	if p.Field == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Says)
	}
	return fmt.Sprintf("line %d, %s: %s", p.Line, p.Field, p.Says)
}

// List is what a file says.
type List struct {
	Rows     []Row          // that are good, in order
	Problems []ProblemError // of the other lines, in order
}
