package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/history"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// year is a year of a community of a hundred homes, all alike: a book, and what the devices of
// each counted, by the quarter-hour.
type year struct{ first grid.Interval }

const (
	yearOf     = 365 * 96
	yearsHomes = 100
)

func (y year) Last(context.Context) (int64, error) { return yearOf, nil }

func (y year) show(n int, see func(*statements.Interval) error) error {
	i := &statements.Interval{Interval: y.first.Shift(n), Run: 1, Place: int64(n + 1)}
	for k := range yearsHomes {
		i.Points = append(i.Points, statements.Point{
			MeteringPoint: fmt.Sprint("mp-", k), Member: fmt.Sprint("m", k), Quality: grid.Good, Metered: grid.Flow{Import: 200 + grid.Energy(n%90), Export: grid.Energy(n % 70)},
			Cover: settlement.Cover{PoolBought: 50, Retail: 150, PoolSold: 20}, Without: -70_000,
			Sums: []statements.Sum{{Reason: "imbalance-retail", Money: -45_000, Energy: 150}, {Reason: "pool-bought", Money: -9_000, Energy: 50}, {Reason: "pool-sold", Money: 3_600, Energy: -20}},
		})
	}
	return see(i)
}

func (y year) Since(_ context.Context, after, upTo int64, see func(*statements.Interval) error) error {
	for n := after; n < upTo; n++ {
		if err := see(&statements.Interval{Interval: y.first.Shift(int(n))}); err != nil {
			return err
		}
	}
	return nil
}

func (y year) Each(_ context.Context, from, to time.Time, see func(*statements.Interval) error) error {
	for n := max(int(from.Sub(y.first.Begin())/(15*time.Minute)), 0); n < yearOf && y.first.Shift(n).Begin().Before(to); n++ {
		if err := y.show(n, see); err != nil {
			return err
		}
	}
	return nil
}

func (y year) EachOf(context.Context, string, time.Time, time.Time, func(*statements.Interval) error) error {
	return nil
}

func (y year) Range(_ context.Context, _ string, from, to time.Time, step store.Step) (all []grid.Reading, err error) {
	if step != store.Quarter {
		return nil, nil
	}
	for i := grid.IntervalAt(from, 15); i.Begin().Before(to); i = i.Shift(1) {
		count := grid.Energy(i.Start-y.first.Start) / 60
		all = append(all, grid.Reading{Time: i.Begin(), Import: &count, Export: &count})
	}
	return all, nil
}

// BenchmarkYear reads a year of one home of a hundred, by each step.
func BenchmarkYear(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		b.Fatal(err)
	}
	from, to := time.Date(2025, 6, 1, 0, 0, 0, 0, zone), time.Date(2026, 6, 1, 0, 0, 0, 0, zone)
	y := year{grid.IntervalAt(from, 15)}
	var devices []grid.Device
	for k, kind := range []grid.DeviceKind{grid.Inverter, grid.Battery, grid.Charger, grid.HeatPump} {
		devices = append(devices, grid.Device{ID: fmt.Sprint("d", k), Kind: kind, Member: "m7"})
	}
	k, err := history.Open(b.Context(), filepath.Join(b.TempDir(), history.File), history.Options{
		Zone: zone, Minutes: 15, Book: y, Telemetry: y, Tariffs: flat{}, Devices: func() []grid.Device { return devices },
		Clock: func() time.Time { return to }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = k.Close() }()
	if err := k.Take(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, step := range []history.Step{history.Month, history.Day, history.Hour, history.Quarter} {
		b.Run(string(step), func(b *testing.B) {
			for b.Loop() {
				all, err := k.Of(b.Context(), "m7", from, to, step)
				if err != nil || all[0].Flow == nil || len(all[0].Lacking) > 0 {
					b.Fatal(all[0], err)
				}
			}
		})
	}
}
