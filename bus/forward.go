package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	forwardAtOnce = 64
	forwardWithin = 5 * time.Second
	// mostUnderWay is how many messages may wait for the hub to decide.
	mostUnderWay = 512
	// sendAgain is after how long a message of which the hub decides nothing is sent again:
	// by then it is not taken for a repetition.
	sendAgain = 3 * time.Minute
	askEvery  = 100 * time.Millisecond
)

// underWay is a message that the hub's bus has, and of which the hub has not decided.
type underWay struct {
	sequence uint64 // in the stream of this gateway
	data     []byte
	sent     time.Time
}

// Forward sends what is stored to the hub until ctx ends, oldest first. A message
// is done with, and removed, when the hub has decided what becomes of it; only the last one
// stays. After a crash some are sent again, which the hub recognizes. waits is told
// why the hub takes nothing, again when the reason changes, and that it does again
// (nil).
func (e *Edge) Forward(ctx context.Context, waits func(error)) error {
	away, began := "", time.Now()
	for ctx.Err() == nil {
		sent, err := e.forwardSome(ctx)
		decided, askErr := e.decide(ctx)
		err = errors.Join(err, askErr)
		why := ""
		if err != nil {
			why = err.Error()
		}
		if starting := err != nil && time.Since(began) < connectWithin; why != away && !starting && ctx.Err() == nil {
			away = why
			waits(err)
		}
		switch {
		case err != nil:
			pause(ctx, retryAfter)
		case sent == 0 && decided == 0:
			pause(ctx, askEvery)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// forwardSome sends the next messages.
func (e *Edge) forwardSome(ctx context.Context) (sent int, err error) {
	messages, err := e.next(ctx, min(forwardAtOnce, mostUnderWay-len(e.underWay)))
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	sent, err = e.send(ctx, messages)
	for _, m := range messages[:sent] {
		e.underWay = append(e.underWay, underWay{m.Sequence, m.Data, time.Now()})
		e.sent.Store(m.Sequence)
	}
	return sent, err
}

// decide asks what became of the messages that are under way, and removes those of which
// the hub has decided. When it says nothing for long they are sent again.
func (e *Edge) decide(ctx context.Context) (decided int, err error) {
	if len(e.underWay) == 0 {
		return 0, nil
	}
	decided = len(e.underWay)
	if e.decided != nil {
		messages := make([][]byte, len(e.underWay))
		for k, u := range e.underWay {
			messages[k] = u.data
		}
		decided, err = e.decided(ctx, messages)
	}
	if decided == 0 {
		if time.Since(e.underWay[0].sent) > sendAgain {
			e.underWay = nil
			e.sent.Store(e.confirmed.Load())
		}
		return 0, err
	}
	last := e.underWay[decided-1].sequence
	e.underWay = e.underWay[decided:]
	e.confirmed.Store(last)
	return decided, errors.Join(err, e.edge.Purge(context.WithoutCancel(ctx), jetstream.WithPurgeSequence(last)))
}

// next returns the oldest messages that were not sent, at most so many. Those that were
// dropped in front of them are counted.
func (e *Edge) next(ctx context.Context, most int) (messages []*jetstream.RawStreamMsg, err error) {
	if most <= 0 {
		return nil, nil
	}
	info, err := e.edge.Info(ctx)
	if err != nil {
		return nil, err
	}
	if first := info.State.FirstSeq; info.State.Msgs > 0 && first > e.confirmed.Load()+1 {
		e.forget(first)
	}
	for seq := e.sent.Load() + 1; seq <= info.State.LastSeq && len(messages) < most; seq++ {
		m, err := e.edge.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			if info, err = e.edge.Info(ctx); err != nil || seq < info.State.FirstSeq {
				return messages, err // dropped meanwhile: counted the next time
			}
			continue // dropped by DropOthers
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// forget gives up what was dropped before the message that is the first now. What was sent
// of it is not lost.
func (e *Edge) forget(first uint64) {
	sent := max(e.sent.Load(), e.confirmed.Load())
	if first > sent+1 {
		e.lost.Add(first - 1 - sent)
		e.sent.Store(first - 1)
	}
	e.confirmed.Store(first - 1)
	for len(e.underWay) > 0 && e.underWay[0].sequence < first {
		e.underWay = e.underWay[1:]
	}
}

// send publishes messages at the hub, several on their way at once, and returns
// how many of the first it confirmed.
func (e *Edge) send(ctx context.Context, messages []*jetstream.RawStreamMsg) (confirmed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, forwardWithin)
	defer cancel()
	answers := make([]chan *nats.Msg, len(messages))
	for i, m := range messages {
		answers[i] = make(chan *nats.Msg, 1)
		inbox := e.link.NewInbox()
		sub, err := e.link.ChanSubscribe(inbox, answers[i])
		if err != nil {
			return 0, err
		}
		defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection otherwise
		out := nats.NewMsg(strings.TrimPrefix(m.Subject, edgePrefix))
		out.Data, out.Reply = m.Data, inbox
		out.Header.Set(nats.MsgIdHdr, m.Header.Get(nats.MsgIdHdr))
		if err := e.link.PublishMsg(out); err != nil {
			return 0, err
		}
	}
	for i := range messages {
		select {
		case <-ctx.Done():
			return i, errors.New("the hub does not answer")
		case a := <-answers[i]:
			if err := e.confirmation(a, strings.TrimPrefix(messages[i].Subject, edgePrefix)); err != nil {
				return i, err
			}
		}
	}
	return len(messages), nil
}

// confirmation reads the hub's answer to a message on a subject.
func (e *Edge) confirmation(a *nats.Msg, subject string) error {
	switch {
	case a.Header.Get("Status") != "503":
	case e.server.NumLeafNodes() > 0:
		return fmt.Errorf("the hub is connected, but takes nothing on %s: is the community's name right, and are this gateway's devices in the hub's configuration?", subject)
	default:
		return fmt.Errorf("the hub is not connected: %s", e.said.why())
	}
	text := string(a.Data)
	if strings.Contains(text, `"error"`) {
		return fmt.Errorf("the hub refuses: %s", text)
	}
	if !strings.Contains(text, `"seq"`) {
		return fmt.Errorf("the hub answers %q", text)
	}
	return nil
}
