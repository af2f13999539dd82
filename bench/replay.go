package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// ReplayOptions say what Replay replays.
type ReplayOptions struct {
	Homes  []int // 1 to 1000 each; the first is what the others are compared with
	Rounds int   // of which the median counts
}

// ReplayResult has a row for each number of homes.
type ReplayResult []ReplayRow

// ReplayRow is what a day of so many homes took.
type ReplayRow struct {
	Homes     int     `json:"homes"`
	Intervals int     `json:"intervals"`
	Orders    int64   `json:"orders"`
	Trades    int     `json:"trades"`
	Root      string  `json:"root"`        // hash of the ledger's last block: the same work has the same
	Seconds   float64 `json:"seconds"`     // wall time
	CPU       float64 `json:"cpu_seconds"` // processor time
	Allocated uint64  `json:"allocated_bytes"`
}

// each is the processor time, in seconds, of a home and interval.
func (r ReplayRow) each() float64 { return r.CPU / float64(r.Homes) / float64(max(r.Intervals, 1)) }

// Print writes the result for people. Ratios are to the first row.
func (r ReplayResult) Print(w io.Writer) error {
	const million = 1e6
	var text strings.Builder
	fmt.Fprintf(&text, "%6s %9s %8s %8s %9s %9s %8s %18s %7s\n", "HOMES", "INTERVALS", "ORDERS", "TRADES", "WALL s", "CPU s", "ALLOC MB", "CPU HOME·INTERVAL", "RATIO")
	for _, row := range r {
		fmt.Fprintf(&text, "%6d %9d %8d %8d %9.2f %9.2f %8.0f %15.1f µs %7.2f\n", row.Homes, row.Intervals, row.Orders, row.Trades,
			row.Seconds, row.CPU, float64(row.Allocated)/million, row.each()*million, row.each()/r[0].each())
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Replay replays a fair June day for each number of homes, with the ledger in memory.
func Replay(ctx context.Context, o ReplayOptions) (ReplayResult, error) {
	var r ReplayResult
	for _, homes := range o.Homes {
		s := summerDay(homes)
		if err := s.Validate(); err != nil {
			return nil, err
		}
		var rounds []ReplayRow
		for range o.Rounds {
			row, err := replayOnce(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%d homes: %w", homes, err)
			}
			if len(rounds) > 0 && row.Root != rounds[0].Root {
				return nil, fmt.Errorf("%d homes: two replays end in different blocks, %s and %s", homes, rounds[0].Root, row.Root)
			}
			rounds = append(rounds, row)
		}
		r = append(r, middle(rounds))
	}
	return r, nil
}

// middle returns a row with the median of each thing that was measured.
func middle(rounds []ReplayRow) ReplayRow {
	row := rounds[0]
	row.Seconds = median(rounds, func(r ReplayRow) float64 { return r.Seconds })
	row.CPU = median(rounds, func(r ReplayRow) float64 { return r.CPU })
	row.Allocated = uint64(median(rounds, func(r ReplayRow) float64 { return float64(r.Allocated) }))
	return row
}

// median returns the middle of what the rounds measured, of two the lower.
func median[T any](rounds []T, of func(T) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return quantile(all, 500)
}

func summerDay(homes int) scenarios.Scenario {
	return scenarios.Scenario{
		Version: 1, Name: "bench", Seed: 1, Latitude: 50, Mechanism: scenarios.Uniform,
		StreetText: scenarios.StreetText{Homes: homes},
		Calendar: scenarios.Calendar{
			Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Days: 1,
			Interval: 15, GateClosure: 5 * time.Minute, Deadline: 2 * time.Minute,
		},
		Tariff: config.TariffText{Version: "demo-1", Currency: "EUR", Retail: config.Quantity{Text: "0.30 EUR/kWh"}, FeedIn: config.Quantity{Text: "0.06 EUR/kWh"}},
	}
}

func replayOnce(ctx context.Context, s scenarios.Scenario) (row ReplayRow, err error) {
	l, err := embedded.OpenMemory(ctx, scenarios.Community, s.Currency(), ledger.SeededNames(s.Seed))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	cpu, err := processTime()
	if err != nil {
		return row, err
	}
	result, err := scenarios.Replay(ctx, s, l, func(float64) {})
	if err != nil {
		return row, err
	}
	took := time.Since(began)
	used, err := processTime()
	if err != nil {
		return row, err
	}
	runtime.ReadMemStats(&after)
	return ReplayRow{
		Homes: s.Homes, Intervals: len(result.Intervals), Orders: result.Orders, Trades: len(result.Trades), Root: result.Root,
		Seconds: took.Seconds(), CPU: (used - cpu).Seconds(), Allocated: after.TotalAlloc - before.TotalAlloc,
	}, nil
}
