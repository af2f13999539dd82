package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/usage"
)

// missingTerms returns the lines that a configuration lacks.
func missingTerms(c config.Config) (lines []string) {
	lacks := c.Lacks()
	if lacks["community"] {
		lines = append(lines, "  community: NAME")
	}
	for field := range lacks {
		if field != "community" {
			return append(lines, fmt.Sprintf(`  tariff: {version: "%d", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}`, time.Now().Year()))
		}
	}
	return lines
}

// errTerms names the lines that a configuration lacks.
func errTerms(c config.Config) error {
	return usage.Errorf("a community with real devices needs its own name and tariff: add to its configuration (--config FILE), or start it once on a terminal, which asks for them\n%s", strings.Join(missingTerms(c), "\n"))
}

// hasTerms tells whether the community has its own name and tariff, or goes on without.
func hasTerms(c config.Config) bool {
	return c.Simulation != nil || len(c.Lacks()) == 0 || hub.RanAsDemo(c.Data)
}

// needTerms refuses to run a community with real devices without its own name and
// tariff, which it returns when the data directory is to keep them. On a terminal it asks
// for them, and says so: the configuration lacks them.
func needTerms(ctx context.Context, c config.Config, in io.Reader, out io.Writer, terminal bool, log *slog.Logger) (terms *config.Terms, asked bool, err error) {
	switch {
	case c.Simulation != nil:
		return nil, false, nil
	case len(c.Lacks()) == 0:
		return new(c.Terms()), false, nil
	case hub.RanAsDemo(c.Data):
		log.WarnContext(ctx, fmt.Sprintf("this community has real devices, and goes on with the name %q and the tariff %q: give it its own tariff, in the configuration, before bills depend on it",
			c.Community, c.Tariff.Version))
		return nil, false, nil
	case !terminal:
		return nil, false, errTerms(c)
	}
	q := &questions{in: bufio.NewReader(in), out: out}
	fmt.Fprintf(out, "This community has real devices, and no name and tariff of its own yet. They are asked for once, and kept in %s.\n", filepath.Join(c.Data, hub.TermsFile))
	if c, err = askTerms(ctx, c, q); err != nil {
		return nil, false, err
	}
	return new(c.Terms()), true, nil
}

// askTerms asks for what is missing, until it fits.
func askTerms(ctx context.Context, c config.Config, q *questions) (config.Config, error) {
	lacks := c.Lacks()
	answers := config.Terms{Tariff: config.TariffText{Version: strconv.Itoa(time.Now().Year())}}
	if lacks["community"] {
		answers.Community = q.ask(ctx, "What is its name? Lower-case letters, digits and dashes, such as oak-street:", func(text string) error {
			if !config.NamePattern().MatchString(text) {
				return fmt.Errorf("%q is no name: use lower-case letters, digits and dashes alone, 63 at most, as in oak-street", text)
			}
			return nil
		})
	}
	for {
		answers.Tariff = askTariff(ctx, q, answers.Tariff, c.Tariff.Currency, lacks)
		switch {
		case ctx.Err() != nil:
			return c, usage.Errorf("interrupted: nothing was kept, start again")
		case q.silent:
			return c, errTerms(c)
		}
		answered := c.Fill(answers)
		_, err := answered.Tariff.Tariff()
		if err == nil {
			return answered, nil
		}
		fmt.Fprintf(q.out, "That does not fit: %v\n", err)
	}
}

// askTariff asks for what the tariff lacks.
func askTariff(ctx context.Context, q *questions, t config.TariffText, currency string, lacks map[string]bool) config.TariffText {
	t.Currency = currency
	if lacks["tariff.currency"] {
		t.Currency = q.ask(ctx, "Which currency is its tariff in, such as EUR?", func(text string) error {
			if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(text) {
				return fmt.Errorf("%q is no currency: write its three capital letters, such as EUR or CHF", text)
			}
			return nil
		})
	}
	price := func(text string) error {
		if _, err := (config.Quantity{Text: inFull(text, t.Currency)}).Price("", t.Currency); err != nil {
			return fmt.Errorf("%q is no price in %s a kWh: write it in %s with a point, so that 31 cents are 0.31", text, t.Currency, t.Currency)
		}
		return nil
	}
	if lacks["tariff.retail"] {
		t.Retail.Text = inFull(q.ask(ctx, "What does a kWh from the grid cost, such as 0.30 "+t.Currency+"?", price), t.Currency)
	}
	if lacks["tariff.feed_in"] {
		t.FeedIn.Text = inFull(q.ask(ctx, "What does a kWh fed into the grid earn, such as 0.08 "+t.Currency+"?", price), t.Currency)
	}
	return t
}

// inFull is a price as the configuration has it, of one that may lack its unit.
func inFull(price, currency string) string {
	if price == "" || strings.HasSuffix(price, "/kWh") {
		return price
	}
	return strings.TrimSpace(strings.TrimSuffix(price, currency)) + " " + currency + "/kWh"
}

// questions asks on a terminal, until nobody answers any more.
type questions struct {
	in     *bufio.Reader
	out    io.Writer
	silent bool
}

// ask asks until an answer fits, and says what is wrong with one that does not. It is
// empty when nobody answers.
func (q *questions) ask(ctx context.Context, question string, wrong func(string) error) string {
	for !q.silent {
		fmt.Fprintf(q.out, "%s ", question)
		answer, err := q.line(ctx)
		q.silent = err != nil
		if err != nil {
			break
		}
		if err = wrong(answer); err == nil {
			return answer
		}
		fmt.Fprintf(q.out, "%v.\n", err)
	}
	return ""
}

func (q *questions) line(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // it ends with the program: nothing else ends the wait at a terminal
		text, err := q.in.ReadString('\n')
		answers <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-answers:
		return a.text, a.err
	}
}
