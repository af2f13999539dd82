package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/commonwatt/commonwatt/community"
)

// Bus carries what the market decided to others.
type Bus interface {
	// Frozen returns the last message of a subject, nil when there is none.
	Frozen(ctx context.Context, stream, subject string) ([]byte, error)
	// Publish returns when the message is durable; one with an id that it has is none.
	Publish(ctx context.Context, subject, id string, data []byte) error
}

// Watcher is told what is published on a subject from now on, until ctx ends.
type Watcher interface {
	Watch(ctx context.Context, subject string, see func(data []byte)) error
}

// outbox holds the events that the bus does not have, and publishes them in order, each
// once. It is safe for concurrent use.
type outbox struct {
	community string
	bus       Bus
	log       *slog.Logger

	mu        sync.Mutex        // guards all below; after locked.mu
	waiting   []community.Event // not yet published
	sending   []community.Event // of those, the message that is under way
	published uint64            // number of the last published event
}

// subject is where on the bus the events are published.
func (o *outbox) subject() string { return "market." + o.community + ".events" }

// resume finds the last event that the bus has.
func (o *outbox) resume(ctx context.Context, stream string) error {
	last, err := o.bus.Frozen(ctx, stream, o.subject())
	if err != nil || last == nil {
		return err
	}
	var events []community.Event
	if err := json.Unmarshal(last, &events); err != nil {
		return fmt.Errorf("last events on the bus: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.published = events[len(events)-1].Seq
	return nil
}

// last returns the number of the last event that the bus has.
func (o *outbox) last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.published
}

// put adds the events that the bus does not have yet.
func (o *outbox) put(events []community.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range events {
		if ev.Seq > o.published {
			o.waiting = append(o.waiting, ev)
		}
	}
}

// restore replaces what waits by what a snapshot had of it.
func (o *outbox) restore(events []community.Event) {
	o.mu.Lock()
	o.waiting = nil
	o.mu.Unlock()
	o.put(events)
}

// unpublished returns a copy of what waits.
func (o *outbox) unpublished() []community.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.waiting)
}

// publishedAtOnce is how many events share a message.
const publishedAtOnce = 500

// publish sends what waits, in order. A message whose answer was lost is sent again as
// it was, so that the bus knows it.
func (o *outbox) publish(ctx context.Context) error {
	for {
		events := o.message()
		if len(events) == 0 {
			return nil
		}
		last := events[len(events)-1].Seq
		if err := o.bus.Publish(ctx, o.subject(), fmt.Sprintf("%s-%d", o.community, last), o.encode(ctx, events)); err != nil {
			return err
		}
		o.mu.Lock()
		o.published, o.waiting, o.sending = last, o.waiting[len(events):], nil
		o.mu.Unlock()
	}
}

// message returns the events of the next message, those that are under way if there are any.
func (o *outbox) message() []community.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sending) == 0 {
		o.sending = slices.Clone(o.waiting[:min(len(o.waiting), publishedAtOnce)])
	}
	return o.sending
}

// encode writes events as JSON. One that cannot be written, a defect, is left
// out: it must not hold up the others.
func (o *outbox) encode(ctx context.Context, events []community.Event) []byte {
	all := make([]json.RawMessage, 0, len(events))
	for _, ev := range events {
		b, err := json.Marshal(ev)
		if err != nil {
			o.log.ErrorContext(ctx, "an event cannot be published", slog.Uint64("seq", ev.Seq), slog.String("error", err.Error()))
			b, _ = json.Marshal(community.Event{Seq: ev.Seq, Kind: ev.Kind}) // plain fields
		}
		all = append(all, b)
	}
	b, _ := json.Marshal(all) // of valid JSON
	return b
}

// follow shows the events as they are published, until ctx ends.
func (o *outbox) follow(ctx context.Context, on Watcher, see func([]community.Event)) error {
	return on.Watch(ctx, o.subject(), func(data []byte) {
		var events []community.Event
		if err := json.Unmarshal(data, &events); err != nil {
			o.log.ErrorContext(ctx, "market events", slog.String("error", err.Error()))
			return
		}
		see(events)
	})
}
