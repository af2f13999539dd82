// Package kept keeps the limits of the homeowners in the data directory of a community at
// work. What a homeowner has set counts, as long as nothing else is set; before that, what the
// configuration gives (the zero value where it gives nothing).
//
// Who opens a Kept sets limits that were checked (limits.Limits.CheckFor). They are durable
// when Set returns. Nothing is to be closed.
package kept

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/disk"
)

// File keeps the limits that homeowners have set, in a data directory.
const File = "limits.json"

// set is what a homeowner has set.
type set struct {
	Limits limits.Limits `json:"limits"`
	Since  time.Time     `json:"since"` // when it was set, world time
}

// Kept are the limits of all homes. It is safe for concurrent use.
type Kept struct {
	dir   *disk.Dir
	given map[string]limits.Limits // by member, of the configuration

	mu      sync.Mutex
	set     map[string]set
	changed []func(member string)
}

// Open reads what the directory keeps. given are the limits of the configuration by member. A
// file that cannot be read is a *disk.PartError.
func Open(dir *disk.Dir, given map[string]limits.Limits) (*Kept, error) {
	k := &Kept{dir: dir, given: given, set: map[string]set{}}
	text, err := os.ReadFile(dir.File(File))
	if errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	if err := json.Unmarshal(text, &k.set); err != nil {
		return nil, disk.Mismatch(dir.File(File), "cannot be read: "+err.Error())
	}
	return k, nil
}

// Read reads what homeowners have set in a data directory that somebody else may be using, by member; none where nobody has set any.
func Read(dir string) (map[string]limits.Limits, error) {
	path := filepath.Join(dir, File)
	text, err := os.ReadFile(path) //nolint:gosec // the directory that was asked for
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	var all map[string]set
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, disk.Mismatch(path, "cannot be read: "+err.Error())
	}
	own := map[string]limits.Limits{}
	for member, s := range all {
		own[member] = s.Limits
	}
	return own, nil
}

// Of returns the limits of a member's home, and since when the homeowner has set them; the
// time is zero where they are those of the configuration.
func (k *Kept) Of(member string) (l limits.Limits, since time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if own, some := k.set[member]; some {
		return own.Limits.Clone(), own.Since
	}
	return k.given[member].Clone(), time.Time{}
}

// Limits returns the limits of a member's home.
func (k *Kept) Limits(member string) limits.Limits {
	l, _ := k.Of(member)
	return l
}

// Set keeps what a homeowner has set, which counts when it is on the disk, and tells who
// asked to be told.
func (k *Kept) Set(member string, l limits.Limits, now time.Time) error {
	return k.change(member, func(all map[string]set) { all[member] = set{l.Clone(), now.UTC()} })
}

// Reset forgets what a homeowner has set, so that what the configuration gives counts again.
func (k *Kept) Reset(member string) error {
	return k.change(member, func(all map[string]set) { delete(all, member) })
}

func (k *Kept) change(member string, change func(map[string]set)) error {
	told, err := k.replace(change)
	if err != nil {
		return fmt.Errorf("limits of %s: %w", member, err)
	}
	for _, tell := range told {
		tell(member)
	}
	return nil
}

func (k *Kept) replace(change func(map[string]set)) ([]func(string), error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := maps.Clone(k.set)
	change(next)
	text, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return nil, err
	}
	if err := k.dir.Replace(File, append(text, '\n')); err != nil {
		return nil, err
	}
	k.set = next
	return k.changed, nil
}

// Watch has somebody told of each member whose limits change from now on.
func (k *Kept) Watch(tell func(member string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = append(k.changed[:len(k.changed):len(k.changed)], tell)
}
