package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Plan is a configuration whose values were read and checked, each once.
type Plan struct {
	Community, Listen, Data string
	Speed                   float64
	Access                  Access

	Market     Market
	Tariff     tariff.Tariff // the usual one, of two prices; of one of components its name and currency
	Money      Money
	Simulation *Simulation // nil with real devices
	Devices    []Target
	Gone       []Target // devices of the file whose entries count no more
	Profiles   *profile.Set
	Files      []string // of profiles that the configuration names
	Strategy   func(member string) agent.Strategy
	Limits     map[string]limits.Limits // of the homeowners, by member
	Agents     []Agent
	Gateways   []Gateway
	Bus        Bus
	Store      Store // with the times for which it keeps, and Token in place of the file
	Token      string
	Ledger     Ledger
	Rewards    Rewards
	Fund       FundText
	Billing    Billing
}

// Market is how the community trades.
type Market struct {
	Minutes                          int // of a delivery interval
	GateClosure, Deadline, CallEvery time.Duration
	Trading                          matching.Trading
	Feeder                           grid.Feeder // limits in Wh of an interval
	Rules                            settlement.Rules
	Apart                            map[string]bool // metering points that take part in neither own energy nor pool
	OfficialBills                    bool            // the grid operator's values bill, where they were imported
}

// Target is a device and how it is read.
type Target struct {
	grid.Device

	Address  string // empty: a gateway on another machine reads it
	Gateway  string
	Unit     uint8
	Profile  *profile.Profile
	Turned   grid.Turned
	Control  bool
	Rated    grid.Power  // 0: not given
	Capacity grid.Energy // of a battery, or of the car at a charger; 0: not given
	Node     string      // of the feeder; empty: the root
	Imports  *grid.Power // that the connection takes at most, nil: not limited
	Exports  *grid.Power // that it gives at most, nil: not limited
	Since    time.Time   // when it was paired; zero: it was configured
	Own      profile.Own // limits
	Part     int         // of several of a kind behind the unit; 0: not given

	Planning
}

// Ratings are the powers that the device and its connection are made for, those that are known.
func (t Target) Ratings() []grid.Power {
	all := []grid.Power{t.Rated}
	for _, limit := range []*grid.Power{t.Imports, t.Exports} {
		if limit != nil {
			all = append(all, *limit)
		}
	}
	return all
}

// Agent is a program outside that trades for a member.
type Agent struct {
	Name, Member, Key string
	Rate              float64 // orders a second
}

// DefaultRate is how many orders an agent may send in a second, unless its configuration says
// otherwise.
const DefaultRate = 50

// Gateway is a gateway on another machine.
type Gateway struct {
	ID       string
	Key      string    // public
	Password string    // with which it connects to the bus; empty: not given
	Revoked  time.Time // zero: it is not
}

// NamePattern is what the name of a community looks like.
func NamePattern() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`) }

// Resolve reads the values. kept are files of profiles beside those that the
// configuration names and those that are built in. The error begins with the name of the
// field.
func (c Config) Resolve(kept ...string) (Plan, error) {
	p := Plan{
		Community: c.Community, Listen: c.Listen, Data: c.Data, Speed: c.Speed, Simulation: c.Simulation, Files: c.Profiles,
		Bus: c.Bus, Store: c.Store, Ledger: c.Ledger, Rewards: c.Rewards, Fund: c.FundText, Strategy: c.Of,
		Market: Market{Minutes: c.Interval, GateClosure: c.GateClosure, Deadline: c.Deadline, CallEvery: c.CallEvery},
	}
	p.Store.Keep = c.Store.Kept()
	resolveProfiles := func(p *Plan) (err error) {
		p.Profiles, err = Profiles(c.Profiles, kept...)
		return err
	}
	r := resolver{c}
	for _, resolve := range []func(*Plan) error{
		r.checkWhole, r.checkSimulation, r.resolveStore, resolveProfiles, r.resolveGateways, r.resolveDevices, r.resolveAgents,
		r.resolveTariff, r.resolveWear, r.resolveHomes, r.resolveFeeder, r.resolveRules, r.resolveBilling, r.dropGone,
	} {
		if err := resolve(&p); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

// resolver reads the values of a configuration, a part of it after the other.
type resolver struct{ Config }

// checkWhole checks the fields of the community as a whole.
func (c resolver) checkWhole(p *Plan) (err error) {
	switch {
	case !NamePattern().MatchString(c.Community):
		return fmt.Errorf("community: %q: use lower-case letters, digits and dashes", c.Community)
	case !between(c.Speed, 0, 3600):
		return fmt.Errorf("speed: %g: must be above 0 and at most 3600", c.Speed)
	case len(c.Devices) > 0 && c.Simulation != nil:
		return errors.New("devices, simulation: give one of them, not both")
	case len(c.Devices) > 0 && c.Speed != 1:
		return fmt.Errorf("speed: %g: real devices run at speed 1", c.Speed)
	case c.Bus.OrderLog && c.Bus.URL == "":
		return errors.New("bus.order_log: wants bus.url: the embedded bus is gone with its process")
	}
	if err := (CalendarText{c.Interval, c.GateClosure, c.Deadline}).Check(); err != nil {
		return err
	}
	if p.Market.Trading, err = c.Way(); err != nil {
		return err
	}
	if err := listens(c.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if c.Data == "" {
		return errors.New("data: is empty: name the directory of everything that is kept")
	}
	p.Access, err = c.access(c.Listen)
	return err
}

// longestHistory is how many days a simulated street remembers at most.
const longestHistory = 366

func (c resolver) checkSimulation(*Plan) error {
	s := c.Simulation
	if s == nil {
		return nil
	}
	if s.Homes < 1 || s.Homes > 1000 {
		return fmt.Errorf("simulation.homes: %d: must be 1 to 1000", s.Homes)
	}
	if _, err := world.ParseStreet(s.Street); err != nil {
		return fmt.Errorf("simulation.street: %w", err)
	}
	if err := world.CheckHolidays(s.Holidays); err != nil {
		return fmt.Errorf("simulation.holidays: %w", err)
	}
	if s.History < 0 || s.History > longestHistory {
		return fmt.Errorf("simulation.history: %d: must be 0 to %d days", s.History, longestHistory)
	}
	for i, o := range s.Outages {
		switch path := fmt.Sprintf("simulation.outages[%d].", i); {
		case o.After < 0:
			return fmt.Errorf("%safter: %s is negative", path, o.After)
		case o.Lasts <= 0:
			return fmt.Errorf("%slasts: %s: must be above 0s", path, o.Lasts)
		}
	}
	return PlaceText{s.Start, s.Latitude, s.Longitude}.Check("simulation.")
}

func (c resolver) resolveStore(p *Plan) error {
	if err := c.Store.validate(); err != nil {
		return err
	}
	if c.Store.TokenFile != "" {
		token, err := os.ReadFile(c.Store.TokenFile)
		if err != nil {
			return fmt.Errorf("store.token_file: %w", err)
		}
		if p.Token = strings.TrimSpace(string(token)); p.Token == "" {
			return fmt.Errorf("store.token_file: %s: is empty: put in the token of the database", c.Store.TokenFile)
		}
	}
	return c.Ledger.validate()
}

func (c resolver) resolveGateways(p *Plan) error {
	if err := c.Bus.validate(); err != nil {
		return err
	}
	for i, g := range c.Gateways {
		path := fmt.Sprintf("gateways[%d].", i)
		if _, err := proof.DecodeKey(g.Key); err != nil {
			return fmt.Errorf("%skey: %w: \"commonwatt gateway key\" prints it", path, err)
		}
		out := Gateway{ID: g.ID, Key: g.Key, Revoked: g.Revoked}
		if g.PasswordFile == "" && c.Bus.Gateways.Listen != "" {
			return fmt.Errorf("%spassword_file: missing: the password with which the gateway connects", path)
		}
		if g.PasswordFile != "" {
			password, err := ReadSecret(g.PasswordFile)
			if err != nil {
				return fmt.Errorf("%spassword_file: %w", path, err)
			}
			out.Password = password
		}
		p.Gateways = append(p.Gateways, out)
	}
	return nil
}

func (b Bus) validate() error {
	leafs := b.Gateways
	if leafs.Listen == "" {
		return nil
	}
	switch err := listens(leafs.Listen); {
	case err != nil:
		return fmt.Errorf("bus.gateways.listen: %w", err)
	case b.URL != "":
		return errors.New("bus.gateways: wants the embedded bus: gateways connect to an external one by its own configuration")
	case leafs.Cert == "" && !isLoopback(leafs.Listen):
		return fmt.Errorf("bus.gateways.cert, key: missing: %s is open to others, and passwords go over it", leafs.Listen)
	case leafs.Cert == "" && leafs.Key == "":
		return nil
	case leafs.Cert == "" || leafs.Key == "":
		return errors.New("bus.gateways: cert, key: give both or none")
	}
	if _, err := tls.LoadX509KeyPair(leafs.Cert, leafs.Key); err != nil {
		return fmt.Errorf("bus.gateways: cert, key: %w", err)
	}
	return nil
}

func (c resolver) resolveAgents(p *Plan) error {
	names, keys := map[string]bool{}, map[string]bool{}
	for i, a := range c.Agents {
		path := fmt.Sprintf("agents[%d]", i)
		switch {
		case a.Name == "" || names[a.Name]:
			return fmt.Errorf("%s.name: %q is missing or given twice", path, a.Name)
		case a.Rate != nil && !between(*a.Rate, 0, 100_000):
			return fmt.Errorf("%s.rate: %g orders a second: must be above 0 and at most 100000", path, *a.Rate)
		}
		key, err := ReadSecret(a.KeyFile)
		if err != nil {
			return fmt.Errorf("%s.key_file: %w", path, err)
		}
		if keys[key] {
			return fmt.Errorf("%s.key_file: another agent has the same key", path)
		}
		names[a.Name], keys[key] = true, true
		out := Agent{Name: a.Name, Member: a.Member, Key: key, Rate: DefaultRate}
		if a.Rate != nil {
			out.Rate = *a.Rate
		}
		p.Agents = append(p.Agents, out)
	}
	return nil
}

// resolveFeeder reads the feeder, and checks that all are at one of its nodes.
func (c resolver) resolveFeeder(p *Plan) (err error) {
	if p.Market.Feeder, err = c.feeder(p.Tariff.Currency); err != nil {
		return err
	}
	known := func(node string) bool {
		return node == "" || slices.ContainsFunc(p.Market.Feeder.Nodes, func(n grid.Node) bool { return n.ID == node })
	}
	for i, d := range c.Devices {
		if !known(d.Node) {
			return fmt.Errorf("devices[%d].node: the feeder has no node %q", i, d.Node)
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

func (c resolver) feeder(currency string) (f grid.Feeder, err error) {
	if c.Feeder == nil {
		return grid.SingleNode(), nil
	}
	for i, n := range c.Feeder.Nodes {
		path := fmt.Sprintf("feeder.nodes[%d]", i)
		out := grid.Node{ID: n.ID, Parent: n.Parent}
		if n.Fee.given() && n.Parent == "" {
			return f, n.Fee.wrong(path+".fee", errors.New("the root has no line to a parent: give it to the nodes below, or add a root above"))
		}
		if n.Fee.given() {
			if out.Fee, err = n.Fee.Price(path+".fee", currency); err != nil {
				return f, err
			}
		}
		if out.ExportLimit, err = c.limit(n.ExportLimit, path+".export_limit", n.Parent == ""); err != nil {
			return f, err
		}
		if out.ImportLimit, err = c.limit(n.ImportLimit, path+".import_limit", n.Parent == ""); err != nil {
			return f, err
		}
		f.Nodes = append(f.Nodes, out)
	}
	if len(f.Nodes) == 0 {
		return f, errors.New("feeder.nodes: missing: give at least the root")
	}
	return f, f.Validate()
}

// limit is what a line carries in an interval, nil when that is not limited.
func (c resolver) limit(q Quantity, path string, root bool) (*grid.Energy, error) {
	if !q.given() {
		return nil, nil
	}
	if root {
		return nil, q.wrong(path, errors.New("the root has no line to a parent: give it to the nodes below, or add a root above"))
	}
	p, err := q.power(path)
	return new(grid.Energy(int64(p) * int64(c.Interval) / 60)), err
}

func (c resolver) resolveRules(p *Plan) (err error) {
	if err := c.Check(func(string) bool { return true }); err != nil { // their members: Strangers
		return err
	}
	p.Market.Apart = map[string]bool{}
	for _, d := range c.Devices {
		if d.Shares != nil && !*d.Shares {
			p.Market.Apart[d.MeteringPoint] = true
		}
	}
	if p.Market.OfficialBills, err = c.ByOfficialValues(); err != nil {
		return err
	}
	if p.Market.Rules, err = c.Rules(p.Tariff.Currency, c.Interval); err != nil {
		return err
	}
	return c.FundText.check()
}

// resolveTariff reads the tariffs, and who has which.
func (c resolver) resolveTariff(p *Plan) (err error) {
	if p.Money, err = c.Money(c.Tariff, c.Interval); err != nil {
		return err
	}
	p.Tariff = p.Money.Flat
	names := func(name string) bool {
		return slices.ContainsFunc(p.Money.Given.Schedules, func(s tariff.Schedule) bool { return s.Name == name })
	}
	if c.Simulation != nil {
		for i, name := range c.Simulation.Tariffs {
			if !names(name) {
				return fmt.Errorf("simulation.tariffs[%d]: there is no tariff %q under tariffs", i, name)
			}
		}
	}
	for i, d := range c.Devices {
		if len(d.Tariff) == 0 {
			continue
		}
		if _, twice := p.Money.Given.Points[d.MeteringPoint]; twice {
			return fmt.Errorf("devices[%d].tariff: tariff_of.%s says it already: give one of them", i, d.MeteringPoint)
		}
		if err := d.Tariff.check(fmt.Sprintf("devices[%d].tariff", i), names); err != nil {
			return err
		}
		if err := classesOf(p.Money.Given.Schedules).check(fmt.Sprintf("devices[%d].tariff", i), d.Tariff); err != nil {
			return err
		}
		p.Money.Given.Points[d.MeteringPoint] = d.Tariff.given()
	}
	return nil
}

// Tariff reads the prices. The error begins with the name of the field.
func (x TariffText) Tariff() (tariff.Tariff, error) {
	t := tariff.Tariff{Version: x.Version, Currency: x.Currency}
	var err error
	if t.Retail, err = x.Retail.Price("tariff.retail", t.Currency); err != nil {
		return t, err
	}
	if t.FeedIn, err = x.FeedIn.Price("tariff.feed_in", t.Currency); err != nil {
		return t, err
	}
	if err := t.Validate(); err != nil || tariff.KnownCurrency(t.Currency) {
		return t, err
	}
	return t, fmt.Errorf("tariff.currency: %q is not an ISO 4217 code: write its three capital letters, such as EUR or CHF", t.Currency)
}
