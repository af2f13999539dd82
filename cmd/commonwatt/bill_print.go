package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// billPath is the path of a bill in the API, and of something of it.
func billPath(id, of string) string { return "/api/v1/bills/" + url.PathEscape(id) + of }

// inWords says an amount in the minor unit of its currency, and who pays it.
func inWords(amount int64, currency string, digits int) string {
	text := paper.Amount(grid.Money(amount), digits) + " " + currency
	switch {
	case amount < 0:
		return "pays " + text
	case amount > 0:
		return "gets " + text
	default:
		return "nothing"
	}
}

// printBills writes a table of bills.
func printBills(w io.Writer, all []api.BillSummary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) //nolint:mnd // blanks between columns
	fmt.Fprintln(t, "NUMBER\tSTATE\tMEMBER\tNAME\tPERIOD\tTOTAL\tDUE")
	for _, b := range all {
		name, what := "", b.State
		if b.Name != nil {
			name = *b.Name
		}
		if b.CreditOf != nil {
			what += ", cancels " + *b.CreditOf
		}
		due := inWords(b.Due, b.Currency, b.Digits)
		if b.DueBy != nil && b.Due < 0 {
			due += " by " + *b.DueBy
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Id, what, b.Member, name, b.Period, inWords(b.Total, b.Currency, b.Digits), due)
	}
	return t.Flush()
}

// printLeft says of which bills nothing became.
func printLeft(w io.Writer, left []api.BillLeft) {
	for _, l := range left {
		fmt.Fprintf(w, "%s: %s\n", l.Id, l.Why)
	}
}

// listBills asks for bills. Empty texts select all.
func listBills(ctx context.Context, d *desk, period, member, state string) ([]api.BillSummary, error) {
	q := url.Values{}
	for name, value := range map[string]string{"period": period, "member": member, "state": state} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var all api.Bills
	err := d.get(ctx, "/api/v1/bills?"+q.Encode(), &all)
	return all.Bills, err
}

// lastMonth is the last local month that is over, of those that have bills or of all.
func lastMonth(ctx context.Context, d *desk) (string, error) {
	all, err := listBills(ctx, d, "", "", "")
	if err != nil {
		return "", err
	}
	last := ""
	for _, b := range all {
		last = max(last, b.Period)
	}
	if last == "" {
		return "", usage.Errorf("--month: no bill has been drafted yet: commonwatt bill draft --month MONTH")
	}
	return last, nil
}

// chosen returns the bills that are named, or all of some states.
func chosen(ctx context.Context, d *desk, names []string, all bool, month string, states ...string) (ids []string, err error) {
	if all == (len(names) > 0) {
		return nil, usage.Errorf("name the bills, or give --all: commonwatt bill list shows them")
	}
	if !all {
		return names, nil
	}
	for _, state := range states {
		found, err := listBills(ctx, d, month, "", state)
		if err != nil {
			return nil, err
		}
		for _, b := range found {
			ids = append(ids, b.Id)
		}
	}
	return ids, nil
}
