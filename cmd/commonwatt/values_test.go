package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
	"github.com/commonwatt/commonwatt/web/api"
)

// billed is a simulated community that bills by official values.
type billed struct {
	*process

	args []string
}

func launchBilled(t *testing.T, dir string) *billed {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "bills_by: official\nzone: Europe/Vienna\nspeed: 900\nsimulation: {homes: 3, seed: 3, start: 2026-06-01T10:00:00Z}\n")
	b := &billed{args: []string{"--config", file}}
	b.process = launch(t, dir, b.args...)
	b.wait("the pages", func() bool { return b.base() != "" })
	return b
}

// again starts the community once more, after it was killed.
func (b *billed) again() {
	b.t.Helper()
	b.process = launch(b.t, b.dir, b.args...)
	b.wait("the pages", func() bool { return b.base() != "" })
}

// reconciled asks for June's tables.
func (b *billed) reconciled() (r api.Reconciliation) {
	b.t.Helper()
	code, out, errs := execute(b.t, "values", "reconcile", "--data", b.dir, "--month", "2026-06", "--json", "--all")
	if code != 0 {
		b.t.Fatalf("exit code %d: %s", code, errs)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// values asks for the imported files.
func (b *billed) values() (f api.ValuesFiles) {
	b.t.Helper()
	code, out, errs := execute(b.t, "values", "list", "--data", b.dir, "--json")
	if code != 0 {
		b.t.Fatalf("exit code %d: %s", code, errs)
	}
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		b.t.Fatal(err)
	}
	return f
}

const mapping = `unit: kWh
minutes: 15
time: {column: time, format: rfc3339}
point: {column: point}
values: [{column: in, code: "1-1:1.9.0 G.01"}, {column: out, code: "1-1:2.9.0 G.01"}]
`

// table is a file of the first intervals of a reconciliation, in which each home took a little
// more than was metered here, and gave a little less.
func table(r api.Reconciliation, intervals int, more int64) string {
	var all []string
	for _, e := range r.Energy {
		if !slices.Contains(all, e.Interval) {
			all = append(all, e.Interval)
		}
	}
	slices.Sort(all)
	var text strings.Builder
	text.WriteString("point,time,in,out\n")
	for _, e := range r.Energy {
		k := slices.Index(all, e.Interval)
		if k >= intervals {
			continue
		}
		start, _, _ := strings.Cut(e.Interval, "/")
		in, out := e.SignedImport+more*int64(k%3), max(e.SignedExport-more*int64(k%2), 0)
		fmt.Fprintf(&text, "%s,%s,%d.%03d,%d.%03d\n", e.Point, start, in/1000, in%1000, out/1000, out%1000)
	}
	return text.String()
}

// TestOfficialValuesBill imports a file into a community that runs, kills it in the midst of
// the import and of the corrections, and starts it again: every interval is corrected once, the
// audit holds, and what the later runs posted for each member is the second table.
func TestOfficialValuesBill(t *testing.T) {
	t.Parallel()
	dir, files := filepath.Join(t.TempDir(), "data"), t.TempDir()
	b := launchBilled(t, dir)
	const intervals = 12
	b.until("settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= intervals })
	path, how := filepath.Join(files, "june.csv"), filepath.Join(files, "june.yaml")
	write(t, path, table(b.reconciled(), intervals, 5))
	write(t, how, mapping)
	code, out, errs := execute(t, "values", "import", path, "--mapping", how, "--data", dir)
	if code != 0 || !strings.Contains(out, "72 new, 0 changed, 0 as they are known") || !strings.Contains(errs, "--apply imports it") || len(b.values().Files) != 0 {
		t.Fatalf("preview: exit code %d\n%s%s", code, out, errs)
	}
	applied := spawn(t, "values", "import", path, "--mapping", how, "--data", dir, "--apply")
	time.Sleep(20 * time.Millisecond) // somewhere in the import
	b.kill()
	<-applied.ended
	b.again()
	if code, out, errs = execute(t, "values", "import", path, "--mapping", how, "--data", dir, "--apply"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	b.kill() // somewhere in the corrections
	b.again()
	b.wait("corrections", func() bool { return b.values().Waiting == 0 })
	if all := b.values().Files; len(all) != 1 || !all[0].Recorded || all[0].Changed != 72 {
		t.Fatalf("%+v", all)
	}
	if code, out, _ = execute(t, "values", "import", path, "--mapping", how, "--data", dir, "--apply"); code != 0 || !strings.Contains(out, "it changes nothing") {
		t.Errorf("again: exit code %d\n%s", code, out)
	}
	// A newer file corrects the older.
	write(t, path, table(b.reconciled(), intervals/2, 8))
	if code, out, errs = execute(t, "values", "import", path, "--mapping", how, "--data", dir, "--apply"); code != 0 || !strings.Contains(out, "imported: on the ledger as") {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	b.wait("corrections", func() bool { return b.values().Waiting == 0 })
	r := b.reconciled()
	if r.Zone != "Europe/Vienna" || r.BillsBy != api.ReconciliationBillsByOfficial || r.Waiting != 0 {
		t.Errorf("%s, %s, %d waiting", r.Zone, r.BillsBy, r.Waiting)
	}
	var state api.State
	if err := b.get("/api/v1/state", &state); err != nil {
		t.Fatal(err)
	}
	b.stop()
	if text := verified(t, dir); !strings.Contains(text, "statements by the grid operator's values") {
		t.Error(text)
	}
	sameMoney(t, dir, r, state)
}

// sameMoney holds what the later runs posted for each member against the second table. An interval in which the community
// was dead is settled again as well, when its readings have come, by none of these values.
func sameMoney(t *testing.T, dir string, r api.Reconciliation, state api.State) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "postings.json")
	if code, _, errs := execute(t, "ledger", "export", "--data", dir, "--format", "json", "--out", out); code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var postings []record.Posting
	if err := json.Unmarshal(text, &postings); err != nil {
		t.Fatal(err)
	}
	official := map[string]bool{}
	for _, e := range r.Energy {
		official[e.Interval] = official[e.Interval] || e.Reason != string(reconcile.MissingOfficial)
	}
	later := map[string]grid.Money{}
	for _, p := range postings {
		if parts := record.PartsOf(p.ID); parts != nil && parts[3] != "1" && official[record.IntervalOf(p.ID)] {
			later[p.Debit] -= p.Amount
			later[p.Credit] += p.Amount
		}
	}
	if len(r.Money) != 3 || len(later) == 0 {
		t.Fatalf("%+v, %d accounts", r.Money, len(later))
	}
	compared := 0
	for _, m := range r.Money {
		for _, h := range state.Homes {
			if h.Id != m.Member {
				continue
			}
			if compared++; later[h.Account] != grid.Money(m.Difference) {
				t.Errorf("%s: the later runs posted %d, the table says %d", m.Member, later[h.Account], m.Difference)
			}
		}
		if m.Difference == 0 {
			t.Errorf("%s: nothing differs", m.Member)
		}
	}
	if compared != len(r.Money) {
		t.Errorf("%d of %d members were compared", compared, len(r.Money))
	}
}

// TestAFileWithOneBadRowIsRefused names the row, and nothing of the file is there.
func TestAFileWithOneBadRowIsRefused(t *testing.T) {
	t.Parallel()
	dir, files := filepath.Join(t.TempDir(), "data"), t.TempDir()
	b := launchBilled(t, dir)
	b.until("settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= 4 })
	path, how := filepath.Join(files, "june.csv"), filepath.Join(files, "june.yaml")
	good := table(b.reconciled(), 4, 5)
	write(t, how, mapping)
	for change, want := range map[[2]string]string{
		{"mp-home-02,2026-06-01T10:15:00Z,", "mp-home-02,2026-06-01T10:15:00Z,x"}: path + ":6: in: \"x",
		{"mp-home-02,2026-06-01T10:15:00Z,", "mp-home-02,2025-06-01T10:15:00Z,"}:  path + ":6: time: nothing was settled at 2025-06-01T10:15Z",
		{"mp-home-02,2026-06-01T10:15:00Z,", "mp-eve,2026-06-01T10:15:00Z,"}:      path + ":6: point: mp-eve is no metering point",
		{"mp-home-02,2026-06-01T10:30:00Z,", "mp-home-02,2026-06-01T10:15:00Z,"}:  "is there twice: line 6 has it too",
		{"mp-home-02,2026-06-01T10:30:00Z,", "mp-home-02,2026-06-01T10:31:00Z,"}:  path + ":7: in: interval start 2026-06-01T10:31:00Z",
	} {
		write(t, path, strings.Replace(good, change[0], change[1], 1))
		code, out, errs := execute(t, "values", "import", path, "--mapping", how, "--data", dir, "--apply")
		if code != exitUsage || !strings.Contains(out, want) || !strings.Contains(errs, "nothing was imported") {
			t.Errorf("%v: exit code %d\n%s%s\nwant %s", change, code, out, errs, want)
		}
	}
	if f := b.values(); len(f.Files) != 0 || f.Waiting != 0 {
		t.Errorf("%+v", f)
	}
	for _, args := range [][]string{{"values", "import", path}, {"values", "import", filepath.Join(files, "none.csv")}, {"values", "reconcile", "--month", "June"}, {"values"}} {
		if len(args) > 1 {
			args = append(args, "--data", dir)
		}
		if code, out, errs := execute(t, args...); code != exitUsage {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}
