package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
	"github.com/commonwatt/commonwatt/usage"
)

// Days from which on a week of the year can be lived through.
const firstWeek, lastWeek = 14, 357

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
		for _, from := range o.Weeks {
			if from < firstWeek || from > lastWeek {
				return r, usage.Errorf("--week: %d: must be %d to %d, a day of the year from which on a week is known, and before which forecasts have some days to learn from", from, firstWeek, lastWeek)
			}
		}
		o.Progress = cmd.ErrOrStderr()
		return bench.Plan(cmd.Context(), o)
	})
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "the folder of the CityLearn Challenge 2022")
	f.IntVar(&o.Days, "days", o.Days, "the last days of the year, which homes live through")
	f.IntSliceVar(&o.Weeks, "week", nil, "a day of the year from which on homes live through a week, instead of a winter and a summer week; may be repeated")
	f.IntVar(&o.Homes, "homes", o.Homes, "how many of the homes")
	f.BoolVar(&o.Alone, "alone", o.Alone, "each home for itself")
	f.BoolVar(&o.Together, "together", o.Together, "all homes together")
	require(c, "dir")
	return c
}
