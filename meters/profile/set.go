package profile

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed profiles/*.yaml sunspec/*.yaml
var embedded embed.FS

// Set is a collection of profiles, with the tables of the SunSpec models.
type Set struct {
	byID   map[string]*Profile
	tables map[uint16]*table
}

// Embedded returns the profiles that come with the program, in a set of the caller's own: they are parsed once, and
// nobody changes a profile.
func Embedded() (*Set, error) {
	all, err := parsed()
	if err != nil {
		return nil, err
	}
	return &Set{byID: maps.Clone(all.byID), tables: all.tables}, nil
}

var parsed = sync.OnceValues(parseEmbedded) //nolint:gochecknoglobals // what comes with the program does not change

func parseEmbedded() (*Set, error) {
	s := &Set{byID: map[string]*Profile{}, tables: map[uint16]*table{}}
	err := each("sunspec", func(b []byte) error {
		t := &table{}
		if err := yaml.Unmarshal(b, t); err != nil {
			return err
		}
		s.tables[t.Model] = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, each("profiles", s.add)
}

func each(dir string, take func([]byte) error) error {
	names, err := fs.Glob(embedded, path.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := embedded.ReadFile(name)
		if err == nil {
			err = take(b)
		}
		if err != nil {
			return fmt.Errorf("embedded %s: %w", name, err)
		}
	}
	return nil
}

// AddFile reads a profile that is not embedded. One with a known id takes its
// place.
func (s *Set) AddFile(name string) error {
	b, err := os.ReadFile(name) //nolint:gosec // the file that the configuration names
	if err == nil {
		err = s.add(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s *Set) add(b []byte) error {
	p, err := s.Parse(b)
	if err != nil {
		return err
	}
	s.byID[p.ID] = p
	for _, v := range p.Variants {
		s.byID[v.ID] = p.variant(v)
	}
	return nil
}

// Get returns a profile, nil when there is none of that id.
func (s *Set) Get(id string) *Profile { return s.byID[id] }

// IDs returns the ids, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.byID)) }
