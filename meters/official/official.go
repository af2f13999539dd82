// Package official reads the meter values of a grid operator, which are those that law bills
// by, from the formats in which they are handed out, and compares them with what the
// community's own meters signed. It is pure.
//
// # Model
//
// A file becomes a list of Values: what one metering point took or gave in one interval, by
// one code. Codes are those of Austria's energy communities, as in its list of meter codes;
// the formats of other countries, which have none, give Total and, where they tell it, the
// community's share.
//
//	Total   G.01  what the point took or gave by its meter, the basis of the bill
//	Share   G.02  what of the community's generation was allotted to a consumer
//	Covered G.03  what of it the consumer used: never above Share, nor above Total
//	Rest    P.01  what is left with the supplier: of all generators together Total less the Covered of all consumers
//
// Of a point that takes part in several communities the variants G.01T, P.01T (of one
// participation) and G.03R are kept beside these under their own codes, and nothing is billed
// by them.
//
// # Invariants
//
// Energies are exact: a text of kWh or Wh is read digit by digit, and of fractions of a Wh
// every local day of a point and code is rounded together, by the largest remainder, so that
// no day is off by more than half a Wh and a file that is cut between days gives the same
// values. A file is read whole or not at all, and the error (FileError) names every row that
// is wrong, with line and field.
//
// Sources: ebUtilities, schema ConsumptionRecord 01p30 to 01p41 and its list of meter codes;
// VSE, SDAT-CH (ValidatedMeteredData, AggregatedMeteredData); BDEW, MSCONS on UN/EDIFACT
// D.04B; NAESB REQ.21 ESPI (Green Button).
package official

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Code says what a value is.
type Code string

// The codes that something is reckoned by.
const (
	Total   Code = "G.01"
	Share   Code = "G.02"
	Covered Code = "G.03"
	Rest    Code = "P.01"
)

// Direction says which way energy went, seen from the metering point.
type Direction string

// The directions.
const (
	Import Direction = "import" // taken from the grid
	Export Direction = "export" // given to it
)

// Quality says how the grid operator came to a value.
type Quality int

// The qualities, Austria's L1 to L3.
const (
	Measured  Quality = 1
	Replaced  Quality = 2 // by what another device measured, or by rule with the same certainty
	Estimated Quality = 3
)

// Grid returns the quality as the settlement has it.
func (q Quality) Grid() grid.Quality {
	switch q {
	case Measured:
		return grid.Official1
	case Replaced:
		return grid.Official2
	default:
		return grid.Official3
	}
}

// Key names a value.
type Key struct {
	Point     string // the grid operator's, 33 characters in Austria and Switzerland, or of the community once it is mapped
	Start     int64  // unix seconds
	Code      Code
	Direction Direction
}

// Compare orders by point, direction, code and time.
func (k Key) Compare(l Key) int {
	return cmp.Or(strings.Compare(k.Point, l.Point), strings.Compare(string(k.Direction), string(l.Direction)), strings.Compare(string(k.Code), string(l.Code)), cmp.Compare(k.Start, l.Start))
}

func (k Key) String() string {
	return fmt.Sprintf("%s %s of %s at %s", k.Code, k.Direction, k.Point, time.Unix(k.Start, 0).UTC().Format("2006-01-02T15:04Z"))
}

// Value is what one metering point took or gave in one interval.
type Value struct {
	Key

	Minutes int         // length of the interval
	Energy  grid.Energy // Wh, ≥ 0
	Quality Quality
	Source  string // what the file calls the point, where it was mapped
	Line    int    // of the file, from 1
}

// End returns the first instant after the interval, unix seconds.
func (v Value) End() int64 { return v.Start + int64(v.Minutes)*60 }

// Format is one that files come in.
type Format string

// The formats.
const (
	CSV         Format = "csv"
	EbUtilities Format = "ebutilities"
	SDAT        Format = "sdat"
	MSCONS      Format = "mscons"
	ESPI        Format = "espi"
)

// Formats lists them.
func Formats() []Format { return []Format{CSV, EbUtilities, SDAT, MSCONS, ESPI} }

// File is what was read of one.
type File struct {
	Format Format
	Values []Value // by Key.Compare, each key once
	Notes  []Note  // what is no error and somebody should know
}

// Note says something of a file.
type Note struct {
	Line int // 0: of the whole
	Text string
}

// Options say how a file is read.
type Options struct {
	Format  Format         // empty: found out
	Mapping *Mapping       // nil: there is none; CSV needs one
	Zone    *time.Location // of times without an offset, nil: they are refused
}

// Parse reads a file. Errors: FileError; the values of the rows that can be read are in the
// File then, so that what else does not fit can be told too.
func Parse(text []byte, o Options) (File, error) {
	format := cmp.Or(o.Format, Detect(text))
	c := &collector{options: o, seen: map[Key]int{}}
	switch format {
	case CSV:
		c.csv(text)
	case EbUtilities:
		c.ebutilities(text)
	case SDAT:
		c.sdat(text)
	case MSCONS:
		c.mscons(text)
	case ESPI:
		c.espi(text)
	case "":
		c.wrong(0, "", "is in no format that is known here: they are %v", Formats())
	default:
		c.wrong(0, "format", "%q is none of %v", format, Formats())
	}
	values := c.finish()
	if len(values) == 0 && len(c.problems) == 0 {
		c.wrong(0, "", "there is no value in it")
	}
	if len(c.problems) > 0 {
		return File{Format: format, Values: values}, c.problems.Sorted()
	}
	c.judge(values)
	return File{Format: format, Values: values, Notes: append(c.notes, Shares(values)...)}, nil
}

// Detect finds out the format of a file; CSV is what looks like no other.
func Detect(text []byte) Format {
	const enough = 4096
	head := strings.TrimLeft(strings.TrimPrefix(string(text[:min(len(text), enough)]), "\ufeff"), " \t\r\n")
	switch {
	case strings.HasPrefix(head, "UNA"), strings.HasPrefix(head, "UNB"):
		return MSCONS
	case !strings.HasPrefix(head, "<"):
		return CSV
	case strings.Contains(head, "ConsumptionRecord"):
		return EbUtilities
	case strings.Contains(head, "MeteredData_"):
		return SDAT
	case strings.Contains(head, "<feed") || strings.Contains(head, ":feed"), strings.Contains(head, "naesb.org/espi"):
		return ESPI
	default:
		return ""
	}
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line  int    `json:"line"`  // from 1; 0: the whole file
	Field string `json:"field"` // column, element or segment; empty: the row
	Text  string `json:"text"`
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	return b.String() + p.Text
}

// FileError is all that is wrong with a file, in the order of its lines.
type FileError []Problem

func (p FileError) Error() string {
	texts := make([]string, len(p))
	for k, one := range p {
		texts[k] = one.String()
	}
	return strings.Join(texts, "\n")
}

// Sorted puts the problems in the order of their lines.
func (p FileError) Sorted() FileError {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}
