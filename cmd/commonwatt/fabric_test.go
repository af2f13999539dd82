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

	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
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
	network := filepath.Join(onFabric, "fabric")
	if code, _, errs := execute(t, "fabric", "up", "--dir", network); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := execute(t, "ledger", "verify", "--data", onFabric, "--network", network)
	if code != 0 || !strings.Contains(out, "endorsements") || !strings.Contains(out, fmt.Sprintf("%d postings in the Merkle log", len(want))) {
		t.Errorf("verify: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := execute(t, "fabric", "down", "--dir", network); code != 0 || !strings.Contains(out, "stopped peer-utility") {
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
	for deadline := time.Now().Add(time.Minute); !exists(filepath.Join(dir, "..", ledger.IndexFile)); {
		select {
		case <-p.ended:
			t.Fatalf("the replay ended before it began\n%s", p.stderr)
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("no network within a minute")
		}
	}
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
		time.Sleep(time.Second)
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
