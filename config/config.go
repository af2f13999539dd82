// Package config reads what people write: the file of a community and that of a
// gateway. It reads strictly (an unknown field is an error that names its line), sets
// the defaults, and resolves the texts to typed values once: a Plan is what the program
// runs by.
//
// What belongs to the devices' protocol, the store, the bus, the simulation, the ledger
// and the rewards stays plain values here (addresses, paths, durations, rates), which
// hub turns into those packages' options. The package reads the files that a
// configuration names, and nothing of the data directory.
package config

import (
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Config is the file of a community, as it is written. The tags doc and eg make up the
// reference (Reference).
type Config struct {
	Community   string        `yaml:"community" eg:"demo" doc:"name on the ledger; real devices need their own, and their own tariff"`
	Listen      string        `yaml:"listen" eg:"127.0.0.1:8080" doc:"address of the pages and the API"`
	Data        string        `yaml:"data" eg:"data" doc:"directory of everything that is kept"`
	Speed       float64       `yaml:"speed" eg:"60" doc:"world seconds a second; 1 with real devices"`
	Interval    int           `yaml:"interval" eg:"15" doc:"minutes: 5, 15, 30 or 60"`
	GateClosure time.Duration `yaml:"gate_closure" eg:"5m" doc:"before delivery"`
	Deadline    time.Duration `yaml:"deadline" eg:"2m" doc:"for readings, after delivery; in a simulation 5 s of wall time at least"`
	TradingText `yaml:",inline"`
	Tariff      TariffText `yaml:"tariff" doc:"the usual one; or the name of one under tariffs, as in tariff: dynamic, or names by date, as tariff_of has them"`
	Feeder      *Feeder    `yaml:"feeder" doc:"absent: all are at one node"`

	MoneyText    `yaml:",inline"`
	StrategyText `yaml:",inline"`
	SharingText  `yaml:",inline"`
	FundText     `yaml:",inline"`
	AccessText   `yaml:",inline"`
	BillsText    `yaml:",inline"`

	Bus      Bus           `yaml:"bus"`
	Store    Store         `yaml:"store"`
	Ledger   Ledger        `yaml:"ledger"`
	Gateways []GatewayText `yaml:"gateways" doc:"on other machines: id and key as \"commonwatt gateway key\" prints them there"`
	Agents   []AgentText   `yaml:"agents" doc:"programs outside that trade for a member instead of the built-in agent"`
	Rewards  Rewards       `yaml:"rewards"`
	Billing  BillingText   `yaml:"billing" doc:"who sends bills (docs/money.md)"`

	Simulation *Simulation `yaml:"simulation" doc:"a simulated neighbourhood, the default; it or devices are given, not both"`
	Devices    []Device    `yaml:"devices" doc:"real devices: a connection meter for each metering point, and others; []: all come by pairing"`
	Profiles   []string    `yaml:"profiles" eg:"[FILE]" doc:"descriptions of devices beside those of \"commonwatt pair profiles\""`

	given map[string]bool // whether the file, or what was filled in, gives a field of the terms, the simulation or the data directory
}

// TariffText is a tariff as people write it: two prices that are the same at all times, or the
// name of one of components.
type TariffText struct {
	Named TariffOf `yaml:"-"` // nil: it has two prices

	Version  string   `yaml:"version" eg:"demo-1" doc:"name of this tariff on bills"`
	Currency string   `yaml:"currency" eg:"EUR" doc:"three capital letters"`
	Retail   Quantity `yaml:"retail" eg:"0.30 EUR/kWh" doc:"what a kWh from the grid costs"`
	FeedIn   Quantity `yaml:"feed_in" eg:"0.06 EUR/kWh" doc:"what a kWh fed into the grid earns"`
}

// Feeder is the radial feeder that the community trades over. Without one all
// metering points are at one node.
type Feeder struct {
	Nodes []FeederNode `yaml:"nodes" doc:"the first is the root; limits and fee are those of the line to the parent"`
}

// FeederNode is a node with its line to the parent.
type FeederNode struct {
	ID          string   `yaml:"id" eg:"street"`
	Parent      string   `yaml:"parent" eg:"root" doc:"absent: it is the root"`
	Fee         Quantity `yaml:"fee" eg:"0.02 EUR/kWh" doc:"of what flows over the line"`
	ExportLimit Quantity `yaml:"export_limit" eg:"10 kW" doc:"what the line carries towards the parent"`
	ImportLimit Quantity `yaml:"import_limit" eg:"10 kW" doc:"what it carries towards the node"`
}

// Simulation describes the simulated neighbourhood.
type Simulation struct {
	Homes      int       `yaml:"homes" eg:"12"`
	Seed       uint64    `yaml:"seed" eg:"1"`
	Start      time.Time `yaml:"start" eg:"2026-06-01T10:00:00Z" doc:"of its world, a whole minute"`
	Latitude   float64   `yaml:"latitude" eg:"50" doc:"degrees"`
	Longitude  float64   `yaml:"longitude" eg:"0" doc:"degrees"`
	History    int       `yaml:"history" eg:"14" doc:"days before the start that a new street remembers, from its own physics, so that agents have something to forecast from; 0: none"`
	Street     string    `yaml:"street" eg:"usual" doc:"usual, or all-electric: heat pumps, hot water by heating rods, cars that make trips (docs/world.md)"`
	Appliances bool      `yaml:"appliances" eg:"false" doc:"true: three homes of four have an appliance that waits until it is started, such as a dishwasher (docs/world.md)"`
	Holidays   []string  `yaml:"holidays" eg:"[germany, 2026-12-24]" doc:"days that are like Sundays in an all-electric street: calendars and dates"`
	Nodes      []string  `yaml:"nodes" eg:"[root, street]" doc:"of the feeder, to which the homes are spread in turn"`
	Tariffs    []string  `yaml:"tariffs" eg:"[dynamic, flat]" doc:"which the homes have in turn"`
	Outages    []Outage  `yaml:"outages" doc:"devices that are off the network for a while"`
	Faults     []Fault   `yaml:"faults" doc:"devices that misbehave"`
	Control    *bool     `yaml:"control" eg:"true" doc:"false leaves the batteries on their own logic"`
}

// World returns the street's physics.
func (s *Simulation) World() world.Spec {
	street, _ := world.ParseStreet(s.Street) // checked with the rest
	return street.Of(world.Spec{
		Seed: s.Seed, Start: s.Start.UTC(), Latitude: s.Latitude, Longitude: s.Longitude, Holidays: s.Holidays,
	}, s.Homes).WithAppliances(s.Appliances)
}

// Controlled tells whether the batteries keep what their homes promised.
func (s *Simulation) Controlled() bool { return s.Control == nil || *s.Control }

// Outage takes a simulated device off the network for a while.
type Outage struct {
	Device string        `yaml:"device" eg:"home-01/meter"`
	After  time.Duration `yaml:"after" eg:"20s" doc:"wall time from readiness"`
	Lasts  time.Duration `yaml:"lasts" eg:"30s" doc:"wall time"`
}

// Fault makes a simulated device misbehave.
type Fault struct {
	Device string `yaml:"device" eg:"home-02/meter"`
	Fault  string `yaml:"fault" eg:"wrong-sign" doc:"dropouts, single-connection, wrong-sign, zero-on-wake-up, wrong-unit, slow-gateway; of batteries claims-capacity, replays-readings, fakes-delivery"`
}

// Device is a real device to read.
type Device struct {
	ID            string   `yaml:"id" eg:"ann/meter"`
	Member        string   `yaml:"member" eg:"ann"`
	MeteringPoint string   `yaml:"metering_point" eg:"mp-ann"`
	Address       string   `yaml:"address" eg:"\"192.0.2.7:502\"" doc:"HOST:PORT, or a target as of pair, such as rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1"`
	Unit          *uint8   `yaml:"unit" eg:"1" doc:"0 is a unit too; absent: the usual one of the profile"`
	Profile       string   `yaml:"profile" eg:"sunspec-meter" doc:"\"commonwatt pair profiles\" lists them"`
	Kind          string   `yaml:"kind" eg:"meter" doc:"of a device that is several things; absent: what it is first of all"`
	Rated         Quantity `yaml:"rated" eg:"10 kW" doc:"what it moves at most: a power above it, and a register that gains more, are not believed"`
	Inverted      bool     `yaml:"inverted" eg:"false" doc:"true: a meter that is mounted the wrong way round: its power has the wrong sign"`
	Counters      *bool    `yaml:"inverted_counters" eg:"false" doc:"true: its import and export registers change places; absent: as inverted says"`
	Serial        string   `yaml:"serial" eg:"A-17"`
	Gateway       string   `yaml:"gateway" eg:"gw-1a2b3c4d" doc:"which reads it, in place of an address"`
	Control       bool     `yaml:"control" eg:"false" doc:"true lets a battery, charger or other load be moved, or an inverter be limited, so that its home keeps what it sold and bought; how each falls back: docs/profiles.md"`
	Capacity      Quantity `yaml:"capacity" eg:"10 kWh" doc:"of a battery: with rated and control it takes part in the storage rewards; of a charger: that of the car"`
	Node          string   `yaml:"node" eg:"street" doc:"of the feeder, of a connection meter; absent: the root"`
	ImportLimit   Quantity `yaml:"import_limit" eg:"11 kW" doc:"of a connection meter: what it can take at most"`
	ExportLimit   Quantity `yaml:"export_limit" eg:"10 kW" doc:"what it can give at most: nobody sells more than that"`
	Shares        *bool    `yaml:"shares" eg:"true" doc:"false, at its connection meter, keeps a metering point out of own energy and pool"`
	Tariff        TariffOf `yaml:"tariff" eg:"dynamic" doc:"of the metering point, at its connection meter; as tariff_of has it"`

	PlanningText `yaml:",inline"`
	How          `yaml:",inline"`

	Since time.Time `yaml:"-"` // when it was paired; zero: it was configured
	// Gone says why this entry of the file counts no more, and how that is taken back: an installer has let go of the
	// device, or put another one in its place. Empty: it counts.
	Gone string `yaml:"-"`
}

// How says how a device is read where its profile does not.
type How struct {
	Part int `yaml:"part" eg:"2" doc:"which of several meters behind one unit, from 1; absent: the one with the serial, or that says that it is the connection meter"`

	Own `yaml:",inline"`
}

// Own are the limits of one device, or of what it stands behind. What is absent is as the
// profile says.
type Own struct {
	MaxRegs          *uint16 `yaml:"max_regs" eg:"60" doc:"registers of one read at most; this and what follows only where a device is not as its profile says"`
	MaxHole          *uint16 `yaml:"max_hole" eg:"0" doc:"registers that may be read for nothing between two that are wanted"`
	GapMS            *int    `yaml:"gap_ms" eg:"50" doc:"silence between requests"`
	ConnectDelayMS   *int    `yaml:"connect_delay_ms" eg:"1500" doc:"between connecting and the first request"`
	TimeoutMS        *int    `yaml:"timeout_ms" eg:"5000" doc:"that an answer may take"`
	SingleConnection *bool   `yaml:"single_connection" eg:"true" doc:"it is never searched while it is read"`
}

// AgentText lets a program outside trade for a member.
type AgentText struct {
	Name    string   `yaml:"name" eg:"ann's"`
	Member  string   `yaml:"member" eg:"ann"`
	KeyFile string   `yaml:"key_file" eg:"F" doc:"what is in the file is the key, 32 characters or more"`
	Rate    *float64 `yaml:"rate" eg:"50" doc:"orders a second"`
}

// GatewayText admits a gateway on another machine.
type GatewayText struct {
	ID           string    `yaml:"id" eg:"gw-1a2b3c4d"`
	Key          string    `yaml:"key" eg:"BASE64" doc:"public"`
	PasswordFile string    `yaml:"password_file" eg:"F" doc:"with which it connects to the bus"`
	Revoked      time.Time `yaml:"revoked" eg:"2027-01-01T00:00:00Z" doc:"from when on its readings are refused"`
}

// Bus is the wire between the stages.
type Bus struct {
	URL      string `yaml:"url" eg:"\"nats://a,b,c\"" doc:"absent: embedded"`
	Replicas int    `yaml:"replicas" eg:"3"`
	OrderLog bool   `yaml:"order_log" eg:"true" doc:"keep the order log on the bus, so that a --standby on another machine can go on"`
	Gateways Leaf   `yaml:"gateways" doc:"where gateways connect to the embedded bus"`
}

// Leaf is where gateways connect.
type Leaf struct {
	Listen string `yaml:"listen" eg:"\"0.0.0.0:7422\""`
	Cert   string `yaml:"cert" eg:"F" doc:"PEM; only loopback may do without"`
	Key    string `yaml:"key" eg:"F" doc:"PEM"`
}

// Rewards are the terms of the storage rewards. Shares are per mille, tokens whole
// numbers.
type Rewards struct {
	Off           bool          `yaml:"off" eg:"false" doc:"true: there are none"`
	Budget        int64         `yaml:"budget" eg:"1000" doc:"tokens of the first epoch, a UTC day"`
	Schedule      string        `yaml:"schedule" eg:"halving" doc:"or linear to nothing"`
	Period        int64         `yaml:"period" eg:"365" doc:"days until it halves, or until nothing is left"`
	Availability  int64         `yaml:"availability" eg:"700" doc:"of the budget; the rest is for delivery at peaks"`
	Grant         int64         `yaml:"grant" eg:"20" doc:"tokens staked for a battery with its first pledge"`
	Stake         int64         `yaml:"stake" eg:"5" doc:"tokens that a pledge of 1 kW needs"`
	Slash         int64         `yaml:"slash" eg:"50" doc:"of the stake, for a challenge that was not met"`
	Smoothing     int64         `yaml:"smoothing" eg:"200" doc:"that the last challenge weighs in the reputation"`
	Threshold     int64         `yaml:"threshold" eg:"500" doc:"of reputation and of challenges met, below which nothing is paid"`
	Challenges    int64         `yaml:"challenges" eg:"100" doc:"chance of one in an interval, at reputation 500"`
	Response      time.Duration `yaml:"response" eg:"60s" doc:"until the power must be there; longer where a simulation reads less often"`
	Duration      time.Duration `yaml:"duration" eg:"60s" doc:"for which it must stay; longer likewise"`
	RevealPenalty string        `yaml:"reveal_penalty" eg:"0 EUR" doc:"of an operator who does not open what he drew"`
	Peaks         []string      `yaml:"peaks" eg:"[\"17:00-20:00\"]" doc:"UTC"`
	Corrections   time.Duration `yaml:"corrections" eg:"1h" doc:"after a day, before it is closed"`
	Pledge        int64         `yaml:"pledge" eg:"500" doc:"of a battery's rated power"`
}
