package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric/network"
)

// TestNoKeyIsHot has 64 runs in flight, all of which post to the same accounts:
// not one transaction may be refused for what another wrote.
func TestNoKeyIsHot(t *testing.T) {
	l, chain := openFabric(t, 64)
	const runs, points, day = 64, 100, 20_000
	register(t, l, points)
	before := chain.Conflicts.Load()
	begun := time.Now()
	var submitting sync.WaitGroup
	for k := range runs {
		r := run(t, l, interval(day, k), points)
		submitting.Go(func() {
			if err := l.SubmitRun(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	submitting.Wait()
	t.Logf("%d postings in %s: %.0f a second", runs*points, time.Since(begun).Round(time.Millisecond), runs*points/time.Since(begun).Seconds())
	if n := chain.Conflicts.Load() - before; n != 0 {
		t.Errorf("%d transactions were refused because another had written what they read", n)
	}
	for k := range runs {
		postings, err := l.Postings(t.Context(), interval(day, k))
		if err != nil || len(postings) != points {
			t.Errorf("%s: %d postings on the ledger, %d were submitted: %v", interval(day, k), len(postings), points, err)
		}
	}
}

// TestFaultsOnARealNetwork kills the contracts, the peers and the orderers, one
// after the other and the one that leads among them, with -9 under load, and
// starts each again. Afterwards every run is there, once, and nothing else.
func TestFaultsOnARealNetwork(t *testing.T) {
	l, chain := openFabric(t, 9)
	n := realNetwork(t)
	const points, day = 200, 21_000
	register(t, l, points)
	before, err := l.Balance(t.Context(), record.Utility)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var submitting sync.WaitGroup
	runs := make(chan record.Run, 1000)
	next := make(chan int)
	for range 4 {
		submitting.Go(func() {
			for k := range next {
				r := run(t, l, interval(day, k), points)
				if err := l.SubmitRun(context.WithoutCancel(ctx), r); err != nil {
					t.Errorf("run %d: %v", k, err)
				}
				runs <- r
			}
		})
	}
	submitting.Go(func() {
		defer close(next)
		for k := 0; ; k++ {
			select {
			case next <- k:
			case <-ctx.Done():
				return
			}
		}
	})
	for _, name := range []string{
		"contracts-community", "contracts-utility", "peer-utility", "peer-community", "orderer1", "orderer2", "orderer3",
	} {
		pause(2 * time.Second)
		must(t, n.Signal(name, syscall.SIGKILL))
		pause(time.Second)
		must(t, n.Start(name))
	}
	pause(2 * time.Second)
	stop()
	submitting.Wait()
	close(runs)
	var want grid.Money
	count := 0
	for r := range runs {
		count++
		i, err := grid.ParseInterval(r.Manifest.Interval)
		must(t, err)
		postings, err := l.Postings(t.Context(), i)
		if err != nil || !sameSet(postings, r.Postings()) {
			t.Errorf("%s: %d postings on the ledger, %d were submitted: %v", i, len(postings), len(r.Postings()), err)
		}
		for _, p := range r.Postings() {
			want += p.Amount
		}
	}
	after, err := l.Balance(t.Context(), record.Utility)
	if err != nil || after-before != want {
		t.Errorf("the utility's balance grew by %d, the runs say %d: %v", after-before, want, err)
	}
	t.Logf("%d runs, %d transactions made anew, %d submitted again", count, chain.Conflicts.Load(), chain.Resubmitted.Load())
	if count < 8 {
		t.Errorf("%d runs only: that is no load", count)
	}
	verified(t, l, n)
}

// pause lets real processes work; there is no clock to turn for them.
func pause(d time.Duration) { <-time.After(d) }

// verified verifies the whole chain with whom the network's directory trusts.
func verified(t *testing.T, l *ledger.Ledger, n *network.Network) {
	t.Helper()
	auditor, err := n.Verify(t.Context(), nil)
	must(t, err)
	key, err := ledger.ReadVerifier(filepath.Join(n.Dir, ledger.PublicKey))
	must(t, err)
	x, err := l.Index(t.Context())
	must(t, err)
	must(t, auditor.Checkpoints(t.Context(), x, key, nil))
	report := auditor.Report
	t.Logf("%d blocks, %d signatures, %d endorsements, %d postings", report.Blocks, report.Signatures, report.Endorsements, report.Postings)
	if report.Endorsements == 0 || report.Postings == 0 || report.Uncovered != 0 {
		t.Errorf("report %+v", report)
	}
}

// TestTamperedFabricBlocks flips bytes all over a block's data, header and
// signatures: each time it is found, and the block named.
func TestTamperedFabricBlocks(t *testing.T) {
	realNetwork(t) // or none can be had
	n, err := network.Open(t.Context(), t.TempDir(), community, 1)
	must(t, err)
	defer func() {
		_, err := n.Down()
		must(t, err)
	}()
	must(t, n.Up(t.Context(), func(string) {}))
	l, chain, err := n.OpenLedger(t.Context(), t.TempDir(), "EUR", ledger.SeededNames(77), slog.New(slog.DiscardHandler))
	must(t, err)
	defer l.Close()
	register(t, l, 3)
	must(t, l.SubmitRun(t.Context(), run(t, l, interval(22_000, 0), 3)))
	blocks, err := chain.Raw(t.Context())
	must(t, err)
	trust, err := ledger.TrustOf(n.Dir)
	must(t, err)
	both := []string{ledger.MSPCommunity, ledger.MSPUtility}
	verify := func(blocks []*common.Block) error {
		_, err := fabric.VerifyBlocks(blocks, network.Chaincode, trust, both)
		return err
	}
	must(t, verify(blocks))
	at := len(blocks) - 2 // of the run
	name := fmt.Sprintf("block %d", at)
	flips := 0
	flip := func(what string, field func(b *common.Block) []byte) {
		size := len(field(blocks[at]))
		for k := range size {
			if size > 400 && k%7 != 0 {
				continue
			}
			damaged := proto.Clone(blocks[at]).(*common.Block)
			field(damaged)[k] ^= 0x01
			changed := append([]*common.Block(nil), blocks...)
			changed[at] = damaged
			flips++
			if err := verify(changed); err == nil {
				t.Errorf("byte %d of %s of %s was not found", k, what, name)
			}
		}
	}
	flip("a transaction", func(b *common.Block) []byte { return b.GetData().GetData()[0] })
	flip("the hash of the data", func(b *common.Block) []byte { return b.GetHeader().GetDataHash() })
	flip("the hash of the block before", func(b *common.Block) []byte { return b.GetHeader().GetPreviousHash() })
	flip("the verdicts", func(b *common.Block) []byte {
		return b.GetMetadata().GetMetadata()[common.BlockMetadataIndex_TRANSACTIONS_FILTER]
	})
	flip("the orderers' signatures", func(b *common.Block) []byte {
		return b.GetMetadata().GetMetadata()[common.BlockMetadataIndex_SIGNATURES]
	})
	t.Logf("%d bytes flipped", flips)
}

// TestSmartBFT orders by four who tolerate one that lies: with one of them killed the
// ledger goes on, and blocks with too few signatures are found.
func TestSmartBFT(t *testing.T) {
	realNetwork(t) // or none can be had
	const four = 4
	n, err := network.Open(t.Context(), t.TempDir(), community, four)
	if errors.Is(err, network.ErrNoBFT) {
		t.Skip("skipped: " + err.Error())
	}
	must(t, err)
	defer func() {
		_, err := n.Down()
		must(t, err)
	}()
	must(t, n.Up(t.Context(), func(string) {}))
	l, chain, err := n.OpenLedger(t.Context(), t.TempDir(), "EUR", ledger.SeededNames(78), slog.New(slog.DiscardHandler))
	must(t, err)
	defer l.Close()
	register(t, l, 3)
	must(t, l.SubmitRun(t.Context(), run(t, l, interval(23_000, 0), 3)))
	must(t, n.Signal("orderer1", syscall.SIGKILL))
	must(t, l.SubmitRun(t.Context(), run(t, l, interval(23_000, 1), 3)))
	verified(t, l, n)
	blocks, err := chain.Raw(t.Context())
	must(t, err)
	trust, err := ledger.TrustOf(n.Dir)
	must(t, err)
	last := proto.Clone(blocks[len(blocks)-1]).(*common.Block)
	at := &last.GetMetadata().GetMetadata()[common.BlockMetadataIndex_SIGNATURES]
	signatures := &common.Metadata{}
	must(t, proto.Unmarshal(*at, signatures))
	signatures.Signatures = signatures.GetSignatures()[:1]
	*at, err = proto.Marshal(signatures)
	must(t, err)
	blocks[len(blocks)-1] = last
	_, err = fabric.VerifyBlocks(blocks, network.Chaincode, trust, []string{ledger.MSPCommunity, ledger.MSPUtility})
	if err == nil || !strings.Contains(err.Error(), "1 orderers signed it, 3 are needed") {
		t.Errorf("a block with one signature: %v", err)
	}
}
