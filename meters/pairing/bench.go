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

// Bench keeps the sessions and their results in a directory, so that a pairing can
// be resumed by another process. It is safe for concurrent use; only one step of
// a session runs at a time.
type Bench struct {
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

// Open returns the bench of a data directory.
func Open(dir string, profiles *profile.Set, configured []Binding) *Bench {
	return &Bench{Access: Access{Profiles: profiles}, Configured: configured, dir: dir, busy: map[string]bool{}}
}

// Paired returns the devices that were paired, in the order of pairing.
func (b *Bench) Paired() ([]Binding, error) {
	return b.read(devicesFile)
}

func (b *Bench) read(name string) (all []Binding, err error) {
	text, err := os.ReadFile(filepath.Join(b.dir, name)) //nolint:gosec // our own
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("paired devices: %s: %w", filepath.Join(b.dir, name), err)
	}
	return all, nil
}

// Bound returns the devices of the community, the configured ones first.
func (b *Bench) Bound() ([]Binding, error) {
	paired, err := b.Paired()
	return append(slices.Clone(b.Configured), paired...), err
}

// NotFoundError reports a session that there is not.
type NotFoundError struct{ ID string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no pairing %q", e.ID) }

// Session returns a kept session. Errors: *NotFoundError.
func (b *Bench) Session(id string) (*Session, error) {
	if !regexp.MustCompile(`^[a-z0-9]+$`).MatchString(id) {
		return nil, &NotFoundError{id}
	}
	text, err := os.ReadFile(filepath.Join(b.dir, sessionsDir, id+".json")) //nolint:gosec // the name is checked
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotFoundError{id}
	}
	s := &Session{}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		return nil, fmt.Errorf("pairing %s: %w", id, err)
	}
	return s, nil
}

// Sessions returns the kept sessions, by id.
func (b *Bench) Sessions() ([]*Session, error) {
	names, err := filepath.Glob(filepath.Join(b.dir, sessionsDir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := make([]*Session, 0, len(names))
	for _, name := range names {
		s, err := b.Session(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Resume returns the session of a target, nil when there is none.
func (b *Bench) Resume(target string, unit uint8) (*Session, error) {
	all, err := b.Sessions()
	for _, s := range all {
		if s.Target == target && (unit == 0 || s.Unit == unit) {
			return s, nil
		}
	}
	return nil, err
}

// Begin starts a session.
func (b *Bench) Begin(ctx context.Context, target string, unit uint8, profileID string, kind grid.DeviceKind, progress func(unit uint8)) (*Session, error) {
	bound, err := b.Bound()
	if err != nil {
		return nil, err
	}
	s, err := Begin(ctx, strings.ToLower(rand.Text()[:10]), target, unit, profileID, kind, b.Access, bound, progress)
	if err != nil {
		return nil, err
	}
	return s, b.save(s)
}

// step carries out one step of a session and keeps what it found, also when it
// refuses to go on.
func (b *Bench) step(id string, do func(*Session) error) (*Session, error) {
	b.mu.Lock()
	if b.busy[id] {
		b.mu.Unlock()
		return nil, &ConflictError{"another step of this pairing is running"}
	}
	b.busy[id] = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.busy, id)
		b.mu.Unlock()
	}()
	s, err := b.Session(id)
	if err != nil {
		return nil, err
	}
	refused := do(s)
	return s, errors.Join(refused, b.save(s))
}

// Measure is Session.Measure of a kept session.
func (b *Bench) Measure(ctx context.Context, id string) (s *Session, live Live, err error) {
	s, err = b.step(id, func(s *Session) (err error) {
		live, err = s.Measure(ctx, b.Access)
		return err
	})
	return s, live, err
}

// CheckSign is Session.CheckSign of a kept session.
func (b *Bench) CheckSign(ctx context.Context, id string, known Load) (*Session, error) {
	return b.step(id, func(s *Session) error { return s.CheckSign(ctx, known, b.Access) })
}

// Bind is Session.Bind of a kept session.
func (b *Bench) Bind(id string, device grid.Device) (*Session, error) {
	return b.step(id, func(s *Session) error {
		bound, err := b.Bound()
		if err != nil {
			return err
		}
		for _, configured := range b.Configured {
			if configured.ID == device.ID {
				return &ConflictError{fmt.Sprintf("device %s is in the configuration of the community: change it there", configured.ID)}
			}
		}
		if err := b.vacant(s, device, bound); err != nil {
			return err
		}
		return s.Bind(device, bound, b.Reserved)
	})
}

// vacant refuses an id that means another device on the ledger, or registers that
// would run backwards.
func (b *Bench) vacant(s *Session, device grid.Device, bound []Binding) error {
	removed, err := b.read(removedFile)
	if err != nil {
		return err
	}
	device.Kind, device.Serial = s.Kind, s.Identity.Serial
	for _, other := range removed {
		if other.ID == device.ID && other.Device != device {
			return &ConflictError{fmt.Sprintf("device: the id %q was that of another device, which was removed: the ledger knows it, so that this one needs another id", other.ID)}
		}
	}
	for _, other := range append(bound, removed...) {
		if b.HasRead && other.ID == device.ID && other.Inverted != s.Inverted {
			return &ConflictError{fmt.Sprintf("%s was read the other way round so far, and its registers would seem to run backwards: remove it (commonwatt pair remove %s) and give it another id", other.ID, other.ID)}
		}
	}
	return nil
}

// Watch watches the device of a kept session; one that passes is among Paired
// from then on, and the session has ended.
func (b *Bench) Watch(ctx context.Context, id string, duration time.Duration, progress func(readings int)) (*Session, error) {
	s, err := b.step(id, func(s *Session) error { return s.WatchBound(ctx, duration, b.Access, progress) })
	if err != nil {
		return s, err
	}
	if b.Trial {
		return s, b.Forget(id)
	}
	if err := b.take(ctx, s); err != nil {
		return s, err
	}
	return s, b.Forget(id)
}

// take adopts a device that passed its watch, and keeps it. What was free when it
// was bound may have been taken while it was watched.
func (b *Bench) take(ctx context.Context, s *Session) error {
	b.adopting.Lock()
	defer b.adopting.Unlock()
	bound, err := b.Bound()
	if err != nil {
		return err
	}
	if err := s.fits(*s.Device, bound); err != nil {
		return err
	}
	binding := s.Binding()
	binding.Since = b.since(binding.ID, bound)
	begin := func() {}
	if b.Adopt != nil {
		if begin, err = b.Adopt(ctx, binding); err != nil {
			return err
		}
	}
	if err := b.keep(binding); err != nil {
		return err
	}
	begin()
	return nil
}

// since returns from when on a device counts: one that is paired anew counts on.
func (b *Bench) since(id string, bound []Binding) time.Time {
	for _, other := range bound {
		if other.ID == id {
			return other.Since
		}
	}
	if b.Clock == nil {
		return time.Now().UTC()
	}
	return b.Clock().UTC()
}

func (b *Bench) keep(binding Binding) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	paired, err := b.Paired()
	if err != nil {
		return err
	}
	paired = slices.DeleteFunc(paired, func(old Binding) bool { return old.ID == binding.ID })
	return b.write(devicesFile, append(paired, binding))
}

// Remove lets go of a device that was paired: it is not read from the next start
// on. What it measured stays where it is. A connection meter goes last of its
// metering point. Errors: *NotFoundError, *ConflictError.
func (b *Bench) Remove(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	paired, err := b.Paired()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(paired, func(other Binding) bool { return other.ID == id })
	if at < 0 {
		return &NotFoundError{id}
	}
	gone := paired[at]
	for _, other := range append(slices.Clone(b.Configured), paired...) {
		if gone.Kind == grid.Meter && other.ID != id && other.MeteringPoint == gone.MeteringPoint {
			return &ConflictError{fmt.Sprintf("%s is behind the connection meter %s: remove %s first", other.ID, id, other.ID)}
		}
	}
	removed, err := b.read(removedFile)
	if err != nil {
		return err
	}
	if err := b.write(removedFile, append(removed, gone)); err != nil {
		return err
	}
	return b.write(devicesFile, slices.Delete(paired, at, at+1))
}

// Forget ends a session.
func (b *Bench) Forget(id string) error {
	if _, err := b.Session(id); err != nil {
		return err
	}
	return os.Remove(filepath.Join(b.dir, sessionsDir, id+".json"))
}

func (b *Bench) save(s *Session) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(filepath.Join(sessionsDir, s.ID+".json"), s)
}

// write replaces a file durably: after a crash it is the old one or the new one.
func (b *Bench) write(name string, v any) error {
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(text, '\n'), disk.Private)
}

// Holds tells whether a device with a single connection is bound at an endpoint:
// it must not be searched while it is read.
func (b *Bench) Holds(e modbus.Endpoint) bool {
	bound, err := b.Bound()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(bound, func(binding Binding) bool {
		other, err := modbus.ParseEndpoint(binding.Target)
		p := b.Profiles.Get(binding.Profile)
		return err == nil && other.Address == e.Address && p != nil && p.Quirks.SingleConnection
	})
}
