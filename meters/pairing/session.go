package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	sentences "github.com/commonwatt/commonwatt/said"
)

// Step is how far a pairing has come.
type Step string

// The steps, in their order.
const (
	Identified Step = "identified"
	Measured   Step = "measured"
	Checked    Step = "sign-checked"
	Bound      Step = "bound"
	Watched    Step = "watched"
)

// Session is the pairing of one device. It is plain data: what has been found out
// so far.
type Session struct {
	ID       string          `json:"id"`
	Target   string          `json:"target"` // as modbus.ParseEndpoint reads it
	Unit     uint8           `json:"unit"`
	Step     Step            `json:"step"`
	Finding  Finding         `json:"finding"`
	Profile  string          `json:"profile"`
	Kind     grid.DeviceKind `json:"kind"`
	Identity Identity        `json:"identity"`
	Power    *grid.Power     `json:"power,omitempty"` // at the sign check, W, + taken from the grid or the home
	Inverted bool            `json:"inverted"`        // the sign check found the meter mounted the wrong way round
	// Counters tells that import and export change places, as the watch has seen; absent: as
	// Inverted says.
	Counters *bool `json:"inverted_counters,omitempty"`
	// Unchecked tells that the sign was to be checked later.
	Unchecked bool         `json:"sign_unchecked,omitempty"`
	Device    *grid.Device `json:"device,omitempty"`
	Watch     *Watch       `json:"watch,omitempty"`
	Warnings  []string     `json:"warnings"`

	// WarningsSaid are the warnings in each language. They are told, and never kept.
	WarningsSaid []sentences.Sentence `json:"warnings_said,omitempty"`
	Load         Load            `json:"load,omitempty"`     // what the installer knew at the sign check
	Replaces     string          `json:"replaces,omitempty"` // the device whose place this one takes
	By           string          `json:"by,omitempty"`       // who began the pairing
	Began        *Registers      `json:"began,omitempty"`    // what its registers showed last when it was watched
}

// Binding is a device that is bound already.
type Binding struct {
	grid.Device

	Target   string `json:"target"`
	Unit     uint8  `json:"unit"`
	Profile  string `json:"profile"`
	Inverted bool   `json:"inverted,omitempty"` // its power has the wrong sign
	// Counters tells that import and export change places; absent: as Inverted says.
	Counters *bool `json:"inverted_counters,omitempty"`
	// Since is when it was paired: a connection meter takes part in intervals that
	// begin later. Zero: always.
	Since time.Time `json:"since,omitzero"`
	// Warning is what the community noticed while it read the device. It is told, and
	// never kept.
	Warning string         `json:"warning,omitempty"`
	Said    *sentences.Sentence `json:"said,omitempty"`
	// Unchecked tells that the sign was never checked: pairing the device anew does.
	Unchecked bool `json:"sign_unchecked,omitempty"`
	// Until is when it was removed, or replaced. Zero: it is there.
	Until time.Time `json:"until,omitzero"`
	// Gone says how it was let go of; nil: it is there, or nobody noted it.
	Gone *Gone `json:"gone,omitempty"`
	// Configured tells that it stands in the configuration of the community, which is never written: what is
	// changed of it is kept beside.
	Configured bool `json:"configured,omitempty"`
	// Replaces is the device whose place it took, empty when it took nobody's.
	Replaces string `json:"replaces,omitempty"`
	// Paired says how it was paired; nil: it was not, or by a program that did not note it.
	Paired *Installed `json:"paired,omitempty"`
	// Ended is what its registers showed last; nil: it is there, or nobody knows.
	Ended *Registers `json:"ended,omitempty"`

	How // it is read
}

// A ConflictError says why a pairing must not go on as it is.
type ConflictError struct{ Reason string }

func (e *ConflictError) Error() string { return e.Reason }

// Begin identifies the device that is wished for. bound are the devices of the community:
// a host that is spoken to otherwise already is refused.
func Begin(ctx context.Context, id string, w Wish, a Access, bound []Binding, progress func(unit uint8)) (*Session, error) {
	e, err := modbus.ParseEndpoint(w.Target)
	if err != nil {
		return nil, err
	}
	if err := otherProtocol(e, bound); err != nil {
		return nil, err
	}
	switch by := a.Profiles.Get(w.Profile); {
	case by != nil:
		if err := w.check(by); err != nil {
			return nil, err
		}
	case w.Profile != "":
		return nil, &ConflictError{fmt.Sprintf("there is no profile %q", w.Profile)}
	}
	search := w.Search(a)
	search.Progress, search.First = progress, true
	found, err := Identify(ctx, e, search)
	if err != nil {
		return nil, err
	}
	s := &Session{ID: id, Target: w.Target, Unit: found[0].Unit, Step: Identified, Finding: found[0], Warnings: []string{}, By: w.By}
	if err := s.choose(w.Profile, w.Kind, a.Profiles); err != nil {
		return s, err
	}
	return s, s.choosePart(ctx, a)
}

// choosePart tells which of several of a kind behind the unit is meant, where that can be
// told.
func (s *Session) choosePart(ctx context.Context, a Access) error {
	f := &s.Finding
	p := a.Profiles.Get(s.Profile)
	if err := cmp.Or(f.check(p), f.Ratings.check(s.Kind, p)); err != nil || len(p.Parts(f.SunSpec)) < 2 && f.Part == 0 {
		return err
	}
	conn, done, p, err := s.open(a)
	if err != nil {
		return err
	}
	defer done()
	parts, err := meters.Parts(ctx, conn, s.Unit, p, f.quirks(p), f.SunSpec)
	if err != nil {
		return err
	}
	part, certain := meters.Choose(parts, f.Part, "")
	if !certain {
		return &ConflictError{(&meters.AmbiguousError{Unit: s.Unit, Asked: f.Part, Parts: parts}).Error()}
	}
	if len(parts) > 1 {
		f.Part = part.Number
	}
	return nil
}

func (s *Session) choose(id string, kind grid.DeviceKind, profiles *profile.Set) error {
	if id == "" && len(s.Finding.Profiles) == 0 {
		return &ConflictError{fmt.Sprintf("unit %d answers, but no profile fits it: name one with --profile, or write one (docs/profiles.md)", s.Unit)}
	}
	if id == "" {
		id = s.Finding.Profiles[0]
		for _, candidate := range s.Finding.Profiles {
			if slices.Contains(profiles.Get(candidate).Kinds(), kind) {
				id = candidate
				break
			}
		}
	}
	p := profiles.Get(id)
	if p == nil {
		return &ConflictError{fmt.Sprintf("there is no profile %q", id)}
	}
	if kind == "" {
		kind = p.Kind
	}
	if !slices.Contains(p.Kinds(), kind) {
		return &ConflictError{fmt.Sprintf("profile %s reads %v, no %s", id, p.Kinds(), kind)}
	}
	s.Profile, s.Kind = id, kind
	return nil
}

// otherProtocol refuses to speak to a host and port in another way than its
// bound devices are spoken to: the frames would garble each other.
func otherProtocol(e modbus.Endpoint, bound []Binding) error {
	for _, b := range bound {
		other, err := modbus.ParseEndpoint(b.Target)
		if err == nil && other.Address == e.Address && other.Scheme != e.Scheme {
			return &ConflictError{fmt.Sprintf("%s is in use as %s by device %s: one port speaks one protocol", e.Address, other.Scheme, b.ID)}
		}
	}
	return nil
}

// open returns a connection to the device, what to call afterwards, and by which
// profile it is read.
func (s *Session) open(a Access) (*modbus.Conn, func(), *profile.Profile, error) {
	e, err := modbus.ParseEndpoint(s.Target)
	if err != nil {
		return nil, nil, nil, err
	}
	p := a.Profiles.Get(s.Profile)
	if p == nil {
		return nil, nil, nil, fmt.Errorf("there is no profile %q", s.Profile)
	}
	conn, done := a.open(e, s.Finding.options(p))
	return conn, done, p, nil
}

// Measure reads the live values; what is not plausible becomes a warning.
func (s *Session) Measure(ctx context.Context, a Access) (Live, error) {
	conn, done, p, err := s.open(a)
	if err != nil {
		return Live{}, err
	}
	defer done()
	live, err := Measure(ctx, conn, s.Finding, p, a.Profiles)
	if err != nil {
		return live, err
	}
	s.Identity, s.Warnings = live.Identity, live.Warnings
	s.Step = Measured
	return live, nil
}

// Load is what the installer knows to happen at the device right now.
type Load string

// The loads of a sign check.
const (
	Importing Load = "importing" // taken from the grid, charging, or a car being charged
	Exporting Load = "exporting" // fed into the grid, produced, or discharging
	Later     Load = "later"     // nothing can be told now, as of panels at night
)

// CheckSign compares the power with what the installer knows. A connection meter
// that shows the opposite is mounted the wrong way round, which the binding puts
// right; any other device that does has the wrong profile, and is refused. Later
// leaves the check of such a device for another day; a connection meter bills,
// and must be checked.
func (s *Session) CheckSign(ctx context.Context, known Load, a Access) error {
	if known != Importing && known != Exporting && known != Later {
		return &ConflictError{fmt.Sprintf("load: %q is neither %s nor %s nor %s", known, Importing, Exporting, Later)}
	}
	if s.Step == Identified {
		return &ConflictError{"look at the live values before the sign check"}
	}
	s.Inverted, s.Counters, s.Unchecked, s.Step = false, nil, false, Measured // until it is checked anew
	if p := a.Profiles.Get(s.Profile); s.Kind != grid.Meter && p != nil && !p.Shows(s.Kind, profile.RolePower) {
		s.Power, s.Step = nil, Checked // as of a battery that shows its charge alone
		return nil
	}
	power, err := s.power(ctx, a)
	if err != nil {
		return err
	}
	s.Power, s.Load = &power, known
	if known == Later {
		if s.Kind == grid.Meter {
			return &ConflictError{fmt.Sprintf("a connection meter bills, so that its sign is checked now: let at least %d W flow, as a kettle takes", leastPower)}
		}
		s.Unchecked, s.Step = true, Checked
		return nil
	}
	if math.Abs(float64(power)) < leastPower {
		how := "as a kettle takes"
		if s.Kind != grid.Meter {
			how = `or answer "later"`
		}
		return &ConflictError{fmt.Sprintf("the %s shows %d W: for a sign check let at least %d W flow, %s", s.Kind, power, leastPower, how)}
	}
	opposite := (power > 0) != (known == Importing)
	if opposite && s.Kind != grid.Meter {
		return &ConflictError{fmt.Sprintf("the %s shows %d W %s, and you said %s: that is no question of mounting: either the answer is wrong, or the profile %s does not fit this device", s.Kind, max(power, -power), direction(power), known, s.Profile)}
	}
	s.Inverted, s.Step = opposite, Checked
	return nil
}

func direction(p grid.Power) Load {
	if p > 0 {
		return Importing
	}
	return Exporting
}

// power reads the device as the profile says.
func (s *Session) power(ctx context.Context, a Access) (grid.Power, error) {
	conn, done, p, err := s.open(a)
	if err != nil {
		return 0, err
	}
	defer done()
	parts, err := meters.Parts(ctx, conn, s.Unit, p, s.Finding.quirks(p), s.Finding.SunSpec)
	if err != nil {
		return 0, err
	}
	part, _ := meters.Choose(parts, s.Finding.Part, "")
	points, err := p.Locate(s.Kind, part.Of(s.Finding.SunSpec))
	if err != nil {
		return 0, err
	}
	words, err := read(ctx, conn, s.Unit, points, s.Finding.quirks(p))
	if err != nil {
		return 0, err
	}
	var r grid.Reading
	doubt := profile.Fill(&r, profile.Measure(points, words.At))
	if r.Power == nil {
		return 0, errors.Join(&ConflictError{"the device shows no power"}, doubt)
	}
	return *r.Power, nil
}

// Bind binds the device to a metering point. It refuses a device that is bound
// already, an id that is taken, and a second connection meter; a device that
// shows the serial number of another one at that address was swapped. reserved
// are names that no metering point may have.
func (s *Session) Bind(d grid.Device, bound []Binding, reserved []string) error {
	if s.Step == Identified || s.Step == Measured {
		return &ConflictError{"check the sign before binding: a meter that counts the wrong way bills the wrong way"}
	}
	d.Kind, d.Serial = s.Kind, s.Identity.Serial
	bound, err := s.others(d, bound)
	if err != nil {
		return err
	}
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	switch {
	case d.ID == "" || len(d.ID) > mostName || strings.ContainsFunc(d.ID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return &ConflictError{fmt.Sprintf("device id %q: 1 to %d characters without spaces, as ann/meter", d.ID, mostName)}
	case !name.MatchString(d.Member):
		return &ConflictError{fmt.Sprintf("member %q: use letters, digits, - and _", d.Member)}
	case !name.MatchString(d.MeteringPoint) || slices.Contains(reserved, d.MeteringPoint):
		return &ConflictError{fmt.Sprintf("metering point %q: use letters, digits, - and _, and no name of a system account", d.MeteringPoint)}
	}
	if err := s.fits(d, bound); err != nil {
		return err
	}
	s.Device, s.Step = &d, Bound
	return nil
}

// fits tells whether the device can be one of the community's besides those bound.
func (s *Session) fits(d grid.Device, bound []Binding) error {
	for _, b := range bound {
		sameAddress := s.sameAddress(b)
		switch {
		case b.ID == d.ID && !sameAddress:
			return &ConflictError{fmt.Sprintf("device: the id %q is taken by a device at %s unit %d", d.ID, b.Target, b.Unit)}
		case d.Serial != "" && b.Serial == d.Serial && b.Kind == d.Kind && b.ID != d.ID:
			return &ConflictError{fmt.Sprintf("the %s with the serial number %s is bound already, as %s: a device counts once", d.Kind, d.Serial, b.ID)}
		case sameAddress && b.Kind == d.Kind && b.Serial != "" && d.Serial != "" && b.Serial != d.Serial && b.Serial != s.Finding.Device.Serial:
			return &ConflictError{fmt.Sprintf("swapped: %s unit %d is bound as %s with the serial number %s, and now shows %s: bind that one anew first", b.Target, b.Unit, b.ID, b.Serial, d.Serial)}
		case sameAddress && b.Kind == d.Kind && b.ID != d.ID:
			return &ConflictError{fmt.Sprintf("%s unit %d is bound already, as %s", b.Target, b.Unit, b.ID)}
		case d.Kind == grid.Meter && b.Kind == grid.Meter && b.MeteringPoint == d.MeteringPoint && b.ID != d.ID:
			return &ConflictError{fmt.Sprintf("metering point %s has the connection meter %s already", d.MeteringPoint, b.ID)}
		}
	}
	billed := func(b Binding) bool { return b.Kind == grid.Meter && b.MeteringPoint == d.MeteringPoint }
	if d.Kind != grid.Meter && !slices.ContainsFunc(bound, billed) {
		return &ConflictError{fmt.Sprintf("metering point %s has no connection meter yet: pair that first, it bills", d.MeteringPoint)}
	}
	return nil
}

const mostName = 64

func (s *Session) sameAddress(b Binding) bool {
	mine, err1 := modbus.ParseEndpoint(s.Target)
	theirs, err2 := modbus.ParseEndpoint(b.Target)
	return err1 == nil && err2 == nil && s.Unit == b.Unit && s.samePart(b) && sameHost(mine.Address, theirs.Address)
}

// samePart tells whether a device of the same unit may be the same part of it: one that was
// bound when there was no choice has no number, and is told by its serial number.
func (s *Session) samePart(b Binding) bool {
	if mine := s.Finding.Part; mine == b.Part || mine > 0 && b.Part > 0 {
		return mine == b.Part
	}
	return s.Identity.Serial == "" || b.Serial == "" || s.Identity.Serial == b.Serial
}

// sameHost tells whether two addresses are of one port of one host, as far as the
// network's names tell; a serial line has no port.
func sameHost(a, b string) bool {
	host1, port1, err1 := net.SplitHostPort(a)
	host2, port2, err2 := net.SplitHostPort(b)
	if a == b || err1 != nil || err2 != nil || port1 != port2 {
		return a == b
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookUpWithin)
	defer cancel()
	all1, err1 := net.DefaultResolver.LookupHost(ctx, host1)
	all2, err2 := net.DefaultResolver.LookupHost(ctx, host2)
	return err1 == nil && err2 == nil && slices.ContainsFunc(all1, func(ip string) bool { return slices.Contains(all2, ip) })
}

const lookUpWithin = time.Second

// Watch is what two minutes of reading showed.
type Watch struct {
	Seconds  int      `json:"seconds"`
	Readings int      `json:"readings"`
	Suspect  int      `json:"suspect"`          // readings of which something was not believed
	Gap      float64  `json:"longest_gap_s"`    // between readings
	Missing  []string `json:"missing_counters"` // that the readings never had
}

// WatchFor is how long a new device is watched.
const WatchFor = 2 * time.Minute

// WatchBound reads the device as the program will, and looks for dropouts. A
// device that answers less than nine times in ten is not taken.
func (s *Session) WatchBound(ctx context.Context, duration time.Duration, a Access, progress func(readings int)) error {
	if s.Device == nil {
		return &ConflictError{"bind the device before watching it"}
	}
	e, err := modbus.ParseEndpoint(s.Target)
	if err != nil {
		return err
	}
	w := &watcher{progress: progress}
	fleet := meters.Fleet{Clock: time.Now, Sink: w, Shared: a.Shared, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	began := time.Now()
	target := meters.Target{Device: *s.Device, Endpoint: e, Unit: s.Unit, Profile: a.Profiles.Get(s.Profile), Turned: turned(s.Inverted, s.Counters), Most: s.Finding.most(), Own: profile.Own(s.Finding.Own), Part: s.Finding.Part}
	if err := fleet.Run(ctx, []meters.Target{target}, w); err != nil {
		return err
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	s.Watch = w.result(began, duration, target.Profile.Counters(s.Kind))
	if expected := int(duration / meters.Period); s.Watch.Readings*10 < expected*9-10 {
		return &ConflictError{fmt.Sprintf("only %d of about %d readings came: look at the wiring, the Wi-Fi, and whether something else reads the device too", s.Watch.Readings, expected)}
	}
	all := w.all()
	if err := s.judgeCounters(all); err != nil {
		return err
	}
	s.Began = lastRegisters(all)
	s.Step = Watched
	return nil
}

// watcher is the sink of a watch.
type watcher struct {
	progress func(readings int)

	mu       sync.Mutex
	readings []grid.Reading
}

func (w *watcher) PublishBatch(_ context.Context, _ string, b meters.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readings = append(w.readings, b.Readings...)
	w.progress(len(w.readings))
	return nil
}

// all returns what was read.
func (w *watcher) all() []grid.Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.readings)
}

func (*watcher) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

func (w *watcher) result(began time.Time, duration time.Duration, counters []profile.Role) *Watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	result := &Watch{Seconds: int(duration.Seconds()), Readings: len(w.readings), Missing: []string{}}
	last, gap := began, time.Duration(0)
	seen := map[profile.Role]bool{}
	for _, r := range w.readings {
		gap = max(gap, r.Time.Sub(last))
		last = r.Time
		if r.Quality != grid.Good {
			result.Suspect++
		}
		seen[profile.RoleImport] = seen[profile.RoleImport] || r.Import != nil
		seen[profile.RoleExport] = seen[profile.RoleExport] || r.Export != nil
	}
	gap = max(gap, began.Add(duration).Sub(last))
	result.Gap = math.Round(gap.Seconds()*10) / 10
	for _, role := range counters {
		if !seen[role] {
			result.Missing = append(result.Missing, string(role))
		}
	}
	return result
}

// Binding returns the session's result.
func (s *Session) Binding() Binding {
	return Binding{Device: *s.Device, Target: s.Target, Unit: s.Unit, Profile: s.Profile, Inverted: s.Inverted, Counters: s.Counters, Unchecked: s.Unchecked, Replaces: s.Replaces, Paired: s.installed(), How: s.Finding.How}
}
