package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// shownBill is api.Bill with its content.
type shownBill struct {
	Summary api.BillSummary `json:"summary"`
	Content billing.Bill    `json:"content"`
	Salt    string          `json:"salt"`
}

func billShowCommand() *cobra.Command {
	var o operator
	var line int
	var interval string
	var asJSON bool
	c := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show a bill, the intervals of a line, or the postings of an interval",
		Long: `Show a bill with all its lines. --line N opens line N to its intervals, and with
--interval I to the postings of one of them, with their places in the ledger's log:
commonwatt ledger show --id ID proves each down to the signed readings.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			d, err := o.dial()
			if err != nil {
				return err
			}
			var b shownBill
			if err := d.get(cmd.Context(), billPath(names[0], ""), &b); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			switch {
			case asJSON:
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(b)
			case line == 0 && interval == "":
				return printBill(w, b)
			default:
				return openLine(cmd.Context(), w, d, b, line, interval)
			}
		},
	}
	o.flags(c)
	c.Flags().IntVar(&line, "line", 0, "number of a line, to be opened")
	c.Flags().StringVar(&interval, "interval", "", "with --line: an interval of it, as in 2026-06-01T12:00:00Z/15")
	c.Flags().BoolVar(&asJSON, "json", false, "all of it, as JSON: amounts in millionths, − the member pays")
	return c
}

// numbered is a line of a bill with its metering point.
type numbered struct {
	point      string
	line       billing.Line
	correction bool
}

func linesOf(b *billing.Bill) (all []numbered) {
	for _, p := range b.Points {
		for _, l := range p.Lines {
			all = append(all, numbered{p.Point, l, false})
		}
	}
	for _, l := range b.Corrections {
		all = append(all, numbered{l.Point, l, true})
	}
	return all
}

func printBill(w io.Writer, b shownBill) error {
	if err := printBills(w, []api.BillSummary{b.Summary}); err != nil {
		return err
	}
	c := &b.Content
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) //nolint:mnd // blanks between columns
	fmt.Fprintln(t, "\nLINE\tPOINT\tFOR\tKWH\tPER KWH, MEAN\tAMOUNT\tINTERVALS")
	for k, n := range linesOf(c) {
		e := billing.EntryOf(n.line.Kind)
		text := e.Text
		if n.correction {
			text = "correction of " + strings.Join(n.line.Months, ", ") + ": " + text
		}
		energy, mean := "", ""
		if n.line.Energy != 0 {
			energy = paper.KWh(n.line.Energy)
		}
		if n.line.Price != 0 {
			mean = paper.Mean(n.line.Price)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d\n", k+1, n.point, text, energy, mean, inWords(int64(n.line.Amount), c.Currency, c.Digits), n.line.Intervals)
	}
	printSums(t, c)
	if err := t.Flush(); err != nil {
		return err
	}
	for k, a := range c.Compared {
		if k == 0 {
			fmt.Fprintln(w, "\nThe same period otherwise:")
		}
		estimate := ""
		if a.Estimated {
			estimate = " (estimate)"
		}
		fmt.Fprintf(w, "  %s%s: %s\n", a.Name, estimate, inWords(int64(a.Amount), c.Currency, c.Digits))
	}
	for k, r := range c.Rewards {
		if k == 0 {
			fmt.Fprintln(w, "\nStorage rewards, which are no money:")
		}
		fmt.Fprintf(w, "  %s: %s on %s\n", r.Device, grid.Number(r.Tokens, "token"), grid.Number(int64(r.Days), "day"))
	}
	if b.Summary.Hash != nil {
		fmt.Fprintf(w, "\nSHA-256 on the ledger: %s (salt %s)\n", *b.Summary.Hash, b.Salt)
	}
	return nil
}

// printSums writes what a bill has beside its lines, and what it comes to.
func printSums(t io.Writer, c *billing.Bill) {
	say := func(what string, amount int64) {
		fmt.Fprintf(t, "\t\t%s\t\t\t%s\t\n", what, inWords(amount, c.Currency, c.Digits))
	}
	for _, s := range c.Standing {
		say(fmt.Sprintf("%s, %s from %s", s.Component, grid.Number(int64(s.Days), "day"), s.From), int64(s.Amount))
	}
	for _, p := range c.Others {
		say(p.Reason+" "+p.Reference, int64(p.Amount))
	}
	for _, v := range c.VAT {
		what := "VAT " + strconv.FormatFloat(float64(v.Rate)/10_000, 'f', -1, 64) + " %" //nolint:mnd // of millionths
		if v.Included {
			what += ", contained"
		}
		say(what, int64(v.Amount))
	}
	say("rounding", int64(c.Rounding))
	say("total", int64(c.Total))
	if c.Brought != 0 {
		say("brought forward", int64(c.Brought))
	}
	for _, p := range c.Payments {
		say("payment "+p.Reference, int64(p.Amount))
	}
	say("due", int64(c.Due))
}

// openLine shows the intervals of a line, or the postings of one of them.
func openLine(ctx context.Context, w io.Writer, d *desk, b shownBill, line int, interval string) error {
	all := linesOf(&b.Content)
	if line < 1 || line > len(all) {
		return usage.Errorf("--line: %d: the bill has the lines 1 to %d", line, len(all))
	}
	n := all[line-1]
	q := url.Values{"point": {n.point}, "kind": {string(n.line.Kind)}}
	if n.correction {
		q.Set("correction", "true")
	}
	var opened api.BillLine
	if err := d.get(ctx, billPath(b.Summary.Id, "/line?"+q.Encode()), &opened); err != nil {
		return err
	}
	if interval != "" {
		return openInterval(ctx, w, d, b.Summary.Id, n.point, line, interval, opened)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) //nolint:mnd // blanks between columns
	fmt.Fprintf(w, "%s: %s\n", n.point, billing.EntryOf(n.line.Kind).Formula)
	fmt.Fprintln(t, "INTERVAL\tRUN\tVALUE\tWH\tMILLIONTHS")
	for _, i := range opened.Intervals {
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%d\n", i.Interval, i.Run, i.Quality, i.Energy, i.Amount)
	}
	return t.Flush()
}

// openInterval shows what the ledger has of a metering point in an interval of a line.
func openInterval(ctx context.Context, w io.Writer, d *desk, id, point string, line int, interval string, of api.BillLine) error {
	amount, is := int64(0), false
	for _, i := range of.Intervals {
		if i.Interval == interval {
			amount, is = amount+i.Amount, true
		}
	}
	if !is {
		return usage.Errorf("--interval: line %d has nothing in %s: commonwatt bill show %s --line %d lists its intervals", line, interval, id, line)
	}
	var found api.BillPostings
	if err := d.get(ctx, billPath(id, "/postings?"+url.Values{"point": {point}, "interval": {interval}}.Encode()), &found); err != nil {
		return err
	}
	fmt.Fprintf(w, "All that %s has in %s, of which line %d is %d millionths:\n", point, interval, line, amount)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) //nolint:mnd // blanks between columns
	fmt.Fprintln(t, "LEAF\tREASON\tFROM\tTO\tMILLIONTHS\tWH\tID")
	for _, p := range found.Postings {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", p.Leaf, p.Reason, p.Debit, p.Credit, p.Amount, p.Energy, p.Id)
	}
	return t.Flush()
}
