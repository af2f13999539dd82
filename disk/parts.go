package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/commonwatt/commonwatt/usage"
)

// PartsFile notes what was there: the parts of a data directory know each other. A key, a
// database or the names of the members that is lost, or is an older copy than the others, is
// named at the start, and nothing new is made in its place.
const PartsFile = "parts.json"

// fixed are the files, as patterns, whose content never changes once they are there, and
// kept those that change.
func fixed() []string {
	return []string{"gateway.id", "keys/*.key", "keys/*/ca.*", "keys/*/operator.*", "keys/*/installer.*", "keys/*/governor.*", "keys/*/utility.*", "keys/*/beacon.key", "keys/*/witness.key"}
}

func kept() []string {
	return []string{"gateway.key", "members.json", "ledger.db", "evidence.db", "bus", "orders", "keys/utility/witnessed", "simulation.db", "community.yaml", "devices.json", "tariffs.json", "official.db", "bills.db", "limits.json", "accounts.db", "notices.db", "consents.json"}
}

// together are parts of which the second has never been without the first.
func together() [][2]string {
	return [][2]string{
		{"keys/ledger.key", "ledger.db"},
		{"keys/community/ca.key", "ledger.db"},
		{"keys/ledger.key", "ledger-index.db"},
		{"gateway.key", "evidence.db"},
		{"gateway.id", "evidence.db"},
	}
}

// noted is what is known of a part.
type noted struct {
	Digest string   `json:"digest,omitempty"` // SHA-256 of a file that never changes
	Mark   int64    `json:"mark,omitempty"`   // what it had grown to
	Holds  []string `json:"holds,omitempty"`  // what it goes on holding
}

// PartError says that a part of a data directory does not belong to the others.
type PartError struct {
	Path, Reason string
}

func (e *PartError) Error() string {
	return fmt.Sprintf("%s %s: restore it from the same copy as the rest of the data directory, or the whole directory from one copy; nothing new is put in its place", e.Path, e.Reason)
}

// Mismatch returns the error of a part that does not belong to the others, which is the
// caller's to mend.
func Mismatch(path, reason string) error { return usage.Mark(&PartError{path, reason}) }

// checkParts checks that what was there is there still, and what never changes the same.
func (d *Dir) checkParts() error {
	all, err := d.parts()
	if err != nil {
		return err
	}
	for _, pair := range together() {
		if _, known := all[pair[0]]; !known && d.holds(pair[1]) && !d.holds(pair[0]) {
			return Mismatch(d.File(pair[0]), "is missing or empty, although "+pair[1]+" is there")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !d.holds(name) {
			return Mismatch(d.File(name), "is missing or empty, although it was there")
		}
		if all[name].Digest == "" {
			continue
		}
		digest, err := d.digest(name)
		if err != nil {
			return err
		}
		if digest != all[name].Digest {
			return Mismatch(d.File(name), "is another than the one that was there")
		}
	}
	return nil
}

// Lacks tells that a directory, which may be in use, has lost a part that was noted there; nil
// where it was not, or is there.
func Lacks(path, name string) error {
	d := &Dir{Path: path}
	all, err := d.parts()
	if err != nil {
		return err
	}
	if _, known := all[name]; known && !d.holds(name) {
		return Mismatch(d.File(name), "is missing or empty, although it was there")
	}
	return nil
}

// holds tells whether a part is there and not empty.
func (d *Dir) holds(name string) bool {
	info, err := os.Stat(d.File(name))
	return err == nil && (info.IsDir() || info.Size() > 0)
}

func (d *Dir) digest(name string) (string, error) {
	text, err := os.ReadFile(d.File(name))
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// parts reads what was noted; nothing where no note was made yet.
func (d *Dir) parts() (map[string]noted, error) {
	text, err := os.ReadFile(d.File(PartsFile))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 {
		return map[string]noted{}, nil
	}
	all := map[string]noted{}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, usage.Errorf("data directory: %s: %w: restore it from a copy, or remove it to have what is there noted anew", d.File(PartsFile), err)
	}
	return all, nil
}

// NoteParts notes what there is in the directory now, so that later starts miss it.
func (d *Dir) NoteParts() error {
	return d.note(func(all map[string]noted) error {
		for _, pattern := range fixed() {
			paths, err := filepath.Glob(d.File(pattern))
			if err != nil {
				return err
			}
			for _, path := range paths {
				name, err := filepath.Rel(d.Path, path)
				if err != nil {
					return err
				}
				if filepath.Ext(name) == ".new" || !d.holds(name) {
					continue
				}
				digest, err := d.digest(name)
				if err != nil {
					return err
				}
				all[filepath.ToSlash(name)] = noted{Digest: digest}
			}
		}
		for _, name := range kept() {
			if _, known := all[name]; !known && d.holds(name) {
				all[name] = noted{}
			}
		}
		return nil
	})
}

// note changes what is noted.
func (d *Dir) note(change func(map[string]noted) error) error {
	d.noting.Lock()
	defer d.noting.Unlock()
	all, err := d.parts()
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return fmt.Errorf("data directory: note its parts: %w", err)
	}
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return fmt.Errorf("data directory: note its parts: %w", err)
	}
	if before, err := os.ReadFile(d.File(PartsFile)); err == nil && string(before) == string(text)+"\n" {
		return nil
	}
	return d.Replace(PartsFile, append(text, '\n'))
}

// Grown notes what a part has grown to, and refuses one that had grown further already: it
// is an older copy.
func (d *Dir) Grown(name string, mark int64) error {
	all, err := d.parts()
	if err != nil {
		return err
	}
	if had := all[name].Mark; had > mark {
		return Mismatch(d.File(name), fmt.Sprintf("is older than the rest of the directory: it has come to %d, and had come to %d", mark, had))
	}
	return d.note(func(all map[string]noted) error {
		one := all[name]
		one.Mark = mark
		all[name] = one
		return nil
	})
}

// StillHolds refuses a part that does not hold all that was noted of it (Hold): it is an
// older copy.
func (d *Dir) StillHolds(name string, marks []string) error {
	all, err := d.parts()
	if err != nil {
		return err
	}
	lost := 0
	for _, mark := range all[name].Holds {
		if !slices.Contains(marks, mark) {
			lost++
		}
	}
	if lost > 0 {
		return Mismatch(d.File(name), fmt.Sprintf("is older than the rest of the directory: it lacks %d of the %d that it held", lost, len(all[name].Holds)))
	}
	return nil
}

// Hold notes what a part holds from now on.
func (d *Dir) Hold(name string, marks []string) error {
	return d.note(func(all map[string]noted) error {
		one := all[name]
		one.Holds = slices.Sorted(slices.Values(marks))
		all[name] = one
		return nil
	})
}
