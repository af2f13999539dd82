package audit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Print writes what the verification of a ledger covered, and what was computed anew, as
// people read it; what names the ledger.
func (r Report) Print(w io.Writer, what string, c Checked) error {
	_, err := fmt.Fprintf(w, `verified %s
  %s chained by hash, the last %s
  %s, %s
  %s in the Merkle log, its root %s
  %s
  %s of %s, each summing to zero; turnover %s
  %s
`, what, grid.Number(r.Blocks, "block"), r.Hash, grid.Number(r.Signatures, "signature"), r.states(), grid.Number(r.Postings, "posting"), r.Root,
		r.covered(), grid.Number(r.Runs, "run"), grid.Number(r.Intervals, "interval"), r.Turnover.Text(), c)
	return err
}

func (r Report) states() string {
	if r.Endorsements > 0 {
		return fmt.Sprintf("%d endorsements", r.Endorsements)
	}
	return fmt.Sprintf("%d keys of state", r.Keys)
}

func (r Report) covered() string {
	if r.Signer == "" {
		return "no checkpoint was looked at: the community's data directory is not here"
	}
	return fmt.Sprintf("%d checkpoints signed by %s; %d postings cosigned by the utility, %d not covered yet", r.Checkpoints, r.Signer, r.Cosigned, r.Uncovered)
}

// String says what was computed anew.
func (c Checked) String() string {
	if c.Runs == 0 {
		return "no statement computed anew: how the runs came about is not here"
	}
	return fmt.Sprintf("%d runs computed anew with %d statements: %d from signed readings, %d estimated (taken on trust), %d whose readings are not here; %d runs not",
		c.Runs, c.Statements, c.Proven, c.Estimated, c.Unseen, c.Without) + c.officially() + c.guaranteed()
}

// guaranteed says of how many months the guarantee was reckoned anew, where there are any.
func (c Checked) guaranteed() string {
	if c.Months+c.MonthsWithout == 0 {
		return ""
	}
	return fmt.Sprintf("; the guarantee of %s reckoned anew, of %d not", grid.Number(int64(c.Months), "month"), c.MonthsWithout)
}

// officially says how many statements are by the grid operator's values, where there are any.
func (c Checked) officially() string {
	if c.Official == 0 {
		return ""
	}
	return fmt.Sprintf("; %d statements by the grid operator's values, whose files are on the ledger", c.Official)
}

// IsProven tells whether nothing is taken on trust: all runs were computed anew, from
// signed readings.
func (c Checked) IsProven() bool {
	return c.Runs > 0 && c.Estimated+c.Unseen+c.Without+c.Official+c.MonthsWithout == 0
}

// Print writes what the verification of the bundle in a directory covered as people read
// it. continued tells whether it was held against an earlier checkpoint.
func (r BundleReport) Print(w io.Writer, dir, signer string, continued bool) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "verified %s\n  sealed by %s, every file as it was written\n", dir, signer)
	if r.Whole {
		fmt.Fprintf(&b, "  all %d postings of the log, %d of them outside of the runs, its root %s\n  %d runs, each as its manifest announced and summing to zero; turnover %s\n  %s\n",
			r.Postings, r.Outside, r.Checkpoint.Root, r.Runs, r.Turnover.Text(), r.Checked)
	} else {
		fmt.Fprintf(&b, "  %d of the %d postings of the log, its root %s\n  a part of the log: that nothing is missing is proved by a bundle of the whole\n", r.Postings, r.Checkpoint.Size, r.Checkpoint.Root)
	}
	if r.Cosigned {
		fmt.Fprintf(&b, "  cosigned by the utility\n")
	}
	if continued {
		fmt.Fprintf(&b, "  continues the earlier checkpoint\n")
	}
	_, err := b.WriteTo(w)
	return err
}

// PrintPostings writes the postings that a query selects, in a currency, as people read them.
func PrintPostings(ctx context.Context, x Postings, q ledger.Query, currency string, out io.Writer) error {
	shown := 0
	err := Select(ctx, x, q, func(p Exported) error {
		if shown == 0 {
			fmt.Fprintf(out, "%8s %6s  %-23s %-24s %-24s %14s %8s  %-17s %s\n", "LEAF", "BLOCK", "INTERVAL", "FROM", "TO", strings.TrimSpace("AMOUNT "+currency), "WH", "REASON", "REFERENCE")
		}
		shown++
		fmt.Fprintf(out, "%8d %6d  %-23s %-24s %-24s %14s %8d  %-17s %s\n", p.Leaf, p.Block, p.Interval, p.Debit, p.Credit, p.Amount.Text(), p.Energy, p.Reason, p.Reference)
		return nil
	})
	if err == nil && shown == 0 {
		var why string
		if why, err = WhyNone(ctx, x); err == nil {
			fmt.Fprintln(out, why)
		}
	}
	return err
}

// Empty says why a query selects nothing; empty where it selects something.
func Empty(ctx context.Context, x Postings, q ledger.Query) (string, error) {
	some := false
	q.Limit = 1
	err := x.Find(ctx, q, func(ledger.Entry) error {
		some = true
		return nil
	})
	if some || err != nil {
		return "", err
	}
	return WhyNone(ctx, x)
}

// WhyNone says why a query selects nothing.
func WhyNone(ctx context.Context, x Postings) (string, error) {
	some := false
	err := x.Find(ctx, ledger.Query{Limit: 1}, func(ledger.Entry) error {
		some = true
		return nil
	})
	if some {
		return "no posting fits: the ledger has others; leave out what narrows the question", err
	}
	return "no posting fits: the ledger has none yet; an interval is posted when it is over and its meters were read", err
}
