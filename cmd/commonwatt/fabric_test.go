package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
	"github.com/commonwatt/commonwatt/web/api"
)

// needsFabric skips a test where Fabric's binaries are not there, and builds the
// contracts' service beside the program.
func needsFabric(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped by -short: it runs a real Fabric network")
	}
	service := filepath.Join(filepath.Dir(binary), "chaincode")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", service, "../chaincode").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("COMMONWATT_CHAINCODE", service)
	_, err := network.Binaries()
	var missing *network.MissingError
	if errors.As(err, &missing) {
		t.Skip("skipped: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestADayOnFabric replays a whole community day on a real network whose nodes are
// killed with -9 one after the other: the ledger ends with the postings of the
// embedded run of the same seed, and every result but the ledger's own is the same.
func TestADayOnFabric(t *testing.T) {
	needsFabric(t)
	const day = "../../scenarios/summer-day.yaml"
	alone, onFabric := t.TempDir(), t.TempDir()
	if code, _, errs := execute(t, "replay", day, "--out", alone, "--ledger", "embedded"); code != 0 {
		t.Fatal(errs)
	}
	p := spawn(t, "replay", day, "--out", onFabric, "--ledger", "fabric")
	kills := killInTurn(t, p, filepath.Join(onFabric, "fabric"))
	<-p.ended
	if code := p.command.ProcessState.ExitCode(); code != 0 || kills < 7 {
		t.Fatalf("exit code %d after %d kills\n%s", code, kills, p.stderr)
	}
	want, got := postingsIn(t, alone), postingsIn(t, onFabric)
	if len(want) < 1000 || !slices.EqualFunc(want, got, bytes.Equal) {
		t.Errorf("%d postings on Fabric, %d embedded, and not the same", len(got), len(want))
	}
	for _, name := range []string{"trades", "intervals", "statements", "readings"} {
		a, err1 := os.ReadFile(filepath.Join(alone, name+".parquet"))
		b, err2 := os.ReadFile(filepath.Join(onFabric, name+".parquet"))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s.parquet differs: %v, %v", name, err1, err2)
		}
	}
	at := filepath.Join(onFabric, "fabric")
	if code, _, errs := execute(t, "fabric", "up", "--dir", at); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := execute(t, "ledger", "verify", "--data", onFabric, "--network", at)
	if code != 0 || !strings.Contains(out, "endorsements") || !strings.Contains(out, fmt.Sprintf("%d postings in the Merkle log", len(want))) {
		t.Errorf("verify: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := execute(t, "fabric", "down", "--dir", at); code != 0 || !strings.Contains(out, "stopped peer-utility") {
		t.Errorf("down: exit code %d\n%s%s", code, out, errs)
	}
	if a, b := summaryIn(t, alone), summaryIn(t, onFabric); a != b {
		t.Errorf("summary %+v\nembedded %+v", b, a)
	}
}

// killInTurn kills every node of a network with -9 and starts it again, in the
// middle of the load, and returns how many it killed.
func killInTurn(t *testing.T, p *process, dir string) (kills int) {
	t.Helper()
	p.wait("network", func() bool { return exists(filepath.Join(dir, "..", ledger.IndexFile)) })
	n, err := network.Open(t.Context(), dir, scenarios.Community, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = n.Down() }) // what the replay has left, if it failed
	for _, node := range n.Nodes {
		select {
		case <-p.ended:
			return kills
		case <-time.After(2 * time.Second):
		}
		if err := n.Signal(node.Name, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second) // a real node is away long enough for the others to notice, which none of them tells
		if err := n.Start(node.Name); err != nil {
			t.Error(err)
		}
		kills++
	}
	return kills
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// postingsIn returns the postings of a data directory's ledger, sorted: batches
// may be committed in any order.
func postingsIn(t *testing.T, dir string) (all [][]byte) {
	t.Helper()
	x, err := ledger.ReadIndex(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	err = x.Find(t.Context(), ledger.Query{}, func(e ledger.Entry) error {
		all = append(all, e.Posting)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

// summaryIn returns a replay's summary without what is the ledger's own.
func summaryIn(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for name := range s {
		if strings.HasPrefix(name, "ledger_") {
			delete(s, name)
		}
	}
	text, err = json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestIslanded cuts the utility off the ledger for a while: the community goes on
// trading and settling, what it settles waits as provisional, and is recorded
// unchanged when the utility is back.
func TestIslanded(t *testing.T) {
	needsFabric(t)
	dir, at := t.TempDir(), filepath.Join(t.TempDir(), "network")
	if code, _, errs := execute(t, "fabric", "up", "--dir", at, "--orderers", "1"); code != 0 {
		t.Fatal(errs)
	}
	defer execute(t, "fabric", "down", "--dir", at)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("ledger: {kind: fabric, network: "+at+"}\nsimulation: {homes: 6}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := network.Open(t.Context(), at, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", file, "--speed", "120")
	before := p.until("a settled interval", func(s api.Status) bool { return s.IntervalsSettled > 0 })
	for _, name := range []string{"peer-utility", "contracts-utility"} {
		if err := n.Signal(name, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	cut := provisional(t, p, func(count int) bool { return count >= 3 })
	if cut.IntervalsSettled > before.IntervalsSettled+1 || cut.IntervalsCleared < before.IntervalsCleared+2 {
		t.Errorf("while the utility was away the status went from %+v to %+v", before, cut)
	}
	for _, name := range []string{"peer-utility", "contracts-utility"} {
		if err := n.Start(name); err != nil {
			t.Fatal(err)
		}
	}
	after := provisional(t, p, func(count int) bool { return count == 0 })
	if after.IntervalsSettled < before.IntervalsSettled+2 { // the first may have been provisional for a second run
		t.Errorf("after it came back: %+v", after)
	}
	p.stop()
	recordedAsFrozen(t, dir)
	if code, out, errs := execute(t, "ledger", "verify", "--data", dir, "--network", at); code != 0 || !strings.Contains(out, "from signed readings") {
		t.Errorf("verify: exit code %d\n%s%s", code, out, errs)
	}
}

// provisional waits until so many intervals are settled and not on the ledger.
func provisional(t *testing.T, p *process, enough func(count int) bool) api.Status {
	t.Helper()
	var s api.State
	p.wait("such count of provisional intervals", func() bool {
		s = api.State{}
		if err := p.get("/api/v1/state", &s); err != nil {
			t.Fatalf("%v\n%s", err, p.stderr)
		}
		count := 0
		for _, c := range s.Intervals {
			if c.Provisional {
				count++
			}
		}
		return enough(count)
	})
	return s.Status
}

// recordedAsFrozen compares the ledger's postings with the runs that were frozen.
func recordedAsFrozen(t *testing.T, dir string) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: filepath.Join(dir, "bus")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	x, err := ledger.ReadIndex(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	frozen := drive.FrozenRuns{Community: "demo", Stream: bus.Settlement, In: b}
	intervals := map[string]int{}
	err = x.Find(t.Context(), ledger.Query{}, func(e ledger.Entry) error {
		intervals[e.Interval]++
		return nil
	})
	if err != nil || len(intervals) < 3 {
		t.Fatalf("%d intervals on the ledger: %v", len(intervals), err)
	}
	for name, count := range intervals {
		i, err := grid.ParseInterval(name)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for run := 1; ; run++ {
			r, err := frozen.Frozen(t.Context(), i, run)
			if err != nil {
				t.Fatal(err)
			}
			if r == nil {
				break
			}
			for _, p := range r.Postings() {
				found := false
				err := x.Find(t.Context(), ledger.Query{ID: p.ID}, func(e ledger.Entry) error {
					text, err := json.Marshal(p)
					found = bytes.Equal(e.Posting, text)
					return err
				})
				if err != nil || !found {
					t.Errorf("%s is not on the ledger as it was frozen: %v", p.ID, err)
				}
				want++
			}
		}
		if want != count {
			t.Errorf("%s: %d postings on the ledger, %d were frozen", name, count, want)
		}
	}
}
