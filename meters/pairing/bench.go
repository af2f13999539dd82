package pairing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Bench keeps the sessions and their results in a directory, so that a pairing can
// be resumed by another process. It is safe for concurrent use; only one step of
// a session runs at a time.
type Bench struct {
	Access

	Configured []Binding // of the community's configuration, beside those that were paired: also those that were let go of
	Reserved   []string  // names that no metering point may have
	Trial      bool      // go through the steps, and keep no device: the community is simulated
	HasRead    bool      // the community has read its devices: their registers count on

	// Fits refuses a device of which something is said that the configuration would refuse; nil: nothing is.
	Fits func(b Binding) error
	// Adopt takes a device whose watch is over, before it is kept, or refuses it; what
	// it returns is called once the device is kept. Nil: the next start of the
	// community takes it.
	Adopt func(ctx context.Context, b Binding) (begin func(), err error)
	Clock func() time.Time // of the community; nil: time.Now
	// Changed takes a paired device that is to be otherwise, before that is kept, or refuses it; what it
	// returns is called once it is kept. Dismissed is told of one that was removed. Totals returns the last
	// registers of a device, nil when there are none. Each may be nil.
	Changed   func(ctx context.Context, b Binding) (begin func(), err error)
	Dismissed func(b Binding)
	Totals    func(ctx context.Context, device string) (*grid.Reading, error)

	shelf

	adopting sync.Mutex // one device after the other is taken; before the shelf's
	stepping sync.Mutex // guards busy; no other is taken under it
	busy     map[string]bool
}

// Open returns the bench of a data directory.
func Open(dir string, profiles *profile.Set, configured []Binding) *Bench {
	return &Bench{Access: Access{Profiles: profiles}, Configured: configured, shelf: shelf{dir: dir}, busy: map[string]bool{}}
}

// Bound returns the devices of the community, the configured ones first.
func (b *Bench) Bound() ([]Binding, error) {
	configured, err1 := b.Here()
	paired, err2 := b.Paired()
	return append(configured, paired...), errors.Join(err1, err2)
}

// Begin starts a session.
func (b *Bench) Begin(ctx context.Context, w Wish, progress func(unit uint8)) (*Session, error) {
	bound, err := b.Bound()
	if err != nil {
		return nil, err
	}
	s, err := Begin(ctx, strings.ToLower(rand.Text()[:10]), w, b.Access, bound, progress)
	if err != nil {
		return nil, err
	}
	if err := b.fits(s); err != nil {
		return nil, err
	}
	return s, b.save(s)
}

// fits refuses what is said of the device of a session where the configuration would.
func (b *Bench) fits(s *Session) error {
	if b.Fits == nil {
		return nil
	}
	of := Binding{Device: grid.Device{ID: "the " + string(s.Kind), Kind: s.Kind}, Target: s.Target, Unit: s.Unit, Profile: s.Profile, How: s.Finding.How}
	if s.Device != nil {
		of.Device = *s.Device
	}
	return b.Fits(of)
}

// step carries out one step of a session and keeps what it found, also when it
// refuses to go on.
func (b *Bench) step(id string, do func(*Session) error) (*Session, error) {
	b.stepping.Lock()
	if b.busy[id] {
		b.stepping.Unlock()
		return nil, &ConflictError{"another step of this pairing is running"}
	}
	b.busy[id] = true
	b.stepping.Unlock()
	defer func() {
		b.stepping.Lock()
		delete(b.busy, id)
		b.stepping.Unlock()
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
		for _, other := range bound {
			if other.Configured && other.ID == device.ID {
				return &ConflictError{fmt.Sprintf("device %s is in the configuration of the community: this one needs another id, or takes its place (replaces)", other.ID)}
			}
		}
		if err := b.vacant(s, device); err != nil {
			return err
		}
		return s.Bind(device, bound, b.Reserved)
	})
}

// Rate adds to a kept session what the device and its connection are made for.
func (b *Bench) Rate(id string, r Ratings) (*Session, error) {
	return b.step(id, func(s *Session) error {
		if err := r.check(s.Kind, b.Profiles.Get(s.Profile)); err != nil {
			return err
		}
		before := s.Finding.Ratings
		s.Finding.Ratings = before.with(r)
		if err := b.fits(s); err != nil {
			s.Finding.Ratings = before
			return err
		}
		return nil
	})
}

// vacant refuses an id that means another device on the ledger.
func (b *Bench) vacant(s *Session, device grid.Device) error {
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
	return nil
}

// continues refuses a device whose registers would seem to run backwards, since they
// change places with one another from now on.
func (b *Bench) continues(s *Session, bound []Binding) error {
	removed, err := b.read(removedFile)
	if err != nil {
		return err
	}
	for _, other := range append(bound, removed...) {
		if b.HasRead && other.ID == s.Device.ID && other.Turned().Counters != turned(s.Inverted, s.Counters).Counters {
			return &ConflictError{fmt.Sprintf("the counters of %s were read the other way round so far, and would seem to run backwards: remove it (commonwatt pair remove %s) and give it another id", other.ID, other.ID)}
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
	all := bound
	if bound, err = s.others(*s.Device, bound); err != nil {
		return err
	}
	if err := s.fits(*s.Device, bound); err != nil {
		return err
	}
	if err := b.continues(s, bound); err != nil {
		return err
	}
	binding := s.Binding().inherits(all)
	binding.Since = b.since(binding.ID, bound)
	binding.Paired.At = b.now()
	begin := func() {}
	if b.Adopt != nil {
		if begin, err = b.Adopt(ctx, binding); err != nil {
			return err
		}
	}
	if err := b.keepInPlace(ctx, binding); err != nil {
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
	return b.now()
}

func (b *Bench) now() time.Time {
	if b.Clock == nil {
		return time.Now().UTC()
	}
	return b.Clock().UTC()
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
		return err == nil && other.Address == e.Address && p != nil && binding.quirks(p).SingleConnection
	})
}
