package scenarios

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/usage"
)

// Point is what a replayed community did in one interval: the sums of its orders, its trades
// and its connection meters.
type Point struct {
	Start           time.Time
	Minutes         int
	Offered, Wanted grid.Energy
	Traded          grid.Energy
	Import, Export  grid.Energy // of all metering points, each by itself
	Price           *grid.Price // of the call auction; nil where nothing crossed
}

// Points reads the intervals of a result, in their order.
func Points(dir string) (all []Point, err error) {
	intervals, err := readTable[intervalRow](dir, "intervals")
	if err != nil {
		return nil, err
	}
	rows, err := readTable[statementRow](dir, "statements")
	if err != nil {
		return nil, err
	}
	imports, exports := map[int64]grid.Energy{}, map[int64]grid.Energy{}
	for _, r := range rows {
		imports[r.Interval] += grid.Energy(r.Import)
		exports[r.Interval] += grid.Energy(r.Export)
	}
	for _, r := range intervals {
		p := Point{
			Start: time.Unix(r.Interval, 0).UTC(), Minutes: int(r.Minutes), Offered: grid.Energy(r.Offered), Wanted: grid.Energy(r.Wanted), Traded: grid.Energy(r.Traded),
			Import: imports[r.Interval], Export: exports[r.Interval],
		}
		if r.Auction != nil {
			p.Price = new(grid.Price(*r.Auction))
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Point) int { return a.Start.Compare(b.Start) })
	return all, nil
}

func readTable[Row any](dir, name string) ([]Row, error) {
	path := filepath.Join(dir, name+".parquet")
	rows, err := parquet.ReadFile[Row](path)
	if err != nil {
		return nil, usage.Errorf("%s cannot be read: %w: replay the scenario again", path, err)
	}
	return rows, nil
}

// ReadSummary reads the summary of a result.
func ReadSummary(dir string) (s Summary, err error) {
	b, err := os.ReadFile(filepath.Join(dir, summaryFile)) //nolint:gosec // the directory is the caller's
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, usage.Errorf("%s: is no result of a replay: %w", dir, err)
	}
	return s, nil
}

// WriteCSV writes a table of a result as CSV, whose last columns say of every row by which
// scenario, seed and version of the program it came. Values that are not known are empty.
func WriteCSV(w io.Writer, dir, name string) (err error) {
	s, err := ReadSummary(dir)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, name+".parquet")) //nolint:gosec // the directory is the caller's
	if err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	table := parquet.NewGenericReader[any](f)
	defer func() { err = errors.Join(err, table.Close()) }()
	out := csv.NewWriter(w)
	var head []string
	for _, column := range table.Schema().Columns() {
		head = append(head, strings.Join(column, "."))
	}
	if err := out.Write(append(head, "scenario", "seed", "version")); err != nil {
		return err
	}
	from := []string{s.Scenario, strconv.FormatUint(s.Seed, 10), s.Version}
	if err := writeRows(out, table, from); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func writeRows(out *csv.Writer, table *parquet.GenericReader[any], from []string) error {
	const atOnce = 1024
	rows := make([]parquet.Row, atOnce)
	for {
		n, err := table.ReadRows(rows)
		for _, row := range rows[:n] {
			cells := make([]string, len(row), len(row)+len(from))
			for _, v := range row {
				if !v.IsNull() {
					cells[v.Column()] = v.String()
				}
			}
			if err := out.Write(append(cells, from...)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a table: %w", err)
		}
	}
}
