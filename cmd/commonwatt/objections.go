package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

func objectionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "objections",
		Short: "See to which metered values members object, and decide about them",
		Long: `See to which metered values members object, and decide about them.

  commonwatt objections list --state open                         those that wait for a decision
  commonwatt objections accept 7 --reason "the register jumped"   the value that the member says counts
  commonwatt objections refuse 8 --reason "the meter was tested"  what was metered goes on to count

An accepted value becomes an official one: its digest goes to the ledger, and the interval is
settled again. What was metered stays. It is decided once. The list is read from the data
directory, whether a community runs on it or not; a decision needs one that runs.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(objectionsListCommand(), objectionsAcceptCommand(), objectionsRefuseCommand())
	return c
}

func objectionsListCommand() *cobra.Command {
	var of operator
	var state, member string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List objections, the last first",
		RunE: func(c *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(archive.ObjectionStates(), archive.ObjectionState(state)) {
				return usage.Errorf("--state: %q is none of %v", state, archive.ObjectionStates())
			}
			all, err := of.objections(c.Context(), state)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(o api.Objection) bool { return member != "" && o.Home != member })
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(api.Objections{Objections: append([]api.Objection{}, all...)})
			}
			return printObjections(c.OutOrStdout(), all)
		},
	}
	of.flags(c)
	c.Flags().StringVar(&state, "state", "", "open, accepted, refused or withdrawn")
	c.Flags().StringVar(&member, "member", "", "of one member")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: energy in Wh")
	return c
}

// objections returns what members object to: as it stands in the data directory, which a community may run on, and
// from elsewhere as the community says.
func (o operator) objections(ctx context.Context, state string) ([]api.Objection, error) {
	if _, err := os.Stat(o.data); err == nil && o.url == "" {
		return hub.ObjectionsIn(ctx, o.data, state)
	}
	d, err := o.dial()
	if err != nil {
		return nil, err
	}
	var all api.Objections
	err = d.get(ctx, "/api/v1/objections?state="+url.QueryEscape(state), &all)
	return all.Objections, err
}

// printObjections writes a table of objections.
func printObjections(w io.Writer, all []api.Objection) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) //nolint:mnd // blanks between columns
	fmt.Fprintln(t, "NUMBER\tSTATE\tMEMBER\tMETERING POINT\tINTERVAL\tMETERED\tCLAIMED\tREASON\tDECISION")
	for _, o := range all {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%q\t%s\n", o.Id, o.State, o.Home, o.MeteringPoint, o.Interval,
			flowed(o.MeteredImport, o.MeteredExport), flowed(o.Import, o.Export), o.Reason, decision(o))
	}
	return t.Flush()
}

// flowed says what was taken and given, Wh.
func flowed(taken, given int64) string {
	return fmt.Sprintf("%d Wh taken, %d Wh given", taken, given)
}

// decision says what became of an objection.
func decision(o api.Objection) string {
	if o.Decided == nil {
		return ""
	}
	text := "on " + o.Decided.UTC().Format(time.RFC3339)
	if o.By != nil {
		text += fmt.Sprintf(" by the %s: %q", *o.By, said(o.Answer))
	}
	if o.State == api.ObjectionStateAccepted {
		text += map[bool]string{true: ", settled by it", false: ", still to be settled by it"}[o.Settled != nil && *o.Settled]
	}
	return text
}

func objectionsAcceptCommand() *cobra.Command {
	var estimated bool
	c := deciding("accept NUMBER", "Accept an objection: the value that the member says counts", func(d *api.ObjectionDecision) {
		d.Accept = true
		if estimated {
			d.Quality = new(api.ObjectionDecisionQualityEstimated)
		}
	})
	c.Flags().BoolVar(&estimated, "estimated", false, "the value is estimated: it takes no part in own energy and pool; else it is replaced, and shares like a measured one")
	return c
}

func objectionsRefuseCommand() *cobra.Command {
	return deciding("refuse NUMBER", "Refuse an objection: what was metered goes on to count", func(*api.ObjectionDecision) {})
}

// deciding is a command that decides about an objection.
func deciding(use, short string, decide func(*api.ObjectionDecision)) *cobra.Command {
	var of operator
	var d api.ObjectionDecision
	c := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage.Errorf("NUMBER: %q is none: commonwatt objections list shows them", args[0])
			}
			at, err := of.dial()
			if err != nil {
				return err
			}
			decide(&d)
			var done api.Objection
			if err := at.post(c.Context(), fmt.Sprintf("/api/v1/objections/%d/decision", id), d, &done); err != nil {
				return err
			}
			return printObjections(c.OutOrStdout(), []api.Objection{done})
		},
	}
	of.flags(c)
	c.Flags().StringVar(&d.Reason, "reason", "", "why it is decided so, as the member is told")
	require(c, "reason")
	return c
}
