package pairing

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/commonwatt/commonwatt/disk"
)

const (
	sessionsDir = "pairing"
	devicesFile = "devices.json"
	removedFile = "removed.json"
	namesFile   = "device-names.json"
)

// shelf keeps the sessions and what was paired, each in a file of a directory. It is safe
// for concurrent use.
type shelf struct {
	dir string
	mu  sync.Mutex // held by who writes a file
}

// Paired returns the devices that were paired, in the order of pairing.
func (s *shelf) Paired() ([]Binding, error) {
	paired, err := s.read(devicesFile)
	if err != nil || len(paired) == 0 {
		return nil, err
	}
	past, err := s.Past()
	return slices.DeleteFunc(paired, func(b Binding) bool { return swappedBack(b, past) }), err
}

// swappedBack tells whether a configured device was taken back in place of a paired one: who died between noting the one and
// the other has both.
func swappedBack(b Binding, past []Binding) bool {
	return slices.ContainsFunc(past, func(old Binding) bool {
		return old.ID == b.ID && old.Since.Equal(b.Since) && old.Gone != nil && slices.ContainsFunc(past, func(c Binding) bool {
			return c.Configured && c.ID == old.Gone.ReplacedBy && c.Gone != nil && !old.Until.IsZero() && c.Gone.TakenBack.Equal(old.Until)
		})
	})
}

func (s *shelf) read(name string) (all []Binding, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, name)) //nolint:gosec // our own
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("paired devices: %w", err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, disk.Mismatch(filepath.Join(s.dir, name), fmt.Sprintf("cannot be read (%v)", err))
	}
	return all, nil
}

// keep has a device among those that were paired, in place of the one with its id, and lets go of
// others, which are kept as removed. Those come first: who dies between has them twice, and not never.
func (s *shelf) keep(binding Binding, gone ...Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	paired, err := s.Paired()
	if err != nil {
		return err
	}
	if err := s.putAway(gone...); err != nil {
		return err
	}
	paired = slices.DeleteFunc(paired, func(old Binding) bool {
		return old.ID == binding.ID || slices.ContainsFunc(gone, func(g Binding) bool { return g.ID == old.ID })
	})
	return s.write(devicesFile, append(paired, binding))
}

// change has a paired device be otherwise. Errors: *NotFoundError, and those of how.
func (s *shelf) change(id string, how func(*Binding) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	paired, err := s.Paired()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(paired, func(other Binding) bool { return other.ID == id })
	if at < 0 {
		return &NotFoundError{id}
	}
	if err := how(&paired[at]); err != nil {
		return err
	}
	return s.write(devicesFile, paired)
}

// remove lets go of a device: it is kept as removed, and is not among those that were paired any more.
func (s *shelf) remove(gone Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	paired, err := s.Paired()
	if err != nil {
		return err
	}
	if err := s.putAway(gone); err != nil {
		return err
	}
	there := slices.DeleteFunc(slices.Clone(paired), func(other Binding) bool { return other.ID == gone.ID })
	if len(there) == len(paired) {
		return nil // it is configured
	}
	return s.write(devicesFile, there)
}

// putAway keeps devices as removed. mu is held.
func (s *shelf) putAway(gone ...Binding) error {
	if len(gone) == 0 {
		return nil
	}
	removed, err := s.read(removedFile)
	if err != nil {
		return err
	}
	return s.write(removedFile, append(removed, gone...))
}

// Removed returns the devices that were removed or replaced, the latest last. One that was paired
// again since, or taken back, is none.
func (s *shelf) Removed() (removed []Binding, err error) {
	paired, err := s.Paired()
	if err != nil {
		return nil, err
	}
	removed, err = s.Past()
	return slices.DeleteFunc(removed, func(old Binding) bool {
		return old.Gone != nil && !old.Gone.TakenBack.IsZero() || slices.ContainsFunc(paired, func(b Binding) bool { return b.ID == old.ID })
	}), err
}

// Past returns every time that a device was there and was let go of, the latest last.
func (s *shelf) Past() ([]Binding, error) { return s.read(removedFile) }

// Names returns what people call devices, by id.
func (s *shelf) Names() (names map[string]string, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, namesFile))
	if errors.Is(err, os.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &names)
	}
	if err != nil {
		return nil, fmt.Errorf("names of devices: %w", err)
	}
	return names, nil
}

// Rename has people call a device something else; an empty name takes that back.
func (s *shelf) Rename(id, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.Names()
	if err != nil {
		return err
	}
	delete(names, id)
	if name != "" {
		names[id] = name
	}
	return s.write(namesFile, names)
}

// NotFoundError reports a session that there is not.
type NotFoundError struct{ ID string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no pairing %q", e.ID) }

// Session returns a kept session. Errors: *NotFoundError.
func (s *shelf) Session(id string) (*Session, error) {
	if !regexp.MustCompile(`^[a-z0-9]+$`).MatchString(id) {
		return nil, &NotFoundError{id}
	}
	text, err := os.ReadFile(filepath.Join(s.dir, sessionsDir, id+".json")) //nolint:gosec // the name is checked
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotFoundError{id}
	}
	one := &Session{}
	if err == nil {
		err = json.Unmarshal(text, one)
	}
	if err != nil {
		return nil, fmt.Errorf("pairing %s: %w", id, err)
	}
	return one, nil
}

// Sessions returns the kept sessions, by id.
func (s *shelf) Sessions() ([]*Session, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, sessionsDir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := make([]*Session, 0, len(names))
	for _, name := range names {
		one, err := s.Session(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Resume returns the session of a target, and of a unit if one is given, nil when there is
// none.
func (s *shelf) Resume(target string, unit *uint8) (*Session, error) {
	all, err := s.Sessions()
	for _, one := range all {
		if one.Target == target && (unit == nil || one.Unit == *unit) {
			return one, nil
		}
	}
	return nil, err
}

// Forget ends a session.
func (s *shelf) Forget(id string) error {
	if _, err := s.Session(id); err != nil {
		return err
	}
	return os.Remove(filepath.Join(s.dir, sessionsDir, id+".json"))
}

// KeepProfiles copies profiles into a folder of the directory, where the community reads
// them.
func (s *shelf) KeepProfiles(folder string, files []string) error {
	for _, f := range files {
		text, err := os.ReadFile(f) //nolint:gosec // the installer's file, which was read before
		if err != nil {
			return err
		}
		into := filepath.Join(s.dir, folder)
		if err := disk.MakeFolder(into); err != nil {
			return err
		}
		if err := disk.Replace(filepath.Join(into, filepath.Base(f)), text, disk.Private); err != nil {
			return err
		}
	}
	return nil
}

// save keeps a session.
func (s *shelf) save(session *Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(filepath.Join(sessionsDir, session.ID+".json"), session)
}

// write replaces a file durably: after a crash it is the old one or the new one.
func (s *shelf) write(name string, v any) error {
	path := filepath.Join(s.dir, name)
	if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(text, '\n'), disk.Private)
}
