package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"
)

const (
	fetchMost  = 512
	fetchWait  = 200 * time.Millisecond
	retryAfter = time.Second
	// ackWithin is after how long an unacknowledged batch comes again, as after
	// a crash between its effect and the acknowledgement.
	ackWithin = 10 * time.Second
)

// A message is set aside when it has failed so often alone, and for so long, while others
// were taken: it is the message then that fails, not what takes it.
const (
	failsAlone  = 5
	failsFor    = time.Minute
	asidePrefix = "aside."
	asideKept   = 31 * 24 * time.Hour
	mostAside   = 32 << 20
	asideRate   = rate.Limit(1) // messages a second that are kept, in the long run
	asideAtOnce = 100
	// probes is how many messages of a batch that failed are tried alone before it is
	// believed that nothing can be taken at present.
	probes = 4
	// mostFailing bounds how many messages are remembered to have failed.
	mostFailing = 4096
)

const (
	asideReason   = "Commonwatt-Reason"
	asideSubject  = "Commonwatt-Subject"
	asideSequence = "Commonwatt-Sequence"
)

// SetAsideError says that a message is set aside.
type SetAsideError struct {
	Subject  string
	Sequence uint64 // its place in the stream
	Reason   error
}

func (e *SetAsideError) Error() string {
	return fmt.Sprintf("message %d on %s is set aside, and the others go on: %v", e.Sequence, e.Subject, e.Reason)
}

func (e *SetAsideError) Unwrap() error { return e.Reason }

// IsSetAside tells who only knows the error's methods what it is.
func (*SetAsideError) IsSetAside() bool { return true }

// Handler takes messages. After an error all of them come again, unless the error has a
// method Aside() map[int]error, which names those, by their place, that can never be taken:
// they are set aside, and the others count as taken.
type Handler = func(ctx context.Context, messages [][]byte) error

// Consume hands the stream's messages on the subject to handle in batches and
// acknowledges each of a batch when handle returns nil. After an error the messages of the
// batch are handed over one by one: those that are taken are done with, the others come
// again, and failed (which logs) is told. A message that goes on failing while others are
// taken is set aside: it is kept in the stream SetAside, with the reason, and tried once
// more at the next start. Messages come oldest first, but those that come again may come
// after younger ones. The durable name remembers what was acknowledged. Consume returns
// when ctx ends or the consumer cannot be made.
func (b *Bus) Consume(ctx context.Context, stream, subject, durable string, handle Handler, failed func(error)) error {
	c := &consumption{
		bus: b, stream: stream, durable: durable, handle: handle, failing: map[uint64]*failing{}, failsFor: failsFor, keeps: rate.NewLimiter(asideRate, asideAtOnce),
		failed: func(err error) { failed(fmt.Errorf("consume %s as %s: %w", stream, durable, err)) },
	}
	return c.run(ctx, subject)
}

// run takes messages until ctx ends.
func (c *consumption) run(ctx context.Context, subject string) error {
	consumer, err := c.bus.stream.CreateOrUpdateConsumer(ctx, c.stream, jetstream.ConsumerConfig{
		Durable:       c.durable,
		FilterSubject: subject,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWithin,
		MaxAckPending: 4 * fetchMost,
	})
	if err != nil {
		return fmt.Errorf("consume %s as %s: %w", c.stream, c.durable, err)
	}
	if err := c.again(ctx); err != nil && ctx.Err() == nil {
		c.failed(err)
	}
	for ctx.Err() == nil {
		if err := c.next(ctx, consumer); err != nil && ctx.Err() == nil {
			if not := c.bus.hasRoom(); not != nil {
				err = not // which is why
			}
			c.failed(err)
			pause(ctx, retryAfter)
		}
	}
	return nil
}

// consumption is a durable consumer at work. It is not safe for concurrent use.
type consumption struct {
	bus             *Bus
	stream, durable string
	handle          Handler
	failed          func(error)
	failing         map[uint64]*failing // messages by their place in the stream
	failsFor        time.Duration       // before a message is set aside
	keeps           *rate.Limiter       // how many messages are kept aside: who sends rubbish fills no disk and no log
	dropped         int                 // since a message was kept aside
}

// failing is how often a message has failed alone while others were taken.
type failing struct {
	times int
	since time.Time
}

// next takes the messages that wait.
func (c *consumption) next(ctx context.Context, from jetstream.Consumer) error {
	batch, err := from.Fetch(fetchMost, jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return err
	}
	var messages []jetstream.Msg
	for msg := range batch.Messages() {
		messages = append(messages, msg)
	}
	if err := batch.Error(); err != nil && len(messages) == 0 {
		return err
	}
	if len(messages) == 0 {
		return nil
	}
	err = c.take(ctx, messages)
	if err == nil || ctx.Err() != nil {
		return c.release(messages, err)
	}
	return c.takeApart(ctx, messages, err)
}

// take hands messages over together, and acknowledges them when they are taken or set aside.
func (c *consumption) take(ctx context.Context, messages []jetstream.Msg) error {
	data := make([][]byte, len(messages))
	for k, m := range messages {
		data[k] = m.Data()
	}
	err := c.handle(ctx, data)
	var some interface {
		error
		Aside() map[int]error
	}
	// The effect is there: stopping must not keep it from being acknowledged.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWithin)
	defer cancel()
	if errors.As(err, &some) {
		aside := some.Aside()
		for _, k := range slices.Sorted(maps.Keys(aside)) {
			if err := c.setAsideSome(bounded, messages[k], aside[k]); err != nil {
				return err
			}
		}
		err = nil
	}
	if err != nil {
		return err
	}
	last := len(messages) - 1
	for _, msg := range messages[:last] {
		if err := msg.Ack(); err != nil {
			return err
		}
	}
	if err := messages[last].DoubleAck(bounded); err != nil { // answered after the acknowledgements before it
		return err
	}
	for _, m := range messages {
		delete(c.failing, place(m))
	}
	return nil
}

// release has messages come again after an error.
func (c *consumption) release(messages []jetstream.Msg, err error) error {
	if err == nil {
		return nil
	}
	for _, msg := range messages {
		err = errors.Join(err, msg.NakWithDelay(retryAfter))
	}
	return err
}

// takeApart hands over one by one what could not be taken together. When the first few all
// fail, nothing can be taken at present, and all come again. They are tried in a random
// order: a few that always fail do not hide the others.
func (c *consumption) takeApart(ctx context.Context, messages []jetstream.Msg, together error) error {
	if len(messages) == 1 {
		return c.release(messages, together)
	}
	order := rand.Perm(len(messages))
	bad := map[int]error{}
	taken, renewed := 0, time.Now()
	for n, k := range order {
		if ctx.Err() != nil || taken == 0 && len(bad) >= probes {
			return c.release(pick(messages, order[n:], slices.Collect(maps.Keys(bad))), together)
		}
		if time.Since(renewed) > ackWithin/4 {
			renewed = time.Now()
			for _, later := range order[n:] {
				if err := messages[later].InProgress(); err != nil {
					return err
				}
			}
		}
		if err := c.take(ctx, messages[k:k+1]); err != nil {
			bad[k] = err
			continue
		}
		taken++
	}
	if taken == 0 {
		return c.release(messages, together)
	}
	var problems []error
	for _, k := range slices.Sorted(maps.Keys(bad)) {
		problems = append(problems, c.blame(ctx, messages[k], bad[k]))
	}
	return errors.Join(problems...)
}

func pick(messages []jetstream.Msg, places ...[]int) (picked []jetstream.Msg) {
	for _, k := range slices.Concat(places...) {
		picked = append(picked, messages[k])
	}
	return picked
}

// blame counts that a message failed alone while others were taken, and sets it aside when
// that was often enough.
func (c *consumption) blame(ctx context.Context, m jetstream.Msg, reason error) error {
	at := place(m)
	f := c.failing[at]
	if f == nil {
		if len(c.failing) >= mostFailing {
			clear(c.failing)
		}
		f = &failing{since: time.Now()}
		c.failing[at] = f
	}
	if f.times++; f.times < failsAlone || time.Since(f.since) < c.failsFor {
		return c.release([]jetstream.Msg{m}, fmt.Errorf("%s: %w", m.Subject(), reason))
	}
	if err := c.setAside(ctx, m, reason); err != nil {
		return c.release([]jetstream.Msg{m}, err)
	}
	delete(c.failing, at)
	return m.Ack()
}

// setAsideSome sets a message aside that can never be taken. Of many at once some are only
// counted.
func (c *consumption) setAsideSome(ctx context.Context, m jetstream.Msg, reason error) error {
	if !c.keeps.Allow() {
		c.dropped++
		return nil
	}
	if c.dropped > 0 {
		reason = fmt.Errorf("%w (before it %d more were dropped without being kept)", reason, c.dropped)
		c.dropped = 0
	}
	return c.setAside(ctx, m, reason)
}

// setAside keeps a message apart, and says so.
func (c *consumption) setAside(ctx context.Context, m jetstream.Msg, reason error) error {
	aside := nats.NewMsg(asidePrefix + c.durable)
	aside.Data = m.Data()
	aside.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s/%s/%d", c.stream, c.durable, place(m)))
	aside.Header.Set(asideReason, headerText(reason.Error()))
	aside.Header.Set(asideSubject, m.Subject())
	aside.Header.Set(asideSequence, fmt.Sprint(place(m)))
	if _, err := c.bus.stream.PublishMsg(ctx, aside); err != nil {
		return fmt.Errorf("set message %d on %s aside: %w", place(m), m.Subject(), err)
	}
	c.failed(&SetAsideError{Subject: m.Subject(), Sequence: place(m), Reason: reason})
	return nil
}

// longestReason bounds what is kept of a reason, in bytes.
const longestReason = 512

// headerText makes a text fit for a header.
func headerText(text string) string {
	clean := []byte(text[:min(len(text), longestReason)])
	for k, c := range clean {
		if c < ' ' || c > '~' {
			clean[k] = ' '
		}
	}
	return string(clean)
}

// place is where in its stream a message is.
func place(m jetstream.Msg) uint64 {
	meta, err := m.Metadata()
	if err != nil {
		return 0
	}
	return meta.Sequence.Stream
}

// again hands over what was set aside before the start because it failed; what can be taken
// now is forgotten there. Messages that can never be taken stay until they are too old.
func (c *consumption) again(ctx context.Context) error {
	aside, err := c.bus.stream.Stream(ctx, SetAside)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("messages set aside: %w", err)
	}
	subject := asidePrefix + c.durable
	for seq := uint64(1); ctx.Err() == nil; seq++ {
		m, err := aside.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("messages set aside: %w", err)
		}
		seq = m.Sequence
		if c.handle(ctx, [][]byte{m.Data}) != nil {
			continue
		}
		if err := aside.DeleteMsg(context.WithoutCancel(ctx), seq); err != nil {
			return fmt.Errorf("messages set aside: %w", err)
		}
	}
	return nil
}
