package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/usage"
)

func diskOptions(dir string) DiskOptions {
	return DiskOptions{
		Homes: 1, Days: 30.0 / (24 * 60), Batch: 10 * time.Second, AtOnce: 5 * time.Minute, Dir: dir,
		Upkeep: DiskUpkeep{Trim: 5 * time.Minute, Thin: 10 * time.Minute, Whole: time.Hour, Keep: store.Keep{Raw: 2 * day, Minutes: 35 * day}},
	}
}

func TestDiskMeasuresHalfAnHour(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := Disk(t.Context(), diskOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	// One home with meter, inverter, battery and charger; 1800 s in batches of 10 s.
	if r.Homes != 1 || r.Devices != 4 || r.Batches != 180 || r.Batch != "10s" || len(r.ByDay) != 0 {
		t.Errorf("got %+v", r)
	}
	if p := r.Peak; p.Evidence <= 0 || p.Telemetry <= 0 || p.Bus <= 0 {
		t.Errorf("a part takes up nothing: %+v", p)
	}
	if r.Kept <= 0 || r.Kept >= r.Peak.Evidence {
		t.Errorf("%d bytes are kept for good of %d, though one quarter of an hour was settled", r.Kept, r.Peak.Evidence)
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
}

func TestDiskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Disk(ctx, diskOptions(dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: want that it was cancelled", err)
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
	_, err := Disk(t.Context(), diskOptions(filepath.Join(dir, "none")))
	if e := (*usage.Error)(nil); !errors.As(err, &e) {
		t.Errorf("%v: want an error that the caller can mend", err)
	}
}

func TestMeasureTellsThePartsApart(t *testing.T) {
	t.Parallel()
	b := &diskRun{dir: t.TempDir()}
	write := func(name string, size int) {
		path := filepath.Join(b.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, make([]byte, size), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("evidence.db", 100)
	write("evidence.db-wal", 20)
	write("telemetry.db", 3000)
	write("telemetry.db-shm", 500)
	write("bus/jetstream/readings/1.blk", 7)
	write("bus/jetstream/readings/2.blk", 8)
	first := DiskParts{Evidence: 120, Telemetry: 3500, Bus: 15}
	if got := b.measure(); got != first || got.total() != 3635 {
		t.Errorf("got %+v, want %+v", got, first)
	}
	write("evidence.db", 1)
	write("bus/jetstream/readings/3.blk", 5)
	if got, want := b.measure(), (DiskParts{Evidence: 21, Telemetry: 3500, Bus: 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The most of each part on its own.
	if want := (DiskParts{Evidence: 120, Telemetry: 3500, Bus: 20}); b.result.Peak != want {
		t.Errorf("the most is %+v, want %+v", b.result.Peak, want)
	}
}

func TestUpkeepIsDueInWorldTime(t *testing.T) {
	t.Parallel()
	b := &diskRun{DiskOptions: diskOptions("")}
	b.dir = t.TempDir()
	if err := b.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.close()
	failed, stop := b.consume(t.Context())
	defer stop()
	b.Days = 5.0 / (24 * 60) // something is there to look after
	if err := b.play(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	u := diskUpkeep{b: b, trim: &bus.Trimmer{Stream: bus.Readings, Subject: "readings." + communityName + ".>", Durable: consumer}}
	for _, c := range []struct {
		after                          time.Duration
		settled, trimmed, tended, days int64
	}{
		{4 * time.Minute, 0, 0, 0, 0},
		{5 * time.Minute, 0, 1, 0, 0},
		{17 * time.Minute, 0, 3, 1, 0}, // an interval is settled three minutes after its end
		{18 * time.Minute, 1, 3, 1, 0},
		{40 * time.Minute, 2, 8, 4, 0},
		{day, 95, 288, 144, 1},
	} {
		b.now = b.begin.Add(c.after)
		if err := u.due(t.Context()); err != nil {
			t.Fatalf("after %s: %v", c.after, err)
		}
		if u.settled != c.settled || u.trimmed != c.trimmed || u.tended != c.tended || u.days != c.days || int64(len(b.result.ByDay)) != c.days {
			t.Errorf("after %s: settled %d, trimmed %d, thinned %d, days %d; want %+v", c.after, u.settled, u.trimmed, u.tended, u.days, c)
		}
	}
}

func TestSimulatedReadingsHaveWhatTheirDeviceHas(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for kind, want := range map[grid.DeviceKind][3]bool{ // import, export, charge
		grid.Meter: {true, true, false}, grid.Inverter: {false, true, false}, grid.Battery: {true, true, true}, grid.Charger: {true, false, false},
	} {
		d := grid.Device{ID: "h1/x", Kind: kind}
		r, later := simulated(d, at), simulated(d, at.Add(time.Second))
		if got := [3]bool{r.Import != nil, r.Export != nil, r.Charge != nil}; got != want {
			t.Errorf("%s: import, export, charge are %v, want %v", kind, got, want)
		}
		if r.Device != d.ID || !r.Time.Equal(at) || r.Quality != grid.Good {
			t.Errorf("%s: got %+v", kind, r)
		}
		if r.Import != nil && *later.Import <= *r.Import || r.Export != nil && *later.Export <= *r.Export {
			t.Errorf("%s: a register stands still", kind)
		}
	}
}

func TestDiskResult(t *testing.T) {
	t.Parallel()
	r := DiskResult{
		Homes: 2, Devices: 7, Days: 2, Batch: "5s", Batches: 1800, Kept: 400_000, Written: 3_000_000_000, Took: 7.4,
		ByDay: []DiskParts{{Evidence: 1_000_000, Telemetry: 2_000_000, Bus: 500_000}}, Peak: DiskParts{Evidence: 3_600_000, Telemetry: 2_800_000, Bus: 4_900_000},
	}
	want := `2 homes, 7 devices once a second, a batch a home every 5s: 1800 batches in 7 s
MB           evidence    telemetry          bus     together
day 1             1.0          2.0          0.5          3.5
most              3.6          2.8          4.9         11.3
kept for good: 0.20 MB a day, 0.100 MB a day and home
`
	printed(t, r, want+"written: 1500 MB a day\n")
	marshalled(t, r, `{"homes":2,"devices":7,"days":2,"batch":"5s","batches":1800,"by_day":[{"evidence":1000000,"telemetry":2000000,"bus":500000}],"peak":{"evidence":3600000,"telemetry":2800000,"bus":4900000},"named_bytes":400000,"written_bytes":3000000000,"seconds":7.4}`)
	r.Written = 0 // not known
	printed(t, r, want)
}
