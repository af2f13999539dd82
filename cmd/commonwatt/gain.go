package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/usage"
)

func gainCommand() *cobra.Command {
	var of audited
	var from, to, zone string
	var asJSON bool
	c := &cobra.Command{
		Use:   "gain",
		Short: "Compare what a simulated community made of a day with the best that it could have made of it",
		Long: `Compare what all members of a simulated community received for a day, by their settled
statements, with what their homes would have received alone and with the optimum: all batteries
and cars moved together by somebody who knew the day beforehand.

  gain = (result - alone) / (optimum - alone)

The optimum is printed with its gap: no schedule reaches more than the second number, and the gain is
reckoned against that. A second line has the optimum where batteries alone are moved and cars charge as
they come. Each way ends with other charges: what was stored more than
alone counts at the mean import price times the efficiency of discharging, what cars
took more at the mean import price. Where homes have tariffs of their own, no schedule reaches more than with the
cheapest retail and the dearest feed-in of each interval for all: that is the bound then, and the gap, to
what a schedule reaches at their own tariffs, is wider.

The directory may belong to a community that runs. Without --from and --to it is the first day whose end is settled, from its
first settled interval on. A replay has its gain in summary.json (foresight).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			currency, err := of.currency(cmd.Context())
			if err != nil {
				return err
			}
			begin, end, local, err := timeOf(from, to, zone)
			if err != nil {
				return err
			}
			gained, err := scenarios.Street{Dir: of.data, Telemetry: hub.TelemetryFile, Currency: currency, Zone: local}.Gain(cmd.Context(), begin, end)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(gained)
			}
			return gained.Print(cmd.OutOrStdout())
		},
	}
	of.flags(c)
	c.Flags().StringVar(&from, "from", "", "day such as 2026-06-01, or time such as 2026-06-01T06:00:00Z")
	c.Flags().StringVar(&to, "to", "", "end of the time: the day after its last one, or a time")
	c.Flags().StringVar(&zone, "zone", "UTC", "local time of days")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: money in millionths, energy in Wh, shares in per mille")
	return c
}

// timeOf reads the flags that give a time, zero where they give none.
func timeOf(from, to, zone string) (begin, end time.Time, local *time.Location, err error) {
	if local, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return begin, end, nil, usage.Errorf("--zone: %q is no zone of the tz database: write it as Europe/Berlin", zone)
	}
	if begin, err = moment("--from", from, local); err != nil {
		return begin, end, nil, err
	}
	if end, err = moment("--to", to, local); err != nil {
		return begin, end, nil, err
	}
	if begin.IsZero() != end.IsZero() || end.Before(begin) {
		return begin, end, nil, usage.Errorf("--from, --to: give both, the earlier first, or neither")
	}
	return begin, end, local, nil
}

// moment reads a local day or a time of a flag, the zero time where it is empty.
func moment(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage.Errorf("%s: %q is neither a day nor a time: write it as 2026-06-01 or 2026-06-01T06:00:00Z", flag, text)
	}
	return t, nil
}
