package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
	"github.com/commonwatt/commonwatt/usage"
)

func benchDashboardsCommand() *cobra.Command {
	o := bench.DashboardsOptions{Idle: 5 * time.Second}
	var serve bool
	var watch string
	c := measurement(&cobra.Command{
		Use:   "dashboards",
		Short: "Have many people watch their homes at once",
		Long:  bench.AboutDashboards,
	}, func(cmd *cobra.Command) (r bench.DashboardsResult, err error) {
		if o.Duration <= 0 || o.Evict <= 0 {
			return r, usage.Errorf("--duration and --evict must be above 0s")
		}
		return bench.Dashboards(cmd.Context(), o)
	})
	measure := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		const most = 15_000 // connections of a server
		switch {
		case o.Count < 1 || o.Stalled < 0 || o.Count+o.Stalled > most || o.Homes < 1 || o.Homes > most:
			return usage.Errorf("--count, --stalled, --homes: dashboards must be 1 to %d together, homes 1 to %d", most, most)
		case serve:
			return bench.ServeDashboards(cmd.Context(), o.Homes, cmd.InOrStdin(), cmd.OutOrStdout())
		case watch != "":
			return bench.WatchDashboards(cmd.Context(), watch, o, cmd.InOrStdin(), cmd.OutOrStdout())
		}
		return measure(cmd, args)
	}
	f := c.Flags()
	f.IntVar(&o.Count, "count", 10_000, "dashboards that read")                                                     //nolint:mnd // the bar's
	f.IntVar(&o.Stalled, "stalled", 50, "dashboards that do not")                                                   //nolint:mnd // some
	f.IntVar(&o.Homes, "homes", 100, "homes, of which each watches one")                                            //nolint:mnd // the bar's
	f.DurationVar(&o.Duration, "duration", 20*time.Second, "how long to measure, after 3 s")                        //nolint:mnd // long enough
	f.DurationVar(&o.Evict, "evict", 2*time.Minute, "how long to wait until those that do not read are hung up on") //nolint:mnd // long enough
	f.BoolVar(&serve, "serve", false, "be the server")
	f.StringVar(&watch, "watch", "", "be the dashboards of the server at an address")
	_ = f.MarkHidden("serve") // both are defined above
	_ = f.MarkHidden("watch")
	return c
}
