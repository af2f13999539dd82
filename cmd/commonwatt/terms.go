package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

// errTerms names the lines that a configuration lacks.
func errTerms(c config.Config) error {
	return usage.Errorf("a community with real devices needs its own name and tariff: add to its configuration (--config FILE), or start it once on a terminal, which asks for them\n%s", strings.Join(c.MissingTerms(time.Now().Year()), "\n"))
}

// hasTerms tells whether the community has its own name and tariff, or goes on without.
func hasTerms(c config.Config) bool {
	return c.Simulation != nil || len(c.Lacks()) == 0 || hub.RanAsDemo(c.Data)
}

// needTerms refuses to run a community with real devices without its own name and
// tariff, which it returns when the data directory is to keep them. On a terminal it asks
// for them, and says so: the configuration lacks them.
func needTerms(ctx context.Context, c config.Config, in io.Reader, out io.Writer, atTerminal bool, log *slog.Logger) (terms *config.Terms, asked bool, err error) {
	switch {
	case c.Simulation != nil:
		return nil, false, nil
	case len(c.Lacks()) == 0:
		return new(c.Terms()), false, nil
	case hub.RanAsDemo(c.Data):
		log.WarnContext(ctx, fmt.Sprintf("this community has real devices, and goes on with the name %q and the tariff %q: give it its own tariff, in the configuration, before bills depend on it",
			c.Community, c.Tariff.Version))
		return nil, false, nil
	case !atTerminal:
		return nil, false, errTerms(c)
	}
	fmt.Fprintf(out, "This community has real devices, and no name and tariff of its own yet. They are asked for once, and kept in %s.\n", filepath.Join(c.Data, hub.TermsFile))
	answered, err := askTerms(ctx, c, terminal.NewAsker(in, out))
	switch {
	case ctx.Err() != nil:
		return nil, false, usage.Errorf("interrupted: nothing was kept, start again")
	case err != nil:
		return nil, false, errTerms(c)
	}
	return new(answered.Terms()), true, nil
}

// askTerms asks for what is missing, until it fits. Errors: those of Asker.Ask.
func askTerms(ctx context.Context, c config.Config, a terminal.Asker) (_ config.Config, err error) {
	lacks := c.Lacks()
	answers := config.Terms{Tariff: config.TariffText{Version: strconv.Itoa(time.Now().Year())}}
	if lacks["community"] {
		if answers.Community, err = a.Ask(ctx, "What is its name? Lower-case letters, digits and dashes, such as oak-street:", config.CheckName); err != nil {
			return c, err
		}
	}
	for {
		if answers.Tariff, err = askTariff(ctx, a, answers.Tariff, c.Tariff.Currency, lacks); err != nil {
			return c, err
		}
		answered := c.Fill(answers)
		if err = config.CheckAnswered(answered.Tariff); err == nil {
			return answered, nil
		}
		fmt.Fprintf(a.Out, "That does not fit: %v\n", err)
	}
}

// askTariff asks for what the tariff lacks.
func askTariff(ctx context.Context, a terminal.Asker, t config.TariffText, currency string, lacks map[string]bool) (_ config.TariffText, err error) {
	t.Currency = currency
	if lacks["tariff.currency"] {
		if t.Currency, err = a.Ask(ctx, "Which currency is its tariff in, such as EUR?", config.CheckCurrency); err != nil {
			return t, err
		}
	}
	price := func(text string) error {
		_, err := config.AnsweredPrice(text, t.Currency)
		return err
	}
	for _, q := range []struct {
		field, question string
		into            *config.Quantity
	}{
		{"tariff.retail", "What does a kWh from the grid cost, such as 0.30 " + t.Currency + "?", &t.Retail},
		{"tariff.feed_in", "What does a kWh fed into the grid earn, such as 0.08 " + t.Currency + "?", &t.FeedIn},
	} {
		if !lacks[q.field] {
			continue
		}
		text, err := a.Ask(ctx, q.question, price)
		if err != nil {
			return t, err
		}
		if *q.into, err = config.AnsweredPrice(text, t.Currency); err != nil {
			return t, err
		}
	}
	return t, nil
}
