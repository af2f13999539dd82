package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
	"github.com/commonwatt/commonwatt/usage"
)

func benchPlanCommand() *cobra.Command {
	o := bench.PlanOptions{Days: 91, Homes: 15, Alone: true, Together: true}
	c := measurement(&cobra.Command{
		Use:   "plan --dir FOLDER",
		Short: "Let recorded homes live by their plans",
		Long:  bench.AboutPlan,
	}, func(cmd *cobra.Command) (r bench.PlanResult, err error) {
		if o.Days < 1 || o.Days > 280 || o.Homes < 1 {
			return r, usage.Errorf("--days: %d: must be 1 to 280; --homes: %d: must be at least 1", o.Days, o.Homes)
		}
		o.Progress = cmd.ErrOrStderr()
		return bench.Plan(cmd.Context(), o)
	})
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "the folder of the CityLearn Challenge 2022")
	f.IntVar(&o.Days, "days", o.Days, "the last days of the year, which homes live through")
	f.IntVar(&o.Homes, "homes", o.Homes, "how many of the homes")
	f.BoolVar(&o.Alone, "alone", o.Alone, "each home for itself")
	f.BoolVar(&o.Together, "together", o.Together, "all homes together")
	require(c, "dir")
	return c
}
