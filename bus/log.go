package bus

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Orders is the stream of the communities' order logs, orders.COMMUNITY.
const Orders = "ORDERS"

// ErrFenced reports that somebody else has written to a log: who held it
// before must stop.
var ErrFenced = errors.New("another process has taken over")

// Log is a community's order log on the bus: messages in one order, written by
// one process at a time. A message is written only if it follows the last one
// that this process has seen. It is not safe for concurrent use.
type Log struct {
	bus     *Bus
	stream  jetstream.Stream
	subject string
	writer  string // names this Log in the messages that it writes
	last    uint64 // stream sequence of the last message read or written
}

const writerHeader = "Commonwatt-Writer"

// OpenLog opens or creates the order log of a community.
func (b *Bus) OpenLog(ctx context.Context, community string, replicas int) (*Log, error) {
	s, err := b.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: Orders, Subjects: []string{"orders.*"}, Duplicates: 2 * time.Minute, Replicas: max(replicas, 1), DenyDelete: true,
	})
	if err != nil {
		return nil, fmt.Errorf("order log: stream %s: %w", Orders, err)
	}
	return &Log{bus: b, stream: s, subject: "orders." + community, writer: rand.Text()}, nil
}

// Read hands each message after the last one that is known to each, up to the
// end of the log as it is now.
func (l *Log) Read(ctx context.Context, each func(data []byte) error) error {
	end, err := l.stream.GetLastMsgForSubject(ctx, l.subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("order log: %w", err)
	}
	if end.Sequence <= l.last {
		return nil
	}
	c, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{l.subject}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: l.last + 1,
	})
	if err != nil {
		return fmt.Errorf("order log: %w", err)
	}
	messages, err := c.Messages()
	if err != nil {
		return fmt.Errorf("order log: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for l.last < end.Sequence {
		m, err := messages.Next()
		if err != nil {
			return fmt.Errorf("order log: %w", errors.Join(ctx.Err(), err))
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("order log: %w", err)
		}
		if err := each(m.Data()); err != nil {
			return err
		}
		l.last = meta.Sequence.Stream
	}
	return nil
}

const (
	appendTries = 5
	appendWait  = 4 * time.Second
)

// Append writes a message and returns when it is durable on a majority of the
// servers. It fails with ErrFenced when it would not follow the last one that
// is known.
func (l *Log) Append(ctx context.Context, data []byte) error {
	msg := &nats.Msg{Subject: l.subject, Data: data, Header: nats.Header{writerHeader: {l.writer}}}
	var err error
	for range appendTries { // an answer can get lost; the expectation keeps the second try from writing twice
		var ack *jetstream.PubAck
		bounded, cancel := context.WithTimeout(ctx, appendWait)
		ack, err = l.bus.stream.PublishMsg(bounded, msg, jetstream.WithExpectLastSequencePerSubject(l.last))
		cancel()
		if err == nil {
			l.last = ack.Sequence
			return nil
		}
		if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			return l.resolve(ctx, data)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("order log: %w", err)
}

// resolve finds out whether the message that does not follow the last known one
// is there already: this process may have written it without hearing so.
func (l *Log) resolve(ctx context.Context, data []byte) error {
	end, err := l.stream.GetLastMsgForSubject(ctx, l.subject)
	if err != nil {
		return fmt.Errorf("order log: %w", err)
	}
	if end.Header.Get(writerHeader) != l.writer || !bytes.Equal(end.Data, data) {
		return fmt.Errorf("order log: %w", ErrFenced)
	}
	l.last = end.Sequence
	return nil
}

const (
	leases = "LEASES"
	// LeaseFor is how long a process that says nothing more is waited for.
	LeaseFor   = 6 * time.Second
	leaseRenew = LeaseFor / 3
)

// ErrHeld reports that another process holds the lease.
var ErrHeld = errors.New("held by another process")

// Lease is the right to be the one process that does something. It ends when
// its holder does not renew it; who must not go on then is told by Keep.
type Lease struct {
	kv       jetstream.KeyValue
	key      string
	holder   string
	revision uint64
}

// Acquire takes the lease of a name. Unless it should wait it fails with
// ErrHeld when another process has it; holder names this process.
func (b *Bus) Acquire(ctx context.Context, name, holder string, replicas int, wait bool) (*Lease, error) {
	kv, err := b.stream.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: leases, TTL: LeaseFor, Replicas: max(replicas, 1)})
	if err != nil {
		return nil, fmt.Errorf("lease of %s: %w", name, err)
	}
	l := &Lease{kv: kv, key: name, holder: holder + " " + rand.Text()}
	for {
		l.revision, err = kv.Create(ctx, name, []byte(holder))
		if err == nil {
			return l, nil
		}
		if errors.Is(err, jetstream.ErrKeyExists) {
			err = ErrHeld
		}
		err = fmt.Errorf("lease of %s: %w", name, err)
		if !wait {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(leaseRenew / 2):
		}
	}
}

// Keep renews the lease until ctx ends, and then gives it up. It returns an
// error when the lease was lost.
func (l *Lease) Keep(ctx context.Context) error {
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenew)
			defer cancel()
			_ = l.kv.Delete(bounded, l.key, jetstream.LastRevision(l.revision)) // it ends by itself if this fails
			return nil
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, leaseRenew)
		revision, err := l.kv.Update(bounded, l.key, []byte(l.holder), l.revision)
		cancel()
		if err != nil { // an answer can get lost
			revision, err = l.own(ctx)
		}
		if err == nil {
			l.revision, renewed = revision, time.Now()
		} else if time.Since(renewed) > LeaseFor || errors.Is(err, ErrHeld) {
			return fmt.Errorf("lease of %s: lost: %w", l.key, err)
		}
	}
}

// own returns the revision of the lease if it is this holder's.
func (l *Lease) own(ctx context.Context) (uint64, error) {
	bounded, cancel := context.WithTimeout(ctx, leaseRenew)
	defer cancel()
	entry, err := l.kv.Get(bounded, l.key)
	switch {
	case err != nil:
		return 0, err
	case string(entry.Value()) != l.holder:
		return 0, ErrHeld
	default:
		return entry.Revision(), nil
	}
}
