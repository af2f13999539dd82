package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/rewards"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// config is the file given with --config. Unknown fields are errors.
type config struct {
	Community   string        `yaml:"community"`
	Listen      string        `yaml:"listen"`
	Data        string        `yaml:"data"`
	Speed       float64       `yaml:"speed"`
	Interval    int           `yaml:"interval"` // minutes
	GateClosure time.Duration `yaml:"gate_closure"`
	Deadline    time.Duration `yaml:"deadline"`
	CallEvery   time.Duration `yaml:"call_every"` // 0: at gate closure alone
	Tariff      tariffConfig  `yaml:"tariff"`
	Feeder      *feeder       `yaml:"feeder"`
	Simulation  *simulation   `yaml:"simulation"`
	Devices     []device      `yaml:"devices"`
	Profiles    []string      `yaml:"profiles"` // files, beside those that are built in
	Agents      []agentConfig `yaml:"agents"`

	Gateways []gatewayConfig `yaml:"gateways"` // on other machines, whose readings count

	standby bool             // of the command line
	edge    bool             // of a gateway: it reads some of the community's devices
	clock   func() time.Time // of real devices, in a test; nil: time.Now

	given     map[string]bool // of the terms, simulation and data: whether the file or the data directory gives them
	keepTerms bool            // the data directory is to keep them

	Bus   busConfig   `yaml:"bus"`
	Store storeConfig `yaml:"store"`

	scenarios.SharingText  `yaml:",inline"` // what is left over is shared
	scenarios.StrategyText `yaml:",inline"`

	Ledger  ledgerConfig  `yaml:"ledger"`
	Rewards rewards.Terms `yaml:"rewards"`
}

type tariffConfig struct {
	Version  string   `yaml:"version"`
	Currency string   `yaml:"currency"`
	Retail   quantity `yaml:"retail"`  // as in "0.30 EUR/kWh"
	FeedIn   quantity `yaml:"feed_in"` // the same
}

// feeder is the radial feeder that the community trades over. Without one all
// metering points are at one node.
type feeder struct {
	Nodes []feederNode `yaml:"nodes"`
}

type feederNode struct {
	ID          string   `yaml:"id"`
	Parent      string   `yaml:"parent"`
	Fee         quantity `yaml:"fee"`          // of the line to the parent, as in "0.02 EUR/kWh"
	ExportLimit quantity `yaml:"export_limit"` // of that line, as in "10 kW"
	ImportLimit quantity `yaml:"import_limit"`
}

// simulation describes the simulated neighbourhood.
type simulation struct {
	Homes     int       `yaml:"homes"`
	Seed      uint64    `yaml:"seed"`
	Start     time.Time `yaml:"start"`
	Latitude  float64   `yaml:"latitude"`
	Longitude float64   `yaml:"longitude"`
	Nodes     []string  `yaml:"nodes"` // of the feeder, to which the homes are spread in turn
	Outages   []outage  `yaml:"outages"`
	Faults    []fault   `yaml:"faults"`
	Control   *bool     `yaml:"control"` // batteries keep what their homes promised; absent: true
}

// fault makes a simulated device misbehave.
type fault struct {
	Device string `yaml:"device"`
	Fault  string `yaml:"fault"`
}

// outage takes a simulated device off the network for a while.
type outage struct {
	Device string        `yaml:"device"`
	After  time.Duration `yaml:"after"` // wall time from readiness
	Lasts  time.Duration `yaml:"lasts"` // wall time
}

// device is a real device to read.
type device struct {
	ID            string   `yaml:"id"`
	Member        string   `yaml:"member"`
	MeteringPoint string   `yaml:"metering_point"`
	Node          string   `yaml:"node"`         // of the feeder, of a connection meter; absent: the root
	ImportLimit   quantity `yaml:"import_limit"` // of a connection meter: what it can take at most, as in "11 kW"
	ExportLimit   quantity `yaml:"export_limit"` // what it can give at most
	Address       string   `yaml:"address"`      // HOST:PORT, or a target as of pair
	Unit          uint8    `yaml:"unit"`
	Profile       string   `yaml:"profile"`
	Kind          string   `yaml:"kind"`     // of a device that is several things; absent: what it is first of all
	Rated         quantity `yaml:"rated"`    // what it moves at most, as in "10 kW": a register that gains more is not believed
	Inverted      bool     `yaml:"inverted"` // a meter mounted the wrong way round
	Serial        string   `yaml:"serial"`
	Gateway       string   `yaml:"gateway"`  // the gateway that reads it, when that is another machine
	Control       bool     `yaml:"control"`  // it may be written to: a battery keeps what its home promised
	Shares        *bool    `yaml:"shares"`   // of a connection meter: it takes part in own energy and pool; absent: true
	Capacity      quantity `yaml:"capacity"` // of a battery, as in "10 kWh": with rated and control it takes part in the storage rewards

	since time.Time // when it was paired; zero: it was configured
}

// kind returns what the device is read as.
func (d device) kind(p *profile.Profile) grid.DeviceKind {
	return cmp.Or(grid.DeviceKind(d.Kind), p.Kind)
}

// profiles returns those that are built in, those with which devices were paired,
// and the configured files.
func (c config) profiles() (*profile.Set, error) {
	set, err := profile.Embedded()
	if err != nil {
		return nil, err
	}
	kept, err := filepath.Glob(filepath.Join(c.Data, keptProfiles, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, name := range kept {
		if err := addProfile(set, name); err != nil {
			return nil, err
		}
	}
	for i, name := range c.Profiles {
		if err := addProfile(set, name); err != nil {
			return nil, fmt.Errorf("profiles[%d]: %w", i, err)
		}
	}
	return set, nil
}

// keptProfiles is where the data directory holds the profiles with which devices
// were paired.
const keptProfiles = "profiles"

// limits returns what the metering point can take and give at most, 0 when that
// is not limited.
func (d device) limits(path string) (imports, exports grid.Power, err error) {
	if d.ImportLimit.text != "" {
		if imports, err = d.ImportLimit.power(path + ".import_limit"); err != nil {
			return 0, 0, err
		}
	}
	if d.ExportLimit.text != "" {
		exports, err = d.ExportLimit.power(path + ".export_limit")
	}
	return imports, exports, err
}

// agentConfig lets a program outside trade for a member instead of the agent
// that is built in.
type agentConfig struct {
	Name    string  `yaml:"name"`
	Member  string  `yaml:"member"`
	KeyFile string  `yaml:"key_file"`
	Rate    float64 `yaml:"rate"` // orders a second
}

// shortestKey is what a key must have at least, in bytes.
const shortestKey = 32

// key reads an agent's key.
func (a agentConfig) key() (string, error) {
	b, err := os.ReadFile(a.KeyFile)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(b))
	if len(key) < shortestKey {
		return "", fmt.Errorf("%s: a key of %d characters is too short: use %d or more, as from openssl rand -hex 32", a.KeyFile, len(key), shortestKey)
	}
	return key, nil
}

type busConfig struct {
	URL      string `yaml:"url"` // nats://a,b,c; empty: embedded
	Replicas int    `yaml:"replicas"`
	OrderLog bool   `yaml:"order_log"` // the order log is a stream on the bus, not a file

	Gateways leafConfig `yaml:"gateways"` // where gateways connect to the embedded bus
}

// leafConfig is where gateways connect.
type leafConfig struct {
	Listen string `yaml:"listen"` // HOST:PORT
	Cert   string `yaml:"cert"`   // PEM files; only loopback may do without
	Key    string `yaml:"key"`
}

type storeConfig struct {
	Kind      string `yaml:"kind"` // embedded or influxdb
	URL       string `yaml:"url"`
	Org       string `yaml:"org"`
	Bucket    string `yaml:"bucket"`
	TokenFile string `yaml:"token_file"`

	Keep keepConfig `yaml:"keep"`
}

// keepConfig says how long telemetry is kept; 0 is the default of the kind.
type keepConfig struct {
	Raw     time.Duration `yaml:"raw"`
	Minutes time.Duration `yaml:"minutes"`
}

const day = 24 * time.Hour

// keep returns how long telemetry is kept. In InfluxDB settlement asks for raw
// readings as long as late ones may come; embedded, the steps answer as well.
func (c storeConfig) keep() store.Keep {
	keep := store.Keep{Raw: 2 * day, Minutes: 35 * day}
	if c.Kind == "influxdb" {
		keep = store.Keep{Raw: 35 * day, Minutes: 400 * day}
	}
	return store.Keep{Raw: cmp.Or(c.Keep.Raw, keep.Raw), Minutes: cmp.Or(c.Keep.Minutes, keep.Minutes)}
}

// validate checks how long readings are kept: late ones may come for 30 days.
func (c storeConfig) validate() error {
	least := day
	if c.Kind == "influxdb" {
		least = 31 * day
	}
	switch keep := c.keep(); {
	case keep.Raw < least:
		return fmt.Errorf("store.keep.raw: %s: must be at least %s for %s", keep.Raw, least, c.Kind)
	case keep.Minutes < 31*day:
		return fmt.Errorf("store.keep.minutes: %s: must be at least %s: late readings may come for 30 days", keep.Minutes, 31*day)
	}
	return nil
}

// quantity is a number with its unit, as written.
type quantity struct {
	text string
	line int
}

func (q *quantity) UnmarshalYAML(n *yaml.Node) error {
	q.text, q.line = n.Value, n.Line
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want a price, such as 0.30 EUR/kWh", n.Line)
	}
	return nil
}

// price reads "0.30 EUR/kWh".
func (q quantity) price(field, currency string) (grid.Price, error) {
	p, err := grid.ParsePrice(q.text, currency)
	if err != nil && q.line > 0 {
		return 0, fmt.Errorf("line %d: %s: %w", q.line, field, err)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, err)
	}
	return p, nil
}

// power reads "10 kW" or "800 W".
func (q quantity) power(field string) (grid.Power, error) {
	m := regexp.MustCompile(`^([0-9]+)(?:\.([0-9]{1,3}))? ?(kW|W)$`).FindStringSubmatch(q.text)
	if m == nil || m[3] == "W" && m[2] != "" || len(m[1]) > 9 {
		return 0, fmt.Errorf("line %d: %s: %q: want a power, such as 10 kW or 800 W", q.line, field, q.text)
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || m[3] == "W" {
		return grid.Power(whole), err
	}
	const thousandths = "000"
	part, err := strconv.ParseInt("0"+(m[2] + thousandths)[:3], 10, 64)
	return grid.Power(whole*1000 + part), err
}

// energy reads "10 kWh" or "800 Wh".
func (q quantity) energy(field string) (grid.Energy, error) {
	p, err := quantity{strings.TrimSuffix(q.text, "h"), q.line}.power(field)
	if err != nil || !strings.HasSuffix(q.text, "h") {
		return 0, fmt.Errorf("line %d: %s: %q: want an energy, such as 10 kWh or 800 Wh", q.line, field, q.text)
	}
	return grid.Energy(p), nil
}

// defaults is the demonstration: a simulated neighbourhood on a June morning.
func defaults() config {
	return config{
		Community: "demo", Listen: "127.0.0.1:8080", Data: "data", Speed: 60,
		Interval: community.DefaultMinutes, GateClosure: community.DefaultGateClosure, Deadline: community.DefaultDeadline,
		Tariff: tariffConfig{
			Version: "demo-1", Currency: "EUR",
			Retail: quantity{text: "0.30 EUR/kWh"}, FeedIn: quantity{text: "0.06 EUR/kWh"},
		},
		Store: storeConfig{Kind: "embedded"}, Rewards: rewards.DefaultTerms(), given: map[string]bool{},
	}
}

func defaultSimulation() *simulation {
	return &simulation{Homes: 12, Seed: 1, Start: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Latitude: 50}
}

// readConfig reads a file over the defaults. Errors are usage errors that name
// file and line.
func readConfig(path string) (config, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return config{}, usage.Mark(err)
	}
	c, err := parseConfig(b)
	if err != nil {
		return config{}, usage.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseConfig(b []byte) (config, error) {
	c := defaults()
	var given map[string]any // of what cannot be read nothing is given
	if yaml.Unmarshal(b, &given) != nil {
		given = nil
	}
	for _, field := range []string{"community", "simulation", "data"} {
		c.given[field] = given[field] != nil
	}
	tariff, _ := given["tariff"].(map[string]any)
	for field := range tariff {
		c.given["tariff."+field] = true
	}
	if given["simulation"] != nil {
		c.Simulation = defaultSimulation()
	}
	if given["devices"] != nil {
		c.Speed = 1 // of real devices, unless the file says otherwise
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return config{}, plain(err, b, `"commonwatt config check --help"`)
	}
	if c.Simulation == nil && given["devices"] == nil {
		c.Simulation = defaultSimulation()
	}
	return c, c.validate()
}

// addPaired adds the devices that were paired on the data directory. Without
// configured devices they take the place of the simulation, which never shares a
// directory with them.
func (c *config) addPaired(speedGiven bool) error {
	desk := pairing.Open(c.Data, nil, nil)
	paired, err := desk.Paired()
	if err != nil {
		return err
	}
	if len(paired) == 0 {
		begun, err := desk.Sessions()
		if len(begun) > 0 && c.Simulation != nil && !isSimulated(c.Data) {
			return usage.Errorf("--data %s: a device is being paired there, and none is paired yet: finish it (commonwatt pair list shows it), give it up (pair remove), or give a simulated neighbourhood another directory", c.Data)
		}
		if _, kept := os.Stat(filepath.Join(c.Data, termsFile)); kept == nil && !c.given["simulation"] {
			c.toReal(speedGiven) // all of its devices were removed
		}
		return err
	}
	c.toReal(speedGiven)
	for _, b := range paired {
		c.Devices = append(c.Devices, ofBinding(b))
	}
	return nil
}

// toReal makes the community one of real devices.
func (c *config) toReal(speedGiven bool) {
	if len(c.Devices) == 0 && !speedGiven {
		c.Speed = 1
	}
	c.Simulation = nil
}

// isSimulated tells whether a data directory is a simulated neighbourhood's.
func isSimulated(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "simulation.db"))
	return err == nil
}

// addProfile adds a profile from a file.
func addProfile(set *profile.Set, file string) error {
	err := set.AddFile(file)
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%s: %w", file, plain(err, nil, "docs/profiles.md"))
	}
	return err
}

func communityName() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`) }

func (c config) validate() error {
	switch {
	case !communityName().MatchString(c.Community):
		return fmt.Errorf("community: %q: use lower-case letters, digits and dashes", c.Community)
	case c.Speed <= 0 || c.Speed > 3600:
		return fmt.Errorf("speed: %g: must be above 0 and at most 3600", c.Speed)
	case len(c.Devices) > 0 && c.Simulation != nil:
		return errors.New("devices, simulation: give one of them, not both")
	case len(c.Devices) > 0 && c.Speed != 1:
		return fmt.Errorf("speed: %g: real devices run at speed 1", c.Speed)
	case c.Store.Kind != "embedded" && c.Store.Kind != "influxdb":
		return fmt.Errorf("store.kind: %q: must be embedded or influxdb", c.Store.Kind)
	case c.Store.Kind == "influxdb" && (c.Store.URL == "" || c.Store.Bucket == ""):
		return errors.New("store.url, store.bucket: must be given for influxdb")
	case c.Bus.OrderLog && c.Bus.URL == "":
		return errors.New("bus.order_log: wants bus.url: the embedded bus is gone with its process")
	case c.standby && !c.Bus.OrderLog:
		return errors.New("--standby: wants bus.url and bus.order_log in the configuration, so that there is an order log to go on with")
	case c.GateClosure < 0 || c.Deadline < 0:
		return errors.New("gate_closure, deadline: must not be negative")
	case c.CallEvery != 0 && c.CallEvery < time.Second:
		return fmt.Errorf("call_every: %s: must be at least 1s, or 0: no call auction before gate closure", c.CallEvery)
	}
	if err := (grid.Interval{Minutes: c.Interval}).Validate(); err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := errors.Join(c.Store.validate(), c.validateGateways()); err != nil {
		return err
	}
	if s := c.Simulation; s != nil && (s.Homes < 1 || s.Homes > 1000) {
		return fmt.Errorf("simulation.homes: %d: must be 1 to 1000", s.Homes)
	}
	if s := c.Simulation; s != nil && (math.Abs(s.Latitude) > 90 || math.Abs(s.Longitude) > 180) {
		return fmt.Errorf("simulation.latitude, longitude: %g, %g: must be degrees, at most 90 and 180", s.Latitude, s.Longitude)
	}
	if c.Store.TokenFile != "" {
		if _, err := os.Stat(c.Store.TokenFile); err != nil {
			return fmt.Errorf("store.token_file: %w", err)
		}
	}
	if s := c.Simulation; s != nil && s.Start.Unix()%60 != 0 {
		return fmt.Errorf("simulation.start: %s: must be a whole minute", s.Start.Format(time.RFC3339))
	}
	if c.Simulation != nil {
		for i, f := range c.Simulation.Faults {
			if _, err := sim.ParseFault(f.Fault); err != nil {
				return fmt.Errorf("simulation.faults[%d].fault: %w", i, err)
			}
		}
	}
	if err := c.validateDevices(); err != nil {
		return err
	}
	if err := c.validateAgents(); err != nil {
		return err
	}
	if err := c.validatePlaces(); err != nil {
		return err
	}
	if _, err := c.Rewards.Programme(c.Interval, c.Tariff.Currency); err != nil && !c.Rewards.Off {
		return fmt.Errorf("rewards.%w", err)
	}
	if err := c.Ledger.validate(); err != nil {
		return err
	}
	if err := c.Check(func(string) bool { return true }); err != nil { // their members: validateMembers
		return err
	}
	if _, err := c.Rules(); err != nil {
		return err
	}
	_, err := c.tariff()
	return err
}

// validateDevices checks what would otherwise show only while running.
func (c config) validateDevices() error {
	profiles, err := c.profiles()
	if err != nil {
		return err
	}
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	ids, meters := map[string]bool{}, map[string]string{}
	for i, d := range c.Devices {
		path := fmt.Sprintf("devices[%d]", i)
		p := profiles.Get(d.Profile)
		switch {
		case p == nil:
			return fmt.Errorf("%s.profile: there is no profile %q: \"commonwatt pair profiles\" lists them, and profiles: adds files", path, d.Profile)
		case !slices.Contains(p.Kinds(), d.kind(p)):
			return fmt.Errorf("%s.kind: %q: profile %s reads %v", path, d.Kind, p.ID, p.Kinds())
		case d.ID == "" || ids[d.ID]:
			return fmt.Errorf("%s.id: %q is missing or given twice", path, d.ID)
		case !name.MatchString(d.Member):
			return fmt.Errorf("%s.member: %q: use letters, digits, - and _", path, d.Member)
		case !name.MatchString(d.MeteringPoint) || slices.Contains(record.SystemAccounts(), d.MeteringPoint):
			return fmt.Errorf("%s.metering_point: %q: use letters, digits, - and _, and no name of a system account", path, d.MeteringPoint)
		case d.kind(p) == grid.Meter && meters[d.MeteringPoint] != "":
			return fmt.Errorf("%s.metering_point: %q has the connection meter %q already", path, d.MeteringPoint, meters[d.MeteringPoint])
		}
		if _, err := modbus.ParseEndpoint(d.Address); err != nil && d.Gateway == "" {
			return fmt.Errorf("%s.address: %w", path, err)
		}
		if d.Gateway != "" && !slices.ContainsFunc(c.Gateways, func(g gatewayConfig) bool { return g.ID == d.Gateway }) {
			return fmt.Errorf("%s.gateway: there is no gateway %q under gateways", path, d.Gateway)
		}
		if d.Shares != nil && d.kind(p) != grid.Meter {
			return fmt.Errorf("%s.shares: %q is no connection meter: write shares: %t at the connection meter of %s, which it is about", path, d.ID, *d.Shares, d.MeteringPoint)
		}
		if d.Capacity.text != "" {
			if _, err := d.Capacity.energy(path + ".capacity"); err != nil {
				return err
			}
		}
		if d.Rated.text != "" {
			if _, err := d.Rated.power(path + ".rated"); err != nil {
				return err
			}
		}
		ids[d.ID] = true
		if d.kind(p) == grid.Meter {
			meters[d.MeteringPoint] = d.ID
		}
	}
	for i, d := range c.Devices {
		if c.edge {
			break // the community has the others
		}
		if meters[d.MeteringPoint] == "" {
			return fmt.Errorf("devices[%d].metering_point: %q has no connection meter among the devices: it could not be billed", i, d.MeteringPoint)
		}
	}
	return nil
}

func (c config) validateGateways() error {
	leafs := c.Bus.Gateways
	if leafs.Listen != "" {
		host, _, err := net.SplitHostPort(leafs.Listen)
		ip := net.ParseIP(host)
		switch {
		case err != nil:
			return fmt.Errorf("bus.gateways.listen: %w", err)
		case c.Bus.URL != "":
			return errors.New("bus.gateways: wants the embedded bus: gateways connect to an external one by its own configuration")
		case leafs.Cert == "" && (ip == nil || !ip.IsLoopback()):
			return fmt.Errorf("bus.gateways.cert, key: missing: %s is open to others, and passwords go over it", leafs.Listen)
		}
	}
	for i, g := range c.Gateways {
		if _, err := proof.DecodeKey(g.Key); err != nil {
			return fmt.Errorf("gateways[%d].key: %w: \"commonwatt gateway key\" prints it", i, err)
		}
		if g.PasswordFile != "" {
			if _, err := os.Stat(g.PasswordFile); err != nil {
				return fmt.Errorf("gateways[%d].password_file: %w", i, err)
			}
		}
	}
	return nil
}

func (c config) validateAgents() error {
	names, keys := map[string]bool{}, map[string]bool{}
	for i, a := range c.Agents {
		path := fmt.Sprintf("agents[%d]", i)
		switch {
		case a.Name == "" || names[a.Name]:
			return fmt.Errorf("%s.name: %q is missing or given twice", path, a.Name)
		case a.Rate < 0 || a.Rate > 100_000:
			return fmt.Errorf("%s.rate: %g orders a second: must be above 0 and at most 100000", path, a.Rate)
		}
		key, err := a.key()
		if err != nil {
			return fmt.Errorf("%s.key_file: %w", path, err)
		}
		if keys[key] {
			return fmt.Errorf("%s.key_file: another agent has the same key", path)
		}
		names[a.Name], keys[key] = true, true
	}
	return nil
}

// feeder returns the feeder, its limits in Wh of an interval.
func (c config) feeder() (grid.Feeder, error) {
	if c.Feeder == nil {
		return grid.SingleNode(), nil
	}
	var f grid.Feeder
	for i, n := range c.Feeder.Nodes {
		path := fmt.Sprintf("feeder.nodes[%d]", i)
		out := grid.Node{ID: n.ID, Parent: n.Parent}
		if n.Fee.text != "" {
			fee, err := n.Fee.price(path+".fee", c.Tariff.Currency)
			if err != nil {
				return f, err
			}
			out.Fee = fee
		}
		for _, limit := range []struct {
			field string
			from  quantity
			to    **grid.Energy
		}{{"export_limit", n.ExportLimit, &out.ExportLimit}, {"import_limit", n.ImportLimit, &out.ImportLimit}} {
			if limit.from.text == "" {
				continue
			}
			p, err := limit.from.power(path + "." + limit.field)
			if err != nil {
				return f, err
			}
			*limit.to = new(grid.Energy(int64(p) * int64(c.Interval) / 60))
		}
		f.Nodes = append(f.Nodes, out)
	}
	if len(f.Nodes) == 0 {
		return f, errors.New("feeder.nodes: missing: give at least the root")
	}
	return f, f.Validate()
}

// apart returns the metering points that take part in neither own energy nor pool.
func (c config) apart() map[string]bool {
	apart := map[string]bool{}
	for _, d := range c.Devices {
		if d.Shares != nil && !*d.Shares {
			apart[d.MeteringPoint] = true
		}
	}
	return apart
}

// validatePlaces checks the feeder and that all are at one of its nodes.
func (c config) validatePlaces() error {
	f, err := c.feeder()
	if err != nil {
		return err
	}
	known := func(node string) bool {
		return node == "" || slices.ContainsFunc(f.Nodes, func(n grid.Node) bool { return n.ID == node })
	}
	for i, d := range c.Devices {
		if !known(d.Node) {
			return fmt.Errorf("devices[%d].node: the feeder has no node %q", i, d.Node)
		}
		if _, _, err := d.limits(fmt.Sprintf("devices[%d]", i)); err != nil {
			return err
		}
	}
	if c.Simulation != nil {
		for i, n := range c.Simulation.Nodes {
			if !known(n) {
				return fmt.Errorf("simulation.nodes[%d]: the feeder has no node %q", i, n)
			}
		}
	}
	return nil
}

func (c config) tariff() (tariff.Tariff, error) {
	t := tariff.Tariff{Version: c.Tariff.Version, Currency: c.Tariff.Currency}
	var err error
	if t.Retail, err = c.Tariff.Retail.price("tariff.retail", t.Currency); err != nil {
		return t, err
	}
	if t.FeedIn, err = c.Tariff.FeedIn.price("tariff.feed_in", t.Currency); err != nil {
		return t, err
	}
	return t, t.Validate()
}

func configCommand() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "Look at configuration files"}
	var data string
	check := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file",
		Long: `Check a configuration file: that of a gateway ("commonwatt gateway --help"), which
has a hub, or that of a community. Of this every field has a default; the fields are

  community: demo                 # name on the ledger; real devices need their own, and their own tariff
  listen: 127.0.0.1:8080
  data: data                      # directory of everything that is kept
  speed: 60                       # world seconds a second; 1 with real devices
  interval: 15                    # minutes: 5, 15, 30 or 60
  gate_closure: 5m                # before delivery
  deadline: 2m                    # for readings, after delivery; in a simulation 5 s of wall time at least
  call_every: 0s                  # trade over lines with a limit or fee before gate closure too, so often; 0s: then alone
  tariff: {version: demo-1, currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.06 EUR/kWh}
  feeder:                         # absent: all are at one node. Limits and fee are those of the line to the parent.
    nodes: [{id: root}, {id: street, parent: root, fee: 0.02 EUR/kWh, export_limit: 10 kW, import_limit: 10 kW}]
  strategy: price-curve           # how the built-in agents trade; one of
                                  # price-curve: what is sure at prices that soon find a partner, what is likely nearer to
                                  #   the middle of retail and feed-in; the default
                                  # self-consumption: own demand first; what the forecast leaves, at that middle
                                  # zero-intelligence: the same energy at random prices, for experiments
                                  # none: does not trade; what is left over is shared all the same
  strategies: {ann: none}         # of single members, instead of strategy
  pool: {price: midpoint}         # what no trade covers is shared after delivery (docs/settlement.md), at
                                  # midpoint: the middle of retail and feed-in; marginal: what one kWh more would be
                                  # worth at the node, by the exact clearing; off: it goes to the utility
  own: {same_point: true}         # import and export of one metering point within an interval cancel
  bus: {url: "nats://a,b,c", replicas: 3, order_log: true}  # absent: embedded
                                  # order_log: keep it on the bus, so that a --standby on another machine can go on
                                  # gateways: {listen: "0.0.0.0:7422", cert: F, key: F}: where gateways connect
  store: {kind: influxdb, url: "http://localhost:8086", org: o, bucket: b, token_file: F,  # absent: embedded
    keep: {raw: 840h, minutes: 9600h}}  # every reading, and means over minutes; embedded: 48h and 840h. Means over
                                  # 15 minutes and what bills were made from stay (docs/storage.md). On InfluxDB 2
                                  # what is missing is made: buckets b, b_1m and b_15m, and the tasks that fill them
  ledger: {kind: fabric, network: data/fabric}  # of "commonwatt fabric up"; absent: embedded. An existing network:
                                  # profile: {channel: c, chaincode: c, peers: [{address: "h:7051", tls: F, name: h}]},
                                  # organisation: MSP, utility: MSP,
                                  # identities: {operator: {certificate: F, key: F}, installer: {…}, governor: {…}},
                                  # authorities: {MSP: F, MSP: F}: CA certificates that "commonwatt ledger verify" trusts
  gateways:                       # on other machines: id and key as "commonwatt gateway key" prints them there
    - {id: gw-1a2b3c4d, key: BASE64, password_file: F, revoked: 2027-01-01T00:00:00Z}  # devices with gateway: gw-1a2b3c4d
  agents:                         # programs outside that trade for a member instead of the built-in agent
    - {name: ann's, member: ann, key_file: F, rate: 50}  # what is in the file F is the key, 32 characters or more; rate: orders a second

  rewards:                        # storage rewards, paid in tokens; shares are per mille; these are the defaults
    {budget: 1000, schedule: halving, period: 365,     # tokens a day; until it halves (or linear: until nothing is left)
     availability: 700, pledge: 500,                   # of the budget, the rest for delivery at peaks; of a battery's rated power
     grant: 20, stake: 5, slash: 50,                   # tokens for a first pledge; tokens a kW needs; of the stake, for a failure
     smoothing: 200, threshold: 500, challenges: 100,  # weight of the last challenge; below it nothing is paid; chance in an interval
     response: 60s, duration: 60s,                     # of a challenge; longer where a simulation reads less often
     peaks: ["17:00-20:00"], corrections: 1h, reveal_penalty: 0 EUR}  # UTC; before a day is closed. off: true for none

and one of

  simulation:                     # a simulated neighbourhood; the default
    {homes: 12, seed: 1, start: 2026-06-01T10:00:00Z, latitude: 50, longitude: 0,
     nodes: [root, street],       # to which the homes are spread in turn
     outages: [{device: home-01/meter, after: 20s, lasts: 30s}],
     faults: [{device: home-02/meter, fault: wrong-sign}]}  # dropouts, single-connection, wrong-sign, zero-on-wake-up,
                                  # wrong-unit, slow-gateway; of batteries claims-capacity, replays-readings, fakes-delivery
                                  # control: false leaves the batteries on their own logic

  devices:                        # real devices: a connection meter for each metering point, and others; []: all come by pairing
    - {id: ann/meter, member: ann, metering_point: mp-ann, node: street, import_limit: 11 kW, export_limit: 10 kW,
       address: "192.0.2.7:502", unit: 1, profile: sunspec-meter}  # limits: nobody sells more than that
                                  # shares: false, at its connection meter, keeps a metering point out of own energy and pool
    - {id: ann/ev, member: ann, metering_point: mp-ann, address: "192.0.2.8:502", unit: 1, profile: alfen-eve}
    - {id: ann/sdm, member: ann, metering_point: mp-ann, address: "rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1",
       unit: 3, profile: eastron-sdm630, kind: meter, rated: 10 kW, inverted: true}
                                  # kind: of a device that is several things; inverted: mounted the wrong way round
                                  # control: true lets a battery be moved, so that its home keeps what it sold and bought;
                                  # with rated and capacity (10 kWh) it takes part in the storage rewards
  profiles: [FILE]                # descriptions of devices beside those of "commonwatt pair profiles"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isGateways(args[0]) {
				return checkGateway(cmd.OutOrStdout(), args[0])
			}
			return checkConfig(cmd.OutOrStdout(), args[0], data)
		},
	}
	check.Flags().StringVar(&data, "data", "", "data directory with which it is started, whose pairings count (default: that of the file)")
	parent.AddCommand(check)
	return parent
}
