package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

func tariffCheckCommand() *cobra.Command {
	var at ofTime
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Check the tariffs of a configuration, or of a file of its own",
		Long: `Check tariffs and say what was understood of them: the components of each version, their
windows, and the lowest and highest price of a kWh. Everything that is wrong is said at once,
with its line and field. FILE is a community's configuration, or a file with one tariff or
several:

` + config.TariffExample(),
		RunE: func(cmd *cobra.Command, args []string) error {
			at.noted(cmd)
			return checkTariffs(cmd.OutOrStdout(), args[0], at)
		},
	}
	at.flags(c)
	return c
}

// checkTariffs checks a file of either kind.
func checkTariffs(out io.Writer, file string, at ofTime) error {
	own, err := config.IsTariffs(file)
	if err != nil {
		return err
	}
	if own {
		return checkTariffFile(out, file, at)
	}
	if err := at.alone(); err != nil {
		return err
	}
	c, err := config.Read(file)
	if err != nil {
		return err
	}
	if problems := c.TariffProblems(); len(problems) > 0 {
		return wrongTariffs(file, problems)
	}
	if c, err = hub.ReadConfig(file); err != nil {
		return err
	}
	plan, err := hub.Resolve(c)
	if err != nil {
		return usage.Errorf("%s: %w", file, err)
	}
	m := plan.Money
	fmt.Fprintf(out, "%s: tariffs in %s, local time of %s, intervals of %d minutes\n", file, m.Flat.Currency, m.Zone, plan.Market.Minutes)
	if len(c.Tariff.Named) == 0 {
		fmt.Fprintf(out, "\n%s (the usual one)\n  a kWh costs %s and earns %s at all times\n", m.Flat.Version, perKWh(m.Flat.Retail, m.Flat.Currency), perKWh(m.Flat.FeedIn, m.Flat.Currency))
	}
	for _, s := range m.Given.Schedules {
		if err := describe(out, s); err != nil {
			return err
		}
	}
	for _, name := range unusedTariffs(plan) {
		fmt.Fprintf(out, "\nnobody has the tariff %q: name it in tariff, tariff_of, a connection meter or simulation.tariffs\n", name)
	}
	if note := m.Notes(); note != "" {
		fmt.Fprintf(out, "\n%s\n", note)
	}
	return nil
}

// unusedTariffs returns the names of the tariffs that nobody has.
func unusedTariffs(plan config.Plan) (all []string) {
	used := map[string]bool{}
	if plan.Simulation != nil {
		for _, name := range plan.Simulation.Tariffs {
			used[name] = true
		}
	}
	for _, d := range plan.Money.Given.Default {
		used[d.Tariff] = true
	}
	for _, dated := range plan.Money.Given.Points {
		for _, d := range dated {
			used[d.Tariff] = true
		}
	}
	for _, s := range plan.Money.Given.Schedules {
		if !used[s.Name] {
			all = append(all, s.Name)
		}
	}
	return all
}

func checkTariffFile(out io.Writer, file string, at ofTime) error {
	all, err := at.read(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: tariffs: %d\n", file, len(all))
	for _, s := range all {
		if err := describe(out, s); err != nil {
			return err
		}
	}
	return nil
}

// perKWh writes a price with the decimals that it needs, the currency's own at least.
func perKWh(p grid.Price, currency string) string { return tariff.PerKWhText(p, currency) }

// describe says what a tariff is.
func describe(out io.Writer, s tariff.Schedule) error {
	fmt.Fprintf(out, "\n%s, in %s\n", s.Name, s.Currency)
	if s.Spot != nil {
		fmt.Fprintf(out, "  series of %d minutes, prices known: %d%s\n", s.Spot.Minutes, len(s.Spot.Prices), spotSpan(*s.Spot))
	}
	for _, v := range s.Versions {
		fmt.Fprintf(out, "  version %s, valid from %s%s\n", v.Version, v.ValidFrom, vatText(v.VAT))
		for _, c := range v.Components {
			fmt.Fprintf(out, "    %-18s %-8s %s%s\n", c.Name, c.Kind, componentText(c, s.Currency), communityText(c, s.Currency))
			for _, w := range c.Windows {
				fmt.Fprintf(out, "      %-40s %s\n", w, perKWh(w.Price, s.Currency))
			}
		}
	}
	e, err := s.Extremes()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  a kWh costs %s, saves %s where it comes from neighbours, and earns %s\n", span(e.RetailLow, e.RetailHigh, s.Currency), span(e.AvoidedLow, e.AvoidedHigh, s.Currency), span(e.FeedInLow, e.FeedInHigh, s.Currency))
	return nil
}

func span(low, high grid.Price, currency string) string {
	if low == high {
		return perKWh(low, currency)
	}
	return perKWh(low, currency) + " to " + perKWh(high, currency)
}

func spotSpan(s tariff.Spot) string {
	if len(s.Prices) == 0 {
		return ": they are pushed to the API"
	}
	first, last := s.Prices[0].Start, s.Prices[len(s.Prices)-1].Start
	return fmt.Sprintf(", from %s to %s", stamp(first), stamp(last+int64(s.Minutes)*60))
}

func vatText(v *tariff.VAT) string {
	if v == nil {
		return ""
	}
	if v.Gross {
		return fmt.Sprintf(", prices with VAT of %s", v.Rate)
	}
	return fmt.Sprintf(", prices without VAT (%s, on the bill)", v.Rate)
}

// componentText says what a component comes to.
func componentText(c tariff.Component, currency string) string {
	var text string
	switch {
	case c.Per == tariff.Percent:
		text = fmt.Sprintf("%s of %s", c.Share, strings.Join(c.Of, ", "))
	case c.Per == tariff.PerDay, c.Per == tariff.PerMonth:
		text = fmt.Sprintf("%s/%s", tariff.MoneyText(c.Amount, currency), c.Per)
	case c.Price != nil:
		text = perKWh(*c.Price, currency)
	case c.Spot != nil:
		text = fmt.Sprintf("price of the series × %s + %s", c.Spot.Factor, perKWh(c.Spot.Addition, currency))
	default:
		text = "by local time"
	}
	if c.Export {
		text += ", paid for energy given"
	}
	return text
}

// communityText says what energy of neighbours pays of a component.
func communityText(c tariff.Component, currency string) string {
	texts := []string{partText(c.Community.Part, currency)}
	for _, d := range c.Community.By {
		texts = append(texts, d.Class+": "+partText(d.Part, currency))
	}
	text := strings.Join(texts, "; ")
	if c.Export || text == "nothing of it" {
		return ""
	}
	return ", neighbours' energy pays " + text
}

func partText(p tariff.Part, currency string) string {
	switch {
	case p.Price != nil:
		return perKWh(*p.Price, currency)
	case p.Share == 0:
		return "nothing of it"
	case p.Share == tariff.Whole:
		return "it too"
	default:
		return p.Share.String() + " of it"
	}
}
