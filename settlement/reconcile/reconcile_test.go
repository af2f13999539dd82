package reconcile_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
)

func quarter(k int) grid.Interval {
	return grid.IntervalAt(time.Date(2026, 6, 30, 21, 30, 0, 0, time.UTC), 15).Shift(k)
}

func statement(point string, imports grid.Energy, q grid.Quality, net grid.Money) settlement.Statement {
	return settlement.Statement{MeteringPoint: point, Metered: grid.Flow{Import: imports}, Quality: q, Net: net}
}

func options() reconcile.Options {
	zone := time.FixedZone("summer", 2*3600)
	return reconcile.Options{
		Zone: zone, Member: func(point string) string { return strings.TrimSuffix(point, "-2") },
		Replaced: func(point string, i grid.Interval) bool { return point == "cy" && i == quarter(0) },
	}
}

// TestBothTables compares five intervals around the local end of June, 22:00 UTC: each reason
// once, sums by point and local month, and the money of a member with two points together.
func TestBothTables(t *testing.T) {
	var all []reconcile.Interval
	add := func(k int, both ...[2]settlement.Statement) {
		i := reconcile.Interval{Interval: quarter(k)}
		for _, b := range both {
			i.Signed, i.Official = append(i.Signed, b[0]), append(i.Official, b[1])
		}
		all = append(all, i)
	}
	good, l1 := grid.Good, grid.Official1
	add(0,
		[2]settlement.Statement{statement("ann", 100, good, -10), statement("ann", 120, l1, -12)},
		[2]settlement.Statement{statement("ann-2", 50, good, -5), statement("ann-2", 50, good, -5)},
		[2]settlement.Statement{statement("cy", 10, good, -1), statement("cy", 40, l1, -4)})
	add(1, [2]settlement.Statement{statement("ann", 100, good, -10), statement("ann", 81, l1, -8)}, [2]settlement.Statement{statement("cy", 10, grid.Estimated, -1), statement("cy", 11, l1, -2)})
	add(2, [2]settlement.Statement{statement("ann", 100, good, -10), statement("ann", 100, l1, -10)}, [2]settlement.Statement{statement("cy", 10, good, -1), statement("cy", 12, grid.Official3, -2)})
	add(3, [2]settlement.Statement{statement("ann", 100, good, -10), statement("ann", 105, l1, -11)}, [2]settlement.Statement{statement("cy", 10, good, -1), statement("cy", 12, grid.Official2, -2)})
	table, err := reconcile.Make(all, options())
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]reconcile.Reason{}
	for _, r := range table.Rows {
		reasons[r.Point+" "+r.Interval.Begin().Format("15:04")] = r.Reason
	}
	for at, want := range map[string]reconcile.Reason{
		"ann 21:30": reconcile.Clock, "ann 21:45": reconcile.Clock, "ann 22:00": "", "ann 22:15": "", "ann-2 21:30": reconcile.MissingOfficial,
		"cy 21:30": reconcile.ReplacedMeter, "cy 21:45": reconcile.EstimatedHere, "cy 22:00": reconcile.EstimatedOfficial, "cy 22:15": reconcile.ReplacedOfficial,
	} {
		if got, there := reasons[at]; !there || got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	if len(table.Rows) != 9 || len(table.Months) != 5 {
		t.Fatalf("%d rows, %d months", len(table.Rows), len(table.Months))
	}
	june, july := table.Months[0], table.Months[1]
	if june.Point != "ann" || june.Month != "2026-06" || june.Signed.Import != 200 || june.Official.Import != 201 || june.Intervals != 2 || june.Differing != 2 || july.Month != "2026-07" || july.Official.Import != 205 || july.Differing != 1 {
		t.Errorf("%+v %+v", june, july)
	}
	if second := table.Months[2]; second.Point != "ann-2" || second.Missing != 1 || second.Differing != 0 {
		t.Errorf("%+v", second)
	}
	if len(table.Money) != 2 || table.Money[0] != (reconcile.Money{Member: "ann", Signed: -45, Official: -46, Difference: -1}) || table.Money[1] != (reconcile.Money{Member: "cy", Signed: -4, Official: -10, Difference: -6}) {
		t.Errorf("%+v", table.Money)
	}
}

// TestWhatCannotBeCompared is an error: an overflow, and two settlements of other points.
func TestWhatCannotBeCompared(t *testing.T) {
	most := statement("ann", 1, grid.Good, math.MaxInt64)
	for name, i := range map[string][]reconcile.Interval{
		"overflow":                {{Signed: []settlement.Statement{most, most}, Official: []settlement.Statement{most, most}}},
		"overflow of sub":         {{Signed: []settlement.Statement{statement("ann", 1, grid.Good, math.MinInt64)}, Official: []settlement.Statement{most}}},
		"0 by official ones":      {{Signed: []settlement.Statement{most}}},
		"metering point ann by s": {{Signed: []settlement.Statement{most}, Official: []settlement.Statement{statement("bob", 1, grid.Good, 1)}}},
	} {
		want, _, _ := strings.Cut(name, " of sub")
		if _, err := reconcile.Make(i, options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
