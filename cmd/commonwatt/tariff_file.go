package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// ofTime are the delivery intervals and the local time in which tariffs are read that no
// configuration comes with.
type ofTime struct {
	minutes int
	zone    string
	given   bool // a flag says one of them
}

func (o *ofTime) flags(c *cobra.Command) {
	c.Flags().IntVar(&o.minutes, "interval", config.Defaults().Interval, "minutes of a delivery interval, for a file of tariffs alone")
	c.Flags().StringVar(&o.zone, "zone", "UTC", "local time, as Europe/Berlin, for a file of tariffs alone")
}

// noted notes whether a flag was given.
func (o *ofTime) noted(c *cobra.Command) {
	o.given = c.Flags().Changed("interval") || c.Flags().Changed("zone")
}

// alone refuses the flags beside a configuration, which has its own.
func (o ofTime) alone() error {
	if o.given {
		return usage.Errorf("--interval, --zone: a configuration has its own: leave them out, or name a file of tariffs alone")
	}
	return nil
}

// read reads a file of tariffs.
func (o ofTime) read(file string) ([]tariff.Schedule, error) {
	if err := (grid.Interval{Minutes: o.minutes}).Validate(); err != nil {
		return nil, usage.Errorf("--interval: %w", err)
	}
	zone, err := config.MoneyText{Zone: o.zone}.InZone()
	if err != nil {
		return nil, usage.Errorf("--%w", err)
	}
	all, problems := config.ReadTariffs(file, o.minutes, zone)
	if len(problems) > 0 {
		return nil, wrongTariffs(file, problems)
	}
	return all, nil
}

// wrongTariffs says all that is wrong, a line each.
func wrongTariffs(file string, problems []config.TariffError) error {
	lines := make([]string, len(problems))
	for k, p := range problems {
		if p.File == "" {
			p.File = file
		}
		lines[k] = p.Error()
	}
	return usage.Errorf("%s", strings.Join(lines, "\n"))
}

// stamp is a time of a series.
func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
