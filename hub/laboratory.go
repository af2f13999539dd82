package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/disk/backup"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/scenarios/runs"
	"github.com/commonwatt/commonwatt/settlement/sharing/packs"
)

// laboratory is where researchers have scenarios replayed, beside the community.
type laboratory struct {
	manager *runs.Manager
	packs   *packs.Set
}

// open opens the runs that are kept in the data directory.
func (l *laboratory) open(dir *disk.Dir, program, version string, room func() error, log *slog.Logger) (err error) {
	if l.packs, err = packs.Embedded(); err != nil {
		return err
	}
	library, err := scenarios.Library()
	if err != nil {
		return err
	}
	l.manager, err = runs.Open(runs.Options{
		Dir: dir.File(backup.RunsFolder), Program: program, Version: version, Library: library, Room: room, Clock: time.Now, Log: log,
	})
	return err
}

// run carries out what was asked for, until ctx ends.
func (l *laboratory) run(ctx context.Context) error { return l.manager.Run(ctx) }

func (l *laboratory) shown() shown.Runs { return shown.Runs{Manager: l.manager, Packs: l.packs} }
