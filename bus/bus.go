// Package bus carries messages between the stages and between machines: NATS
// JetStream, embedded in the process or an external server or cluster.
//
// A publish returns after the message is durable. Streams remember message
// ids for two minutes, so that a repeated publish is stored once. A durable
// consumer acknowledges a message after its own effect is durable; what was
// not acknowledged comes again after a restart.
package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Streams of the project and the subjects they keep.
const (
	Readings   = "READINGS"   // readings.COMMUNITY.GATEWAY.MEMBER: signed batches of readings
	Market     = "MARKET"     // market.COMMUNITY.events: what the market decided
	Settlement = "SETTLEMENT" // settlement.COMMUNITY.INTERVAL.RUN: frozen runs, one message each
	SetAside   = "ASIDE"      // aside.DURABLE: messages of the others that a consumer could not take
)

// mostMessage bounds a message with readings, in bytes, with its headers.
const mostMessage = 1 << 20

// Config says which server to use.
type Config struct {
	URL      string // nats://a,b,c of an external server; empty: embedded
	Dir      string // where the embedded server keeps its streams
	Replicas int    // of each stream on an external cluster; 1 when zero
	Leafs    *Leafs // gateways that may connect to the embedded server; nil: none
	// Room tells why nothing more may be stored, nil while it may: a server that finds its
	// disk full gives up for good. Nil: there always is room.
	Room func() error
}

// Bus is a connection to the streams. It is safe for concurrent use.
type Bus struct {
	server *server.Server // nil when external
	log    server.Logger  // of the server; nil: none
	conn   *nats.Conn
	stream jetstream.JetStream
	room   func() error // nil: there always is

	streams *server.JetStreamConfig // of the embedded server
	full    full
}

// full is what is known of a disk that is or was full.
type full struct {
	mu      sync.Mutex // guards what follows, and is held while the streams begin again
	at      time.Time  // when it was last
	hurt    bool       // something was not stored then: a stream may have stopped for good
	revived time.Time
}

// hasRoom returns why nothing more may be stored.
func (b *Bus) hasRoom() error {
	if b.room != nil {
		if err := b.room(); err != nil {
			b.full.mu.Lock()
			defer b.full.mu.Unlock()
			b.full.at = time.Now()
			return err
		}
	}
	return b.revive()
}

const (
	// reviveEvery is how often it is tried to have the server's streams again.
	reviveEvery = 2 * time.Second
	// hurtFor is for how long after a disk was full what fails is blamed on that.
	hurtFor = 5 * time.Minute
)

// failed notes that something was not stored. It may be that the disk was full before that
// was known.
func (b *Bus) failed(err error) {
	if err == nil || errors.As(err, new(*jetstream.APIError)) || errors.Is(err, context.Canceled) || b.server == nil {
		return
	}
	full := b.room != nil && b.room() != nil
	b.full.mu.Lock()
	defer b.full.mu.Unlock()
	b.full.hurt = b.full.hurt || full || time.Since(b.full.at) < hurtFor
}

// revive has the embedded server begin with its streams again after the disk was full: it
// gives them up for good then, one or all.
func (b *Bus) revive() error {
	b.full.mu.Lock()
	defer b.full.mu.Unlock()
	if b.server == nil || b.streams == nil || b.server.JetStreamEnabled() && !b.full.hurt {
		return nil
	}
	if time.Since(b.full.revived) < reviveEvery || !b.server.Running() {
		return errors.New("the bus has stopped storing because the disk was full, and begins again")
	}
	b.full.revived = time.Now()
	var err error
	if b.server.JetStreamEnabled() {
		err = b.server.DisableJetStream()
	}
	again := *b.streams
	if err == nil {
		err = b.server.EnableJetStream(&again)
	}
	if err == nil && !b.server.GlobalAccount().JetStreamEnabled() {
		err = enableStreams(b.server.GlobalAccount())
	}
	if err != nil {
		return fmt.Errorf("the bus does not store again after the disk was full: %w", err)
	}
	b.full.hurt = false
	return nil
}

const startTimeout = 10 * time.Second

// Open starts or connects to the server and makes sure that the streams exist.
// The caller must Close the bus.
func Open(ctx context.Context, c Config) (*Bus, error) {
	b := &Bus{room: c.Room}
	var err error
	if c.URL == "" {
		err = b.embed(c.Dir, c.Leafs)
	} else {
		b.conn, err = nats.Connect(c.URL, nats.Name("commonwatt"), nats.MaxReconnects(-1))
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("open bus: %w", err)
	}
	if b.stream, err = jetstream.New(b.conn); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bus: %w", err)
	}
	for _, s := range streams(max(c.Replicas, 1)) {
		if _, err := b.stream.CreateOrUpdateStream(ctx, s); err != nil {
			b.Close()
			return nil, fmt.Errorf("open bus: stream %s: %w", s.Name, err)
		}
	}
	if b.server != nil {
		if err := syncFolders(c.Dir); err != nil {
			b.Close()
			return nil, fmt.Errorf("open bus: %w", err)
		}
	}
	return b, nil
}

// embed starts a server inside the process that listens on no port. Every
// write is synced before it is acknowledged: with one message a home and
// second that costs little, and streams that carry money need it.
func (b *Bus) embed(dir string, leafs *Leafs) error {
	o := &server.Options{
		ServerName: "commonwatt",
		DontListen: true,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: true,
		NoSigs:     true,
		NoLog:      true,
	}
	if leafs != nil {
		o.JetStreamDomain = "hub"
		if err := leafs.options(o); err != nil {
			return err
		}
	}
	if err := b.start(o); err != nil || leafs == nil {
		return err
	}
	return errors.Join(leafs.isolate(b.server), leafs.admit(b))
}

// start runs a server inside the process and connects to it.
func (b *Bus) start(o *server.Options) error {
	own := &server.User{Username: "commonwatt", Password: rand.Text()} // the process itself, which may do everything
	o.Users = append(o.Users, own)
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("embedded server in %s: %w", o.StoreDir, err)
	}
	b.server = s
	if b.log != nil {
		s.SetLoggerV2(b.log, false, false, false)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		return fmt.Errorf("embedded server in %s: not ready after %s", o.StoreDir, startTimeout)
	}
	if b.streams = s.JetStreamConfig(); b.streams != nil {
		b.streams.StoreDir = o.StoreDir // the server puts a folder of its own below it
	}
	b.conn, err = nats.Connect("", nats.InProcessServer(s), nats.Name("commonwatt"), nats.UserInfo(own.Username, own.Password))
	return err
}

func streams(replicas int) []jetstream.StreamConfig {
	const (
		readingsKept = 48 * time.Hour
		dedupe       = 2 * time.Minute
		marketKept   = 1_000_000 // messages of a community
	)
	return []jetstream.StreamConfig{
		{Name: SetAside, Subjects: []string{asidePrefix + "*"}, MaxAge: asideKept, MaxBytes: mostAside, Discard: jetstream.DiscardOld, Duplicates: dedupe, Replicas: replicas},
		// Who keeps readings trims them earlier; older ones nobody has taken.
		{Name: Readings, Subjects: []string{"readings.>"}, MaxAge: readingsKept, MaxMsgSize: mostMessage, Duplicates: dedupe, Replicas: replicas},
		// The newest events of a community; the last one, by which its market goes on, is never among those that go.
		{
			Name: Market, Subjects: []string{"market.*.events"}, Duplicates: dedupe, Replicas: replicas, Compression: jetstream.S2Compression,
			Discard: jetstream.DiscardOld, MaxMsgsPerSubject: marketKept,
		},
		// One message a subject, the first: a run that was frozen stays as it is.
		{
			Name: Settlement, Subjects: []string{"settlement.>"}, Duplicates: dedupe, Replicas: replicas,
			Compression: jetstream.S2Compression, // they stay for good
			Discard:     jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
		},
	}
}

// Close disconnects and stops the embedded server, its streams flushed.
func (b *Bus) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

// Publish stores a message and returns when it is durable. A second message
// with the id of a recent one is dropped.
func (b *Bus) Publish(ctx context.Context, subject, id string, data []byte) error {
	err := b.hasRoom()
	if err == nil {
		_, err = b.stream.Publish(ctx, subject, data, jetstream.WithMsgID(id))
		b.failed(err)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	return nil
}

// Freeze stores data as the only message that the subject will ever have in
// the stream, and returns what it holds: data, or what was frozen before.
func (b *Bus) Freeze(ctx context.Context, stream, subject string, data []byte) ([]byte, error) {
	if err := b.hasRoom(); err != nil {
		return nil, fmt.Errorf("freeze %s: %w", subject, err)
	}
	_, err := b.stream.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(0))
	if err == nil {
		return data, nil
	}
	b.failed(err)
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return nil, fmt.Errorf("freeze %s: %w", subject, err)
	}
	frozen, getErr := b.Frozen(ctx, stream, subject)
	if getErr != nil {
		return nil, fmt.Errorf("freeze %s: %w", subject, errors.Join(err, getErr))
	}
	if frozen == nil {
		return nil, fmt.Errorf("freeze %s: %w", subject, err)
	}
	return frozen, nil
}

// Last returns the last message on a subject, which may have wildcards, nil when
// there is none.
func (b *Bus) Last(ctx context.Context, stream, subject string) ([]byte, error) {
	return b.Frozen(ctx, stream, subject)
}

// Frozen returns the message of a subject, nil when there is none.
func (b *Bus) Frozen(ctx context.Context, stream, subject string) ([]byte, error) {
	s, err := b.stream.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	msg, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("last message of %s: %w", subject, err)
	}
	return msg.Data, nil
}

// Watch hands messages that match the subject to see as they come, from now
// on, until ctx ends. It is for live views: nothing is kept or repeated.
func (b *Bus) Watch(ctx context.Context, subject string, see func([]byte)) error {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) { see(m.Data) })
	if err != nil {
		return fmt.Errorf("watch %s: %w", subject, err)
	}
	<-ctx.Done()
	return sub.Unsubscribe()
}

// Serve answers requests on a subject, one at a time, until ctx ends.
func (b *Bus) Serve(ctx context.Context, subject string, answer func([]byte) []byte) error {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		// A requester who is gone by now hears nothing; it will ask again.
		_ = m.Respond(answer(m.Data))
	})
	if err != nil {
		return fmt.Errorf("serve %s: %w", subject, err)
	}
	<-ctx.Done()
	return sub.Unsubscribe()
}

// answerWithin bounds a request: an answer that was lost must not hold up the
// one who asked.
const answerWithin = 5 * time.Second

// Request asks the one who serves the subject and returns the answer.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	return request(ctx, b.conn, subject, data)
}

func request(ctx context.Context, conn *nats.Conn, subject string, data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	m, err := conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", subject, err)
	}
	return m.Data, nil
}

// Pending returns how many messages of the stream a durable consumer has yet
// to acknowledge.
func (b *Bus) Pending(ctx context.Context, stream, durable string) (uint64, error) {
	c, err := b.stream.Consumer(ctx, stream, durable)
	if err != nil {
		return 0, fmt.Errorf("consumer %s of %s: %w", durable, stream, err)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("consumer %s of %s: %w", durable, stream, err)
	}
	return info.NumPending + uint64(max(info.NumAckPending, 0)), nil
}

// Count returns how many messages a subject of the stream holds.
func (b *Bus) Count(ctx context.Context, stream, subject string) (uint64, error) {
	s, err := b.stream.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	var n uint64
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n, nil
}

// Rewind makes a durable consumer begin anew: every message comes again.
func (b *Bus) Rewind(ctx context.Context, stream, durable string) error {
	err := b.stream.DeleteConsumer(ctx, stream, durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("rewind %s of %s: %w", durable, stream, err)
	}
	return nil
}
