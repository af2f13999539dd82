package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"
)

// Store is where telemetry is kept.
type Store struct {
	Kind      string `yaml:"kind" eg:"influxdb" doc:"absent: embedded. On InfluxDB 2 what is missing is made: buckets b, b_1m and b_15m, and the tasks that fill them"`
	URL       string `yaml:"url" eg:"\"http://localhost:8086\""`
	Org       string `yaml:"org" eg:"o"`
	Bucket    string `yaml:"bucket" eg:"b"`
	TokenFile string `yaml:"token_file" eg:"F"`

	Keep Keep `yaml:"keep"`
}

// Keep says how long telemetry is kept; 0 is the default of the kind. Means over 15
// minutes, and what bills were made from, stay for good.
type Keep struct {
	Raw     time.Duration `yaml:"raw" eg:"840h" doc:"every reading; embedded: 48h"`
	Minutes time.Duration `yaml:"minutes" eg:"9600h" doc:"means over minutes; embedded: 840h (docs/storage.md)"`
}

// The kinds of store.
const (
	EmbeddedStore = "embedded"
	InfluxDB      = "influxdb"
)

const day = 24 * time.Hour

// Kept returns for how long telemetry is kept. In InfluxDB raw readings stay as long as late
// ones may come; embedded, the steps answer as well.
func (s Store) Kept() Keep {
	keep := Keep{Raw: 2 * day, Minutes: 35 * day}
	if s.Kind == InfluxDB {
		keep = Keep{Raw: 35 * day, Minutes: 400 * day}
	}
	return Keep{Raw: cmp.Or(s.Keep.Raw, keep.Raw), Minutes: cmp.Or(s.Keep.Minutes, keep.Minutes)}
}

// validate checks also how long readings are kept: late ones may come for 30 days.
func (s Store) validate() error {
	least := day
	if s.Kind == InfluxDB {
		least = 31 * day
	}
	keep := s.Kept()
	switch {
	case s.Kind != EmbeddedStore && s.Kind != InfluxDB:
		return fmt.Errorf("store.kind: %q: must be embedded or influxdb", s.Kind)
	case s.Kind == InfluxDB && (s.URL == "" || s.Bucket == ""):
		return errors.New("store.url, store.bucket: must be given for influxdb")
	case s.Kind == EmbeddedStore && (s.URL != "" || s.Org != "" || s.Bucket != "" || s.TokenFile != ""):
		return errors.New("store.url, store.org, store.bucket, store.token_file: have no effect on the embedded store: leave them out, or write kind: influxdb")
	case s.Keep.Raw < 0 || s.Keep.Minutes < 0:
		return errors.New("store.keep: must not be negative")
	case keep.Raw < least:
		return fmt.Errorf("store.keep.raw: %s: must be at least %s for %s", keep.Raw, least, s.Kind)
	case keep.Minutes < 31*day:
		return fmt.Errorf("store.keep.minutes: %s: must be at least %s: late readings may come for 30 days", keep.Minutes, 31*day)
	}
	if s.Kind == InfluxDB {
		if err := serves(s.URL); err != nil {
			return fmt.Errorf("store.url: %w", err)
		}
	}
	if s.TokenFile == "" {
		return nil
	}
	if _, err := os.Stat(s.TokenFile); err != nil {
		return fmt.Errorf("store.token_file: %w", err)
	}
	return nil
}
