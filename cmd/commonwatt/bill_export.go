package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// billFormats are what bills are exported as.
func billFormats() []string { return []string{"pdf", "csv", "xlsx", "sepa"} }

func billExportCommand() *cobra.Command {
	var o operator
	var format, month, out string
	c := &cobra.Command{
		Use:   "export [NUMBER…]",
		Short: "Write bills as PDF, tables, or files for the bank",
		Long: `Write bills into a directory: as PDF, one each, of the bills that are named or of a month;
as a table (csv, xlsx) of a month; or as files for the bank (sepa): what is collected from
members with a mandate (pain.008), and what is paid out (pain.001). Nothing is overwritten by
something else: the same bills give the same bytes.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if !slices.Contains(billFormats(), format) {
				return usage.Errorf("--format: %q is none of %s", format, strings.Join(billFormats(), ", "))
			}
			if format != "pdf" && len(names) > 0 {
				return usage.Errorf("%s is of a whole month: give --month in place of numbers", format)
			}
			d, err := o.dial()
			if err != nil {
				return err
			}
			if month == "" && len(names) == 0 {
				if month, err = lastMonth(cmd.Context(), d); err != nil {
					return err
				}
			}
			if err := disk.MakeFolder(out); err != nil {
				return usage.Errorf("--out: %w", err)
			}
			x := exporting{d, out, cmd.OutOrStdout(), cmd.ErrOrStderr()}
			switch format {
			case "pdf":
				return x.pdf(cmd.Context(), names, month)
			case "sepa":
				for _, kind := range []string{"sepa-collection", "sepa-payouts"} {
					if err := x.file(cmd.Context(), kind, month); err != nil {
						return err
					}
				}
				return nil
			default:
				return x.file(cmd.Context(), format, month)
			}
		},
	}
	o.flags(c)
	c.Flags().StringVar(&format, "format", "pdf", strings.Join(billFormats(), ", "))
	c.Flags().StringVar(&month, "month", "", "as in 2026-06 (default: the last one that has bills)")
	c.Flags().StringVar(&out, "out", "bills", "directory to write to")
	return c
}

// exporting writes files of bills into a directory.
type exporting struct {
	desk           *desk
	dir            string
	stdout, stderr io.Writer
}

func (x exporting) write(name string, data []byte) error {
	path := filepath.Join(x.dir, filepath.Base(name))
	if err := os.WriteFile(path, data, disk.Private); err != nil {
		return usage.Errorf("--out: %w", err)
	}
	_, err := fmt.Fprintln(x.stdout, path)
	return err
}

func (x exporting) pdf(ctx context.Context, names []string, month string) error {
	if len(names) == 0 {
		all, err := listBills(ctx, x.desk, month, "", "")
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return usage.Errorf("--month: there is no bill of %s: commonwatt bill draft --month %s", month, month)
		}
		for _, b := range all {
			names = append(names, b.Id)
		}
	}
	var left []error // one that cannot be printed does not keep the others back
	for _, id := range names {
		body, err := x.desk.open(ctx, http.MethodGet, billPath(id, "/pdf"), "", nil)
		if err != nil {
			left = append(left, fmt.Errorf("%s: %w", id, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		data, err := io.ReadAll(body)
		_ = body.Close()
		if err != nil {
			return err
		}
		if err := x.write(id+".pdf", data); err != nil {
			return err
		}
	}
	return errors.Join(left...)
}

func (x exporting) file(ctx context.Context, format, month string) error {
	var f api.BillFile
	if err := x.desk.get(ctx, "/api/v1/bill-files?"+url.Values{"format": {format}, "period": {month}}.Encode(), &f); err != nil {
		return err
	}
	printLeft(x.stderr, f.Left)
	if len(f.Data) == 0 {
		_, err := fmt.Fprintf(x.stderr, "%s: no bill is to be in it, so that no file is written\n", f.Name)
		return err
	}
	return x.write(f.Name, f.Data)
}
