package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

type valuesReconcile struct {
	operator

	month, dir string
	json, all  bool
}

func valuesReconcileCommand() *cobra.Command {
	var f valuesReconcile
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare a month's signed values with the official ones, in Wh and in money",
		Long: `Compare a local month's signed values with the official ones. There are two tables: Wh by
metering point and interval, with sums by point and month, and money by member from the two
complete settlements, of which each is made anew from what the first runs froze. A month
that is billed by official values differs from the one by signed values exactly by the
second table.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.flags(c)
	c.Flags().StringVar(&f.month, "month", "", "local month, as in 2026-06 (default: the last one that is over)")
	c.Flags().BoolVar(&f.json, "json", false, "as JSON")
	c.Flags().StringVar(&f.dir, "csv", "", "write energy.csv, months.csv and money.csv to this directory")
	c.Flags().BoolVar(&f.all, "all", false, "also the intervals in which both say the same")
	return c
}

func (f valuesReconcile) run(cmd *cobra.Command) error {
	if f.json && f.dir != "" {
		return usage.Errorf("--json, --csv: give one of them")
	}
	d, err := f.dial()
	if err != nil {
		return err
	}
	query := url.Values{"all": {strconv.FormatBool(f.all)}}
	if f.month != "" {
		query.Set("month", f.month)
	}
	var r api.Reconciliation
	if err := d.get(cmd.Context(), "/api/v1/values/reconciliation?"+query.Encode(), &r); err != nil {
		return err
	}
	switch {
	case f.json:
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	case f.dir != "":
		return writeReconciliation(f.dir, r, cmd.ErrOrStderr())
	default:
		printReconciliation(cmd.OutOrStdout(), r)
		return nil
	}
}

func printReconciliation(w io.Writer, r api.Reconciliation) {
	fmt.Fprintf(w, "%s (%s): %s compared; %s values bill\n", r.Month, r.Zone, grid.Number(r.Intervals, "interval"), r.BillsBy)
	if r.Waiting > 0 {
		fmt.Fprintf(w, "still to be corrected by values that were imported: %s\n", grid.Number(r.Waiting, "interval"))
	}
	fmt.Fprintf(w, "\n%-33s %13s %12s %10s %13s %12s %10s %9s %9s\n", "Wh BY METERING POINT", "TAKEN, SIGNED", "OFFICIAL", "DIFFERENCE", "GIVEN, SIGNED", "OFFICIAL", "DIFFERENCE", "DIFFERING", "MISSING")
	for _, m := range r.Months {
		fmt.Fprintf(w, "%-33s %13d %12d %+10d %13d %12d %+10d %9d %9d\n", m.Point, m.SignedImport, m.OfficialImport, m.OfficialImport-m.SignedImport,
			m.SignedExport, m.OfficialExport, m.OfficialExport-m.SignedExport, m.Differing, m.Missing)
	}
	fmt.Fprintf(w, "\n%-33s %16s %16s %16s\n", "MONEY, "+r.Currency, "SIGNED", "OFFICIAL", "DIFFERENCE")
	for _, m := range r.Money {
		fmt.Fprintf(w, "%-33s %16s %16s %16s\n", m.Member, grid.Money(m.Signed).Text(), grid.Money(m.Official).Text(), grid.Money(m.Difference).Text())
	}
	reasons := map[string]int{}
	var order []string
	for _, e := range r.Energy {
		if e.SignedImport == e.OfficialImport && e.SignedExport == e.OfficialExport {
			continue
		}
		if reasons[e.Reason]++; reasons[e.Reason] == 1 {
			order = append(order, e.Reason)
		}
	}
	if len(order) > 0 {
		fmt.Fprintln(w)
	}
	for _, reason := range order {
		text := reason
		if text == "" {
			text = "for no reason that is known"
		}
		fmt.Fprintf(w, "%d values differ: %s\n", reasons[reason], text)
	}
}

// writeReconciliation writes the tables as CSV. Energies are in Wh, money in millionths of the
// currency unit.
func writeReconciliation(dir string, r api.Reconciliation, progress io.Writer) error {
	energy := [][]string{{"point", "interval", "signed_import", "official_import", "signed_export", "official_export", "signed_quality", "quality", "reason"}}
	for _, e := range r.Energy {
		energy = append(energy, []string{e.Point, e.Interval, whole(e.SignedImport), whole(e.OfficialImport), whole(e.SignedExport), whole(e.OfficialExport), e.SignedQuality, e.Quality, e.Reason})
	}
	months := [][]string{{"point", "month", "signed_import", "official_import", "signed_export", "official_export", "intervals", "differing", "missing"}}
	for _, m := range r.Months {
		months = append(months, []string{m.Point, r.Month, whole(m.SignedImport), whole(m.OfficialImport), whole(m.SignedExport), whole(m.OfficialExport), strconv.Itoa(m.Intervals), strconv.Itoa(m.Differing), strconv.Itoa(m.Missing)})
	}
	money := [][]string{{"member", "month", "currency", "signed", "official", "difference"}}
	for _, m := range r.Money {
		money = append(money, []string{m.Member, r.Month, r.Currency, whole(m.Signed), whole(m.Official), whole(m.Difference)})
	}
	if err := disk.MakeFolder(dir); err != nil {
		return usage.Errorf("--csv: %w", err)
	}
	for name, rows := range map[string][][]string{"energy.csv": energy, "months.csv": months, "money.csv": money} {
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		err := w.WriteAll(rows)
		if err = errors.Join(err, w.Error()); err != nil {
			return err
		}
		const readable = 0o644
		if err := disk.Replace(filepath.Join(dir, name), text.Bytes(), readable); err != nil {
			return usage.Errorf("--csv: %w", err)
		}
	}
	_, err := fmt.Fprintf(progress, "wrote energy.csv, months.csv and money.csv to %s\n", dir)
	return err
}

func whole(n int64) string { return strconv.FormatInt(n, 10) }
