package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

type valuesImport struct {
	operator

	format, mapping string
	apply           bool
}

func valuesImportCommand() *cobra.Command {
	var f valuesImport
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Look at a file of official meter values, and import it with --apply",
		Long: `Look at a file of the grid operator's meter values: how many there are, what would change,
and what does not fit. With --apply it is imported, whole or not at all, when nothing is
wrong with it; the same file again changes nothing, and a newer one may correct it.

Formats: CSV with a mapping file, ebUtilities ConsumptionRecord XML 01.30 to 01.41, SDAT-CH
(E66, E31), MSCONS, and Green Button ESPI. A mapping file is YAML:

  delimiter: ";"
  decimal: ","
  unit: kWh                        # or Wh
  minutes: 15
  time_zone: Europe/Vienna
  time: {column: Zeit, format: "DD.MM.YYYY HH:mm", marks: start}   # or end
  point: {column: Zählpunkt}       # or {value: AT…}
  quality: {column: Status, values: {W: 1, E: 2, S: 3}}   # measured, replaced, estimated
  values:
    - {column: Bezug, code: "1-1:1.9.0 G.01"}
    - {column: Einspeisung, code: "1-1:2.9.0 G.01"}
  points: {AT00…1: mp-ann}         # for every format: what the community calls them
  ignore: [AT00…9]`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.flags(c)
	c.Flags().StringVar(&f.format, "format", "", "csv, ebutilities, sdat, mscons or espi (default: found out)")
	c.Flags().StringVar(&f.mapping, "mapping", "", "file that says what the columns of CSV mean, and which metering points are meant")
	c.Flags().BoolVar(&f.apply, "apply", false, "import it, when nothing is wrong with it")
	return c
}

func (f valuesImport) run(cmd *cobra.Command, path string) error {
	form, kind, err := f.form(path)
	if err != nil {
		return err
	}
	d, err := f.dial()
	if err != nil {
		return err
	}
	done, err := f.ask(cmd.Context(), d, form, kind)
	if err != nil {
		return err
	}
	printValuesImport(cmd.OutOrStdout(), path, done)
	if n := len(done.Problems); n > 0 {
		return usage.Errorf("%s: %s, nothing was imported", path, grid.Number(n, "problem"))
	}
	if !f.apply && !done.Already {
		fmt.Fprintln(cmd.ErrOrStderr(), "This was a preview: --apply imports it.")
	}
	return nil
}

func (f valuesImport) ask(ctx context.Context, d *desk, form io.Reader, kind string) (done api.ValuesImport, err error) {
	query := url.Values{}
	if f.apply {
		query.Set("apply", "true")
	}
	if f.format != "" {
		query.Set("format", f.format)
	}
	return done, d.ask(ctx, http.MethodPost, "/api/v1/values?"+query.Encode(), kind, form, &done)
}

// form is the request's body, and of what kind it is.
func (f valuesImport) form(path string) (io.Reader, string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, file := range map[string]string{"file": path, "mapping": f.mapping} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file) //nolint:gosec // the path is the operator's
		if err != nil {
			return nil, "", usage.Errorf("%s: %w", name, err)
		}
		part, err := w.CreateFormFile(name, filepath.Base(file))
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write(text); err != nil {
			return nil, "", err
		}
	}
	return &body, w.FormDataContentType(), w.Close()
}

// mostPrinted is how many changes and notes are printed.
const mostPrinted = 20

// printValuesImport writes what an import does, or would do, as people read it.
func printValuesImport(w io.Writer, path string, done api.ValuesImport) {
	for _, p := range done.Problems {
		if p.Line > 0 {
			fmt.Fprintf(w, "%s:%d: ", path, p.Line)
		} else {
			fmt.Fprintf(w, "%s: ", path)
		}
		if p.Field != "" {
			fmt.Fprintf(w, "%s: ", p.Field)
		}
		fmt.Fprintln(w, p.Text)
	}
	if done.From == nil || len(done.Problems) > 0 {
		return
	}
	fmt.Fprintf(w, "%s: %s of %s, %s, from %s until %s\n", path, grid.Number(done.Values, "value"), grid.Number(len(done.Points), "metering point"), done.Format,
		done.From.Format("2006-01-02 15:04Z"), done.Until.Format("2006-01-02 15:04Z"))
	fmt.Fprintf(w, "  %d new, %d changed, %d as they are known\n", done.New, done.Changed, done.Same)
	if len(done.Points) > 0 {
		fmt.Fprintf(w, "\n  %-33s %8s %14s %14s %10s %14s %14s %10s\n", "Wh BY METERING POINT", "VALUES", "TAKEN, SIGNED", "OFFICIAL", "DIFFERENCE", "GIVEN, SIGNED", "OFFICIAL", "DIFFERENCE")
		for _, p := range done.Points {
			fmt.Fprintf(w, "  %-33s %8d %14d %14d %+10d %14d %14d %+10d\n", p.Point, p.Values, p.SignedImport, p.OfficialImport, p.OfficialImport-p.SignedImport,
				p.SignedExport, p.OfficialExport, p.OfficialExport-p.SignedExport)
		}
	}
	for k, c := range done.Changes {
		if k == mostPrinted {
			fmt.Fprintf(w, "  and %d changes more\n", done.Changed-mostPrinted)
			break
		}
		fmt.Fprintf(w, "  %s %s %s %s: %d Wh (L%d) become %d Wh (L%d)\n", c.Point, c.Time.Format("2006-01-02 15:04Z"), c.Code, c.Direction, c.Before, c.BeforeQuality, c.After, c.AfterQuality)
	}
	for k, n := range done.Notes {
		if k == mostPrinted {
			fmt.Fprintf(w, "  and %d notes more\n", len(done.Notes)-mostPrinted)
			break
		}
		fmt.Fprintf(w, "  note: line %d: %s\n", n.Line, n.Text)
	}
	switch {
	case done.Applied:
		fmt.Fprintf(w, "imported: on the ledger as %s\n", *done.Digest)
		if !done.Corrects {
			fmt.Fprintln(w, "Signed values bill here (bills_by: signed): nothing is settled again by these.")
		}
	case done.Already:
		fmt.Fprintln(w, "Nothing of it is new: it changes nothing.")
	}
}
