package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/usage"
)

// frozen are runs on a bus, by subject; the last of them is under the key "".
type frozen map[string][]byte

func (f frozen) Freeze(context.Context, string, string, []byte) ([]byte, error) {
	panic("nothing is frozen here")
}

func (f frozen) Frozen(_ context.Context, _, subject string) ([]byte, error) { return f[subject], nil }

func (f frozen) Last(context.Context, string, string) ([]byte, error) { return f[""], nil }

// onBus are the runs of elm on a bus, the last one last.
func onBus(t *testing.T, runs ...ledger.ClosedRun) frozen {
	t.Helper()
	all := frozen{}
	for _, r := range runs {
		text, err := json.Marshal(record.Run{Manifest: record.Manifest{Community: "elm", Interval: r.Interval, Run: r.Run}})
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("settlement.elm.%s.%d", r.Interval, r.Run)], all[""] = text, text
	}
	return all
}

// TestARestoredDirectoryFits what is kept elsewhere: a directory that tells how the intervals at ten and at a quarter past
// came about is held to a ledger and to a bus that have as much, less, more, and another run of what it settled.
func TestARestoredDirectoryFits(t *testing.T) {
	const ten, quarter, half = "2026-06-01T10:00:00Z/15", "2026-06-01T10:15:00Z/15", "2026-06-01T10:30:00Z/15"
	told, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), EvidenceFile), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	empty, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), EvidenceFile), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	for interval, run := range map[string]int{ten: 1, quarter: 1} {
		if err := told.KeepWorking(t.Context(), interval, run, "root", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	first, second, third, again := ledger.ClosedRun{Interval: ten, Run: 1}, ledger.ClosedRun{Interval: quarter, Run: 1}, ledger.ClosedRun{Interval: half, Run: 1}, ledger.ClosedRun{Interval: ten, Run: 2}
	for name, c := range map[string]struct {
		of           *evidence.Log
		closed       []ledger.ClosedRun
		bus          frozen
		shared       bool
		ledger, busy string // what is said; empty: it fits
	}{
		"as much":                        {of: told, closed: []ledger.ClosedRun{first, second}, bus: onBus(t, first, second)},
		"a ledger that lacks the last":   {of: told, closed: []ledger.ClosedRun{first}, bus: onBus(t, first, second)},
		"nothing yet":                    {of: empty, bus: onBus(t)},
		"a ledger that has more":         {of: told, closed: []ledger.ClosedRun{first, second, third}, bus: onBus(t, first, second, third), ledger: "older than the ledger: it does not tell how run 1 of " + half, busy: "older than the bus (bus.url): it does not tell how run 1 of " + half},
		"a ledger that has a correction": {of: told, closed: []ledger.ClosedRun{first, again, second}, bus: onBus(t, first, second, again), ledger: "it does not tell how run 2 of " + ten, busy: "it does not tell how run 2 of " + ten},
		"another process's correction":   {of: told, closed: []ledger.ClosedRun{first, again, second}, bus: onBus(t, again, first, second), shared: true},
		"a directory that tells nothing": {of: empty, closed: []ledger.ClosedRun{first}, bus: onBus(t, first), ledger: "it does not tell how run 1 of " + ten, busy: "older than the bus"},
		"a bus that has more":            {of: told, closed: []ledger.ClosedRun{first, second}, bus: onBus(t, first, second, third), busy: "older than the bus (bus.url): it does not tell how run 1 of " + half},
		"a bus that lacks the last":      {of: told, closed: []ledger.ClosedRun{first, second}, bus: onBus(t, first), busy: "the bus (bus.url) is older: it lacks run 1 of " + quarter},
		"another bus":                    {of: told, closed: []ledger.ClosedRun{first, second}, bus: onBus(t), busy: "the bus (bus.url) is older"},
	} {
		r := restoration{"elm", "data", c.of, c.closed, c.shared}
		for what, tried := range map[string]struct {
			err  error
			want string
		}{"the ledger": {r.fitsLedger(t.Context()), c.ledger}, "the bus": {r.fitsBus(t.Context(), c.bus), c.busy}} {
			if (tried.err == nil) != (tried.want == "") || tried.err != nil && (!usage.Is(tried.err) || !strings.Contains(tried.err.Error(), tried.want)) {
				t.Errorf("%s, %s: %v, want %q", name, what, tried.err, tried.want)
			}
		}
	}
}

// TestWhereTheStreamsAre is noted while they are elsewhere.
func TestWhereTheStreamsAre(t *testing.T) {
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, url := range []string{"", "nats://ann:secret@127.0.0.1", "nats://127.0.0.1", "", ""} {
		if err := noteStreams(dir, url); err != nil || dir.Has(StreamsFile) != (url != "") {
			t.Errorf("%q: noted %t, %v", url, dir.Has(StreamsFile), err)
		}
	}
}
