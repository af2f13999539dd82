package members

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Register keeps what a community knows of its members' persons.
type Register interface {
	// Personal returns a member's Details, nil where none are kept.
	Personal(ctx context.Context, member string) (map[string]string, error)
	// SetPersonal puts a member's Details in the place of those that are kept.
	SetPersonal(ctx context.Context, member string, details map[string]string) error
	// People returns the members that the register knows, by name.
	People() []string
}

// Desk brings lists into the register. It is safe for concurrent use where the register is.
type Desk struct {
	Register Register
	Points   func(member string) int // how many metering points are the member's
}

// What an import makes, or would make, of a member.
const (
	IsNew     = "new"
	Changed   = "changed"
	Unchanged = "unchanged"
)

// Outcome is what becomes of a row.
type Outcome struct {
	Line   int
	Number string
	Name   string
	What   string   // IsNew, Changed or Unchanged
	Fields []string // columns that change, in their order
	Points int      // metering points of the member; 0: no device names it
}

// Import is what becomes of a list.
type Import struct {
	Outcomes []Outcome      // of the good rows, in order
	Problems []ProblemError // of the bad ones
	Applied  bool           // what changes was written
}

// Import says what a list would change, and writes it if apply is set. The rows with
// problems are left out. An error in the middle leaves what was written: the same import
// goes on with the rest.
func (d Desk) Import(ctx context.Context, l List, apply bool) (Import, error) {
	done := Import{Problems: l.Problems, Applied: apply}
	for _, row := range l.Rows {
		known, err := d.Register.Personal(ctx, row.Number())
		if err != nil {
			return done, fmt.Errorf("line %d, member %s: %w", row.Line, row.Number(), err)
		}
		merged, fields := merge(known, row)
		o := Outcome{Line: row.Line, Number: row.Number(), Name: merged[chaincode.DetailName], Fields: fields, Points: d.Points(row.Number())}
		switch {
		case known == nil:
			o.What = IsNew
		case len(fields) > 0:
			o.What = Changed
		default:
			o.What = Unchanged
		}
		if apply && o.What != Unchanged {
			if err := d.Register.SetPersonal(ctx, row.Number(), merged); err != nil {
				return done, fmt.Errorf("line %d, member %s: %w", row.Line, row.Number(), err)
			}
		}
		done.Outcomes = append(done.Outcomes, o)
	}
	return done, nil
}

// merge returns what is known of a member once a row was taken in, and the columns that this
// changes. What the file has no column for stays.
func merge(known map[string]string, row Row) (merged map[string]string, fields []string) {
	merged = map[string]string{}
	maps.Copy(merged, known)
	for _, c := range Columns() {
		value, told := row.Details[c.Detail]
		if !told {
			continue
		}
		if merged[c.Detail] != value {
			fields = append(fields, c.Name)
		}
		if merged[c.Detail] = value; value == "" {
			delete(merged, c.Detail)
		}
	}
	return merged, fields
}

// Person is what is known of a member.
type Person struct {
	Number  string
	Details map[string]string // nil: nothing is
	Points  int
}

// All returns every member that the register knows, by number.
func (d Desk) All(ctx context.Context) ([]Person, error) {
	numbers := d.Register.People()
	slices.Sort(numbers)
	all := make([]Person, 0, len(numbers))
	for _, n := range numbers {
		details, err := d.Register.Personal(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", n, err)
		}
		all = append(all, Person{Number: n, Details: details, Points: d.Points(n)})
	}
	return all, nil
}

// Template writes an empty list with one member as an example, as CSV.
func Template(w io.Writer) error {
	var heads, cells []string
	example := map[string]string{
		chaincode.DetailNumber: "home-01", chaincode.DetailName: "Ann Example", chaincode.DetailAddress: `"Elm Street 1, 12345 Elmton"`,
		chaincode.DetailEMail: "ann@example.org", chaincode.DetailIBAN: "DE89 3704 0044 0532 0130 00", chaincode.DetailMandate: "M-0001",
		chaincode.DetailMandateDate: "2026-06-01", chaincode.DetailLanguage: "en", chaincode.DetailDisplay: "Ann",
	}
	for _, c := range Columns() {
		heads, cells = append(heads, c.Name), append(cells, example[c.Detail])
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", strings.Join(heads, ","), strings.Join(cells, ","))
	return err
}
