package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// A community with real devices has its own name and tariff: what is billed under
// the demonstration's would have to be billed again. They come from the
// configuration, or from the data directory, which keeps those of the last start.

// TermsFile keeps the name and tariff of a community with real devices.
const TermsFile = "community.yaml"

// ReadTerms returns what a data directory keeps, nothing when it keeps nothing.
func ReadTerms(dir string) (config.Terms, error) {
	if err := disk.Lacks(dir, TermsFile); err != nil {
		return config.Terms{}, err
	}
	path := filepath.Join(dir, TermsFile)
	b, err := os.ReadFile(path) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		return config.Terms{}, nil
	}
	if err != nil {
		return config.Terms{}, err
	}
	return config.ReadTerms(path, b)
}

// WithTerms fills in what the data directory of a community with real devices keeps.
func WithTerms(c config.Config) (config.Config, error) {
	if c.Simulation != nil {
		return c, nil
	}
	kept, err := ReadTerms(c.Data)
	return c.Fill(kept), err
}

func keepsTerms(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, TermsFile))
	return err == nil
}

// RanAsDemo tells whether a directory was used by a community with real devices under
// the demonstration's name and tariff, before it was asked for its own: its ledger is in
// that name.
func RanAsDemo(dir string) bool {
	if keepsTerms(dir) {
		return false
	}
	for _, name := range []string{embedded.File, ledger.IndexFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// KeepTerms writes terms to the data directory.
func KeepTerms(d *disk.Dir, t config.Terms) error {
	if len(t.Tariff.Named) > 0 { // its prices are in the configuration, and in shelf.File
		named := fmt.Sprintf("# The name and tariff that this community was last started with. A configuration file wins over it.\ncommunity: %q\ntariff: %q\n",
			t.Community, t.Tariff.Named[len(t.Tariff.Named)-1].Tariff)
		return d.Replace(TermsFile, []byte(named))
	}
	text := fmt.Sprintf(`# The name and tariff that this community was last started with. A configuration file wins over it.
community: %q
tariff: {version: %q, currency: %q, retail: %q, feed_in: %q}
`, t.Community, t.Tariff.Version, t.Tariff.Currency, t.Tariff.Retail.Text, t.Tariff.FeedIn.Text)
	if before, err := os.ReadFile(d.File(TermsFile)); err == nil && string(before) == text {
		return nil
	}
	return d.Replace(TermsFile, []byte(text))
}
