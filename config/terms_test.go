package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
)

// TestAnswersAreChecked takes what people answer when they are asked for a community's
// terms, and says what is wrong with the rest.
func TestAnswersAreChecked(t *testing.T) {
	price := func(text string) error {
		_, err := config.AnsweredPrice(text, "EUR")
		return err
	}
	for answer, c := range map[string]struct {
		check func(string) error
		want  string
	}{
		"oak-street":            {config.CheckName, ""},
		"Oak Street":            {config.CheckName, `"Oak Street" is no name: use lower-case letters`},
		strings.Repeat("o", 64): {config.CheckName, "63 at most"},
		"CHF":                   {config.CheckCurrency, ""},
		"euro":                  {config.CheckCurrency, `"euro" is no currency: write its three capital letters`},
		"EURO":                  {config.CheckCurrency, "is no currency"},
		"0.08":                  {price, ""},
		"much":                  {price, `"much" is no price in EUR a kWh`},
		"0.08 CHF/kWh":          {price, "so that 31 cents are 0.31"},
		"":                      {price, "is no price"},
	} {
		if err := c.check(answer); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", answer, err, c.want)
		}
	}
	for answer, want := range map[string]string{"0.08": "0.08 EUR/kWh", "0.08 EUR": "0.08 EUR/kWh", "0.08EUR": "0.08 EUR/kWh", "0.08 EUR/kWh": "0.08 EUR/kWh"} {
		if q, err := config.AnsweredPrice(answer, "EUR"); err != nil || q.Text != want {
			t.Errorf("%q is %q, want %q: %v", answer, q.Text, want, err)
		}
	}
}

// TestMissingTermsAreNamed names exactly the lines that are missing.
func TestMissingTermsAreNamed(t *testing.T) {
	const name, tariff = "  community: NAME", `  tariff: {version: "2031", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}`
	c := config.Defaults()
	named := c.Fill(config.Terms{Community: "elm"})
	full := named.Fill(config.Terms{Tariff: c.Tariff})
	for _, c := range []struct {
		of   config.Config
		want []string
	}{{c, []string{name, tariff}}, {named, []string{tariff}}, {full, nil}} {
		if got := c.of.MissingTerms(2031); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
