package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/usage"
)

// IsTariffs tells whether a file is one of tariffs alone, and not a community's configuration.
// Errors are usage errors that name the file.
func IsTariffs(path string) (bool, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return false, usage.Mark(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil || len(root.Content) == 0 {
		return false, nil //nolint:nilerr // whoever reads it says what is wrong
	}
	n := root.Content[0]
	if n.Kind == yaml.SequenceNode {
		return true, nil
	}
	fields := map[string]bool{}
	for k := 0; k+1 < len(n.Content); k += 2 {
		fields[n.Content[k].Value] = true
	}
	return fields["versions"] || fields["tariffs"] && len(fields) == 1, nil
}

// TariffProblems returns all that is wrong with the tariffs of a configuration, and what is
// wrong with the intervals and the zone by which they are read.
func (c Config) TariffProblems() (problems []TariffError) {
	minutes := c.Interval
	if err := (grid.Interval{Minutes: minutes}).Validate(); err != nil {
		problems = append(problems, TariffError{Path: "interval", Text: err.Error()})
		minutes = Defaults().Interval
	}
	zone, err := c.InZone()
	if field, text, _ := strings.Cut(fmt.Sprint(err), ": "); err != nil {
		problems = append(problems, TariffError{Path: field, Text: text})
		zone = time.UTC
	}
	_, wrong := c.Tariffs.read(minutes, zone)
	return append(problems, wrong...)
}

// TariffExample is a file of tariffs with all the fields that there are.
func TariffExample() string {
	return `  # A list of tariffs; of one alone its fields are enough. In a configuration they stand
  # below tariffs:, or it names the file there.
  tariffs:
    - name: time-of-use             # as tariff, tariff_of and a connection meter name it
      currency: EUR                 # ISO 4217, that of the community
      versions:                     # what was in use stays: a change is a new version
        - valid_from: 2026-01-01    # local date
          version: "2026"           # name on bills; absent: the date
          vat: {rate: 19 %, prices: net} # gross: the prices below contain it; net: it comes on the bill
          components:
            - {name: energy, kind: energy, price: 0.1250 EUR/kWh} # kind: energy, grid, levy, metering, tax
            - name: grid
              kind: grid
              windows:              # local time; together they cover each moment of a year once
                - {season: 10-01..03-31, days: mon-fri, hours: "06:00-22:00", price: 0.1410 EUR/kWh}
                - {season: 10-01..03-31, days: mon-fri, hours: "22:00-06:00", price: 0.0900 EUR/kWh}
                - {season: 10-01..03-31, days: "sat, sun", price: 0.0900 EUR/kWh}
                - {season: 04-01..09-30, price: 0.0790 EUR/kWh}
              community:            # what energy of neighbours pays of it: true, false (the default),
                reduction: 20 %     # a price, a reduction; and these by the distance of the point
                by_distance: {circuit: {reduction: 40 %}, beyond: true}
            - {name: concession, kind: levy, price: 0.0132 EUR/kWh, community: true}
            - {name: sales tax, kind: tax, percent: 2.5 %, of: [energy, grid], vat: false} # VAT does not fall on it
            - {name: base price, kind: grid, price: 6.50 EUR/month} # by the month and metering point
            - {name: meter, kind: metering, price: 0.1096 EUR/day}
            - {name: feed-in, kind: energy, side: export, price: 0.0786 EUR/kWh} # what the utility pays
    - name: dynamic
      currency: EUR
      series:                       # of prices, such as the day-ahead market's
        minutes: 15                 # or 60
        unit: EUR/MWh               # absent: EUR/kWh
        # file: prices.csv          # time,price; absent: they are pushed to /api/v1/tariffs/dynamic/prices
      versions:
        - valid_from: 2026-01-01
          components:
            - {name: energy, kind: energy, series: {factor: 1.03, addition: 0.0150 EUR/kWh}} # price × factor + addition
            - {name: feed-in, kind: energy, side: export, series: {}}
`
}
