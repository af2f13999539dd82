package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Gone says how a device was let go of. Of one that stands in the configuration, which is the operator's and is
// never written, that is what counts in place of the entry, until it is taken back.
type Gone struct {
	By         string    `json:"by,omitempty"`          // who let go of it; empty: nobody noted it
	Reason     string    `json:"reason,omitempty"`      // why, as they said
	ReplacedBy string    `json:"replaced_by,omitempty"` // the device that took its place; empty: it was removed
	TakenBack  time.Time `json:"taken_back,omitzero"`   // of a configured device: when its entry counted again; zero: it does not
}

// overridden returns the devices of the configuration whose entries count no more, by id, and since when the
// entries of others count again.
func (s *shelf) overridden() (gone map[string]Binding, again map[string]time.Time, err error) {
	past, err := s.Past()
	gone, again = map[string]Binding{}, map[string]time.Time{}
	for _, b := range past {
		if !b.Configured || b.Gone == nil {
			continue
		}
		if b.Gone.TakenBack.IsZero() {
			gone[b.ID] = b
		} else {
			delete(gone, b.ID)
			again[b.ID] = b.Gone.TakenBack
		}
	}
	return gone, again, err
}

// Overridden returns the devices of the configuration whose entries count no more, by id, with how they were let go
// of, and since when the entries of others count again.
func (b *Bench) Overridden() (gone map[string]Binding, again map[string]time.Time, err error) {
	return b.overridden()
}

// Here returns the configured devices whose entries count.
func (b *Bench) Here() (all []Binding, err error) {
	gone, again, err := b.overridden()
	for _, c := range b.Configured {
		if _, is := gone[c.ID]; is {
			continue
		}
		if since, was := again[c.ID]; was {
			c.Since = since
		}
		all = append(all, c)
	}
	return all, err
}

// Call has people call a device of the community something else; an empty name takes that back. Errors: *NotFoundError.
func (b *Bench) Call(id, name string) error {
	if _, err := b.find(id); err != nil {
		return err
	}
	return b.Rename(id, name)
}

// Another returns an id for what takes the place of a device: its id with the next number that no device had.
func (b *Bench) Another(id string) (string, error) {
	bound, err1 := b.Bound()
	past, err2 := b.Past()
	name := regexp.MustCompile(`-\d+$`).ReplaceAllString(id, "")
	for n := 2; ; n++ {
		next := fmt.Sprintf("%s-%d", name, n)
		if !slices.ContainsFunc(append(bound, past...), func(other Binding) bool { return other.ID == next }) {
			return next, errors.Join(err1, err2)
		}
	}
}

// inherits gives a connection meter that takes the place of another one what the connection bears, unless it was
// said anew.
func (b Binding) inherits(bound []Binding) Binding {
	for _, old := range bound {
		if b.Kind == grid.Meter && b.Replaces != "" && old.ID == b.Replaces {
			b.ImportLimit, b.ExportLimit = cmp.Or(b.ImportLimit, old.ImportLimit), cmp.Or(b.ExportLimit, old.ExportLimit)
		}
	}
	return b
}

// TakeBack has the entry of a configured device count again that was let go of. Where another device took its place, that one is
// let go of in the same moment. Errors: *NotFoundError, *ConflictError.
func (b *Bench) TakeBack(ctx context.Context, id, by string) error {
	b.adopting.Lock()
	defer b.adopting.Unlock()
	gone, _, err := b.overridden()
	if err != nil {
		return err
	}
	was, is := gone[id]
	k := slices.IndexFunc(b.Configured, func(c Binding) bool { return c.ID == id })
	switch {
	case !is && k < 0:
		return &NotFoundError{id}
	case !is:
		return &ConflictError{fmt.Sprintf("device %s is there as the configuration has it: there is nothing to take back", id)}
	case k < 0:
		return &ConflictError{fmt.Sprintf("the configuration has no device %s any more: add it there, or pair it", id)}
	}
	back := b.Configured[k]
	back.Since = b.now()
	swapped, err := b.swap(ctx, &back, was, by)
	if err != nil {
		return err
	}
	begin := func() {}
	if b.Adopt != nil {
		if begin, err = b.Adopt(ctx, back); err != nil {
			return err
		}
	}
	if err := b.takeBack(id, back.Since, swapped...); err != nil {
		return err
	}
	begin()
	return nil
}

// swap returns the device that is let go of when a configured one comes back, and refuses what does not fit beside
// the others.
func (b *Bench) swap(ctx context.Context, back *Binding, was Binding, by string) (gone []Binding, err error) {
	bound, err := b.Bound()
	if err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(bound, func(other Binding) bool { return other.ID == was.Gone.ReplacedBy }); at >= 0 {
		other := bound[at]
		other.Until, other.Gone = back.Since, &Gone{By: by, ReplacedBy: back.ID}
		if other.Ended, err = b.ended(ctx, other.ID); err != nil {
			return nil, err
		}
		gone, back.Replaces = []Binding{other}, other.ID
		bound = slices.Delete(bound, at, at+1)
	}
	s := Session{Target: back.Target, Unit: back.Unit, Kind: back.Kind, Identity: Identity{Serial: back.Serial}, Finding: Finding{How: back.How}}
	return gone, s.fits(back.Device, bound)
}

// takeBack notes that the entry of a configured device counts again, and lets go of others.
func (s *shelf) takeBack(id string, now time.Time, gone ...Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	past, err := s.Past()
	if err != nil {
		return err
	}
	for k := range past {
		if past[k].ID == id && past[k].Configured && past[k].Gone != nil && past[k].Gone.TakenBack.IsZero() {
			past[k].Gone.TakenBack = now
		}
	}
	if err := s.write(removedFile, append(past, gone...)); err != nil || len(gone) == 0 {
		return err
	}
	paired, err := s.Paired()
	if err != nil {
		return err
	}
	return s.write(devicesFile, slices.DeleteFunc(paired, func(b Binding) bool {
		return slices.ContainsFunc(gone, func(g Binding) bool { return g.ID == b.ID })
	}))
}
