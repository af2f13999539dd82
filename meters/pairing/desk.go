package pairing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Desk keeps the sessions and their results in a directory, so that a pairing can
// be resumed by another process. It is safe for concurrent use; only one step of
// a session runs at a time.
type Desk struct {
	Access

	Configured []Binding // of the community's configuration, beside those that were paired
	Reserved   []string  // names that no metering point may have
	Trial      bool      // go through the steps, and keep no device: the community is simulated
	HasRead    bool      // the community has read its devices: their registers count on

	// Adopt takes a device whose watch is over, before it is kept, or refuses it; what
	// it returns is called once the device is kept. Nil: the next start of the
	// community takes it.
	Adopt func(ctx context.Context, b Binding) (begin func(), err error)
	Clock func() time.Time // of the community; nil: time.Now

	dir      string
	adopting sync.Mutex // one device after the other is taken; before mu
	mu       sync.Mutex // guards the files and busy
	busy     map[string]bool
}

const (
	sessionsDir = "pairing"
	devicesFile = "devices.json"
	removedFile = "removed.json"
)

// Open returns the desk of a data directory.
func Open(dir string, profiles *profile.Set, configured []Binding) *Desk {
	return &Desk{Access: Access{Profiles: profiles}, Configured: configured, dir: dir, busy: map[string]bool{}}
}

// Paired returns the devices that were paired, in the order of pairing.
func (d *Desk) Paired() ([]Binding, error) {
	return d.read(devicesFile)
}

func (d *Desk) read(name string) (all []Binding, err error) {
	b, err := os.ReadFile(filepath.Join(d.dir, name)) //nolint:gosec // our own
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("paired devices: %s: %w", filepath.Join(d.dir, name), err)
	}
	return all, nil
}

// Bound returns the devices of the community, the configured ones first.
func (d *Desk) Bound() ([]Binding, error) {
	paired, err := d.Paired()
	return append(slices.Clone(d.Configured), paired...), err
}

// NotFoundError reports a session that there is not.
type NotFoundError struct{ ID string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no pairing %q", e.ID) }

// Session returns a kept session. Errors: *NotFoundError.
func (d *Desk) Session(id string) (*Session, error) {
	if !regexp.MustCompile(`^[a-z0-9]+$`).MatchString(id) {
		return nil, &NotFoundError{id}
	}
	b, err := os.ReadFile(filepath.Join(d.dir, sessionsDir, id+".json")) //nolint:gosec // the name is checked
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotFoundError{id}
	}
	s := &Session{}
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("pairing %s: %w", id, err)
	}
	return s, nil
}

// Sessions returns the kept sessions, by id.
func (d *Desk) Sessions() ([]*Session, error) {
	names, err := filepath.Glob(filepath.Join(d.dir, sessionsDir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := make([]*Session, 0, len(names))
	for _, name := range names {
		s, err := d.Session(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Resume returns the session of a target, nil when there is none.
func (d *Desk) Resume(target string, unit uint8) (*Session, error) {
	all, err := d.Sessions()
	for _, s := range all {
		if s.Target == target && (unit == 0 || s.Unit == unit) {
			return s, nil
		}
	}
	return nil, err
}

// Begin starts a session.
func (d *Desk) Begin(ctx context.Context, target string, unit uint8, profileID string, kind grid.DeviceKind, progress func(unit uint8)) (*Session, error) {
	bound, err := d.Bound()
	if err != nil {
		return nil, err
	}
	s, err := Begin(ctx, strings.ToLower(rand.Text()[:10]), target, unit, profileID, kind, d.Access, bound, progress)
	if err != nil {
		return nil, err
	}
	return s, d.save(s)
}

// step carries out one step of a session and keeps what it found, also when it
// refuses to go on.
func (d *Desk) step(id string, do func(*Session) error) (*Session, error) {
	d.mu.Lock()
	if d.busy[id] {
		d.mu.Unlock()
		return nil, &ConflictError{"another step of this pairing is running"}
	}
	d.busy[id] = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.busy, id)
		d.mu.Unlock()
	}()
	s, err := d.Session(id)
	if err != nil {
		return nil, err
	}
	refused := do(s)
	return s, errors.Join(refused, d.save(s))
}

// Measure is Session.Measure of a kept session.
func (d *Desk) Measure(ctx context.Context, id string) (s *Session, live Live, err error) {
	s, err = d.step(id, func(s *Session) (err error) {
		live, err = s.Measure(ctx, d.Access)
		return err
	})
	return s, live, err
}

// CheckSign is Session.CheckSign of a kept session.
func (d *Desk) CheckSign(ctx context.Context, id string, known Load) (*Session, error) {
	return d.step(id, func(s *Session) error { return s.CheckSign(ctx, known, d.Access) })
}

// Bind is Session.Bind of a kept session.
func (d *Desk) Bind(id string, device grid.Device) (*Session, error) {
	return d.step(id, func(s *Session) error {
		bound, err := d.Bound()
		if err != nil {
			return err
		}
		for _, b := range d.Configured {
			if b.ID == device.ID {
				return &ConflictError{fmt.Sprintf("device %s is in the configuration of the community: change it there", b.ID)}
			}
		}
		if err := d.vacant(s, device, bound); err != nil {
			return err
		}
		return s.Bind(device, bound, d.Reserved)
	})
}

// vacant refuses an id that means another device on the ledger, or registers that
// would run backwards.
func (d *Desk) vacant(s *Session, device grid.Device, bound []Binding) error {
	removed, err := d.read(removedFile)
	if err != nil {
		return err
	}
	device.Kind, device.Serial = s.Kind, s.Identity.Serial
	for _, b := range removed {
		if b.ID == device.ID && b.Device != device {
			return &ConflictError{fmt.Sprintf("device: the id %q was that of another device, which was removed: the ledger knows it, so that this one needs another id", b.ID)}
		}
	}
	for _, b := range append(bound, removed...) {
		if d.HasRead && b.ID == device.ID && b.Inverted != s.Inverted {
			return &ConflictError{fmt.Sprintf("%s was read the other way round so far, and its registers would seem to run backwards: remove it (commonwatt pair remove %s) and give it another id", b.ID, b.ID)}
		}
	}
	return nil
}

// Watch watches the device of a kept session; one that passes is among Paired
// from then on, and the session has ended.
func (d *Desk) Watch(ctx context.Context, id string, duration time.Duration, progress func(readings int)) (*Session, error) {
	s, err := d.step(id, func(s *Session) error { return s.WatchBound(ctx, duration, d.Access, progress) })
	if err != nil {
		return s, err
	}
	if d.Trial {
		return s, d.Forget(id)
	}
	if err := d.take(ctx, s); err != nil {
		return s, err
	}
	return s, d.Forget(id)
}

// take adopts a device that passed its watch, and keeps it. What was free when it
// was bound may have been taken while it was watched.
func (d *Desk) take(ctx context.Context, s *Session) error {
	d.adopting.Lock()
	defer d.adopting.Unlock()
	bound, err := d.Bound()
	if err != nil {
		return err
	}
	if err := s.fits(*s.Device, bound); err != nil {
		return err
	}
	b := s.Binding()
	b.Since = d.since(b.ID, bound)
	begin := func() {}
	if d.Adopt != nil {
		if begin, err = d.Adopt(ctx, b); err != nil {
			return err
		}
	}
	if err := d.keep(b); err != nil {
		return err
	}
	begin()
	return nil
}

// since returns from when on a device counts: one that is paired anew counts on.
func (d *Desk) since(id string, bound []Binding) time.Time {
	for _, b := range bound {
		if b.ID == id {
			return b.Since
		}
	}
	if d.Clock == nil {
		return time.Now().UTC()
	}
	return d.Clock().UTC()
}

func (d *Desk) keep(b Binding) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	paired, err := d.Paired()
	if err != nil {
		return err
	}
	paired = slices.DeleteFunc(paired, func(old Binding) bool { return old.ID == b.ID })
	return d.write(devicesFile, append(paired, b))
}

// Remove lets go of a device that was paired: it is not read from the next start
// on. What it measured stays where it is. A connection meter goes last of its
// metering point. Errors: *NotFoundError, *ConflictError.
func (d *Desk) Remove(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	paired, err := d.Paired()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(paired, func(b Binding) bool { return b.ID == id })
	if at < 0 {
		return &NotFoundError{id}
	}
	gone := paired[at]
	for _, b := range append(slices.Clone(d.Configured), paired...) {
		if gone.Kind == grid.Meter && b.ID != id && b.MeteringPoint == gone.MeteringPoint {
			return &ConflictError{fmt.Sprintf("%s is behind the connection meter %s: remove %s first", b.ID, id, b.ID)}
		}
	}
	removed, err := d.read(removedFile)
	if err != nil {
		return err
	}
	if err := d.write(removedFile, append(removed, gone)); err != nil {
		return err
	}
	return d.write(devicesFile, slices.Delete(paired, at, at+1))
}

// Forget ends a session.
func (d *Desk) Forget(id string) error {
	if _, err := d.Session(id); err != nil {
		return err
	}
	return os.Remove(filepath.Join(d.dir, sessionsDir, id+".json"))
}

func (d *Desk) save(s *Session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.write(filepath.Join(sessionsDir, s.ID+".json"), s)
}

// write replaces a file durably: after a crash it is the old one or the new one.
func (d *Desk) write(name string, v any) error {
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(b, '\n'), disk.Private)
}

// Holds tells whether a device with a single connection is bound at an endpoint:
// it must not be searched while it is read.
func (d *Desk) Holds(e modbus.Endpoint) bool {
	bound, err := d.Bound()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(bound, func(b Binding) bool {
		other, err := modbus.ParseEndpoint(b.Target)
		p := d.Profiles.Get(b.Profile)
		return err == nil && other.Address == e.Address && p != nil && p.Quirks.SingleConnection
	})
}
