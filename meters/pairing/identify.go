package pairing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	sentences "github.com/commonwatt/commonwatt/said"
)

// Finding is what is known of one unit at an endpoint.
type Finding struct {
	Target         string                 `json:"target"`
	Unit           uint8                  `json:"unit"`
	Device         Identity               `json:"device"`                          // as far as it says without a profile
	Identification *modbus.Identification `json:"device_identification,omitempty"` // function 0x2B
	SunSpec        []profile.Model        `json:"sunspec,omitempty"`
	Profiles       []string               `json:"profiles"` // that fit, the closest first

	How // it is read
}

// Identity is what a device says of itself.
type Identity struct {
	Vendor   string `json:"vendor,omitempty"`
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`
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

// sunSpecProfiles returns the profiles that the found models allow.
func sunSpecProfiles(models []profile.Model, profiles *profile.Set) (ids []string) {
	for _, id := range profiles.IDs() {
		if profiles.Get(id).Fits(models) {
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

	WarningsSaid []sentences.Sentence `json:"warnings_said,omitempty"` // the warnings in each language, where they are told

	Parts []Part `json:"parts,omitempty"` // where the unit shows several of the kind
	Part  int    `json:"part,omitempty"`  // of them, that is read
}

// LivePoint is one quantity as the device shows it, in the maker's sign.
type LivePoint struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind,omitempty"`
	Role    string  `json:"role,omitempty"`
	Value   any     `json:"value"` // a number, a text, or null
	Unit    string  `json:"unit"`
	Quality Quality `json:"quality"`
	Error   string  `json:"error,omitempty"` // why there is no value that can be used

	Said *sentences.Sentence `json:"said,omitempty"` // the error in each language, where it is told

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
// that were found. What is not where the profile has it is a warning: what there is is
// shown.
func Measure(ctx context.Context, conn *modbus.Conn, f Finding, p *profile.Profile, profiles *profile.Set) (Live, error) {
	live := Live{Identity: identity(f, p, nil), Points: []LivePoint{}, Warnings: []string{}}
	points := profiles.All(f.SunSpec)
	if p != nil {
		own, err := located(ctx, conn, f, p, &live)
		if err != nil {
			return live, err
		}
		points = append(own, points...)
	}
	if len(points) == 0 {
		return live, nil
	}
	words, err := read(ctx, conn, f.Unit, points, f.quirks(p))
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

// located finds the points of a profile on the part that is meant. What they lack becomes
// a warning.
func located(ctx context.Context, conn *modbus.Conn, f Finding, p *profile.Profile, live *Live) ([]profile.Located, error) {
	parts, err := meters.Parts(ctx, conn, f.Unit, p, f.quirks(p), f.SunSpec)
	if err != nil {
		return nil, err
	}
	part, certain := meters.Choose(parts, f.Part, "")
	if !certain {
		live.Warnings = append(live.Warnings, (&meters.AmbiguousError{Unit: f.Unit, Asked: f.Part, Parts: parts}).Error())
	}
	if len(parts) > 1 {
		live.Parts, live.Part = parts, part.Number
	}
	points, err := p.Locate("", part.Of(f.SunSpec))
	if err != nil {
		live.Warnings = append(live.Warnings, err.Error())
	}
	return points, nil
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
