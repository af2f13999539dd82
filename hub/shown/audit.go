package shown

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Audit shows the ledger to those who audit it. It implements web.Auditing.
type Audit struct {
	Chain    *ledger.Ledger
	Zone     *time.Location
	Currency string
	Export   audit.Export // of whole bundles
}

// open returns the index, brought up to the chain, and what words mean in it.
func (a Audit) open(ctx context.Context, words web.LedgerWords) (*ledger.Index, asked, error) {
	x, err := a.index(ctx)
	if err != nil {
		return nil, asked{}, err
	}
	read, err := reader{index: x, names: a.Chain.Names, zone: a.Zone, named: words.Named}.read(ctx, words.Text)
	return x, read, err
}

// index returns the index, brought up to the chain. Errors: *web.RefusedError when the chain does not
// answer.
func (a Audit) index(ctx context.Context) (*ledger.Index, error) {
	x, err := a.Chain.Index(ctx)
	if err != nil {
		return nil, &web.RefusedError{Code: http.StatusServiceUnavailable, Text: fmt.Sprintf("the ledger does not answer: %v: try again", err)}
	}
	return x, nil
}

// Search implements web.Auditing.
func (a Audit) Search(ctx context.Context, words web.LedgerWords, page web.LedgerPage) (s api.LedgerSearch, err error) {
	x, read, err := a.open(ctx, words)
	if err != nil {
		return s, err
	}
	s.Words, s.Blocks, s.Size = read.words, x.Blocks(), page.Size
	if s.Height, _, err = a.Chain.Head(ctx); err != nil {
		return s, err
	}
	if s.Size == 0 {
		if s.Size, err = x.Count(ctx, ledger.Selection{}); err != nil {
			return s, err
		}
	}
	read.selects.Size = s.Size
	if !read.unknown && s.Size > 0 {
		if s.Rows, s.Total, err = found(ctx, x, read.selects, page); err != nil {
			return s, err
		}
	}
	s.State = stateOf(s, read, x)
	return s, nil
}

// found returns a page of what is selected, and how many there are.
func found(ctx context.Context, x *ledger.Index, selects ledger.Selection, page web.LedgerPage) ([]api.LedgerRow, int64, error) {
	total, err := x.Count(ctx, selects)
	if err != nil {
		return nil, 0, err
	}
	entries, err := x.Page(ctx, selects, page.Skip, page.Limit)
	rows := make([]api.LedgerRow, len(entries))
	for k, e := range entries {
		var p record.Posting
		if err := json.Unmarshal(e.Posting, &p); err != nil {
			return nil, 0, fmt.Errorf("posting %d: %w", e.Leaf, err)
		}
		rows[k] = api.LedgerRow{Leaf: e.Leaf, Block: e.Block, Tx: e.Tx, Interval: e.Interval, Posting: api.Posting{
			Id: p.ID, Debit: p.Debit, Credit: p.Credit, Amount: int64(p.Amount), Energy: int64(p.Energy), Reason: p.Reason, Reference: p.Reference,
		}}
	}
	return rows, total, err
}

// stateOf says what became of a search: that nothing is there, that a word means nothing, and that
// something is still to come are different things.
func stateOf(s api.LedgerSearch, read asked, x *ledger.Index) api.LedgerSearchState {
	switch {
	case s.Total > 0:
		return api.LedgerSearchStateFound
	case s.Blocks < s.Height:
		return api.LedgerSearchStateBehind
	case read.unknown:
		return api.LedgerSearchStateUnknown
	case read.last != "" && !x.IsSettled(read.last) && read.last > x.Latest():
		return api.LedgerSearchStateUnsettled
	default:
		return api.LedgerSearchStateNone
	}
}

// mostSummed is how many postings are summed up for one answer, which takes some 30 microseconds each.
const mostSummed = 400_000

// Totals implements web.Auditing.
func (a Audit) Totals(ctx context.Context, words web.LedgerWords, byMonth bool) (t api.LedgerTotals, err error) {
	x, read, err := a.open(ctx, words)
	if err != nil {
		return t, err
	}
	t.Words, t.Currency, t.Zone = read.words, a.Currency, a.Zone.String()
	if read.unknown {
		return t, nil
	}
	n, err := x.Count(ctx, read.selects)
	if err != nil {
		return t, err
	}
	if n > mostSummed {
		return t, &web.RefusedError{Code: http.StatusBadRequest, Text: fmt.Sprintf("q: %d postings are found, and at most %d are summed up at once: name a month, a day or a member", n, mostSummed)}
	}
	layout := time.DateOnly
	if byMonth {
		layout = "2006-01"
	}
	at := map[[2]string]int{} // of rows, by period and reason
	err = x.Sums(ctx, read.selects, read.accounts, func(s ledger.Sum) error {
		period, err := a.period(s.Interval, layout)
		if err != nil {
			return err
		}
		key := [2]string{period, s.Reason}
		if _, known := at[key]; !known {
			at[key] = len(t.Rows)
			t.Rows = append(t.Rows, api.LedgerTotal{Period: period, Reason: s.Reason})
		}
		return add(&t.Rows[at[key]], s)
	})
	return t, err
}

// period returns the day or month of the site in which an interval begins.
func (a Audit) period(interval, layout string) (string, error) {
	start, _, _ := strings.Cut(interval, "/")
	if start == "" {
		return "", nil
	}
	begin, err := time.Parse(time.RFC3339, start)
	if err != nil {
		return "", fmt.Errorf("interval %q of the index: %w", interval, err)
	}
	return begin.In(a.Zone).Format(layout), nil
}

// add adds the sum of an interval to a row.
func add(to *api.LedgerTotal, s ledger.Sum) error {
	for _, one := range []struct {
		to  *int64
		add int64
	}{
		{&to.Postings, s.Postings}, {&to.Amount, int64(s.Amount)}, {&to.Energy, int64(s.Energy)}, {&to.Received, int64(s.Received)}, {&to.Paid, int64(s.Paid)},
	} {
		sum := *one.to + one.add
		if (sum > *one.to) != (one.add > 0) {
			return fmt.Errorf("total of %s in %s: it is beyond what can be counted", s.Reason, to.Period)
		}
		*one.to = sum
	}
	return nil
}

// checkpoint returns the last checkpoint, as it was signed and as it says. Errors: *web.RefusedError
// when there is none yet.
func checkpoint(ctx context.Context, x *ledger.Index) (signed []byte, c proof.Checkpoint, err error) {
	signed, _, err = x.Checkpoint(ctx)
	if err != nil {
		return nil, c, err
	}
	if signed == nil {
		return nil, c, &web.RefusedError{Code: http.StatusConflict, Text: "there is no checkpoint yet: it comes with the first posting"}
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	c, err = proof.ParseCheckpoint(text + "\n")
	return signed, c, err
}

// Proof implements web.Auditing.
func (a Audit) Proof(ctx context.Context, leaf int64) (p api.PostingProof, err error) {
	x, err := a.index(ctx)
	if err != nil {
		return p, err
	}
	signed, c, err := checkpoint(ctx, x)
	if err != nil {
		return p, err
	}
	if leaf < 0 || leaf >= c.Size {
		return p, &web.RefusedError{Code: http.StatusNotFound, Text: fmt.Sprintf("leaf: there is no posting %d under the last checkpoint: they are numbered from 0 to %d", leaf, c.Size-1)}
	}
	entries, err := x.After(ctx, ledger.Selection{}, leaf, 1)
	if err != nil || len(entries) == 0 {
		return p, fmt.Errorf("posting %d of the index: not there: %w", leaf, err)
	}
	path, err := x.Inclusion(c.Size, leaf)
	if err != nil {
		return p, err
	}
	p = api.PostingProof{Leaf: leaf, Text: string(entries[0].Posting), Path: hashes(path), Size: c.Size, Checkpoint: string(signed)}
	p.Key, err = a.Chain.People.Key()
	return p, err
}

// Consistency implements web.Auditing.
func (a Audit) Consistency(ctx context.Context, size, records int64) (p api.ConsistencyProof, err error) {
	x, err := a.index(ctx)
	if err != nil {
		return p, err
	}
	signed, c, err := checkpoint(ctx, x)
	if err != nil {
		return p, err
	}
	if size > c.Size || records > c.Records {
		return p, &web.RefusedError{Code: http.StatusConflict, Text: fmt.Sprintf(
			"size, records: the last checkpoint has %d postings and %d records, and the earlier one %d and %d: the ledger was put back, or that checkpoint is of another one", c.Size, c.Records, size, records)}
	}
	both, err := x.Consistency(c, proof.Checkpoint{Size: size, Records: records})
	if err != nil {
		return p, err
	}
	p = api.ConsistencyProof{Checkpoint: string(signed), Postings: hashes(both.Postings), Records: hashes(both.Records)}
	p.Key, err = a.Chain.People.Key()
	return p, err
}

// hashes are the hashes of a proof in base64.
func hashes[P ~[]tlog.Hash](all P) []string {
	texts := make([]string, len(all))
	for k, h := range all {
		texts[k] = h.String()
	}
	return texts
}
