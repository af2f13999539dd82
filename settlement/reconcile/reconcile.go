// Package reconcile compares what was billed by the community's own signed meter values with
// what the grid operator's official values come to. It is pure.
//
// # Model
//
// Each interval is settled twice, with all its metering points, from what its first run
// froze: by the signed values and by the official ones. Of these two settlements there are
// two tables, both of integers that nothing rounds: the energy (Wh) of each metering point
// and interval, with its sums by point and local month, and the money (millionths of the
// currency unit) of each member. A month that is billed by official values differs from the
// one billed by signed values exactly by the second table.
//
// A member's money is + when the member receives it; a difference is official less signed.
package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// Reason says why two values differ, as far as that is known; empty: it is not.
type Reason string

// The reasons.
const (
	MissingOfficial   Reason = "no official value"
	EstimatedHere     Reason = "estimated here"
	EstimatedOfficial Reason = "estimated by the grid operator"
	ReplacedOfficial  Reason = "replaced by the grid operator"
	ReplacedMeter     Reason = "the meter was replaced"
	Clock             Reason = "clocks differ: the next or the last interval has the opposite difference"
)

// Interval is one that was settled both ways. The statements of both are by the same metering
// points, in the same order.
type Interval struct {
	Interval         grid.Interval
	Signed, Official []settlement.Statement
}

// Row is what a metering point took and gave in an interval, by both.
type Row struct {
	Point            string
	Interval         grid.Interval
	Signed, Official grid.Flow
	Quality          grid.Quality // of the signed value
	Billed           grid.Quality // of the one that the official settlement has, where there is none the signed one
	Reason           Reason
}

// Differs tells whether the two are not the same.
func (r Row) Differs() bool { return r.Signed != r.Official }

// Month is the sum of a metering point in a local month.
type Month struct {
	Point, Month     string // as in 2026-06
	Signed, Official grid.Flow
	Intervals        int // that were compared
	Differing        int // of them
	Missing          int // of them, of which there is no official value
}

// Money is what a member has by both settlements.
type Money struct {
	Member                       string
	Signed, Official, Difference grid.Money
}

// Table is a reconciliation.
type Table struct {
	Rows   []Row   // by point and time
	Months []Month // by point and month
	Money  []Money // by member
}

// Options say how intervals are compared.
type Options struct {
	Zone     *time.Location
	Member   func(point string) string                // whose a metering point is
	Replaced func(point string, i grid.Interval) bool // its meter was replaced then; nil: not known
}

// Make makes the tables of some intervals. Errors: grid.ErrOverflow, and statements of two
// settlements that are not of the same metering points.
func Make(intervals []Interval, o Options) (Table, error) {
	m := making{o: o, months: map[[2]string]*Month{}, money: map[string]*Money{}}
	for _, i := range intervals {
		if err := m.add(i); err != nil {
			return Table{}, fmt.Errorf("reconcile %s: %w", i.Interval, err)
		}
	}
	return m.finish()
}

type making struct {
	o      Options
	rows   []Row
	months map[[2]string]*Month
	money  map[string]*Money
}

func (m *making) add(i Interval) error {
	if len(i.Signed) != len(i.Official) {
		return fmt.Errorf("%d metering points by signed values, %d by official ones", len(i.Signed), len(i.Official))
	}
	for k, s := range i.Signed {
		o := i.Official[k]
		if s.MeteringPoint != o.MeteringPoint {
			return fmt.Errorf("metering point %s by signed values, %s by official ones", s.MeteringPoint, o.MeteringPoint)
		}
		m.rows = append(m.rows, m.row(i.Interval, s, o))
		if err := m.pay(s, o); err != nil {
			return err
		}
	}
	return nil
}

func (m *making) row(i grid.Interval, s, o settlement.Statement) Row {
	r := Row{Point: s.MeteringPoint, Interval: i, Signed: s.Metered, Official: o.Metered, Quality: s.Quality, Billed: o.Quality}
	switch {
	case !o.Quality.IsOfficial():
		r.Reason = MissingOfficial
	case !r.Differs():
	case m.o.Replaced != nil && m.o.Replaced(r.Point, i):
		r.Reason = ReplacedMeter
	case !s.Quality.Measured():
		r.Reason = EstimatedHere
	case o.Quality == grid.Official3:
		r.Reason = EstimatedOfficial
	case o.Quality == grid.Official2:
		r.Reason = ReplacedOfficial
	}
	return r
}

func (m *making) pay(s, o settlement.Statement) (err error) {
	member := m.o.Member(s.MeteringPoint)
	p := m.money[member]
	if p == nil {
		p = &Money{Member: member}
		m.money[member] = p
	}
	if p.Signed, err = p.Signed.Add(s.Net); err != nil {
		return err
	}
	p.Official, err = p.Official.Add(o.Net)
	return err
}

func (m *making) finish() (t Table, err error) {
	slices.SortFunc(m.rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Point, b.Point), a.Interval.Compare(b.Interval))
	})
	clocks(m.rows)
	for _, r := range m.rows {
		m.sum(r)
	}
	t.Rows = m.rows
	for _, key := range slices.SortedFunc(maps.Keys(m.months), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		t.Months = append(t.Months, *m.months[key])
	}
	for _, member := range slices.Sorted(maps.Keys(m.money)) {
		p := m.money[member]
		if p.Difference, err = p.Official.Sub(p.Signed); err != nil {
			return t, fmt.Errorf("money of %s: %w", member, err)
		}
		t.Money = append(t.Money, *p)
	}
	return t, nil
}

// sum adds a row to its month. What an interval can have is bounded by the settlement, so that
// no sum of intervals leaves 64 bits.
func (m *making) sum(r Row) {
	key := [2]string{r.Point, r.Interval.Begin().In(m.o.Zone).Format("2006-01")}
	s := m.months[key]
	if s == nil {
		s = &Month{Point: r.Point, Month: key[1]}
		m.months[key] = s
	}
	s.Signed = grid.Flow{Import: s.Signed.Import + r.Signed.Import, Export: s.Signed.Export + r.Signed.Export}
	s.Official = grid.Flow{Import: s.Official.Import + r.Official.Import, Export: s.Official.Export + r.Official.Export}
	s.Intervals++
	if r.Differs() {
		s.Differing++
	}
	if r.Reason == MissingOfficial {
		s.Missing++
	}
}

// Two neighbouring differences are one of clocks where they cancel but for a twentieth, and
// are worth a look at all.
const (
	clockLeast = 10 // Wh
	clockRest  = 20 // part
)

// clocks finds neighbours of a point, without another reason, of which one has what the other
// lacks.
func clocks(rows []Row) {
	for k := 1; k < len(rows); k++ {
		a, b := &rows[k-1], &rows[k]
		if a.Point != b.Point || a.Interval.Shift(1) != b.Interval || a.Reason != "" && a.Reason != Clock || b.Reason != "" {
			continue
		}
		if cancel(a.Official.Import-a.Signed.Import, b.Official.Import-b.Signed.Import) || cancel(a.Official.Export-a.Signed.Export, b.Official.Export-b.Signed.Export) {
			a.Reason, b.Reason = Clock, Clock
		}
	}
}

func cancel(a, b grid.Energy) bool {
	size := max(a, -a)
	rest := max(a+b, -a-b)
	return size >= clockLeast && (a > 0) == (b < 0) && rest <= size/clockRest
}
