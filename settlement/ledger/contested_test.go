package ledger_test

import (
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

// settles settles an interval at one metering point, after what earlier runs of it posted.
func settles(t *testing.T, l *ledger.Ledger, i grid.Interval, number int, e grid.Energy, q grid.Quality, before []record.Posting) record.Run {
	t.Helper()
	account, err := l.Account("m-"+point(0), point(0))
	must(t, err)
	r, err := settlement.Settle(settlement.Input{
		Community: community, Interval: i, Run: number, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000},
		Points:   map[string]settlement.Point{point(0): {Account: account}},
		Metered:  []record.Metered{{MeteringPoint: point(0), Flow: grid.Flow{Import: e}, Quality: q}},
		Previous: before,
	})
	must(t, err)
	must(t, l.SubmitRun(t.Context(), r.Record()))
	return r.Record()
}

// TestContestedRuns settles four intervals: one by readings alone, one by a value that was put in
// the place of readings, one again by another value, and one again by readings after such a value.
// The last three are contested, each by its last run, and what that moves is told. So it is after the index is opened again.
func TestContestedRuns(t *testing.T) {
	dir := t.TempDir()
	open := func() *ledger.Ledger {
		l, err := embedded.OpenLedger(t.Context(), dir, community, "EUR", ledger.SeededNames(7))
		must(t, err)
		return l
	}
	l := open()
	register(t, l, 1)
	settles(t, l, interval(0, 0), 1, 100, grid.Good, nil)
	settles(t, l, interval(0, 1), 1, 100, grid.Estimated, nil)
	first := settles(t, l, interval(0, 2), 1, 100, grid.Good, nil)
	settles(t, l, interval(0, 2), 2, 150, grid.Estimated, first.Postings())
	first = settles(t, l, interval(0, 3), 1, 100, grid.Estimated, nil)
	settles(t, l, interval(0, 3), 2, 180, grid.Good, first.Postings())
	want := []ledger.ContestedRun{
		{Community: community, Interval: interval(0, 3).String(), Run: 2},
		{Community: community, Interval: interval(0, 2).String(), Run: 2, Estimated: true},
		{Community: community, Interval: interval(0, 1).String(), Run: 1, Estimated: true},
	}
	for range 2 {
		index, err := l.Index(t.Context())
		must(t, err)
		all, err := index.Contested(t.Context())
		if err != nil || !slices.Equal(all, want) {
			t.Errorf("contested %+v, %v, want %+v", all, err, want)
		}
		// 80 and 50 Wh more, and 100 Wh, at 0.30 per kWh.
		for k, amount := range []grid.Money{24_000, 15_000, 30_000} {
			if postings, sum, err := index.Moved(t.Context(), want[k]); err != nil || postings != 1 || sum != amount {
				t.Errorf("%s: %d postings of %d, %v, want one of %d", want[k].Interval, postings, sum, err, amount)
			}
		}
		must(t, l.Close())
		l = open()
	}
	must(t, l.Close())
}
