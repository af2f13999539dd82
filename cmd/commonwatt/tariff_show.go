package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// tariffShown says which tariff is to be shown, and of when.
type tariffShown struct {
	file, name, point, at, day string
	json                       bool
	ofTime
}

func tariffShowCommand() *cobra.Command {
	var s tariffShown
	c := &cobra.Command{
		Use:   "show",
		Short: "Show what a kWh costs over a local day",
		Long: `Show what a kWh costs at a metering point over a local day, by component: what the utility
charges and pays, the part that energy of neighbours pays too, and what a kWh of theirs saves.
A local day has 92, 96 or 100 quarters of an hour.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.noted(cmd)
			return s.show(cmd.OutOrStdout(), time.Now())
		},
	}
	f := c.Flags()
	f.StringVar(&s.file, "config", "", "configuration of the community, or file of tariffs (default: the demonstration's)")
	f.StringVar(&s.name, "tariff", "", "name of the tariff (default: the community's usual one, of a file the first)")
	f.StringVar(&s.point, "point", "", "metering point whose tariff is shown, in place of --tariff")
	f.StringVar(&s.at, "at", "", "one moment alone, local as 2026-06-01T18:00, or with its zone as 2026-06-01T16:00:00Z")
	f.StringVar(&s.day, "day", "", "local day, as 2026-06-01 (default: today, of a simulation its first)")
	f.BoolVar(&s.json, "json", false, "as JSON: prices in millionths of the currency unit per kWh")
	s.flags(c)
	return c
}

// shelf is where the tariffs come from: who has which, and when it is.
type shelf struct {
	given   tariff.Given
	minutes int
	zone    *time.Location
	now     time.Time
}

func (s tariffShown) show(out io.Writer, now time.Time) error {
	from, err := s.shelf(now)
	if err != nil {
		return err
	}
	book, err := s.book(from)
	if err != nil {
		return err
	}
	day := tariff.DateOf(from.now, from.zone)
	var moment *grid.Interval
	if s.at != "" {
		at, err := tariff.ParseMoment(s.at, from.zone)
		if err != nil {
			return usage.Errorf("--at: %w", err)
		}
		moment, day = new(grid.IntervalAt(at, from.minutes)), tariff.DateOf(at, from.zone)
	}
	if s.day != "" {
		if s.at != "" {
			return usage.Errorf("--day, --at: give one of them")
		}
		if day, err = tariff.ParseDate(s.day); err != nil {
			return usage.Errorf("--day: %w", err)
		}
	}
	slices := book.Day(s.point, day, from.minutes)
	if moment != nil {
		slices = []tariff.Slice{book.Slice(s.point, *moment)}
	}
	if s.json {
		return printDayJSON(out, from, day, slices)
	}
	return printDay(out, from, day, slices)
}

// shelf reads the tariffs.
func (s tariffShown) shelf(now time.Time) (shelf, error) {
	c := config.Defaults()
	c.Simulation = config.DefaultSimulation()
	if s.file != "" {
		own, err := config.IsTariffs(s.file)
		if err != nil {
			return shelf{}, err
		}
		if own {
			return s.ofFile(now)
		}
	}
	if err := s.alone(); err != nil {
		return shelf{}, err
	}
	if s.file != "" {
		var err error
		if c, err = hub.ReadConfig(s.file); err != nil {
			return shelf{}, err
		}
	}
	plan, err := hub.Resolve(c)
	if err != nil {
		return shelf{}, usage.Errorf("%s: %w", s.file, err)
	}
	if plan.Simulation != nil {
		now = plan.Simulation.Start
	}
	return shelf{plan.Money.Given, plan.Market.Minutes, plan.Money.Zone, now}, nil
}

func (s tariffShown) ofFile(now time.Time) (shelf, error) {
	if s.point != "" {
		return shelf{}, usage.Errorf("--point: a file of tariffs has no metering points: write --tariff, or name a configuration")
	}
	all, err := s.read(s.file)
	if err != nil {
		return shelf{}, err
	}
	zone, err := config.MoneyText{Zone: s.zone}.InZone()
	if err != nil {
		return shelf{}, err
	}
	return shelf{tariff.Given{Schedules: all, Default: []tariff.Dated{{Tariff: all[0].Name}}}, s.minutes, zone, now}, nil
}

// book makes the book in which the tariff is found that is asked for.
func (s tariffShown) book(from shelf) (*tariff.Book, error) {
	g := from.given
	if s.name != "" {
		if s.point != "" {
			return nil, usage.Errorf("--tariff, --point: give one of them")
		}
		var err error
		if g, err = g.Only(s.name); err != nil {
			return nil, usage.Errorf("--tariff: %w", err)
		}
	}
	kept, err := tariff.Kept{}.With(g, tariff.Clock{Now: from.now, Minutes: from.minutes, Zone: from.zone})
	if err != nil {
		return nil, usage.Errorf("%w", err)
	}
	return tariff.NewBook(kept, from.zone), nil
}

// printDay prints a table of the day.
func printDay(out io.Writer, from shelf, day tariff.Date, all []tariff.Slice) error {
	var first tariff.Rates
	for _, s := range all {
		if s.Err == nil {
			first = s.Rates
			break
		}
	}
	if first.Currency == "" {
		return usage.Errorf("%w", all[0].Err)
	}
	count := 0
	for _, s := range all {
		count += s.Count
	}
	fmt.Fprintf(out, "%s, version %s: %s/kWh on %s, %s, intervals of %d minutes: %d\n", first.Tariff, first.Version, first.Currency, day, from.zone, from.minutes, count)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight) //nolint:mnd // between columns
	columns := tariff.Components(all)
	if given := tariff.Paid(all); len(given) == 1 { // it is the feed-in
		columns = slices.DeleteFunc(columns, func(name string) bool { return name == given[0] })
	}
	_, _ = io.WriteString(w, "from\tto\t")
	for _, name := range columns {
		fmt.Fprintf(w, "%s\t", name)
	}
	_, _ = io.WriteString(w, "retail\tcommunity\tavoided\tfeed-in\t\n")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t", clockOf(s.First.Begin(), from.zone), clockEnd(s.End(), from.zone))
		if s.Err != nil {
			for range columns {
				_, _ = io.WriteString(w, "\t")
			}
			_, _ = io.WriteString(w, "no price\t\t\t\t\n")
			continue
		}
		for _, name := range columns {
			fmt.Fprintf(w, "%s\t", partNamed(s.Parts, name, first.Currency))
		}
		for _, p := range []grid.Price{s.Rates.Retail, s.Rates.Community, s.Rates.Avoided(), s.Rates.FeedIn} {
			fmt.Fprintf(w, "%s\t", tariff.PriceColumn(p, first.Currency))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		if s.Err != nil {
			fmt.Fprintf(out, "%v\n", s.Err)
			break
		}
	}
	return nil
}

// clockOf is a local time with the zone's abbreviation, which tells the hours apart that a
// clock has twice.
func clockOf(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04 MST") }

// clockEnd is the end of a part of a day, which midnight belongs to.
func clockEnd(t time.Time, zone *time.Location) string {
	if text := clockOf(t, zone); !strings.HasPrefix(text, "00:00") {
		return text
	}
	return "24:00 " + t.Add(-time.Second).In(zone).Format("MST")
}

func partNamed(parts []tariff.Priced, name, currency string) string {
	for _, p := range parts {
		if p.Component == name {
			return tariff.PriceColumn(p.Price, currency)
		}
	}
	return ""
}

// shownSlice is a slice of a day as JSON.
type shownSlice struct {
	Start      time.Time       `json:"start"`
	End        time.Time       `json:"end"`
	Intervals  int             `json:"intervals"`
	Rates      *tariff.Rates   `json:"rates"` // null: no price is known
	Avoided    *grid.Price     `json:"avoided,omitempty"`
	Components []tariff.Priced `json:"components,omitempty"`
	Problem    string          `json:"problem,omitempty"`
}

func printDayJSON(out io.Writer, from shelf, day tariff.Date, all []tariff.Slice) error {
	shown := make([]shownSlice, len(all))
	for k, s := range all {
		shown[k] = shownSlice{Start: s.First.Begin().In(from.zone), End: s.End().In(from.zone), Intervals: s.Count}
		if s.Err != nil {
			shown[k].Problem = s.Err.Error()
			continue
		}
		shown[k].Rates, shown[k].Avoided, shown[k].Components = &s.Rates, new(s.Rates.Avoided()), s.Parts
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"day": day, "zone": from.zone.String(), "minutes": from.minutes, "slices": shown})
}
