package hub

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/disk/backup"
	"github.com/commonwatt/commonwatt/web"
)

// backups takes the data directory at one moment while the community runs on it.
type backups struct {
	site    *site
	market  *market
	dir     *disk.Dir
	version string // of the program

	busy sync.Mutex // held while one is made
}

// notNowError is why no backup can be made. It implements what web asks of such an error.
type notNowError string

func (e notNowError) Error() string { return string(e) }

// Refused says that what is asked for stands against what there is.
func (notNowError) Refused() (missing, conflict bool) { return false, true }

// take takes a backup of now. One is made after the other.
func (b *backups) take(ctx context.Context) (web.Backup, error) {
	if b.site.plan.Bus.URL != "" {
		return nil, notNowError("the streams of this community are on a bus elsewhere (bus.url), and a copy of the data directory alone would not go together with them: back up that cluster, and the directory while the community is stopped")
	}
	if !b.busy.TryLock() {
		return nil, notNowError("a backup is being made already: wait until it is done")
	}
	height, root, err := b.market.records.ledger.Head(ctx)
	if err != nil {
		b.busy.Unlock()
		return nil, err
	}
	began := time.Now()
	h := backup.Head{
		Program: b.version, Community: b.site.plan.Community, Taken: began.UTC().Truncate(time.Second), World: b.site.clock().UTC(),
		Ledger: b.market.records.ledger.Kind(), Height: height, Root: root,
	}
	m, err := backup.Take(ctx, b.dir.Path, b.market.host.Still)
	if err != nil {
		b.busy.Unlock()
		return nil, err
	}
	b.market.log.InfoContext(ctx, "a backup is made", slog.Duration("taken_within", time.Since(began)), slog.Int64("bytes", m.Size))
	return &beingBackedUp{m, h, b.busy.Unlock}, nil
}

// beingBackedUp is a moment that is written to somebody.
type beingBackedUp struct {
	moment *backup.Moment
	head   backup.Head
	done   func()
}

// Name implements web.Backup.
func (b *beingBackedUp) Name() string {
	return b.head.Community + "-" + b.head.Taken.Format("20060102-150405") + backup.Ending
}

// Write implements web.Backup.
func (b *beingBackedUp) Write(ctx context.Context, w io.Writer, passphrase string) error {
	return b.moment.Write(ctx, w, b.head, passphrase)
}

// Close implements web.Backup.
func (b *beingBackedUp) Close() error {
	defer b.done()
	return b.moment.Close()
}
