// Package profile describes devices as data: which registers carry which
// quantity, in which encoding, unit and sign. Profiles are YAML; those in
// profiles/ are embedded, and each names the maker's document it follows. The
// point tables of the SunSpec models are in sunspec/.
//
// A point's value is in the point's unit and has the maker's sign. What fills a
// grid.Reading is turned once, in Reading, to the units and signs of package grid
// (+ is taken from the grid or the home).
package profile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
)

// Role says what a point's value means to the project.
type Role string

// The roles of a point: the fields of a grid.Reading, and who the device is.
const (
	RolePower    Role = "power"
	RoleImport   Role = "import" // taken: bought, charged, delivered to a car; cumulative
	RoleExport   Role = "export" // given: sold, produced, discharged; cumulative
	RoleCharge   Role = "charge"
	RoleVoltage  Role = "voltage" // phase to neutral
	RoleHertz    Role = "hertz"
	RoleCurrent  Role = "current"
	RolePowerL1  Role = "power_l1" // of a phase
	RolePowerL2  Role = "power_l2"
	RolePowerL3  Role = "power_l3"
	RoleSerial   Role = "serial" // a text, or a whole number
	RoleModel    Role = "model"
	RoleFirmware Role = "firmware"

	// From these a reading is completed by what is said of the single device (meters.Target).
	RoleTemperature Role = "temperature" // of the house, or of the water in the tank, that the device heats
	RoleRunning     Role = "running"     // 0: it takes nothing, else what it is rated for; of one without a meter
)

// factor returns what a unit is in the unit in which grid.Reading has the role's
// quantity; fits is false for a unit that is none of that quantity. Text, and
// what is shown only, may have any.
func (r Role) factor(unit string) (f float64, fits bool) {
	switch r {
	case RolePower, RolePowerL1, RolePowerL2, RolePowerL3:
		return oneOf(unit, "W", 1, "kW", 1e3, "mW", 1e-3)
	case RoleImport, RoleExport:
		return oneOf(unit, "Wh", 1, "kWh", 1e3, "MWh", 1e6)
	case RoleCharge:
		return oneOf(unit, "%", 10, "Pct", 10, "‰", 1)
	case RoleVoltage:
		return oneOf(unit, "V", 1e3, "mV", 1, "", 0)
	case RoleHertz:
		return oneOf(unit, "Hz", 1e3, "mHz", 1, "", 0)
	case RoleTemperature:
		return oneOf(unit, "°C", 1, "C", 1, "", 0)
	case RoleCurrent, RoleSerial, RoleModel, RoleFirmware, RoleRunning, "":
		return 0, true
	default:
		return 0, false
	}
}

// plausible returns the bounds of what a device of a neighbourhood can show, in a
// unit of the given factor, nil where there are none: 2 MW, 10 GWh, a full
// battery, and for a counter of 32 bits less than its end, which is where unset registers are.
func (pt *Point) plausible(factor float64) []float64 {
	const powers = 2e6 // W
	const full = 1000  // ‰
	totals := 10e9     // Wh
	if pt.Counter != nil && pt.Counter.Width <= 32 {
		totals = 4e9
	}
	switch pt.Role {
	case RoleImport, RoleExport:
		return []float64{0, totals / factor}
	case RolePower, RolePowerL1, RolePowerL2, RolePowerL3:
		return []float64{-powers / factor, powers / factor}
	case RoleCharge:
		return []float64{0, full / factor}
	default:
		return nil
	}
}

func oneOf(unit, a string, fa float64, b string, fb float64, c string, fc float64) (float64, bool) {
	switch {
	case unit == a:
		return fa, true
	case unit == b:
		return fb, true
	case unit == c && c != "":
		return fc, true
	default:
		return 0, false
	}
}

func (r Role) known() bool {
	return slices.Contains([]Role{"", RolePower, RoleImport, RoleExport, RoleCharge, RoleVoltage, RoleHertz, RoleCurrent, RolePowerL1, RolePowerL2, RolePowerL3, RoleSerial, RoleModel, RoleFirmware, RoleTemperature, RoleRunning}, r)
}

// Profile describes one family of devices.
type Profile struct {
	ID           string          `yaml:"id"`
	Version      int             `yaml:"version"`
	Kind         grid.DeviceKind `yaml:"kind"` // what the device is first of all
	Vendor       string          `yaml:"vendor"`
	Models       []string        `yaml:"models"`   // for people
	Document     string          `yaml:"document"` // the maker's document that the addresses come from
	Chain        `yaml:",inline"`
	Transport    Transport `yaml:"transport"`
	Identify     []Rule    `yaml:"identify"` // all must hold; empty: the device cannot be told by its registers
	Capabilities []string  `yaml:"capabilities"`
	Points       []Point   `yaml:"points"`
	Quirks       Quirks    `yaml:"quirks"`
	Acting       `yaml:",inline"`
	Cars         *Cars     `yaml:"cars"` // of a charger
	Variants     []Variant `yaml:"variants"`

	tables map[uint16]*table // of SunSpec
}

// Chain says by which SunSpec models a device is known.
type Chain struct {
	SunSpec []uint16 `yaml:"sunspec"`         // of which the device has one; empty: fixed addresses
	With    []uint16 `yaml:"sunspec_with"`    // all of which it has as well
	Without []uint16 `yaml:"sunspec_without"` // none of which it has: another profile reads it better
}

// Fits tells whether a device with these models is of the family.
func (c Chain) Fits(models []Model) bool {
	has := func(id uint16) bool {
		return slices.ContainsFunc(models, func(m Model) bool { return m.ID == id })
	}
	lacks := func(id uint16) bool { return !has(id) }
	return slices.ContainsFunc(c.SunSpec, has) && !slices.ContainsFunc(c.With, lacks) && !slices.ContainsFunc(c.Without, has)
}

// Transport holds defaults for reaching the device.
type Transport struct {
	Port     uint16 `yaml:"port"`
	Unit     *uint8 `yaml:"unit"` // 0 is one too; nil: 1
	Baud     int    `yaml:"baud"`
	Parity   string `yaml:"parity"`
	StopBits int    `yaml:"stop_bits"`
}

// Usual is the unit id under which a device is asked: the one that is given, and else the
// usual one of the family.
func (t Transport) Usual(given *uint8) uint8 {
	const first = 1
	return *cmp.Or(given, t.Unit, new(uint8(first)))
}

// Rule is a register content that tells the family.
type Rule struct {
	FC        string   `yaml:"fc"`
	Addr      uint16   `yaml:"addr"`
	Type      Type     `yaml:"type"`
	Words     uint16   `yaml:"words"`      // of text
	WordOrder string   `yaml:"word_order"` // as of Point
	ByteOrder string   `yaml:"byte_order"` // as of Point
	Matches   string   `yaml:"matches"`    // RE2, of text
	Equals    []uint64 `yaml:"equals"`     // any of these raw values
	Range     []int64  `yaml:"range"`      // of the raw value

	pattern *regexp.Regexp
}

// Point is one quantity of the device. In YAML its parts are written side by side.
type Point struct {
	Name     string          `yaml:"name"`
	Kind     grid.DeviceKind `yaml:"kind"` // of a device in one box with others; absent: Profile.Kind
	Role     Role            `yaml:"role"` // absent: shown to the installer only
	Register `yaml:",inline"`
	Scaling  `yaml:",inline"`

	Counter    *Counter  `yaml:"counter"`
	Poll       string    `yaml:"poll"` // fast (absent) or slow
	Optional   bool      `yaml:"optional"`
	PresentIf  *While    `yaml:"present_if"`  // it has a value only then, as a meter that may or may not be fitted
	NegativeIf *While    `yaml:"negative_if"` // its value is below zero then: the sign is in another register
	WriteOnly  bool      `yaml:"write_only"`  // cannot be read
	Writable   *Writable `yaml:"writable"`

	Derived `yaml:",inline"`
}

// Register says where a point's raw value stands, and how it is written there.
type Register struct {
	FC        string `yaml:"fc"` // holding (absent), input, or coil: a bit, which reads as 1 or 0
	Addr      uint16 `yaml:"addr"`
	Model     uint16 `yaml:"model"` // SunSpec: the model that has the point; absent: the one of Profile.SunSpec that was found
	Type      Type   `yaml:"type"`
	Words     uint16 `yaml:"words"`      // of text
	WordOrder string `yaml:"word_order"` // big (absent): most significant word first; little
	ByteOrder string `yaml:"byte_order"` // big (absent): most significant byte of the value first; little; of text: of each word
	Bits      []int  `yaml:"bits"`       // [lowest, highest] of the raw value that count
}

// Scaling says what a point's raw value means.
type Scaling struct {
	Scale    float64   `yaml:"scale"`    // from the raw value to Unit; 1 when absent
	Offset   float64   `yaml:"offset"`   // in Unit, added to what was scaled
	Decimals *int      `yaml:"decimals"` // to which a floating-point value is rounded
	SFRef    string    `yaml:"sf_ref"`   // the point that holds the power of ten
	Times    string    `yaml:"times"`    // the point by whose value it is multiplied, as a transformers' ratio
	NaN      []uint64  `yaml:"nan"`      // raw values that mean "no such value"
	Unit     string    `yaml:"unit"`
	Sign     int       `yaml:"sign"`  // −1 turns the maker's sign round for the reading; 1 when absent
	Range    []float64 `yaml:"range"` // plausible [min, max], in Unit
}

// Derived says how a point without an address comes from others: it has one of these.
type Derived struct {
	Sum      map[string]float64 `yaml:"sum"` // other points and their weights; those of which the device says that it has no such value count nothing; without a value on the plus or the minus side there is none, unless the same point shows that the other side counts
	Classify *Classify          `yaml:"classify"`
}

// While says that something holds while another point shows one of Values. Where the
// device does not have that other point, present_if tells nothing, and what has its sign
// there has no value.
type While struct {
	Of     string    `yaml:"of"`
	Values []float64 `yaml:"values"`
}

// Classify names the range in which another point lies: Values[i] below
// Bounds[i], the last one from there on.
type Classify struct {
	Of     string    `yaml:"of"`
	Bounds []float64 `yaml:"bounds"`
	Values []float64 `yaml:"values"`
}

// Counter marks a cumulative register.
type Counter struct {
	Kind   string `yaml:"kind"`    // lifetime or daily
	Width  int    `yaml:"width"`   // bits, where it wraps
	ZeroIs string `yaml:"zero_is"` // invalid or valid
}

// Slow and fast polling, as in Point.Poll.
const (
	PollFast = "fast"
	PollSlow = "slow"
)

// Parse reads one profile. Unknown fields, roles and types are errors.
func (s *Set) Parse(b []byte) (*Profile, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	p := &Profile{tables: s.tables, Quirks: UsualQuirks()}
	if err := dec.Decode(p); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := errors.Join(checks{p}.given(b), checks{p}.validate()); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.ID, err)
	}
	return p, nil
}

// checks are what a profile is held to when it is read.
type checks struct{ *Profile }

// given checks what must be written down because its absence would read as 0, and
// what must not be 0 because that would read as absent.
func (p checks) given(b []byte) error {
	var raw struct{ Points []map[string]any }
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return err
	}
	for i, pt := range raw.Points {
		_, addressed := pt["addr"]
		scale, scaled := pt["scale"]
		switch {
		case !addressed && len(p.SunSpec) == 0 && !p.Points[i].derived():
			return fmt.Errorf("points[%d] %s: addr: missing", i, p.Points[i].Name)
		case scaled && (scale == 0 || scale == 0.0):
			return fmt.Errorf("points[%d] %s: scale: 0 would make every value 0: leave it out for 1", i, p.Points[i].Name)
		}
		if field, why := p.Points[i].idle(pt, len(p.SunSpec) > 0); field != "" {
			return fmt.Errorf("points[%d] %s: %s: it has no effect: %s", i, p.Points[i].Name, field, why)
		}
	}
	return nil
}

func kinds() []grid.DeviceKind {
	return []grid.DeviceKind{grid.Meter, grid.Inverter, grid.Battery, grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance}
}

const (
	defaultRegs = 125
	defaultHole = 16
)

func (p checks) validate() error {
	switch {
	case p.ID == "":
		return errors.New("id: missing")
	case p.Document == "":
		return errors.New("document: missing: name the source of the addresses")
	case !slices.Contains(kinds(), p.Kind):
		return fmt.Errorf("kind: %q is not one of %v", p.Kind, kinds())
	case len(p.Points) == 0:
		return errors.New("points: missing")
	}
	if err := p.Quirks.Validate(); err != nil {
		return fmt.Errorf("quirks.%w", err)
	}
	names, roles := map[string]bool{}, map[string]bool{}
	for i := range p.Points {
		pt := &p.Points[i]
		if pt.Kind == "" {
			pt.Kind = p.Kind
		}
		if err := p.complete(pt); err != nil {
			return fmt.Errorf("points[%d] %s: %w", i, pt.Name, err)
		}
		role := string(pt.Kind) + " " + string(pt.Role)
		if names[pt.Name] || pt.Role != "" && roles[role] {
			return fmt.Errorf("points[%d] %s: the name, or the role %s, is there twice", i, pt.Name, role)
		}
		names[pt.Name], roles[role] = true, true
	}
	for i := range p.Identify {
		if err := p.Identify[i].validate(); err != nil {
			return fmt.Errorf("identify[%d]: %w", i, err)
		}
	}
	return errors.Join(p.refer(), p.forbidden(), p.related())
}

// refer checks the names by which points refer to each other.
func (p checks) refer() error {
	known := func(where, name string) error {
		if name != "" && p.point(name) == nil {
			return fmt.Errorf("%s: there is no point %q", where, name)
		}
		return nil
	}
	var problems []error
	for _, pt := range p.Points {
		if len(p.SunSpec) == 0 {
			problems = append(problems, known(pt.Name+".sf_ref", pt.SFRef))
		}
		problems = append(problems, known(pt.Name+".times", pt.Times))
		for other := range pt.Sum {
			problems = append(problems, known(pt.Name+".sum", other))
		}
		if pt.Classify != nil {
			problems = append(problems, known(pt.Name+".classify.of", pt.Classify.Of))
		}
		for where, while := range map[string]*While{".present_if.of": pt.PresentIf, ".negative_if.of": pt.NegativeIf} {
			if while != nil {
				problems = append(problems, known(pt.Name+where, cmp.Or(while.Of, "?")))
			}
		}
	}
	return errors.Join(append(problems, p.referControl(known), p.checkCars(known))...)
}

func (p *Profile) point(name string) *Point {
	for i := range p.Points {
		if p.Points[i].Name == name {
			return &p.Points[i]
		}
	}
	return nil
}

// complete fills in what a point leaves out, and checks it.
func (p checks) complete(pt *Point) error {
	if len(p.SunSpec) > 0 && !pt.derived() {
		if err := p.fromTable(pt); err != nil {
			return err
		}
	}
	if pt.Scale == 0 {
		pt.Scale = 1
	}
	if pt.Sign == 0 {
		pt.Sign = 1
	}
	if pt.FC == "" {
		pt.FC = holding
	}
	if pt.Poll == "" {
		pt.Poll = PollFast
	}
	if factor, _ := pt.Role.factor(pt.Unit); len(pt.Range) == 0 && factor != 0 {
		pt.Range = pt.plausible(factor)
	}
	return pt.validate(p.Profile)
}

func (d *Derived) derived() bool { return d.Sum != nil || d.Classify != nil }

const (
	holding = "holding"
	input   = "input"
	coil    = "coil"
	little  = "little"
)

func (pt *Point) validate(p *Profile) error {
	_, unitFits := pt.Role.factor(pt.Unit)
	c := pt.Counter
	switch {
	case pt.Name == "":
		return errors.New("name: missing")
	case !pt.Role.known():
		return fmt.Errorf("role: unknown %q", pt.Role)
	case !unitFits:
		return fmt.Errorf("unit: %q does not fit the role %s", pt.Unit, pt.Role)
	case !slices.Contains(kinds(), pt.Kind):
		return fmt.Errorf("kind: %q is not one of %v", pt.Kind, kinds())
	case pt.ByteOrder != "" && pt.ByteOrder != "big" && pt.ByteOrder != little:
		return fmt.Errorf("byte_order: %q is neither big nor little", pt.ByteOrder)
	case !pt.derived() && pt.Type.words(pt.Words) == 0:
		return fmt.Errorf("type: unknown %q, or text without words", pt.Type)
	case int(pt.Addr)+int(pt.Type.words(pt.Words)) > 1<<16:
		return fmt.Errorf("addr: %d is past the end of the table", pt.Addr)
	case pt.FC != holding && pt.FC != input && pt.FC != coil:
		return fmt.Errorf("fc: %q is none of holding, input and coil", pt.FC)
	case pt.FC == coil && pt.Type != Uint16:
		return fmt.Errorf("type: %q: a coil is on or off: write type: uint16, whose value is 1 or 0", pt.Type)
	case pt.WordOrder != "" && pt.WordOrder != "big" && pt.WordOrder != little:
		return fmt.Errorf("word_order: %q is neither big nor little", pt.WordOrder)
	case pt.Poll != PollFast && pt.Poll != PollSlow:
		return fmt.Errorf("poll: %q is neither fast nor slow", pt.Poll)
	case len(pt.Bits) != 0 && (len(pt.Bits) != 2 || pt.Bits[0] < 0 || pt.Bits[1] < pt.Bits[0] || pt.Bits[1] >= 16*int(pt.Type.words(0))):
		return errors.New("bits: want [lowest, highest] within the register")
	case len(pt.Range) != 0 && (len(pt.Range) != 2 || pt.Range[0] > pt.Range[1]):
		return errors.New("range: want [min, max]")
	case pt.Sign != 1 && pt.Sign != -1:
		return fmt.Errorf("sign: %d, want 1 or -1", pt.Sign)
	case pt.Poll == PollSlow && (pt.Role == RoleImport || pt.Role == RoleExport):
		return errors.New("poll: a counter that bills is read fast")
	case c != nil && (c.Kind != "lifetime" && c.Kind != "daily" || c.ZeroIs != "valid" && c.ZeroIs != "invalid" || c.Width < 1 || c.Width > 64):
		return errors.New("counter: want {kind: lifetime|daily, width: 1 to 64, zero_is: valid|invalid}")
	case (pt.Role == RoleImport || pt.Role == RoleExport) && (c == nil || c.Kind != "lifetime"):
		return fmt.Errorf("counter: the role %s wants a lifetime counter", pt.Role)
	case !pt.derived() && pt.Type.words(pt.Words) > p.Quirks.MaxRegs:
		return fmt.Errorf("type: it has more than the %d registers that quirks.max_regs lets read at once", p.Quirks.MaxRegs)
	case pt.Classify != nil && len(pt.Classify.Values) != len(pt.Classify.Bounds)+1:
		return errors.New("classify: want one value more than bounds")
	}
	return nil
}

func (r *Rule) validate() (err error) {
	if r.FC == "" {
		r.FC = holding
	}
	switch {
	case r.Type.words(r.Words) == 0:
		return fmt.Errorf("type: unknown %q, or text without words", r.Type)
	case !slices.Contains([]string{"", "big", little}, r.WordOrder) || !slices.Contains([]string{"", "big", little}, r.ByteOrder):
		return fmt.Errorf("word_order, byte_order: %q, %q: want big or little", r.WordOrder, r.ByteOrder)
	}
	if len(r.Range) != 0 && len(r.Range) != 2 || r.Matches == "" && len(r.Equals) == 0 && len(r.Range) == 0 {
		return errors.New("want matches, equals, or range: [min, max]")
	}
	if r.pattern, err = regexp.Compile(r.Matches); err != nil {
		return fmt.Errorf("matches: %w", err)
	}
	return nil
}

// Kinds returns what the device's readings can be bound as, its own kind first.
func (p *Profile) Kinds() []grid.DeviceKind {
	found := []grid.DeviceKind{p.Kind}
	for _, pt := range p.Points {
		if pt.Role == RolePower && !slices.Contains(found, pt.Kind) {
			found = append(found, pt.Kind)
		}
	}
	return found
}

// Shows tells whether the family has a point of a kind and role.
func (p *Profile) Shows(kind grid.DeviceKind, role Role) bool {
	return slices.ContainsFunc(p.Points, func(pt Point) bool { return pt.Kind == kind && pt.Role == role })
}

// Counters returns the roles of the lifetime counters that a kind has.
func (p *Profile) Counters(kind grid.DeviceKind) (roles []Role) {
	for _, pt := range p.Points {
		if pt.Kind == kind && (pt.Role == RoleImport || pt.Role == RoleExport) {
			roles = append(roles, pt.Role)
		}
	}
	return roles
}
