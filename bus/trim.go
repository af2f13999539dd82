package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Trimmer removes the messages of a subject from a stream that a durable consumer
// has acknowledged. Its zero values of what is not exported are ready to use; it is
// not safe for concurrent use.
type Trimmer struct {
	Stream, Subject, Durable string

	floor uint64 // that the consumer had acknowledged the last time
}

// Trim removes what was acknowledged when it was called the last time: what came
// since then stays, for who looks for a message that was sent twice. What is not
// acknowledged stays whatever it is.
func (b *Bus) Trim(ctx context.Context, t *Trimmer) error {
	s, err := b.stream.Stream(ctx, t.Stream)
	if err != nil {
		return fmt.Errorf("trim %s: %w", t.Stream, err)
	}
	c, err := s.Consumer(ctx, t.Durable)
	if err != nil {
		return fmt.Errorf("trim %s: consumer %s: %w", t.Stream, t.Durable, err)
	}
	if t.floor > 0 {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject(t.Subject), jetstream.WithPurgeSequence(t.floor+1)); err != nil {
			return fmt.Errorf("trim %s: %w", t.Stream, err)
		}
	}
	t.floor = c.CachedInfo().AckFloor.Stream
	return nil
}
