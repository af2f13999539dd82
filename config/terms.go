package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/commonwatt/commonwatt/community"
)

// MissingTerms returns the lines that the configuration of a community with real devices
// lacks, with a tariff of the year as an example.
func (c Config) MissingTerms(year int) (lines []string) {
	lacks := c.Lacks()
	if lacks["community"] {
		lines = append(lines, "  community: NAME")
	}
	for field := range lacks {
		if field != "community" {
			return append(lines, fmt.Sprintf(`  tariff: {version: "%d", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}`, year))
		}
	}
	return lines
}

// CheckAnswered says what is wrong with a tariff as somebody answered it: that both prices were
// taken for each other is likelier there than that feeding in earns more than energy costs,
// which a configuration can say.
func CheckAnswered(x TariffText) error {
	t, err := x.Tariff()
	if err != nil {
		return err
	}
	if t.FeedIn > t.Retail {
		return fmt.Errorf("tariff.feed_in: %s is above retail (%s); where that is so, give the tariff in a configuration", x.FeedIn.Text, x.Retail.Text)
	}
	_, err = community.CollarOf(t)
	return err
}

// CheckName says what is wrong with a community's name as somebody answered it.
func CheckName(text string) error {
	if !NamePattern().MatchString(text) {
		return fmt.Errorf("%q is no name: use lower-case letters, digits and dashes alone, 63 at most, as in oak-street", text)
	}
	return nil
}

// CheckCurrency says what is wrong with a currency as somebody answered it.
func CheckCurrency(text string) error {
	if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(text) {
		return fmt.Errorf("%q is no currency: write its three capital letters, such as EUR or CHF", text)
	}
	return nil
}

// AnsweredPrice is a price of a kWh as the configuration has it, of one that somebody
// answered, who may have left out its unit.
func AnsweredPrice(text, currency string) (Quantity, error) {
	q := Quantity{Text: text}
	if text != "" && !strings.HasSuffix(text, "/kWh") {
		q.Text = strings.TrimSpace(strings.TrimSuffix(text, currency)) + " " + currency + "/kWh"
	}
	if _, err := q.Price("", currency); err != nil {
		return q, fmt.Errorf("%q is no price in %s a kWh: write it in %s with a point, so that 31 cents are 0.31", text, currency, currency)
	}
	return q, nil
}
