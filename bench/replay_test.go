package bench

import "testing"

func TestReplayHasARowForEachNumberOfHomes(t *testing.T) {
	t.Parallel()
	r, err := Replay(t.Context(), ReplayOptions{Homes: []int{4, 2}, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r) != 2 || r[0].Homes != 4 || r[1].Homes != 2 {
		t.Fatalf("got %+v", r)
	}
	for _, row := range r {
		// Trade begins with the first interval whose gate is still open.
		if row.Intervals != 95 || row.Orders == 0 || row.Seconds <= 0 || row.CPU <= 0 || row.Allocated == 0 || len(row.Root) != 64 {
			t.Errorf("got %+v", row)
		}
	}
	if r[0].Root == r[1].Root {
		t.Error("two communities end in the same block")
	}
	if _, err := Replay(t.Context(), ReplayOptions{Homes: []int{0}, Rounds: 1}); err == nil {
		t.Error("a community without homes was replayed")
	}
}

func TestMiddleIsTheMedianOfEach(t *testing.T) {
	t.Parallel()
	got := middle([]ReplayRow{
		{Homes: 5, Root: "ab", Seconds: 3, CPU: 1, Allocated: 30},
		{Homes: 5, Root: "ab", Seconds: 1, CPU: 3, Allocated: 10},
		{Homes: 5, Root: "ab", Seconds: 2, CPU: 2, Allocated: 20},
	})
	if want := (ReplayRow{Homes: 5, Root: "ab", Seconds: 2, CPU: 2, Allocated: 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReplayResult(t *testing.T) {
	t.Parallel()
	r := ReplayResult{
		{Homes: 10, Intervals: 95, Orders: 1260, Trades: 264, Root: "ab", Seconds: 0.8, CPU: 0.95, Allocated: 100_000_000},
		{Homes: 100, Intervals: 95, Orders: 13_000, Trades: 3100, Root: "cd", Seconds: 9, CPU: 14.25, Allocated: 900_000_000},
	}
	printed(t, r, ` HOMES INTERVALS   ORDERS   TRADES    WALL s     CPU s ALLOC MB  CPU HOME·INTERVAL   RATIO
    10        95     1260      264      0.80      0.95      100          1000.0 µs    1.00
   100        95    13000     3100      9.00     14.25      900          1500.0 µs    1.50
`)
	marshalled(t, r[:1], `[{"homes":10,"intervals":95,"orders":1260,"trades":264,"root":"ab","seconds":0.8,"cpu_seconds":0.95,"allocated_bytes":100000000}]`)
}
