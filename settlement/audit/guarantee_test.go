package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

// guaranteedMonth is a community whose month was guaranteed.
type guaranteedMonth struct {
	t       *testing.T
	l       *ledger.Ledger
	told    map[string][]byte // workings of runs by reading root
	months  audit.KeptGuarantees
	working guarantee.Working
	paid    chaincode.TopUps
}

const month = "2026-04"

// buyers are homes that pay by a unit more than alone, in each interval: each of its two
// halves of 600 Wh at 0.300001 is rounded up, the whole down. A seller, the last home, has
// what they buy.
const buyers = 4

// guaranteeMonth settles intervals, reckons the month and puts it on the ledger.
func guaranteeMonth(t *testing.T, change func(*chaincode.TopUps)) *guaranteedMonth {
	t.Helper()
	l, err := embedded.OpenLedger(t.Context(), t.TempDir(), community, "EUR", ledger.SeededNames(15))
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	g := &guaranteedMonth{t: t, l: l, told: map[string][]byte{}, months: audit.KeptGuarantees{Dir: t.TempDir()}}
	register(t, l, buyers+1)
	tally := guarantee.Tally{}
	head := guarantee.Head{Community: community, Month: month, Begin: "2026-04-11T00:00:00Z", End: "2026-04-11T00:45:00Z", Minutes: 15, Time: "2026-06-01T00:00:00Z", Available: 10}
	accounts := map[string]string{}
	for k := range 3 {
		run := g.settle(interval(100, k))
		of, err := guarantee.Of(run)
		must(t, err)
		must(t, tally.Take(of, 1))
		for account, who := range run.Basis.Members {
			accounts[who] = account
		}
	}
	g.working, err = guarantee.Reckon(head, guarantee.Inputs{Sums: tally, Accounts: accounts}, func(member string) (string, error) { return "salt of " + member, nil })
	must(t, err)
	m, err := g.working.Read()
	must(t, err)
	g.paid = chaincode.TopUps{Community: community, Month: month, Time: head.Time}
	for _, leaf := range m.Leaves {
		if leaf.Paid > 0 {
			g.paid.Payments = append(g.paid.Payments, chaincode.TopUp{Account: leaf.Account, Amount: int64(leaf.Paid)})
		}
	}
	slices.SortFunc(g.paid.Payments, func(a, b chaincode.TopUp) int { return strings.Compare(a.Account, b.Account) })
	g.paid.Root, err = g.working.Root()
	must(t, err)
	change(&g.paid)
	must(t, l.As(l.People.Operator).Guarantee.Record(t.Context(), g.paid))
	must(t, g.months.Keep(month, g.paid.Root, g.working))
	return g
}

// settle makes a run, submits it and keeps how it came about.
func (g *guaranteedMonth) settle(i grid.Interval) settlement.Run {
	in := settlement.Input{
		Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_001, FeedIn: 60_000},
		Rules: new(settlement.DefaultRules()), Salt: "salted", Points: map[string]settlement.Point{},
	}
	w := audit.Working{Community: community, Interval: i.String(), Run: 1, Tariff: in.Tariff}
	var records [][]byte
	for home := range buyers + 1 {
		account, err := g.l.Account("m-"+point(home), point(home))
		must(g.t, err)
		member, err := g.l.Names.Member("m-" + point(home))
		must(g.t, err)
		in.Points[account] = settlement.Point{Account: account, Member: member}
		m := record.Metered{MeteringPoint: account, Flow: grid.Flow{Import: 1200}, Quality: grid.Estimated}
		if home == buyers {
			m.Flow = grid.Flow{Export: 600 * buyers}
		} else {
			seller, err := g.l.Account("m-"+point(buyers), point(buyers))
			must(g.t, err)
			in.Trades = append(in.Trades, grid.Trade{
				Product: grid.Product{Community: community, Interval: i}, Seq: uint64(home + 1), Buyer: account, Seller: seller, Energy: 600, BidPrice: 300_001, OfferPrice: 250_000,
			})
		}
		in.Metered = append(in.Metered, m)
		text, err := json.Marshal(record.Leaf{Metered: m, Salt: "blind"})
		must(g.t, err)
		w.Leaves, records = append(w.Leaves, text), append(records, text)
	}
	var err error
	in.ReadingRoot, err = proof.Root(records)
	must(g.t, err)
	run, err := settlement.Settle(in)
	must(g.t, err)
	w.Basis = run.Basis
	g.told[in.ReadingRoot+i.String()], err = json.Marshal(w)
	must(g.t, err)
	must(g.t, g.l.SubmitRun(g.t.Context(), run.Record()))
	return run
}

// tell is an audit.Told.
func (g *guaranteedMonth) tell(_ context.Context, see func(string, []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(g.told)) {
		if err := see(key[:64], g.told[key]); err != nil {
			return err
		}
	}
	return nil
}

func (g *guaranteedMonth) verify(ctx context.Context) (audit.Checked, error) {
	x, err := g.l.Index(ctx)
	must(g.t, err)
	return audit.Recompute(ctx, x, nil, g.tell, g.months)
}

func asRecorded(*chaincode.TopUps) {}

// TestAGuaranteedMonthIsReckonedAnew verifies a month whose fund falls short, here and from a
// bundle. What the buyers need together is 3 intervals × 4 homes × 1 unit; the fund gives 10.
func TestAGuaranteedMonthIsReckonedAnew(t *testing.T) {
	g := guaranteeMonth(t, asRecorded)
	sum := int64(0)
	for _, p := range g.paid.Payments {
		sum += p.Amount
	}
	if len(g.paid.Payments) != buyers || sum != 10 {
		t.Fatalf("paid %+v", g.paid.Payments)
	}
	c, err := g.verify(t.Context())
	if err != nil || c.Months != 1 || c.MonthsWithout != 0 || c.Runs != 3 {
		t.Errorf("%+v %v", c, err)
	}
	x, err := g.l.Index(t.Context())
	must(t, err)
	dir := filepath.Join(t.TempDir(), "bundle")
	_, err = audit.Bundle(t.Context(), x, dir, audit.Export{Signer: g.l.People.Signer, Workings: g.tell, Months: g.months})
	must(t, err)
	key, err := g.l.People.Key()
	must(t, err)
	verifier, err := note.NewVerifier(key)
	must(t, err)
	r, err := audit.VerifyBundle(t.Context(), os.DirFS(dir), verifier, nil, nil)
	if err != nil || r.Checked.Months != 1 || r.Outside != buyers {
		t.Errorf("%+v %v", r, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "guarantee.jsonl")); err != nil || !strings.Contains(string(text), month) {
		t.Errorf("the bundle has no working: %v", err)
	}
	g.months.Dir = t.TempDir()
	if c, err := g.verify(t.Context()); err != nil || c.Months != 0 || c.MonthsWithout != 1 || c.IsProven() {
		t.Errorf("without its working: %+v %v", c, err)
	}
}

// TestAMembersBundleTellsNothingOfOthers looks in a bundle of one member for what the others
// were paid: neither their accounts nor an amount, nor how the month was reckoned.
func TestAMembersBundleTellsNothingOfOthers(t *testing.T) {
	g := guaranteeMonth(t, asRecorded)
	x, err := g.l.Index(t.Context())
	must(t, err)
	mine := g.paid.Payments[0].Account
	dir := filepath.Join(t.TempDir(), "bundle")
	_, err = audit.Bundle(t.Context(), x, dir, audit.Export{Query: ledger.Query{Account: mine}, Signer: g.l.People.Signer, Workings: g.tell, Months: g.months})
	must(t, err)
	if _, err := os.Stat(filepath.Join(dir, "guarantee.jsonl")); err == nil {
		t.Error("it tells how the month was reckoned")
	}
	postings, err := os.ReadFile(filepath.Join(dir, proof.PostingsFile))
	must(t, err)
	if strings.Count(string(postings), `"reason":"guarantee"`) != 1 || !strings.Contains(string(postings), chaincode.GuaranteeReference(month, mine)) {
		t.Errorf("postings: %s", postings)
	}
	records, err := os.ReadFile(filepath.Join(dir, proof.RecordsFile))
	must(t, err)
	for line := range strings.Lines(string(records)) {
		if strings.Contains(line, `"kind":"guarantee"`) && strings.Contains(line, "amount") {
			t.Errorf("a record tells amounts: %s", line)
		}
	}
	if !strings.Contains(string(records), `"kind":"guarantee"`) {
		t.Error("it does not tell that the month was guaranteed")
	}
}

// TestAChangedGuaranteeIsNamed changes one thing of a month after the other: in the kept
// working, whose root is then another; in what was recorded, with a working that fits it; and
// in the runs.
func TestAChangedGuaranteeIsNamed(t *testing.T) {
	for what, change := range map[string]func(w *guarantee.Working){
		"an amount": leaf(func(l *guarantee.Leaf) { l.Paid++ }), "an input": leaf(func(l *guarantee.Leaf) { l.RetailOnly++ }),
		"the month": head(func(h *guarantee.Head) { h.Month = "2026-05" }), "what the fund gives": head(func(h *guarantee.Head) { h.Available++ }),
		"a member": func(w *guarantee.Working) { w.Leaves = w.Leaves[1:] },
	} {
		g := guaranteeMonth(t, asRecorded)
		change(&g.working)
		must(t, g.months.Keep(month, g.paid.Root, g.working))
		named(t, what+" of the working", "commits to", g)
	}
	for what, c := range map[string]struct {
		change func(w *guarantee.Working)
		says   string
	}{
		"an amount":        {leaf(func(l *guarantee.Leaf) { l.Paid++ }), "is due"},
		"a need":           {leaf(func(l *guarantee.Leaf) { l.Need++ }), "come to a need"},
		"another input":    {leaf(func(l *guarantee.Leaf) { l.Net++; l.Counted++; l.RetailOnly++ }), "its runs come to"},
		"another month":    {head(func(h *guarantee.Head) { h.Month = "2026-05" }), `is of "2026-05"`},
		"another interval": {head(func(h *guarantee.Head) { h.End = "2026-04-11T00:30:00Z" }), "its runs come to"},
		"another account":  {leaf(func(l *guarantee.Leaf) { l.Account = "elsewhere" }), ""},
		"more than it has": {head(func(h *guarantee.Head) { h.Available = 12 }), "is due"},
	} {
		named(t, what+", recorded so", c.says, forge(t, c.change))
	}
	g := guaranteeMonth(t, func(paid *chaincode.TopUps) { paid.Payments[0].Amount++ })
	named(t, "another payment", "its working says", g)
	g = guaranteeMonth(t, func(paid *chaincode.TopUps) { paid.Payments = paid.Payments[1:] })
	named(t, "a payment that was not made", "its working says", g)
}

// forge records a working that was changed, with its own root and the payments as they were.
func forge(t *testing.T, change func(*guarantee.Working)) *guaranteedMonth {
	t.Helper()
	honest := guaranteeMonth(t, asRecorded)
	change(&honest.working)
	root, err := honest.working.Root()
	must(t, err)
	g := guaranteeMonth(t, func(paid *chaincode.TopUps) { paid.Root = root })
	g.working = honest.working
	must(t, g.months.Keep(month, root, g.working))
	return g
}

func named(t *testing.T, what, says string, g *guaranteedMonth) {
	t.Helper()
	_, err := g.verify(t.Context())
	wrong := (*audit.TamperedError)(nil)
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "guarantee of "+month) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %q", what, err, says)
	}
}

// leaf changes the first leaf of a working that is paid.
func leaf(change func(*guarantee.Leaf)) func(*guarantee.Working) {
	return func(w *guarantee.Working) {
		for k, text := range w.Leaves {
			var l guarantee.Leaf
			if json.Unmarshal(text, &l) != nil || l.Paid == 0 {
				continue
			}
			change(&l)
			w.Leaves[k], _ = json.Marshal(l)
			return
		}
	}
}

func head(change func(*guarantee.Head)) func(*guarantee.Working) {
	return func(w *guarantee.Working) {
		var h guarantee.Head
		if err := json.Unmarshal(w.Head, &h); err != nil {
			panic(fmt.Sprint("head: ", err))
		}
		change(&h)
		w.Head, _ = json.Marshal(h)
	}
}
