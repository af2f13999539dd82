package statements

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestEveryNumberIsPacked fails when a field is added to settlement.Cover or Deviation and
// not to numbersOf: it would be lost in silence.
func TestEveryNumberIsPacked(t *testing.T) {
	var p Point
	set := int64(0)
	var visit func(v reflect.Value) int
	visit = func(v reflect.Value) (n int) {
		for _, field := range v.Fields() {
			if field.Kind() == reflect.Struct {
				n += visit(field)
				continue
			}
			field.SetInt(1)
			n++
			set++
		}
		return n
	}
	for of, want := range map[reflect.Value]int{reflect.ValueOf(&p.Cover).Elem(): coverNumbers, reflect.ValueOf(&p.Deviation).Elem(): deviationNumbers} {
		if n := visit(of); n != want {
			t.Errorf("settlement.%s has %d fields, of which the book packs %d: add the new ones at the end of numbersOf", of.Type().Name(), n, want)
		}
	}
	var sum int64
	for _, n := range numbersOf(&p) {
		sum += *n
	}
	if sum != set {
		t.Errorf("%d numbers are packed of %d", sum, set)
	}
}

// year returns a generated interval of a street.
func year(i grid.Interval, homes int) *Interval {
	out := &Interval{Interval: i, Run: 1, Frozen: i.End().Add(time.Minute)}
	rates := tariff.Rates{Tariff: "t", Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
	for k := range homes {
		n := int64(k)*37 + i.Start/900%1000
		out.Points = append(out.Points, Point{
			MeteringPoint: fmt.Sprintf("mp-%03d", k), Member: fmt.Sprintf("home-%03d", k), Account: fmt.Sprintf("%064d", k), Quality: grid.Good,
			Metered: grid.Flow{Import: grid.Energy(n), Export: grid.Energy(n / 3)}, Rates: rates, Net: grid.Money(-n * 1000), RetailOnly: grid.Money(-n * 1300), Without: grid.Money(-n * 1300),
			Cover: settlement.Cover{Bought: grid.Energy(n / 2), Imbalance: grid.Energy(n / 4), Uncovered: grid.Energy(n / 4), PoolBought: grid.Energy(n / 5), PoolPrice: 180_000, Retail: grid.Energy(n / 9)},
			Sums:  []Sum{{settlement.ReasonTrade, Members, grid.Money(-n * 700), grid.Energy(n / 2)}, {settlement.ReasonPoolBought, "pool", grid.Money(-n * 200), grid.Energy(n / 5)}, {settlement.ReasonRetail, "utility", grid.Money(-n * 100), grid.Energy(n / 9)}},
		})
	}
	out.Others = []Account{{"pool", []Sum{{settlement.ReasonPoolBought, Members, 20000, -200}}}, {"utility", []Sum{{settlement.ReasonRetail, Members, 20000, -200}}}}
	return out
}

func FuzzUnpack(f *testing.F) {
	b, err := Open(f.Context(), "")
	if err != nil {
		f.Fatal(err)
	}
	defer b.Close()
	i := grid.Interval{Start: 1_780_315_200, Minutes: 15}
	f.Add(b.pack(year(i, 3)))
	f.Add([]byte{layout, 0, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		row := Interval{Interval: i}
		if err := b.unpack(data, &row, ""); err != nil {
			return
		}
		again := Interval{Interval: i}
		if err := b.unpack(b.pack(&row), &again, ""); err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", row) {
			t.Errorf("%+v packed again is %+v, %v", row, again, err)
		}
	})
}

// BenchmarkRead reads a year of a hundred homes; the bar is 5 s.
func BenchmarkRead(b *testing.B) {
	const homes, intervals = 100, 35_040
	book, err := Open(b.Context(), filepath.Join(b.TempDir(), File))
	if err != nil {
		b.Fatal(err)
	}
	defer book.Close()
	first := grid.Interval{Start: 1_767_225_600, Minutes: 15}
	tx, err := book.db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	for n := range intervals {
		i := first.Shift(n)
		if _, err := tx.Exec(`INSERT INTO runs (start, minutes, run, place, row) VALUES (?, ?, 1, ?, ?)`, i.Start, i.Minutes, n+1, book.pack(year(i, homes))); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		seen := 0
		err := book.Each(b.Context(), first.Begin(), first.Shift(intervals).Begin(), func(i *Interval) error { seen += len(i.Points); return nil })
		if err != nil || seen != homes*intervals {
			b.Fatal(seen, err)
		}
	}
}
