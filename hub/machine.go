package hub

import (
	"cmp"
	"log/slog"

	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/tariff"
)

// machine is the one that the process runs on: its disk and its clock.
type machine struct {
	dir    *disk.Dir
	before *tariff.Tariff // that the start before kept in the terms; nil: none
	space  *disk.Space
	judge  *clock.Judge // of the time of real devices; nil in a simulation
}

// open opens the data directory, and keeps the terms in it; nil: none.
func (m *machine) open(path string, terms *config.Terms, log *slog.Logger) (err error) {
	if m.dir, err = disk.OpenDir(path); err != nil {
		return err
	}
	if err := forgetDoor(m.dir); err != nil {
		return err
	}
	m.space = disk.NewSpace(m.dir.Path, func(alarm string) { log.Error(cmp.Or(alarm, "there is room on the disk again")) })
	if terms == nil {
		return nil
	}
	if kept, err := ReadTerms(m.dir.Path); err == nil && kept.Tariff.Version != "" {
		if t, err := kept.Tariff.Tariff(); err == nil {
			m.before = &t
		}
	}
	return KeepTerms(m.dir, *terms)
}

func (m *machine) close() error {
	if m.dir == nil {
		return nil
	}
	return m.dir.Close()
}

// alarms say what is wrong with this machine. While there is one of its clock, or no room on
// its disk, the process is not ready.
func (m *machine) alarms() (all []string, ready bool) {
	ready = m.space.Room() == nil
	if text := m.space.Alarm(); text != "" {
		all = append(all, text)
	}
	if m.judge != nil && m.judge.Trouble() != "" {
		all, ready = append(all, m.judge.Trouble()), false
	}
	return all, ready
}
