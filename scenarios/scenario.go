// Package scenarios replays a described community through the same engine,
// settlement and contracts that run live, without sockets and without waiting.
//
// A replay depends on the scenario file, its seed and the program's version
// alone: two replays write the same bytes.
package scenarios

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/tariff"
)

// Calendar is when a scenario takes place, and in which intervals.
type Calendar struct {
	Start       time.Time     `yaml:"start"`
	Days        int           `yaml:"days"`
	History     int           `yaml:"history"`  // days before the start that the agents know
	Interval    int           `yaml:"interval"` // minutes
	GateClosure time.Duration `yaml:"gate_closure"`
	Deadline    time.Duration `yaml:"deadline"`
}

// StreetText says which homes there are.
type StreetText struct {
	Homes      int      `yaml:"homes"`
	Street     string   `yaml:"street"`     // usual, or all-electric
	Appliances bool     `yaml:"appliances"` // three homes of four have one that waits until it is started
	Holidays   []string `yaml:"holidays"`   // calendars and dates that are like Sundays where people have habits
}

// World returns the physics of the scenario's street.
func (s Scenario) World() world.Spec {
	street, _ := world.ParseStreet(s.Street) // Validate checks it
	return street.Of(world.Spec{
		Seed: s.Seed, Start: s.Start.UTC(), Latitude: s.Latitude, Longitude: s.Longitude, Holidays: s.Holidays,
	}, s.Homes).WithAppliances(s.Appliances)
}

// Scenario is a scenario file. Unknown fields are errors.
type Scenario struct {
	Version int    `yaml:"version"` // of the format: 1
	Name    string `yaml:"name"`
	Seed    uint64 `yaml:"seed"`

	Calendar `yaml:",inline"`

	Latitude   float64 `yaml:"latitude"`
	Longitude  float64 `yaml:"longitude"`
	StreetText `yaml:",inline"`
	Mechanism  string `yaml:"mechanism"` // of the call auction

	config.TradingText `yaml:",inline"` // when orders trade

	Tariff config.TariffText `yaml:"tariff"`

	config.MoneyText    `yaml:",inline"` // other tariffs, and who has them
	HomeTariffs         []string         `yaml:"home_tariffs"` // which the homes have in turn
	config.SharingText  `yaml:",inline"` // what is left over is shared
	config.StrategyText `yaml:",inline"`

	Rewards *config.Rewards `yaml:"rewards"` // storage rewards; absent: none
	Cheats  []CheatText     `yaml:"cheats"`  // whose battery only pretends
	Deviate int             `yaml:"deviate"` // of how many members it is tried what they would gain by trading otherwise

	// Rates say what a kWh costs at each metering point, by the interval; nil: the tariffs above.
	Rates community.Tariffs `yaml:"-"`

	Digest string `yaml:"-"` // SHA-256 of the file
}

// Uniform names the one mechanism there is so far.
const Uniform = "uniform"

// Parse reads a scenario. The error names the line or the field.
func Parse(b []byte) (Scenario, error) {
	s := Scenario{
		Calendar: Calendar{
			Days: 1, Interval: community.DefaultMinutes, GateClosure: community.DefaultGateClosure, Deadline: community.DefaultDeadline,
		},
		Mechanism: Uniform,
	}
	var given struct {
		Rewards *yaml.Node `yaml:"rewards"`
	}
	if err := yaml.Unmarshal(b, &given); err == nil && given.Rewards != nil {
		s.Rewards = new(config.DefaultRewards())
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		if errors.Is(err, io.EOF) {
			return Scenario{}, errors.New("the file is empty")
		}
		return Scenario{}, err
	}
	if err := config.Strictly(b, &s); err != nil {
		return Scenario{}, err
	}
	sum := sha256.Sum256(b)
	s.Digest = hex.EncodeToString(sum[:])
	return s, s.Validate()
}

// Share replaces how the scenario shares. Beside an allocation key there is no pool.
func (s *Scenario) Share(k config.KeyText) {
	if s.Sharing = k; k.IsKey() {
		s.Pool = config.PoolText{}
	}
}

// Validate checks the scenario. The error begins with the name of the field.
func (s Scenario) Validate() error {
	for _, check := range []func() error{s.checkSizes, s.checkPlace, s.checkRewards, s.checkMembers, s.checkMoney} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkSizes checks what everything else depends on.
func (s Scenario) checkSizes() error {
	switch {
	case s.Version != 1:
		return fmt.Errorf("version: %d: this program reads version 1", s.Version)
	case s.Start.IsZero() || s.Start.Unix()%3600 != 0 || s.Start.Nanosecond() != 0:
		return errors.New("start: must be given and be a full hour")
	case s.Days < 1 || s.Days > 366:
		return fmt.Errorf("days: %d: must be 1 to 366", s.Days)
	case s.History < 0 || s.History > 366:
		return fmt.Errorf("history: %d: must be 0 to 366 days", s.History)
	case s.Homes < 1 || s.Homes > 1000:
		return fmt.Errorf("homes: %d: must be 1 to 1000", s.Homes)
	case s.Mechanism != Uniform:
		return fmt.Errorf("mechanism: %q: must be %s", s.Mechanism, Uniform)
	case s.Deviate < 0 || s.Deviate > s.Homes:
		return fmt.Errorf("deviate: %d: must be 0 to %d, as many as there are homes", s.Deviate, s.Homes)
	case s.Deviate > 0 && s.Sharing.IsKey():
		return errors.New("deviate: nobody trades where an allocation key shares: leave it out, or share by the market")
	}
	if err := (config.CalendarText{Interval: s.Interval, GateClosure: s.GateClosure, Deadline: s.Deadline}).Check(); err != nil {
		return err
	}
	_, err := s.Way()
	return err
}

// checkPlace checks where and what the street is.
func (s Scenario) checkPlace() error {
	if err := (config.PlaceText{Start: s.Start, Latitude: s.Latitude, Longitude: s.Longitude}).Check(""); err != nil {
		return err
	}
	if _, err := world.ParseStreet(s.Street); err != nil {
		return fmt.Errorf("street: %w", err)
	}
	if err := world.CheckHolidays(s.Holidays); err != nil {
		return fmt.Errorf("holidays: %w", err)
	}
	return nil
}

// checkRewards checks the storage rewards, and who cheats.
func (s Scenario) checkRewards() error {
	homes := s.World().Homes
	for i, c := range s.Cheats {
		if _, err := world.ParseCheat(string(c.Cheat)); err != nil {
			return fmt.Errorf("cheats[%d].cheat: %w", i, err)
		}
		if !slices.ContainsFunc(homes, func(h world.Home) bool { return h.ID == c.Home && h.Battery.Capacity > 0 }) {
			return fmt.Errorf("cheats[%d].home: there is no home %q with a battery", i, c.Home)
		}
	}
	if s.Rewards != nil {
		if _, err := (rewards.Terms{Rewards: *s.Rewards}).Programme(s.Interval, s.Currency()); err != nil {
			return fmt.Errorf("rewards.%w", err)
		}
	}
	return nil
}

// checkMembers checks that all that is said of homes is of homes that there are.
func (s Scenario) checkMembers() error {
	homes := s.World().Homes
	if err := s.Check(func(name string) bool {
		return slices.ContainsFunc(homes, func(h world.Home) bool { return h.ID == name })
	}); err != nil {
		return err
	}
	if _, err := s.Limits(s.Currency()); err != nil {
		return err
	}
	isPoint := func(point string) bool {
		return slices.ContainsFunc(homes, func(h world.Home) bool { return "mp-"+h.ID == point })
	}
	return cmp.Or(s.Sharing.Strangers(isPoint), s.MoneyText.Strangers(isPoint))
}

// checkMoney checks tariffs and rules.
func (s Scenario) checkMoney() error {
	_, err := s.terms()
	return err
}

// book says what energy costs each home in each interval.
func (s Scenario) book(m config.Money) (*tariff.Book, error) {
	given := m.Given
	given.Points = maps.Clone(given.Points)
	for k, h := range s.World().Homes {
		point := "mp-" + h.ID // as the recorder names it
		if _, own := given.Points[point]; !own && len(s.HomeTariffs) > 0 {
			given.Points[point] = []tariff.Dated{{Tariff: s.HomeTariffs[k%len(s.HomeTariffs)]}}
		}
	}
	kept, err := tariff.Kept{}.With(given, tariff.Clock{Now: s.Start, Minutes: s.Interval, Zone: m.Zone})
	if err != nil {
		return nil, fmt.Errorf("home_tariffs: %w", err)
	}
	return tariff.NewBook(kept, m.Zone), nil
}

// Currency is that of all tariffs; where they are wrong, which Validate says, what the usual
// one says.
func (s Scenario) Currency() string {
	money, err := s.Money(s.Tariff, s.Interval)
	if err != nil {
		return s.Tariff.Currency
	}
	return money.Flat.Currency
}
