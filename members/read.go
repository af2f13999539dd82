package members

import (
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

	"github.com/commonwatt/commonwatt/chaincode"
)

// MostBytes is how large a list may be.
const MostBytes = 16 << 20

// mostUnzipped bounds what a workbook may come to, so that nobody fills the memory with one.
const mostUnzipped = 128 << 20

// line is one of a file, whichever kind it is.
type line struct {
	number int
	cells  []string
	broken string // why it cannot be read
}

// Read reads a list, CSV or XLSX. An error is one of the file as a whole: it is no list, or
// its columns are not those of one. Bad rows are in the list's Problems.
func Read(file []byte) (List, error) {
	if len(file) > MostBytes {
		return List{}, fmt.Errorf("the file has %d bytes, at most %d are read: split it", len(file), MostBytes)
	}
	var lines []line
	var err error
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		lines, err = workbook(file)
	} else {
		lines, err = separated(file)
	}
	if err != nil {
		return List{}, err
	}
	return list(lines)
}

// workbook returns the lines of the first sheet.
func workbook(file []byte) (lines []line, err error) {
	f, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{RawCellValue: true, UnzipSizeLimit: mostUnzipped, UnzipXMLSizeLimit: mostUnzipped})
	if err != nil {
		return nil, fmt.Errorf("the workbook cannot be read: %w: save it as XLSX again, or as CSV UTF-8", err)
	}
	defer f.Close() //nolint:errcheck // reading is over
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil {
		return nil, fmt.Errorf("the first sheet cannot be read: %w", err)
	}
	for k, cells := range rows {
		lines = append(lines, line{number: k + 1, cells: cells})
	}
	dates(lines)
	return lines, nil
}

// dates turns the days that a spreadsheet counts into dates, in the columns that have them.
func dates(lines []line) {
	if len(lines) == 0 {
		return
	}
	for at, head := range lines[0].cells {
		if c, known := column(head); !known || c.Detail != chaincode.DetailMandateDate {
			continue
		}
		for _, l := range lines[1:] {
			if at >= len(l.cells) {
				continue
			}
			days, err := strconv.ParseFloat(l.cells[at], 64)
			if t, bad := excelize.ExcelDateToTime(days, false); err == nil && bad == nil {
				l.cells[at] = t.Format(time.DateOnly)
			}
		}
	}
}

// separated returns the lines of a CSV file. One that cannot be read does not hold up the
// others.
func separated(file []byte) (lines []line, err error) {
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return nil, errors.New("the file is UTF-16: save it as CSV UTF-8, or as XLSX")
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	head, _, _ := bytes.Cut(file, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord = -1
	r.Comma = separator(string(head))
	for {
		cells, err := r.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case errors.As(err, &wrong):
			lines = append(lines, line{number: wrong.StartLine, broken: fmt.Sprintf("cannot be read: %v: put quotation marks around the cell, and double those within", wrong.Err)})
		case err != nil:
			return nil, fmt.Errorf("the file cannot be read: %w", err)
		default:
			number, _ := r.FieldPos(0)
			lines = append(lines, line{number: number, cells: cells})
		}
	}
}

// separator is what stands most often between the columns of the first line.
func separator(head string) rune {
	best, most := ',', strings.Count(head, ",")
	for _, r := range []rune{';', '\t'} {
		if n := strings.Count(head, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}

// column returns the one that a heading names, in whichever letters.
func column(heading string) (Column, bool) {
	name := simple(heading)
	for _, c := range Columns() {
		if simple(c.Name) == name {
			return c, true
		}
	}
	return Column{}, false
}

// simple leaves out what people write differently: "E-Mail", "email", "mandate_date".
func simple(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_\u00a0", r) {
			return -1
		}
		return r
	}, strings.ToLower(strings.TrimSpace(s)))
}

// list reads the lines, of which the first names the columns.
func list(lines []line) (List, error) {
	if len(lines) == 0 || lines[0].broken != "" {
		return List{}, errors.New("the file is empty, or its first line cannot be read: write the names of the columns there, as commonwatt member template shows them")
	}
	columns, err := heading(lines[0])
	if err != nil {
		return List{}, err
	}
	var l List
	first := map[string]int{} // lines by number
	for _, x := range lines[1:] {
		if x.broken == "" && !slices.ContainsFunc(x.cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue // an empty line
		}
		row, problems := x.row(columns)
		if n := row.Number(); n != "" {
			if before, twice := first[n]; twice {
				problems = append(problems, ProblemError{x.number, "number", fmt.Sprintf("%q stands in line %d too: give each member one line", n, before)})
			} else {
				first[n] = x.number
			}
		}
		if len(problems) == 0 {
			l.Rows = append(l.Rows, row)
		}
		l.Problems = append(l.Problems, problems...)
	}
	return l, nil
}

// heading returns the columns that the first line names.
func heading(l line) ([]Column, error) {
	var names []string
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	columns := make([]Column, len(l.cells))
	seen := map[string]bool{}
	for k, cell := range l.cells {
		c, known := column(cell)
		if !known {
			return nil, fmt.Errorf("line %d: there is no column %q: the columns are %s", l.number, cell, strings.Join(names, ", "))
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("line %d: the column %q is there twice", l.number, c.Name)
		}
		columns[k], seen[c.Name] = c, true
	}
	for _, must := range []string{"number", "name"} {
		if !seen[must] {
			return nil, fmt.Errorf("line %d: the column %q is missing: the columns are %s", l.number, must, strings.Join(names, ", "))
		}
	}
	return columns, nil
}

// row reads a line, and says all that is wrong with it.
func (l line) row(columns []Column) (Row, []ProblemError) {
	row := Row{Line: l.number, Details: map[string]string{}}
	if l.broken != "" {
		return row, []ProblemError{{l.number, "", l.broken}}
	}
	var problems []ProblemError
	if len(l.cells) > len(columns) {
		problems = append(problems, ProblemError{l.number, "", fmt.Sprintf("has %d cells, the first line %d: put quotation marks around a cell with a separator in it", len(l.cells), len(columns))})
	}
	for k, c := range columns {
		value := ""
		if k < len(l.cells) {
			value = strings.TrimSpace(l.cells[k])
		}
		var err error
		written := value
		switch {
		case value != "":
			value, err = c.check(value)
		case c.Detail == chaincode.DetailNumber || c.Detail == chaincode.DetailName:
			err = errors.New("is missing")
		}
		if err != nil {
			problems, value = append(problems, ProblemError{l.number, c.Name, err.Error()}), written
		}
		row.Details[c.Detail] = value
	}
	return row, append(problems, row.fits(l.number)...)
}

// fits says what does not go together.
func (r Row) fits(line int) []ProblemError {
	has := func(detail string) bool { return r.Details[detail] != "" }
	asked := func(detail string) bool { _, there := r.Details[detail]; return there }
	switch {
	case has(chaincode.DetailMandate) && asked(chaincode.DetailIBAN) && !has(chaincode.DetailIBAN):
		return []ProblemError{{line, "mandate", "is for no account: give the IBAN too"}}
	case has(chaincode.DetailMandate) && asked(chaincode.DetailMandateDate) && !has(chaincode.DetailMandateDate):
		return []ProblemError{{line, "mandate date", "is missing: a direct debit names when its mandate was signed"}}
	default:
		return nil
	}
}
