package ledger_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestAMonthIsGuaranteedOnce records a month: all of its payments at once, the same again
// changes nothing, another is refused, and so is what the fund does not hold.
func TestAMonthIsGuaranteedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 2)
		g := l.As(l.People.Operator).Guarantee
		accounts := make([]string, 2)
		for k := range accounts {
			var err error
			accounts[k], err = l.Account("m-"+point(k), point(k))
			must(t, err)
		}
		if accounts[0] > accounts[1] {
			accounts[0], accounts[1] = accounts[1], accounts[0]
		}
		fill(t, l, day, 1000)
		before, err := l.Balance(t.Context(), record.Fund)
		must(t, err)
		month := fmt.Sprintf("%04d-%02d", 2000+day/12%1000, 1+day%12)
		paid := chaincode.TopUps{
			Community: community, Month: month, Root: strings.Repeat("ab", 32), Time: "2026-07-01T00:00:00Z",
			Payments: []chaincode.TopUp{{Account: accounts[0], Amount: 600}, {Account: accounts[1], Amount: int64(before) - 600}},
		}
		more := paid
		more.Payments = []chaincode.TopUp{paid.Payments[0], {Account: accounts[1], Amount: int64(before) - 599}}
		expect(t, "more than the fund holds", chaincode.CodeFunds, g.Record(t.Context(), more))
		_, err = g.Get(t.Context(), month)
		expect(t, "a month that was refused", chaincode.CodeMissing, err)
		must(t, g.Record(t.Context(), paid))
		must(t, g.Record(t.Context(), paid))
		if left, err := l.Balance(t.Context(), record.Fund); err != nil || left != 0 {
			t.Errorf("the fund has %d left: %v", left, err)
		}
		if found, err := g.Get(t.Context(), month); err != nil || found.Root != paid.Root || found.Month != month {
			t.Errorf("%+v %v", found, err)
		}
		expect(t, "other payments", chaincode.CodeConflict, g.Record(t.Context(), more))
		other := paid
		other.Root = strings.Repeat("cd", 32)
		expect(t, "another root", chaincode.CodeConflict, g.Record(t.Context(), other))
		for field, change := range map[string]func(*chaincode.TopUps){
			"month":               func(x *chaincode.TopUps) { x.Month = "2026-13" },
			"root":                func(x *chaincode.TopUps) { x.Root = "ab" },
			"time":                func(x *chaincode.TopUps) { x.Time = "yesterday" },
			"payments[0].amount":  func(x *chaincode.TopUps) { x.Payments = []chaincode.TopUp{{Account: accounts[0]}} },
			"payments[1].account": func(x *chaincode.TopUps) { x.Payments = []chaincode.TopUp{paid.Payments[1], paid.Payments[0]} },
			"payments[0].account": func(x *chaincode.TopUps) { x.Payments = []chaincode.TopUp{{Account: record.Utility, Amount: 1}} },
		} {
			bad := paid
			change(&bad)
			if err := g.Record(t.Context(), bad); !ledger.Refused(err, chaincode.CodeInvalid) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		expect(t, "the utility records", chaincode.CodeDenied, l.As(l.People.Utility).Guarantee.Record(t.Context(), paid))
	})
}

// fill has somebody pay something to the fund.
func fill(t *testing.T, l *ledger.Ledger, day int, amount grid.Money) {
	t.Helper()
	payer, err := l.Account("m-"+point(0), point(0))
	must(t, err)
	r := run(t, l, interval(day, 90), 2)
	b := record.Batch{Community: community, Interval: r.Manifest.Interval, Run: 1}
	b.Postings = []record.Posting{{ID: b.PostingID(0), Debit: payer, Credit: record.Fund, Amount: amount, Reason: "lines", Reference: payer}}
	text, err := json.Marshal(b)
	must(t, err)
	r.Manifest.BatchDigests, r.Batches = []string{fmt.Sprintf("%x", sha256.Sum256(text))}, []record.Batch{b}
	must(t, l.SubmitRun(t.Context(), r))
}
