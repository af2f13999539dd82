package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

// Outbox keeps readings on this machine's disk until a database on another one has them.
// The database may not be there yet when the program starts, go away, come back, be slow,
// or refuse readings: nobody who writes waits for it. Who asks while it is away has
// ErrAway at once. It is safe for concurrent use; its owner calls Run, which alone talks to
// the database for long.
type Outbox struct {
	connect func(context.Context) (Store, error)
	log     *slog.Logger
	db      *sql.DB
	codec   *codec
	most    int64         // bytes that may wait
	wake    chan struct{} // something was written

	mu      sync.Mutex // guards what follows
	remote  Store      // nil: not connected yet
	away    error      // why the database cannot be used now; nil: it can
	since   time.Time  // when that began, wall time
	slow    time.Time  // until when nothing is asked of it, as it did not answer in time
	said    time.Time  // when a refusal was logged
	unsaid  int        // readings refused since
	waiting State
}

// State is what an outbox holds and why.
type State struct {
	Waiting int64     // readings that the database does not have yet
	Since   time.Time // since when it is away, wall time; zero: it is there
	Problem string    // why, in short
}

// ErrAway reports a database that does not answer.
var ErrAway = errors.New("the telemetry database is away")

const outboxSchema = `
CREATE TABLE IF NOT EXISTS waiting ( -- readings as JSON, zstd frames
	id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL, readings BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sent (n INTEGER NOT NULL);`

// mostOutbox is what may wait, in bytes; of more the oldest readings go. The evidence has
// them all the same.
const mostOutbox = 1 << 30

// OpenOutbox opens or creates the outbox at path. connect reaches the database and makes
// what is missing there; a database that answers and refuses is an error here, one that does
// not answer is tried again by Run.
func OpenOutbox(ctx context.Context, path string, connect func(context.Context) (Store, error), log *slog.Logger) (*Outbox, error) {
	o := &Outbox{connect: connect, log: log, most: mostOutbox, wake: make(chan struct{}, 1)}
	var err error
	if o.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if o.db, err = disk.OpenElastic(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	_, err = o.db.ExecContext(ctx, outboxSchema)
	if err == nil {
		err = disk.MakeElastic(ctx, o.db)
	}
	if err == nil {
		err = o.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(n), 0) FROM waiting`).Scan(&o.waiting.Waiting)
	}
	if err != nil {
		return nil, errors.Join(disk.Unreadable(path, err), o.db.Close())
	}
	if err := o.reach(ctx, connectWithin); err != nil && Refuses(err) {
		return nil, errors.Join(err, o.db.Close())
	}
	return o, nil
}

// How long a start waits for the database, and how long it may take later to connect.
const (
	connectWithin = 5 * time.Second
	reachWithin   = time.Minute
)

// reach connects to the database, where that was not done yet, and waits no longer than wait
// for it.
func (o *Outbox) reach(ctx context.Context, wait time.Duration) error {
	if o.there() != nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	remote, err := o.connect(within)
	if err != nil {
		o.note(ctx, err)
		return err
	}
	o.mu.Lock()
	o.remote = remote
	o.mu.Unlock()
	o.note(ctx, nil)
	return o.begin(within, remote)
}

// begin counts what the database has from before there was an outbox.
func (o *Outbox) begin(ctx context.Context, remote Store) error {
	var begun bool
	if err := o.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sent)`).Scan(&begun); err != nil || begun {
		return err
	}
	n, err := remote.Count(ctx)
	if err != nil {
		return nil //nolint:nilerr // it is counted from here on
	}
	_, err = o.db.ExecContext(ctx, `INSERT INTO sent (n) VALUES (?)`, n)
	return err
}

// there returns the database once it was reached.
func (o *Outbox) there() Store {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.remote
}

// note says when the database goes away and when it is back.
func (o *Outbox) note(ctx context.Context, err error) {
	o.mu.Lock()
	before := o.away
	if o.away = err; err != nil && before == nil {
		o.since = time.Now()
	}
	waiting := o.waiting.Waiting
	o.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil && (before == nil || before.Error() != err.Error()):
		o.log.WarnContext(ctx, "the telemetry database is away: readings wait on this machine's disk, and everything else goes on", slog.String("error", err.Error()))
	case err == nil && before != nil:
		o.log.InfoContext(ctx, "the telemetry database is there", slog.Int64("readings_waiting", waiting))
	}
}

// State returns what waits, and why.
func (o *Outbox) State() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.waiting
	if o.away != nil {
		s.Since, s.Problem = o.since, "it does not answer"
		if Refuses(o.away) {
			s.Problem = "it refuses what it is sent: the log says why"
		}
	}
	return s
}

// Write keeps the readings on this machine's disk.
func (o *Outbox) Write(ctx context.Context, readings []grid.Reading) error {
	if len(readings) == 0 {
		return nil
	}
	packed, err := o.codec.pack(readings)
	if err == nil {
		_, err = o.db.ExecContext(ctx, `INSERT INTO waiting (n, readings) VALUES (?, ?)`, len(readings), packed)
	}
	if err != nil {
		return fmt.Errorf("keep %d readings for the telemetry database: %w", len(readings), err)
	}
	o.mu.Lock()
	o.waiting.Waiting += int64(len(readings))
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// Range returns what the database has of [from, to). Errors: ErrAway.
func (o *Outbox) Range(ctx context.Context, device string, from, to time.Time, step Step) (readings []grid.Reading, err error) {
	err = o.ask(ctx, func(ctx context.Context, remote Store) (err error) {
		readings, err = remote.Range(ctx, device, from, to, step)
		return err
	})
	return readings, err
}

// Last returns the latest reading that the database has. Errors: ErrAway.
func (o *Outbox) Last(ctx context.Context, device string) (r *grid.Reading, err error) {
	err = o.ask(ctx, func(ctx context.Context, remote Store) (err error) {
		r, err = remote.Last(ctx, device)
		return err
	})
	return r, err
}

// Around returns the registers that the database has on both sides of t. Errors: ErrAway.
func (o *Outbox) Around(ctx context.Context, device string, t time.Time, reach time.Duration) (before, after *grid.Registers, err error) {
	err = o.ask(ctx, func(ctx context.Context, remote Store) (err error) {
		before, after, err = remote.Around(ctx, device, t, reach)
		return err
	})
	return before, after, err
}

// Totals returns the last registers that the database has. Errors: ErrAway.
func (o *Outbox) Totals(ctx context.Context, device string) (r *grid.Reading, err error) {
	err = o.ask(ctx, func(ctx context.Context, remote Store) (err error) {
		r, err = remote.Totals(ctx, device)
		return err
	})
	return r, err
}

const (
	answerWithin = 5 * time.Second
	restAfter    = 30 * time.Second // that a question was not answered in time
)

// ask asks the database, unless it is away.
func (o *Outbox) ask(ctx context.Context, question func(context.Context, Store) error) error {
	o.mu.Lock()
	remote, rests := o.remote, o.away != nil || time.Now().Before(o.slow)
	o.mu.Unlock()
	if remote == nil || rests {
		return ErrAway
	}
	within, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := question(within, remote)
	if err != nil && within.Err() != nil {
		o.mu.Lock()
		o.slow = time.Now().Add(restAfter)
		o.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// Count returns how many readings were kept, those that wait too.
func (o *Outbox) Count(ctx context.Context) (n int64, err error) {
	err = o.db.QueryRowContext(ctx, `SELECT (SELECT COALESCE(SUM(n), 0) FROM sent) + (SELECT COALESCE(SUM(n), 0) FROM waiting)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count readings: %w", err)
	}
	return n, nil
}

// Kind names the database.
func (*Outbox) Kind() string { return "influxdb" }

// Close closes what is open. What waits goes at the next start.
func (o *Outbox) Close() error {
	err := o.db.Close()
	if remote := o.there(); remote != nil {
		err = errors.Join(err, remote.Close())
	}
	return err
}

// codec makes readings small.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() (*codec, error) {
	const most = 64 << 20
	encoder, err1 := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<16))
	decoder, err2 := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(most))
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("compression: %w", err)
	}
	return &codec{encoder, decoder}, nil
}

func (c *codec) pack(readings []grid.Reading) ([]byte, error) {
	text, err := json.Marshal(readings)
	return c.encoder.EncodeAll(text, nil), err
}

func (c *codec) unpack(packed []byte) (readings []grid.Reading, err error) {
	text, err := c.decoder.DecodeAll(packed, nil)
	if err == nil {
		err = json.Unmarshal(text, &readings)
	}
	return readings, err
}
