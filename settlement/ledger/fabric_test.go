package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
)

// The tests share one Fabric network, which comes up with the first that needs
// it.
var shared struct {
	sync.Once

	dir     string
	network *network.Network
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	var missing *network.MissingError
	if errors.As(shared.err, &missing) {
		fmt.Println("ledger: the tests on a real Fabric network were skipped:", shared.err)
	}
	if shared.network != nil {
		if code != 0 {
			tails(shared.network)
		}
		if _, err := shared.network.Down(); err != nil {
			fmt.Println("ledger:", err)
			code = 1
		}
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// tails prints the ends of the nodes' logs.
func tails(n *network.Network) {
	for _, node := range n.Nodes {
		log, _ := os.ReadFile(filepath.Join(n.Dir, node.Name, "log"))
		fmt.Printf("%s:\n%s\n", node.Name, log[max(0, len(log)-2000):])
	}
}

// realNetwork returns the shared network, or skips where Fabric's binaries are
// not there.
func realNetwork(t testing.TB) *network.Network {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped by -short: it runs a real Fabric network")
	}
	shared.Do(func() { shared.network, shared.err = bringUp(context.WithoutCancel(t.Context())) })
	var missing *network.MissingError
	if errors.As(shared.err, &missing) {
		t.Skip("skipped: " + shared.err.Error())
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.network
}

func bringUp(ctx context.Context) (n *network.Network, err error) {
	if shared.dir, err = os.MkdirTemp("", "commonwatt-fabric-"); err != nil {
		return nil, err
	}
	service := filepath.Join(shared.dir, "chaincode")
	build := exec.CommandContext(ctx, "go", "build", "-o", service, "github.com/commonwatt/commonwatt/cmd/chaincode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the contracts: %w\n%s", err, out)
	}
	if err := os.Setenv("COMMONWATT_CHAINCODE", service); err != nil {
		return nil, err
	}
	const raft = 3
	if n, err = network.Open(ctx, filepath.Join(shared.dir, "network"), community, raft); err != nil {
		return nil, err
	}
	return n, n.Up(ctx, func(string) {})
}

// openFabric opens a ledger on the shared network. Each test has members of its
// own.
func openFabric(t *testing.T, seed uint64) (*ledger.Ledger, *fabric.Chain) {
	t.Helper()
	n := realNetwork(t)
	l, chain, err := n.OpenLedger(t.Context(), t.TempDir(), "EUR", ledger.SeededNames(seed), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, chain
}

// BenchmarkAThousandHomesOnFabric settles intervals of a thousand homes, one after
// the other, on a real network.
func BenchmarkAThousandHomesOnFabric(b *testing.B) {
	n := realNetwork(b)
	const thousand, day = 1000, 25_000
	l, _, err := n.OpenLedger(b.Context(), b.TempDir(), "EUR", ledger.SeededNames(1000), slog.New(slog.DiscardHandler))
	must(b, err)
	defer l.Close()
	register(b, l, thousand)
	for k := 0; b.Loop(); k++ {
		must(b, l.SubmitRun(b.Context(), run(b, l, interval(day, k), thousand)))
	}
	b.ReportMetric(float64(thousand*b.N)/b.Elapsed().Seconds(), "postings/s")
}
