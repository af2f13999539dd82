// Package consent keeps what members allow others to do with what is known of their homes, each
// decision with its time: the latest one counts, and the earlier ones stay.
//
// What nobody decided counts as Default says: nothing that goes beyond the community's own sums
// is done unasked. What serves data asks Allows, and is told of changes by Watch.
//
// A decision is durable when Decide returns. Nothing is to be closed. A Kept is safe for
// concurrent use.
package consent

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
)

// File keeps the decisions, in a data directory.
const File = "consents.json"

// Use is what others do with what is known of a home.
type Use string

// The uses.
const (
	// Sums: the home counts in the community's sums of what is drawn and given, which members see
	// where they are of three homes or more.
	Sums Use = "sums"
	// Research: researchers look at what the home took and gave by the interval, without its name.
	Research Use = "research"
)

// Uses are all of them, in the order in which they are shown.
func Uses() []Use { return []Use{Sums, Research} }

// Default tells whether a use is allowed that nobody decided about.
func Default(u Use) bool { return u == Sums }

// Decision is what a member decided.
type Decision struct {
	Use     Use       `json:"use"`
	Allowed bool      `json:"allowed"`
	Time    time.Time `json:"time"` // world time
}

// Kept are the decisions of all members.
type Kept struct {
	dir *disk.Dir

	mu      sync.Mutex
	all     map[string][]Decision // by member, as they came
	changed []func(member string)
}

// Open reads what the directory keeps. A file that cannot be read is a *disk.PartError.
func Open(dir *disk.Dir) (*Kept, error) {
	k := &Kept{dir: dir, all: map[string][]Decision{}}
	text, err := os.ReadFile(dir.File(File))
	if errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	if err := json.Unmarshal(text, &k.all); err != nil {
		return nil, disk.Mismatch(dir.File(File), "cannot be read: "+err.Error())
	}
	return k, nil
}

// Allows tells whether a member allows a use.
func (k *Kept) Allows(member string, u Use) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, d := range slices.Backward(k.all[member]) {
		if d.Use == u {
			return d.Allowed
		}
	}
	return Default(u)
}

// Decisions returns what a member decided, as it came.
func (k *Kept) Decisions(member string) []Decision {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all[member])
}

// mostDecisions is how many decisions of a member are kept: of more the oldest is forgotten.
const mostDecisions = 1000

// Decide keeps what a member decides. A decision that changes nothing is not kept. An unknown use
// is an error.
func (k *Kept) Decide(member string, all map[Use]bool, now time.Time) error {
	told, err := k.decide(member, all, now)
	if err != nil {
		return fmt.Errorf("consents of %s: %w", member, err)
	}
	for _, tell := range told {
		tell(member)
	}
	return nil
}

func (k *Kept) decide(member string, wanted map[Use]bool, now time.Time) ([]func(string), error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	decided := slices.Clone(k.all[member])
	for _, u := range slices.Sorted(maps.Keys(wanted)) {
		if !slices.Contains(Uses(), u) {
			return nil, fmt.Errorf("%q is no use", u)
		}
		was, known := Default(u), false
		for _, d := range decided {
			if d.Use == u {
				was, known = d.Allowed, true
			}
		}
		if !known || was != wanted[u] {
			decided = append(decided, Decision{u, wanted[u], now.UTC()})
		}
	}
	if len(decided) == len(k.all[member]) {
		return nil, nil
	}
	next := maps.Clone(k.all)
	next[member] = decided[max(len(decided)-mostDecisions, 0):]
	return k.changed, k.replace(next)
}

func (k *Kept) replace(next map[string][]Decision) error {
	text, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return err
	}
	if err := k.dir.Replace(File, append(text, '\n')); err != nil {
		return err
	}
	k.all = next
	return nil
}

// Forget forgets the decisions of a member who is erased: what Default says counts again.
func (k *Kept) Forget(member string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, some := k.all[member]; !some {
		return nil
	}
	next := maps.Clone(k.all)
	delete(next, member)
	return k.replace(next)
}

// Watch has somebody told of each member whose decisions change from now on.
func (k *Kept) Watch(tell func(member string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = append(k.changed[:len(k.changed):len(k.changed)], tell)
}

// Text says what a use is.
func (u Use) Text() string {
	if u == Research {
		return "Researchers look at what your home took and gave in each interval, without its name."
	}
	return "Your home counts in the community's sums, which members see where they are of three homes or more."
}
