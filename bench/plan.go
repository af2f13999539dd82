package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/bench/planning"
	"github.com/commonwatt/commonwatt/usage"
)

// AboutPlan says what Plan measures.
const AboutPlan = `Let the homes of a recorded year live by their plans, each hour planned anew from
what was measured before. --dir is the folder of the CityLearn Challenge 2022 (17
homes, hourly; not part of the project), of which two homes are left out.

First each home for itself, without and with a car, on three tariffs, over the last
--days of the year and over a winter and a summer week, or the weeks of --week: the share of the gain of
perfect foresight that plan and rule reach, and how much worse than the rule the
worst home is beyond what is allowed (0.5 % of the cost of its import, at least 0.05
a week). Then all together, clearing price curves against each other each hour.
Every comparison begins and ends with the same charge: a difference counts at the
mean price of import. "plan" is the processor time of a plan of a battery and a car
over 96 steps and 14 scenarios.`

// PlanOptions say what Plan measures.
type PlanOptions struct {
	Dir      string
	Days     int   // of test, at the end of the year
	Weeks    []int // days of the year from which on a week is lived through besides; nil: one of winter and one of summer
	Homes    int   // of the year's, at most
	Alone    bool
	Together bool
	Progress io.Writer // nil: none
}

// PlanResult is what Plan measures.
type PlanResult struct {
	Nanos    int64                `json:"ns_per_plan_p25"`
	Groups   []PlanGroup          `json:"groups,omitempty"`
	Together []planning.Street    `json:"together,omitempty"`
	Outcomes [][]planning.Outcome `json:"outcomes,omitempty"` // by group
}

// PlanGroup is all homes over a time at a tariff.
type PlanGroup struct {
	Time   string  `json:"time"`
	Tariff string  `json:"tariff"`
	Car    bool    `json:"car"`
	Homes  int     `json:"homes"`
	Plan   float64 `json:"plan"`   // share of the gain of perfect foresight
	Rule   float64 `json:"rule"`   // the same of the rule
	Worst  float64 `json:"worst"`  // the greatest excess over the rule, millionths; below 0: none
	Home   string  `json:"home"`   // whose it is
	Missed int     `json:"missed"` // departures with less charge than was wanted
}

// window is a time that homes live through.
type window struct {
	name     string
	from, to int // hours
}

// Plan measures plans.
func Plan(ctx context.Context, o PlanOptions) (PlanResult, error) {
	var r PlanResult
	y, err := planning.Read(o.Dir)
	if err != nil {
		return r, usage.Mark(err)
	}
	y.Homes = y.Homes[:min(len(y.Homes), o.Homes)]
	if r.Nanos, err = planTime(&y); err != nil {
		return r, err
	}
	const day, winter, summer = 24, 150, 320
	weeks := []window{{"winter week", winter * day, (winter + 7) * day}, {"summer week", summer * day, (summer + 7) * day}}
	if len(o.Weeks) > 0 {
		weeks = nil
	}
	for _, from := range o.Weeks {
		weeks = append(weeks, window{fmt.Sprintf("7 days from day %d", from), from * day, (from + 7) * day})
	}
	test := window{fmt.Sprintf("last %d days", o.Days), planning.Hours - o.Days*day, planning.Hours}
	if o.Alone {
		for _, w := range append([]window{test}, weeks...) {
			if err := r.alone(ctx, &y, w, o.Progress); err != nil {
				return r, err
			}
		}
	}
	if o.Together {
		for _, tariff := range y.Tariffs() {
			s, err := planning.Community(ctx, &y, tariff, test.from, test.to)
			if err != nil {
				return r, err
			}
			r.Together = append(r.Together, s)
			report(o.Progress, "together, %s: done\n", tariff.Name)
		}
	}
	return r, nil
}

func report(w io.Writer, format string, args ...any) {
	if w != nil {
		fmt.Fprintf(w, format, args...)
	}
}

// alone lets each home live through a time by itself.
func (r *PlanResult) alone(ctx context.Context, y *planning.Year, w window, progress io.Writer) error {
	tariffs := y.Tariffs()
	first := len(r.Outcomes)
	for range len(tariffs) + 1 {
		r.Outcomes = append(r.Outcomes, nil)
	}
	for home := range y.Homes {
		all, err := planning.Single(ctx, y, home, tariffs, w.from, w.to)
		if err != nil {
			return err
		}
		for k, o := range all {
			r.Outcomes[first+k] = append(r.Outcomes[first+k], o)
		}
		report(progress, "%s, home %d of %d: done\n", w.name, home+1, len(y.Homes))
	}
	for _, all := range r.Outcomes[first:] {
		g := PlanGroup{Time: w.name, Tariff: all[0].Tariff, Car: all[0].Car, Homes: len(all), Worst: math.Inf(-1)}
		var without, rule, plan, foresight float64
		for _, o := range all {
			without, rule, plan, foresight = without+o.Without, rule+o.Rule, plan+o.Plan, foresight+o.Foresight
			g.Missed += o.Missed
			if x := o.Excess(); x > g.Worst {
				g.Worst, g.Home = x, o.Home
			}
		}
		g.Plan, g.Rule = (without-plan)/(without-foresight), (without-rule)/(without-foresight)
		r.Groups = append(r.Groups, g)
	}
	return nil
}

// planTime returns the lower quartile of what a plan of a battery and a car takes.
func planTime(y *planning.Year) (int64, error) {
	const rounds = 60
	in, err := planning.Example(y)
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread() // its processor time is measured
	defer runtime.UnlockOSThread()
	var p plan.Planner
	var took []time.Duration
	for range rounds {
		begin := threadTime()
		if _, err := p.Plan(in); err != nil {
			return 0, err
		}
		took = append(took, threadTime()-begin)
	}
	slices.Sort(took)
	return took[rounds/4].Nanoseconds(), nil
}

// Print writes the result for people.
func (r PlanResult) Print(w io.Writer) error {
	fmt.Fprintf(w, "plan   %.2f ms of processor time\n", float64(r.Nanos)/1e6)
	if len(r.Groups) > 0 {
		fmt.Fprintf(w, "\n%-14s %-12s %-4s %5s %8s %8s %9s  %s\n", "time", "tariff", "car", "homes", "rule", "plan", "missed", "worst home against the rule, beyond what is allowed")
	}
	for _, g := range r.Groups {
		car := ""
		if g.Car {
			car = "car"
		}
		fmt.Fprintf(w, "%-14s %-12s %-4s %5d %7.1f%% %7.1f%% %9d  %+.2f (%s)\n", g.Time, g.Tariff, car, g.Homes, g.Rule*100, g.Plan*100, g.Missed, g.Worst/1e6, g.Home)
	}
	for _, s := range r.Together {
		cut := func(x float64) float64 { return (s.Shared - x) / s.Shared * 100 }
		_, err := fmt.Fprintf(w, `
%d homes together, %s: of the bill of %.0f without batteries
  perfect foresight cuts %.1f %%, the agents cut %.1f %%: %.2f %% of it
  each battery by its rule cuts %.1f %% of the shared bill
`, s.Homes, s.Tariff, s.Shared/1e6, cut(s.Foresight), cut(s.Agents), s.Share()*100, cut(s.Together))
		if err != nil {
			return err
		}
	}
	return nil
}
