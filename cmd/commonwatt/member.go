package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/members"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

func memberCommand() *cobra.Command {
	parent := &cobra.Command{Use: "member", Short: "Keep the members' addresses and money"}
	parent.AddCommand(memberImportCommand(), memberListCommand(), memberTemplateCommand(), memberBalanceCommand(), memberTransferCommand("deposit"), memberTransferCommand("withdraw"))
	return parent
}

func memberImportCommand() *cobra.Command {
	var at operator
	var apply bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring a list of members, CSV or XLSX, into the register",
		Long: `Bring a list of members, CSV (UTF-8) or the first sheet of an XLSX workbook, into the
register, or show without --apply what that would change. The first row names the columns:

` + columns() + `
number and name must be there. A member is matched by number, that is the name by which the
devices of the configuration call it: two people may have one name. A column that the file
does not have leaves what is known; an empty cell removes it. Every row is judged by itself:
bad ones are reported and left out. The same list again changes nothing.

It asks the community that runs on the data directory. Exit code 1: rows were left out.`,
		RunE: func(c *cobra.Command, args []string) error {
			return importMembers(c.Context(), at, args[0], apply, c.OutOrStdout())
		},
	}
	at.flags(c)
	c.Flags().BoolVar(&apply, "apply", false, "write what changes")
	return c
}

// columns lists those that a list may have.
func columns() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces
	for _, c := range members.Columns() {
		fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Says)
	}
	_ = w.Flush() // into memory
	return out.String()
}

func importMembers(ctx context.Context, at operator, file string, apply bool, out io.Writer) error {
	list, err := os.ReadFile(file) //nolint:gosec // the path is the operator's
	if err != nil {
		return usage.Mark(err)
	}
	d, err := at.dial()
	if err != nil {
		return err
	}
	path := "/api/v1/members"
	if apply {
		path += "?apply=true"
	}
	var done api.MemberImport
	if err := d.ask(ctx, http.MethodPost, path, "application/octet-stream", bytes.NewReader(list), &done); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	printImport(done, out)
	if n := len(done.Problems); n > 0 {
		return fmt.Errorf("%s: %s, the rows concerned were left out: mend them and import the list again", file, grid.Number(n, "problem"))
	}
	return nil
}

func printImport(done api.MemberImport, out io.Writer) {
	counts := map[api.MemberRowOutcome]int{}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces
	for _, r := range done.Rows {
		counts[r.Outcome]++
		says := string(r.Outcome)
		if r.Outcome == api.Changed {
			says += ": " + strings.Join(r.Fields, ", ")
		}
		if r.Points == 0 {
			says += " (no device names this member yet)"
		}
		fmt.Fprintf(w, "line %d\t%s\t%s\t%s\n", r.Line, r.Number, r.Name, says)
	}
	_ = w.Flush() // as much as out takes
	for _, p := range done.Problems {
		fmt.Fprintln(out, members.ProblemError{Line: p.Line, Field: p.Field, Says: p.Says}.Error())
	}
	verb := "would be written; nothing was: add --apply"
	if done.Applied {
		verb = "were written"
	}
	fmt.Fprintf(out, "%d new, %d changed %s; %d unchanged\n", counts[api.New], counts[api.Changed], verb, counts[api.Unchanged])
}

func memberListCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "list",
		Short: "Show what the register knows of each member",
		RunE:  func(c *cobra.Command, _ []string) error { return listMembers(c.Context(), at, c.OutOrStdout()) },
	}
	at.flags(c)
	return c
}

func listMembers(ctx context.Context, at operator, out io.Writer) error {
	d, err := at.dial()
	if err != nil {
		return err
	}
	var all []api.Person
	if err := d.get(ctx, "/api/v1/members", &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces
	fmt.Fprintln(w, "NUMBER\tPOINTS\tNAME\tE-MAIL\tIBAN\tMANDATE\tLANGUAGE\tDISPLAY NAME")
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for _, p := range all {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Number, p.Points, text(p.Name), text(p.Email), text(p.Iban), text(p.Mandate), text(p.Language), text(p.Display))
	}
	return w.Flush()
}

func memberTemplateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "template",
		Short: "Write an empty list of members, with an example, as CSV",
		RunE:  func(c *cobra.Command, _ []string) error { return members.Template(c.OutOrStdout()) },
	}
}
