package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/usage"
)

// A community with real devices has its own name and tariff: what is billed under
// the demonstration's would have to be billed again. They come from the
// configuration, or from the data directory, which keeps those of the last start.

// termsFile keeps the name and tariff of a community with real devices.
const termsFile = "community.yaml"

// terms are the name and tariff. A field that is not given is empty.
type terms struct {
	Community string       `yaml:"community"`
	Tariff    tariffConfig `yaml:"tariff"`
}

// fields are the texts of the terms, as they are called in the configuration.
func (t *terms) fields() map[string]*string {
	return map[string]*string{
		"community": &t.Community, "tariff.version": &t.Tariff.Version, "tariff.currency": &t.Tariff.Currency,
		"tariff.retail": &t.Tariff.Retail.text, "tariff.feed_in": &t.Tariff.FeedIn.text,
	}
}

// readTerms returns what the data directory keeps, nothing when it keeps nothing.
func readTerms(dir string) (t terms, err error) {
	path := filepath.Join(dir, termsFile)
	b, err := os.ReadFile(path) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return t, usage.Errorf("%s: %w", path, plain(err, b, "community and tariff are its fields: remove it, and give them in the configuration"))
	}
	return t, nil
}

// keep writes the terms of the configuration to the data directory.
func (t terms) keep(d *disk.Dir) error {
	text := fmt.Sprintf(`# The name and tariff that this community was last started with. A configuration file wins over it.
community: %q
tariff: {version: %q, currency: %q, retail: %q, feed_in: %q}
`, t.Community, t.Tariff.Version, t.Tariff.Currency, t.Tariff.Retail.text, t.Tariff.FeedIn.text)
	if before, err := os.ReadFile(d.File(termsFile)); err == nil && string(before) == text {
		return nil
	}
	return d.Replace(termsFile, []byte(text))
}

// terms returns those of the configuration, also where they are defaults.
func (c *config) terms() terms { return terms{c.Community, c.Tariff} }

// fill takes what the configuration does not give from other terms.
func (c *config) fill(from terms) {
	t := c.terms()
	all := t.fields()
	for field, text := range from.fields() {
		if *text != "" && !c.given[field] {
			*all[field] = *text
			c.given[field] = true
		}
	}
	c.Community, c.Tariff = t.Community, t.Tariff
}

// missing returns the lines that the configuration lacks.
func (c *config) missing() (lines []string) {
	if !c.given["community"] {
		lines = append(lines, "  community: NAME")
	}
	t := c.terms()
	for field := range t.fields() {
		if !c.given[field] && field != "community" {
			return append(lines, fmt.Sprintf(`  tariff: {version: "%d", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}`, time.Now().Year()))
		}
	}
	return lines
}

// takeTerms fills in what the data directory of a community with real devices keeps.
func (c *config) takeTerms() error {
	if c.Simulation != nil {
		return nil
	}
	kept, err := readTerms(c.Data)
	if err != nil {
		return err
	}
	c.fill(kept)
	return nil
}

// errTerms names the lines that a configuration lacks.
func (c *config) errTerms() error {
	return usage.Errorf("a community with real devices needs its own name and tariff: add to its configuration (--config FILE), or start it once on a terminal, which asks for them\n%s", strings.Join(c.missing(), "\n"))
}

// hasTerms tells whether the community has its own name and tariff, or goes on
// without: one that ran with real devices under the demonstration's, before it was
// asked for its own, has a ledger in that name.
func (c *config) hasTerms() bool {
	return c.Simulation != nil || len(c.missing()) == 0 || c.ranAsDemo()
}

func (c *config) ranAsDemo() bool {
	if _, err := os.Stat(filepath.Join(c.Data, termsFile)); err == nil {
		return false
	}
	for _, name := range []string{embedded.File, ledger.IndexFile} {
		if _, err := os.Stat(filepath.Join(c.Data, name)); err == nil {
			return true
		}
	}
	return false
}

// needTerms refuses to run a community with real devices without its own name and
// tariff. On a terminal it asks for them.
func (c *config) needTerms(ctx context.Context, in io.Reader, out io.Writer, terminal bool, log *slog.Logger) error {
	switch {
	case c.Simulation != nil:
		return nil
	case len(c.missing()) == 0:
		c.keepTerms = true
		return nil
	case c.ranAsDemo():
		log.WarnContext(ctx, fmt.Sprintf("this community has real devices, and goes on with the name %q and the tariff %q: give it its own tariff, in the configuration, before bills depend on it",
			c.Community, c.Tariff.Version))
		return nil
	case !terminal:
		return c.errTerms()
	}
	q := &questions{in: bufio.NewReader(in), out: out}
	fmt.Fprintf(out, "This community has real devices, and no name and tariff of its own yet. They are asked for once, and kept in %s.\n", filepath.Join(c.Data, termsFile))
	if err := c.askTerms(ctx, q); err != nil {
		return err
	}
	c.keepTerms = true
	return nil
}

// askTerms asks for what is missing, until it fits.
func (c *config) askTerms(ctx context.Context, q *questions) error {
	answers := terms{Tariff: tariffConfig{Version: strconv.Itoa(time.Now().Year())}}
	if !c.given["community"] {
		answers.Community = q.ask(ctx, "What is its name? Lower-case letters, digits and dashes, such as oak-street:", func(text string) error {
			if !communityName().MatchString(text) {
				return fmt.Errorf("%q is no name: use lower-case letters, digits and dashes alone, 63 at most, as in oak-street", text)
			}
			return nil
		})
	}
	for {
		c.askTariff(ctx, q, &answers.Tariff)
		switch {
		case ctx.Err() != nil:
			return usage.Errorf("interrupted: nothing was kept, start again")
		case q.silent:
			return c.errTerms()
		}
		answered := *c
		answered.given = maps.Clone(c.given)
		answered.fill(answers)
		_, err := answered.tariff()
		if err == nil {
			*c = answered
			return nil
		}
		fmt.Fprintf(q.out, "That does not fit: %v\n", err)
	}
}

// askTariff asks for what the tariff lacks.
func (c *config) askTariff(ctx context.Context, q *questions, t *tariffConfig) {
	t.Currency = c.Tariff.Currency
	if !c.given["tariff.currency"] {
		t.Currency = q.ask(ctx, "Which currency is its tariff in, such as EUR?", func(text string) error {
			if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(text) {
				return fmt.Errorf("%q is no currency: write its three capital letters, such as EUR or CHF", text)
			}
			return nil
		})
	}
	price := func(text string) error {
		if _, err := (quantity{text: inFull(text, t.Currency)}).price("", t.Currency); err != nil {
			return fmt.Errorf("%q is no price in %s a kWh: write it in %s with a point, so that 31 cents are 0.31", text, t.Currency, t.Currency)
		}
		return nil
	}
	if !c.given["tariff.retail"] {
		t.Retail.text = inFull(q.ask(ctx, "What does a kWh from the grid cost, such as 0.30 "+t.Currency+"?", price), t.Currency)
	}
	if !c.given["tariff.feed_in"] {
		t.FeedIn.text = inFull(q.ask(ctx, "What does a kWh fed into the grid earn, such as 0.08 "+t.Currency+"?", price), t.Currency)
	}
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
