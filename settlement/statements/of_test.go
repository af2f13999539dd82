package statements_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// shownOf returns what the book shows of a member, read whole and sifted, or of the member
// alone.
func shownOf(t *testing.T, b *statements.Book, member string, alone bool) (all []string) {
	t.Helper()
	note := func(i *statements.Interval) error {
		var line strings.Builder
		fmt.Fprint(&line, i.Interval, i.Run, i.Place, i.Frozen, i.Estimated)
		for _, p := range i.Points {
			if p.Member == member {
				if flow := p.WithoutFlow; flow != nil {
					fmt.Fprintf(&line, " %+v", *flow)
				}
				p.WithoutFlow = nil
				fmt.Fprintf(&line, " %+v", p)
			} else if alone {
				t.Errorf("%s: the book shows %s to %s", i.Interval, p.MeteringPoint, member)
			}
		}
		if alone && len(i.Others) > 0 {
			t.Errorf("%s: the book shows other accounts to %s", i.Interval, member)
		}
		all = append(all, line.String())
		return nil
	}
	from, to := time.Time{}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var err error
	if alone {
		err = b.EachOf(t.Context(), member, from, to, note)
	} else {
		err = b.Each(t.Context(), from, to, note)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestOfOneMember holds that what is read of a member alone is what the whole book has of it,
// run by run, and that nobody else's is shown.
func TestOfOneMember(t *testing.T) {
	for seed := range uint64(20) {
		s := newStreet(seed)
		s.some(t, 60)
		for k, r := range s.all { // some points have a flow that they would have had otherwise
			for n := range r.Statements {
				if (k+n)%3 == 0 {
					r.Statements[n].WithoutFlow = &grid.Flow{Import: grid.Energy(100 * k), Export: grid.Energy(n)}
				}
			}
		}
		b := open(t, "")
		if err := b.Add(t.Context(), owner, s.all...); err != nil {
			t.Fatal(err)
		}
		for k := range points {
			member := fmt.Sprintf("of mp-%d", k)
			whole, alone := shownOf(t, b, member, false), shownOf(t, b, member, true)
			if len(whole) == 0 || fmt.Sprint(whole) != fmt.Sprint(alone) {
				t.Fatalf("seed %d, %s: alone\n%s\nof the whole\n%s", seed, member, alone, whole)
			}
		}
		if err := b.Forget(t.Context(), "of mp-1"); err != nil {
			t.Fatal(err)
		}
		for _, line := range shownOf(t, b, "of mp-1", true) {
			if strings.Contains(line, "MeteringPoint") {
				t.Errorf("seed %d: of a member who is forgotten the book shows %s", seed, line)
			}
		}
		if got := shownOf(t, b, "", true); got != nil {
			t.Errorf("seed %d: of nobody the book shows %s", seed, got)
		}
	}
}

// BenchmarkOneMemberOfHundred reads a month of one of a hundred members.
func BenchmarkOneMemberOfHundred(b *testing.B) {
	book, err := statements.Open(b.Context(), filepath.Join(b.TempDir(), "statements.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	first := grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 15)
	const month = 30 * 96
	var runs []settlement.Run
	for n := range month {
		runs = append(runs, hundred(b, first.Shift(n)))
	}
	if err := book.Add(b.Context(), owner, runs...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		if err := book.EachOf(b.Context(), "of mp-7", first.Begin(), first.Shift(month).Begin(), func(i *statements.Interval) error { n += len(i.Points); return nil }); err != nil || n != month {
			b.Fatal(n, err)
		}
	}
}

// hundred settles an interval of a hundred homes.
func hundred(b *testing.B, i grid.Interval) settlement.Run {
	b.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{Community: "c", Interval: i, Run: 1, Tariff: prices, Rules: &rules, Points: map[string]settlement.Point{}, ReadingRoot: "r"}
	for k := range 100 {
		point := fmt.Sprintf("mp-%d", k)
		in.Points[point] = settlement.Point{Account: "account " + point, Member: "of " + point}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: point, Flow: grid.Flow{Import: grid.Energy(k * 7 % 400), Export: grid.Energy(k * 11 % 300)}, Quality: grid.Good})
	}
	run, err := settlement.Settle(in)
	if err != nil {
		b.Fatal(err)
	}
	return run
}
