package main

import (
	"context"
	"encoding/json"
	"io"
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
	var deviate int
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

It also says how many cars were not charged by when they were to be, of those that could have been: by the time that
the homeowner set on the page, else full when they left.

With --deviate it tries of so many members, evenly spread over all, what other orders would have brought them: prices in their favour
or against, less, more or no energy in each order. The order log is cleared anew each time, by the same engine, and settled by what was
metered; everybody else orders, and all devices do, what they did. So a gain is the least that could have been gained at best. This
also works for a community with real devices, of which there is no optimum.

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
			street := scenarios.Street{Dir: of.data, Telemetry: hub.TelemetryFile, Currency: currency, Zone: local}
			found, err := gainOf(cmd.Context(), street, begin, end, deviate)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(found)
			}
			return found.print(cmd.OutOrStdout(), currency)
		},
	}
	of.flags(c)
	c.Flags().StringVar(&from, "from", "", "day such as 2026-06-01, or time such as 2026-06-01T06:00:00Z")
	c.Flags().StringVar(&to, "to", "", "end of the time: the day after its last one, or a time")
	c.Flags().StringVar(&zone, "zone", "UTC", "local time of days")
	c.Flags().IntVar(&deviate, "deviate", 0, "try of so many members what they would have gained by other orders")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: money in millionths, energy in Wh, shares in per mille")
	return c
}

// gained is what was found.
type gained struct {
	*scenarios.Gained

	Deviation *scenarios.Deviations `json:"deviation,omitempty"`
}

// gainOf reckons what is asked for. Of a community with real devices nobody knows what homes could have done, and what single
// members would have gained is all there is.
func gainOf(ctx context.Context, street scenarios.Street, from, to time.Time, deviate int) (found gained, err error) {
	if deviate < 0 {
		return found, usage.Errorf("--deviate: %d: must be how many members are tried", deviate)
	}
	if deviate == 0 || street.Simulated() {
		g, err := street.Gain(ctx, from, to)
		if err != nil {
			return found, err
		}
		found.Gained = &g
	}
	if deviate > 0 {
		found.Deviation, err = street.Deviate(ctx, hub.OrdersDir, hub.EvidenceFile, from, to, deviate)
	}
	return found, err
}

func (g gained) print(out io.Writer, currency string) error {
	if g.Gained != nil {
		if err := g.Gained.Print(out); err != nil {
			return err
		}
	}
	if g.Deviation == nil {
		return nil
	}
	return g.Deviation.Print(out, currency)
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
