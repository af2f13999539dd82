package pairing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Installed says how a device was paired: what a protocol of the installation tells of it.
type Installed struct {
	At       time.Time   `json:"at"` // world time
	By       string      `json:"by,omitempty"`
	Identity Identity    `json:"identity"`
	Load     Load        `json:"load,omitempty"`  // what the installer knew at the sign check; empty: it was not checked
	Power    *grid.Power `json:"power,omitempty"` // what the device showed then, W, + taken
	Watch    *Watch      `json:"watch,omitempty"`
	Began    *Registers  `json:"began,omitempty"` // what its registers showed when its watch was over
}

// Registers are what a meter counted until a time, Wh; nil where it has none.
type Registers struct {
	Time   time.Time    `json:"time"`
	Import *grid.Energy `json:"import,omitempty"`
	Export *grid.Energy `json:"export,omitempty"`
}

// lastRegisters returns what the last of some readings that has any says of the registers.
func lastRegisters(readings []grid.Reading) *Registers {
	for _, r := range slices.Backward(readings) {
		if r.Import != nil || r.Export != nil {
			return &Registers{Time: r.Time, Import: r.Import, Export: r.Export}
		}
	}
	return nil
}

func (s *Session) installed() *Installed {
	return &Installed{By: s.By, Identity: s.Identity, Load: s.Load, Power: s.Power, Watch: s.Watch, Began: s.Began}
}

// others returns the devices beside which one is to be the community's: all but that whose place
// it takes, which has to be of its kind, and was another one.
func (s *Session) others(d grid.Device, bound []Binding) ([]Binding, error) {
	if s.Replaces == "" {
		return bound, nil
	}
	at := slices.IndexFunc(bound, func(b Binding) bool { return b.ID == s.Replaces })
	if at < 0 {
		return nil, &ConflictError{fmt.Sprintf("replaces: there is no device %q: GET /api/v1/devices lists them", s.Replaces)}
	}
	switch old := bound[at]; {
	case old.ID == d.ID:
		return nil, &ConflictError{fmt.Sprintf("device: the id %q is that of the one that is replaced, which the ledger knows: this one needs another id", d.ID)}
	case old.Kind != d.Kind || old.MeteringPoint != d.MeteringPoint || old.Member != d.Member:
		return nil, &ConflictError{fmt.Sprintf("replaces: %s is the %s of %s at metering point %s: what takes its place is so too", old.ID, old.Kind, old.Member, old.MeteringPoint)}
	case old.Serial != "" && old.Serial == d.Serial:
		return nil, &ConflictError{fmt.Sprintf("replaces: %s has the serial number %s too: it is the same device, and needs no replacement", old.ID, d.Serial)}
	}
	return slices.Delete(slices.Clone(bound), at, at+1), nil
}

// Replace says whose place the device of a kept session takes when it is bound, empty: nobody's.
func (b *Bench) Replace(id, old string) error {
	_, err := b.step(id, func(s *Session) error {
		if old == "" {
			s.Replaces = ""
			return nil
		}
		bound, err := b.Bound()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(bound, func(p Binding) bool { return p.ID == old }) {
			return &NotFoundError{old}
		}
		s.Replaces = old
		return nil
	})
	return err
}

// keepInPlace keeps a device, and lets go of the one whose place it takes.
func (b *Bench) keepInPlace(ctx context.Context, binding Binding) error {
	if binding.Replaces == "" {
		return b.keep(binding)
	}
	gone, err := b.find(binding.Replaces)
	if err != nil {
		return err
	}
	gone.Until, gone.Gone = binding.Since, &Gone{By: binding.Paired.By, ReplacedBy: binding.ID}
	if gone.Ended, err = b.ended(ctx, gone.ID); err != nil {
		return err
	}
	return b.keep(binding, gone)
}

// find returns a device of the community. Errors: *NotFoundError.
func (b *Bench) find(id string) (Binding, error) {
	bound, err := b.Bound()
	if err != nil {
		return Binding{}, err
	}
	for _, other := range bound {
		if other.ID == id {
			return other, nil
		}
	}
	return Binding{}, &NotFoundError{id}
}

// ended returns the registers that a device showed last.
func (b *Bench) ended(ctx context.Context, id string) (*Registers, error) {
	if b.Totals == nil {
		return nil, nil
	}
	last, err := b.Totals(ctx, id)
	if err != nil || last == nil {
		return nil, err
	}
	return lastRegisters([]grid.Reading{*last}), nil
}

// Removal is how a device is to be let go of.
type Removal struct {
	By     string // who lets go of it
	Reason string // why, as they say; may be empty
	Sure   bool   // its home may trade no more
}

// Remove lets go of a device: it is read no more. What it measured stays where it is, and the bills that were
// made of it. A connection meter goes last of its metering point, and when who asks is sure: its home trades no
// more. Of a configured one the configuration stays as it is, and counts no more. Errors: *NotFoundError,
// *ConflictError.
func (b *Bench) Remove(ctx context.Context, id string, how Removal) error {
	b.adopting.Lock()
	defer b.adopting.Unlock()
	gone, err := b.find(id)
	if err != nil {
		return err
	}
	if b.Trial {
		return &ConflictError{fmt.Sprintf("%s is simulated: there is nothing to let go of", id)}
	}
	if err := b.mayGo(gone, how.Sure); err != nil {
		return err
	}
	gone.Until, gone.Gone = b.now(), &Gone{By: how.By, Reason: how.Reason}
	if gone.Ended, err = b.ended(ctx, id); err != nil {
		return err
	}
	if err := b.remove(gone); err != nil {
		return err
	}
	if b.Dismissed != nil {
		b.Dismissed(gone)
	}
	return nil
}

// mayGo refuses to let go of a connection meter before what is behind it, or by mistake.
func (b *Bench) mayGo(gone Binding, sure bool) error {
	if gone.Kind != grid.Meter {
		return nil
	}
	bound, err := b.Bound()
	if err != nil {
		return err
	}
	for _, other := range bound {
		if other.ID != gone.ID && other.MeteringPoint == gone.MeteringPoint {
			return &ConflictError{fmt.Sprintf("%s is behind the connection meter %s: remove %s first", other.ID, gone.ID, other.ID)}
		}
	}
	if !sure {
		return &ConflictError{fmt.Sprintf("%s bills metering point %s: pair the meter that replaces it, or confirm that this home trades no more", gone.ID, gone.MeteringPoint)}
	}
	return nil
}

// Change has a paired device be made for something else than was said when it was paired. Errors:
// *NotFoundError, *ConflictError.
func (b *Bench) Change(ctx context.Context, id string, how func(*Ratings)) error {
	b.adopting.Lock()
	defer b.adopting.Unlock()
	begin := func() {}
	err := b.change(id, func(d *Binding) (err error) {
		how(&d.Ratings)
		p := b.Profiles.Get(d.Profile)
		if p == nil {
			return &ConflictError{fmt.Sprintf("there is no profile %q any more", d.Profile)}
		}
		if err := d.Ratings.check(d.Kind, p); err != nil {
			return err
		}
		if b.Fits != nil {
			if err := b.Fits(*d); err != nil {
				return err
			}
		}
		if b.Changed == nil {
			return nil
		}
		begin, err = b.Changed(ctx, *d)
		return err
	})
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		if of, err := b.find(id); err == nil && of.Configured {
			return &ConflictError{fmt.Sprintf("device %s is in the configuration of the community: what it is made for is changed there", id)}
		}
	}
	if err == nil {
		begin()
	}
	return err
}
