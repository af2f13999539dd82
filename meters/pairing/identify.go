package pairing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Units are the unit ids under which devices are looked for when none is given:
// those that makers ship, the likeliest first.
func Units() []uint8 { return []uint8{1, 247, 3, 126, 71, 2, 100, 200, 240, 255, 201, 202, 203, 204} }

// answerWithin is how long a device may take while it is looked for.
const answerWithin = time.Second

// Finding is what is known of one unit at an endpoint.
type Finding struct {
	Target         string                 `json:"target"`
	Unit           uint8                  `json:"unit"`
	Device         Identity               `json:"device"`                          // as far as it says without a profile
	Identification *modbus.Identification `json:"device_identification,omitempty"` // function 0x2B
	SunSpec        []profile.Model        `json:"sunspec,omitempty"`
	Profiles       []string               `json:"profiles"` // that fit, the closest first
}

// Identity is what a device says of itself.
type Identity struct {
	Vendor   string `json:"vendor,omitempty"`
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`
}

// ErrSilent reports an endpoint at which no unit answered.
var ErrSilent = errors.New("no unit answers there: check the address, that Modbus is switched on in the device, and the unit id")

// Search says where to look for units at an endpoint.
type Search struct {
	Access

	Units    []uint8          // all of Units when empty
	First    bool             // one that answers is enough
	Progress func(unit uint8) // told of each unit before it is asked
}

// Identify looks at the units of an endpoint and returns those that answer.
// Errors: modbus.ErrConnect, ErrSilent, the context's.
func Identify(ctx context.Context, e modbus.Endpoint, s Search) ([]Finding, error) {
	patient := len(s.Units) > 0
	if !patient {
		s.Units = Units()
	}
	conn, done := s.open(e, modbus.Options{Timeout: answerWithin, Gap: gentleGap})
	defer done()
	var found []Finding
	var last error
	ctx, cancel := context.WithTimeout(ctx, identifyWithin)
	defer cancel()
	for _, unit := range s.Units {
		s.Progress(unit)
		f, err := identify(ctx, conn, unit, s.Profiles, patient)
		switch {
		case ctx.Err() != nil:
			return found, fmt.Errorf("%s: no more answers are waited for: %w", e, ctx.Err())
		case errors.Is(err, modbus.ErrConnect) && len(found) == 0:
			return nil, fmt.Errorf("%w: check the address, and that Modbus is switched on in the device", err)
		case err != nil:
			last = err
		default:
			found = append(found, f)
			if s.First {
				return found, nil
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: %w (last: %w)", e, ErrSilent, last)
	}
	return found, nil
}

// identifyWithin bounds the search at one endpoint.
const identifyWithin = 30 * time.Second

// gentleGap is the silence between requests to a device that is not known yet.
const gentleGap = 20 * time.Millisecond

// answered tells whether the device itself said something: a value or a refusal.
func answered(err error) bool {
	refused := (*modbus.ExceptionError)(nil)
	return err == nil || errors.As(err, &refused) && !refused.Absent()
}

// present tells whether a unit answers at all: some devices are silent about
// registers that they do not have.
func present(ctx context.Context, conn *modbus.Conn, unit uint8) error {
	var last error
	for _, table := range []modbus.Table{modbus.Holding, modbus.Input} {
		_, err := conn.Read(ctx, unit, table, 0, 1)
		if answered(err) {
			return nil
		}
		last = err
		if refused := (*modbus.ExceptionError)(nil); errors.As(err, &refused) || errors.Is(err, modbus.ErrConnect) {
			return err // a gateway spoke for it, or nobody
		}
	}
	return last
}

// mostSilences is how often a device may leave a question open before it is not
// asked further.
const mostSilences = 3

// identify asks one unit: the SunSpec walk, then function 0x2B, then what the
// profiles look at. When patient, a unit that is silent about SunSpec is asked
// whether it is there at all.
func identify(ctx context.Context, conn *modbus.Conn, unit uint8, profiles *profile.Set, patient bool) (Finding, error) {
	f := Finding{Target: conn.Endpoint().String(), Unit: unit, Profiles: []string{}}
	models, err := modbus.WalkSunSpec(ctx, conn, unit)
	if err != nil && !errors.Is(err, modbus.ErrNoSunSpec) && !answered(err) {
		if !patient {
			return f, err
		}
		if err := present(ctx, conn, unit); err != nil {
			return f, err
		}
	}
	for _, m := range models {
		f.SunSpec = append(f.SunSpec, profile.Model(m))
	}
	if id, err := conn.Identify(ctx, unit); err == nil && id != (modbus.Identification{}) {
		f.Identification = &id
	}
	heard, silences := len(f.SunSpec) > 0 || f.Identification != nil, 0
	for _, id := range profiles.IDs() {
		fits, err := matches(ctx, conn, unit, profiles.Get(id))
		heard = heard || fits != nothing
		if fits == itIs {
			f.Profiles = append(f.Profiles, id)
		}
		if err != nil {
			silences++
		}
		if silences == mostSilences {
			break
		}
	}
	f.Profiles = append(f.Profiles, sunSpecProfiles(f.SunSpec, profiles)...)
	if !heard {
		return f, ErrSilent
	}
	f.Device = introduced(ctx, conn, f, profiles)
	return f, nil
}

// common is the SunSpec model in which a device introduces itself.
const common = 1

// introduced returns what a device says of itself without being asked by a
// profile; the vendor is that of the closest one if it does not say.
func introduced(ctx context.Context, conn *modbus.Conn, f Finding, profiles *profile.Set) Identity {
	alone := f
	alone.SunSpec = slices.DeleteFunc(slices.Clone(f.SunSpec), func(m profile.Model) bool { return m.ID != common })
	live, err := Measure(ctx, conn, alone, nil, profiles)
	if err != nil {
		live.Points = nil
	}
	var closest *profile.Profile
	if len(f.Profiles) > 0 {
		closest = profiles.Get(f.Profiles[0])
	}
	return identity(f, closest, live.Points)
}

type fit int

const (
	nothing fit = iota // not one register was read
	another
	itIs
)

// matches checks a profile's rules, one read each. A device that is silent to one
// of them is not asked further.
func matches(ctx context.Context, conn *modbus.Conn, unit uint8, p *profile.Profile) (fit, error) {
	if len(p.Identify) == 0 {
		return nothing, nil
	}
	result := nothing
	for _, rule := range p.Identify {
		fc, addr, count := rule.Span()
		words, err := conn.Read(ctx, unit, modbus.Table(fc), addr, count)
		if !answered(err) {
			return result, err
		}
		result = another // a refusal is an answer too
		if len(words) == 0 || !rule.Holds(func(_ string, a uint16) (uint16, bool) {
			if a < addr || int(a-addr) >= len(words) {
				return 0, false
			}
			return words[a-addr], true
		}) {
			return result, nil
		}
	}
	return itIs, nil
}

// sunSpecProfiles returns the profiles that the found models allow.
func sunSpecProfiles(models []profile.Model, profiles *profile.Set) (ids []string) {
	for _, id := range profiles.IDs() {
		p := profiles.Get(id)
		if slices.ContainsFunc(models, func(m profile.Model) bool { return slices.Contains(p.SunSpec, m.ID) }) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Live is what a unit shows at one moment.
type Live struct {
	Time     time.Time   `json:"time"`
	Identity Identity    `json:"identity"`
	Points   []LivePoint `json:"points"`
	Warnings []string    `json:"warnings"` // what is not plausible
}

// LivePoint is one quantity as the device shows it, in the maker's sign.
type LivePoint struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind,omitempty"`
	Role    string  `json:"role,omitempty"`
	Value   any     `json:"value"` // a number, a text, or null
	Unit    string  `json:"unit"`
	Quality Quality `json:"quality"`
	Error   string  `json:"error,omitempty"`

	measured profile.Measured
}

// Quality says whether a point's value can be used.
type Quality string

// The qualities of a point.
const (
	Good    Quality = "good"
	Missing Quality = "missing" // the device says that it has no such value
	Suspect Quality = "suspect" // outside of what is plausible
	Unread  Quality = "unread"  // the device does not have the register
)

// Measure reads all points of a profile (none when nil) and of the SunSpec models
// that were found.
func Measure(ctx context.Context, conn *modbus.Conn, f Finding, p *profile.Profile, profiles *profile.Set) (Live, error) {
	var points []profile.Located
	limits := modbus.Limits{MaxRegs: modbus.MaxRegisters, MaxHole: 0}
	if p != nil {
		own, err := p.Locate("", f.SunSpec)
		if err != nil {
			return Live{}, err
		}
		points, limits = own, meters.Limits(p.Quirks)
	}
	points = append(points, profiles.All(f.SunSpec)...)
	live := Live{Identity: identity(f, p, nil), Points: []LivePoint{}, Warnings: []string{}}
	if len(points) == 0 {
		return live, nil
	}
	words, err := modbus.NewReader(meters.Ranges(points, limits), limits).Read(ctx, conn, f.Unit)
	if err != nil {
		return live, err
	}
	live.Time = time.Now().UTC()
	for _, m := range profile.Measure(points, words.At) {
		live.Points = append(live.Points, livePoint(m))
	}
	live.Identity = identity(f, p, live.Points)
	live.Warnings = append(live.Warnings, implausible(live.Points)...)
	return live, nil
}

func livePoint(m profile.Measured) LivePoint {
	lp := LivePoint{Name: m.Name, Kind: string(m.Kind), Role: string(m.Role), Unit: m.Unit, Quality: Good, measured: m}
	switch {
	case m.Err == nil && m.Text != "":
		lp.Value = m.Text
	case m.Err == nil:
		lp.Value = m.Number
	case errors.Is(m.Err, profile.ErrNotImplemented):
		lp.Quality, lp.Error = Missing, m.Err.Error()
	case errors.Is(m.Err, profile.ErrImplausible):
		lp.Quality, lp.Error = Suspect, m.Err.Error()
	default:
		lp.Quality, lp.Error = Unread, m.Err.Error()
	}
	return lp
}

// identity takes what the registers say, and what function 0x2B says for the
// rest.
func identity(f Finding, p *profile.Profile, points []LivePoint) Identity {
	var id Identity
	for _, lp := range points {
		if lp.Quality != Good {
			continue
		}
		text := lp.measured.String()
		switch {
		case lp.Role == string(profile.RoleSerial):
			id.Serial = text
		case lp.Role == string(profile.RoleModel):
			id.Model = text
		case lp.Role == string(profile.RoleFirmware):
			id.Firmware = text
		case lp.Name == "1.Mn":
			id.Vendor = text
		case lp.Name == "1.Md" && id.Model == "":
			id.Model = text
		case lp.Name == "1.SN" && id.Serial == "":
			id.Serial = text
		}
	}
	if p != nil && id.Vendor == "" && p.Vendor != "any" {
		id.Vendor = p.Vendor
	}
	if said := f.Identification; said != nil {
		id.Vendor, id.Model, id.Firmware = first(id.Vendor, said.Vendor), first(id.Model, said.Model, said.Name, said.Product), first(id.Firmware, said.Revision)
	}
	return id
}

func first(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

// Reading returns what the program would take from the points of a kind.
func (l Live) Reading(kind grid.DeviceKind) (grid.Reading, error) {
	var measured []profile.Measured
	for _, lp := range l.Points {
		if lp.Kind == string(kind) {
			measured = append(measured, lp.measured)
		}
	}
	r := grid.Reading{Time: l.Time, Quality: grid.Good}
	err := profile.Fill(&r, measured)
	if err != nil {
		r.Quality = grid.Suspect
	}
	return r, err
}
