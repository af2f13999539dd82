package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/usage"
)

// Defaults is the demonstration: a neighbourhood on a June morning, which DefaultSimulation
// simulates.
func Defaults() Config {
	return Config{
		Community: "demo", Listen: "127.0.0.1:8080", Data: "data", Speed: 60,
		Interval: community.DefaultMinutes, GateClosure: community.DefaultGateClosure, Deadline: community.DefaultDeadline,
		Tariff: TariffText{
			Version: "demo-1", Currency: "EUR",
			Retail: Quantity{Text: "0.30 EUR/kWh"}, FeedIn: Quantity{Text: "0.06 EUR/kWh"},
		},
		Store: Store{Kind: EmbeddedStore}, Rewards: DefaultRewards(), given: map[string]bool{},
	}
}

// DefaultSimulation is a street of a dozen homes.
func DefaultSimulation() *Simulation {
	return &Simulation{Homes: 12, Seed: 1, History: 14, Start: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Latitude: 50}
}

// DefaultRewards suit a street. Peaks are the hours after work.
func DefaultRewards() Rewards {
	return Rewards{
		Budget: 1000, Schedule: "halving", Period: 365, Availability: 700, Grant: 20, Stake: 5, Slash: 50, Smoothing: 200,
		Threshold: 500, Challenges: 100, Peaks: []string{"17:00-20:00"}, Corrections: time.Hour, Pledge: 500,
	}
}

// Read reads a file over the defaults; whether the values fit shows when it is resolved.
// Errors are usage errors that name file and line.
func Read(path string) (Config, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return Config{}, usage.Mark(err)
	}
	c, err := parse(b)
	if err != nil {
		return Config{}, usage.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parse(b []byte) (Config, error) {
	c := Defaults()
	var given map[string]any // of what cannot be read nothing is given
	if yaml.Unmarshal(b, &given) != nil {
		given = nil
	}
	for _, field := range []string{"community", "simulation", "data"} {
		c.given[field] = given[field] != nil
	}
	switch tariff := given["tariff"].(type) {
	case map[string]any:
		for field := range tariff {
			c.given["tariff."+field] = true
		}
	case nil:
	default: // named: it has all that a tariff of two prices has
		for _, field := range []string{"version", "currency", "retail", "feed_in"} {
			c.given["tariff."+field] = true
		}
	}
	if given["simulation"] != nil {
		c.Simulation = DefaultSimulation()
	}
	if given["devices"] != nil {
		c.Speed = 1 // of real devices, unless the file says otherwise
	}
	if err := decode(b, &c, `"commonwatt config check --help"`); err != nil {
		return Config{}, err
	}
	if c.Simulation == nil && given["devices"] == nil {
		c.Simulation = DefaultSimulation()
	}
	return c, nil
}

// decode reads strictly; fields is where the fields are listed.
func decode(b []byte, into any, fields string) error {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return Plain(err, b, fields)
	}
	return Strictly(b, into)
}

// Given tells whether the file gives a field: community, simulation, data, or one of
// the tariff, as tariff.retail.
func (c Config) Given(field string) bool { return c.given[field] }

// Give notes that a field is given by the command line.
func (c Config) Give(field string) { c.given[field] = true }

// Terms are the name and tariff of a community. A field that is not given is empty.
type Terms struct {
	Community string     `yaml:"community"`
	Tariff    TariffText `yaml:"tariff"`
}

// ReadTerms reads the terms that a file at the path had: its text is b.
func ReadTerms(path string, b []byte) (t Terms, err error) {
	if err := decode(b, &t, "community and tariff are its fields: remove it, and give them in the configuration"); err != nil {
		return t, usage.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Fields are the texts of the terms, as they are called in the configuration.
func (t *Terms) Fields() map[string]*string {
	return map[string]*string{
		"community": &t.Community, "tariff.version": &t.Tariff.Version, "tariff.currency": &t.Tariff.Currency,
		"tariff.retail": &t.Tariff.Retail.Text, "tariff.feed_in": &t.Tariff.FeedIn.Text,
	}
}

// Terms returns those of the configuration, also where they are defaults.
func (c Config) Terms() Terms { return Terms{c.Community, c.Tariff} }

// Fill returns the configuration with what it does not give taken from other terms.
func (c Config) Fill(from Terms) Config {
	t, given := c.Terms(), map[string]bool{}
	maps.Copy(given, c.given)
	all := t.Fields()
	if len(from.Tariff.Named) > 0 && !given["tariff.version"] {
		t.Tariff.Named = from.Tariff.Named
		for field := range all {
			given[field] = given[field] || field != "community"
		}
	}
	for field, text := range from.Fields() {
		if *text != "" && !given[field] {
			*all[field] = *text
			given[field] = true
		}
	}
	c.Community, c.Tariff, c.given = t.Community, t.Tariff, given
	return c
}

// Lacks returns the fields of the terms that are not given.
func (c Config) Lacks() map[string]bool {
	lacks, t := map[string]bool{}, c.Terms()
	for field := range t.Fields() {
		if !c.given[field] {
			lacks[field] = true
		}
	}
	return lacks
}

// WithDevices returns the configuration of a community of real devices, those that are
// given beside its own; without any configured ones it runs at speed 1, unless fast says
// that the speed was given.
func (c Config) WithDevices(fast bool, paired ...Device) Config {
	if len(c.Devices) == 0 && !fast {
		c.Speed = 1
	}
	c.Simulation = nil
	c.Devices = append(c.Devices[:len(c.Devices):len(c.Devices)], paired...)
	return c
}
