// Package profile describes devices as data: which registers carry which
// quantity, in which encoding, unit and sign. Profiles are YAML; those in
// profiles/ are embedded, and each names the maker's document it follows.
//
// The sign of a quantity is turned once, here: what leaves Decode follows the
// rule of package grid (+ is taken from the grid or the home).
package profile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
)

//go:embed profiles/*.yaml
var embedded embed.FS

// Role says which field of a grid.Reading a point fills.
type Role string

// The roles of a point.
const (
	RolePower   Role = "power"   // W
	RoleImport  Role = "import"  // Wh
	RoleExport  Role = "export"  // Wh
	RoleCharge  Role = "charge"  // per mille
	RoleVoltage Role = "voltage" // mV
	RoleHertz   Role = "hertz"   // mHz
)

// Profile describes one family of devices.
type Profile struct {
	ID        string          `yaml:"id"`
	Version   int             `yaml:"version"`
	Kind      grid.DeviceKind `yaml:"kind"`
	Vendor    string          `yaml:"vendor"`
	Document  string          `yaml:"document"` // the maker's document that the addresses come from
	SunSpec   []uint16        `yaml:"sunspec"`  // models of which the device has one; empty: fixed addresses
	Transport Transport       `yaml:"transport"`
	Points    []Point         `yaml:"points"`
	Quirks    Quirks          `yaml:"quirks"`
}

// Transport holds defaults for reaching the device.
type Transport struct {
	Unit uint8 `yaml:"unit"`
}

// Point is one quantity of the device.
type Point struct {
	Name     string    `yaml:"name"`
	Role     Role      `yaml:"role"`
	FC       string    `yaml:"fc"`        // holding or input; holding when absent
	Addr     uint16    `yaml:"addr"`      // of fixed-address devices
	Model    uint16    `yaml:"model"`     // SunSpec model; absent: the one of Profile.SunSpec that was found
	Offset   uint16    `yaml:"offset"`    // in registers, from the model's id register
	ScaleRef uint16    `yaml:"scale_ref"` // offset of the SunSpec scale factor; 0: none
	Type     Type      `yaml:"type"`
	Scale    float64   `yaml:"scale"` // from the device's unit to Unit; 1 when absent
	Sign     int       `yaml:"sign"`  // −1 turns the device's sign round; 1 when absent
	Unit     string    `yaml:"unit"`
	Range    []float64 `yaml:"range"` // plausible [min, max], in Unit
	Counter  *Counter  `yaml:"counter"`
	Optional bool      `yaml:"optional"`
}

// Counter marks a cumulative register.
type Counter struct {
	Kind   string `yaml:"kind"`    // lifetime or daily
	Width  int    `yaml:"width"`   // bits, where it wraps
	ZeroIs string `yaml:"zero_is"` // invalid or valid
}

// Quirks bounds what may be asked of the device.
type Quirks struct {
	MaxRegs uint16 `yaml:"max_regs"`
	MaxHole uint16 `yaml:"max_hole"`
}

// Set is a collection of profiles by id.
type Set map[string]*Profile

// Embedded returns the profiles that come with the program.
func Embedded() (Set, error) {
	const dir = "profiles"
	entries, err := embedded.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("embedded profiles: %w", err)
	}
	set := Set{}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		b, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("embedded profiles: %w", err)
		}
		p, err := Parse(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		set[p.ID] = p
	}
	return set, nil
}

// Parse reads one profile. Unknown fields, roles and types are errors.
func Parse(b []byte) (*Profile, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	p := &Profile{}
	if err := dec.Decode(p); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Profile) validate() error {
	switch {
	case p.ID == "":
		return errors.New("profile: id: missing")
	case p.Document == "":
		return fmt.Errorf("profile %s: document: missing: name the source of the addresses", p.ID)
	case len(p.Points) == 0:
		return fmt.Errorf("profile %s: points: missing", p.ID)
	}
	if p.Quirks.MaxRegs == 0 {
		p.Quirks.MaxRegs = 125
	}
	if p.Quirks.MaxHole == 0 {
		p.Quirks.MaxHole = 16
	}
	for i := range p.Points {
		if err := p.Points[i].validate(); err != nil {
			return fmt.Errorf("profile %s: points[%d]: %w", p.ID, i, err)
		}
	}
	return nil
}

func (pt *Point) validate() error {
	roles := []Role{RolePower, RoleImport, RoleExport, RoleCharge, RoleVoltage, RoleHertz}
	switch {
	case !slices.Contains(roles, pt.Role):
		return fmt.Errorf("role: %q is not one of %v", pt.Role, roles)
	case pt.Type.Words() == 0:
		return fmt.Errorf("type: unknown %q", pt.Type)
	case len(pt.Range) != 0 && len(pt.Range) != 2:
		return errors.New("range: want [min, max]")
	case pt.Sign != 0 && pt.Sign != 1 && pt.Sign != -1:
		return fmt.Errorf("sign: %d, want 1 or -1", pt.Sign)
	}
	if pt.Scale == 0 {
		pt.Scale = 1
	}
	if pt.Sign == 0 {
		pt.Sign = 1
	}
	if pt.FC == "" {
		pt.FC = "holding"
	}
	return nil
}

// Located is a point whose address on one device is known.
type Located struct {
	Point
	Addr      uint16 // first register of the value
	ScaleAddr uint16 // register of the scale factor; 0: none
}

// Locate finds the address of every point. model answers where a SunSpec model
// starts on the device; it is not called for fixed-address profiles. A missing
// model is an error unless all its points are optional.
func (p *Profile) Locate(model func(id uint16) (addr uint16, found bool)) ([]Located, error) {
	if len(p.SunSpec) == 0 {
		located := make([]Located, len(p.Points))
		for i, pt := range p.Points {
			located[i] = Located{Point: pt, Addr: pt.Addr}
		}
		return located, nil
	}
	var located []Located
	for _, pt := range p.Points {
		base, found := p.base(pt, model)
		if !found {
			if pt.Optional {
				continue
			}
			return nil, fmt.Errorf("profile %s: point %s: the device has none of the SunSpec models %v it needs", p.ID, pt.Name, append([]uint16{pt.Model}, p.SunSpec...))
		}
		l := Located{Point: pt, Addr: base + pt.Offset}
		if pt.ScaleRef != 0 {
			l.ScaleAddr = base + pt.ScaleRef
		}
		located = append(located, l)
	}
	return located, nil
}

func (p *Profile) base(pt Point, model func(id uint16) (uint16, bool)) (uint16, bool) {
	if pt.Model != 0 {
		return model(pt.Model)
	}
	for _, id := range p.SunSpec {
		if addr, found := model(id); found {
			return addr, true
		}
	}
	return 0, false
}
