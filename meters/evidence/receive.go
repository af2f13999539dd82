package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// A RefusedError says why a batch is not evidence.
type RefusedError struct {
	Gateway  string
	Sequence uint64
	Reason   string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("batch %d of gateway %q refused: %s", e.Sequence, e.Gateway, e.Reason)
}

const (
	mostAhead = 5 * time.Second     // that a reading's time may be ahead of the receiver's
	mostLate  = 30 * 24 * time.Hour // that a batch may come late
)

// Receive takes a signed batch and returns its readings when it is durable. fresh
// is false for one that is kept already: a repetition changes nothing. Readings of
// a gateway whose clock is off are marked estimated. Errors: *RefusedError.
func (e *Log) Receive(ctx context.Context, signed []byte, now time.Time) (b proof.Batch, fresh bool, err error) {
	batches, refused, err := e.ReceiveAll(ctx, [][]byte{signed}, now)
	switch {
	case err != nil:
		return b, false, err
	case len(refused) > 0:
		return b, false, refused[0]
	default:
		return batches[0].Batch, batches[0].Fresh, nil
	}
}

// Received is a batch that was accepted.
type Received struct {
	proof.Batch

	Fresh bool // it was not kept before
}

// ReceiveAll is Receive for many batches, durable together. What is refused does
// not hold up the others.
func (e *Log) ReceiveAll(ctx context.Context, signed [][]byte, now time.Time) (accepted []Received, refused []error, err error) {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	for _, s := range signed {
		b, fresh, err := e.receive(ctx, tx, s, now)
		if no := (*RefusedError)(nil); errors.As(err, &no) {
			refused = append(refused, no)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("receive batches: %w", err)
		}
		accepted = append(accepted, Received{b, fresh})
	}
	if err := tx.Commit(); err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	return accepted, refused, nil
}

func (e *Log) receive(ctx context.Context, tx *sql.Tx, signed []byte, now time.Time) (proof.Batch, bool, error) {
	b, digest, err := proof.ReadBatch(signed)
	if err != nil {
		return b, false, refuse(b, "%v", err)
	}
	if b.Community != e.community || b.Sequence == 0 {
		return b, false, refuse(b, "it is for the community %q", b.Community)
	}
	until, err := authentic(ctx, tx, b, signed)
	if err != nil {
		return b, false, err
	}
	if kept, err := e.chain.fits(ctx, tx, b, digest); err != nil {
		return b, false, err
	} else if kept {
		return judged(b), false, nil
	}
	s, reason := times(b, now, until)
	if reason != "" {
		return b, false, refuse(b, "%s", reason)
	}
	if err := e.allowed(ctx, tx, b, signed, now); err != nil {
		return b, false, err
	}
	if _, err := proof.DecodeKey(b.NextKey); b.NextKey != "" && err != nil {
		return b, false, refuse(b, "next key: %v", err)
	}
	if err := e.chain.add(ctx, tx, b, digest, s, signed); err != nil {
		return b, false, err
	}
	if err := e.keys.rotate(ctx, tx, b); err != nil {
		return b, false, err
	}
	return judged(b), true, nil
}

// refuse says why a batch is not evidence.
func refuse(b proof.Batch, reason string, args ...any) error {
	return &RefusedError{b.Gateway, b.Sequence, fmt.Sprintf(reason, args...)}
}

// authentic checks that the gateway's key signed the batch, and returns the unix ms after
// which the key signs no more, nil where there is no such end.
func authentic(ctx context.Context, tx *sql.Tx, b proof.Batch, signed []byte) (until *int64, err error) {
	key, until, err := keyOf(ctx, tx, b)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, refuse(b, "the gateway is not admitted")
	}
	if err := proof.VerifyBatch(signed, key); err != nil {
		return nil, refuse(b, "%v", err)
	}
	return until, nil
}

// allowed sets a batch aside that its gateway may not report, and refuses it.
func (e *Log) allowed(ctx context.Context, tx *sql.Tx, b proof.Batch, signed []byte, now time.Time) error {
	if e.May == nil {
		return nil
	}
	not := e.May(b)
	if not == nil {
		return nil
	}
	if err := e.setAside.add(ctx, tx, b, signed, now); err != nil {
		return err
	}
	return refuse(b, "%v: it is set aside until the next start", not)
}

// reconsiderAtOnce bounds how many batches Reconsider takes at once.
const reconsiderAtOnce = 500

// Reconsider takes batches that were set aside and that the gateway may report by
// now. They are forgotten there when take is done with them; before that they come
// again. What has been set aside for longer than a batch may be late is forgotten.
func (e *Log) Reconsider(ctx context.Context, now time.Time, take func(context.Context, []Received) error) error {
	if err := e.setAside.expire(ctx, now.Add(-mostLate)); err != nil {
		return fmt.Errorf("batches set aside: %w", err)
	}
	for {
		var able [][]byte
		var done []proof.Batch
		err := e.setAside.each(ctx, func(b proof.Batch, signed []byte) bool {
			if e.May(b) == nil {
				able, done = append(able, signed), append(done, b)
			}
			return len(able) < reconsiderAtOnce
		})
		if err != nil || len(able) == 0 {
			return err
		}
		accepted, _, err := e.ReceiveAll(ctx, able, now)
		if err == nil {
			err = take(ctx, accepted)
		}
		if err == nil {
			err = e.setAside.drop(ctx, done)
		}
		if err != nil {
			return fmt.Errorf("batches set aside: %w", err)
		}
	}
}

// span is when the readings of a batch are of, in unix ms, nil without any.
type span struct{ first, last *int64 }

// times returns the span of the readings, and why they cannot be.
func times(b proof.Batch, now time.Time, until *int64) (s span, reason string) {
	for _, r := range b.Readings {
		ms := r.Time.UnixMilli()
		if s.first == nil || ms < *s.first {
			s.first = &ms
		}
		if s.last == nil || ms > *s.last {
			s.last = &ms
		}
	}
	switch {
	case s.last == nil && until != nil:
		return span{}, "the gateway's key is revoked"
	case s.last == nil:
		return span{}, ""
	case *s.last > now.Add(mostAhead).UnixMilli():
		return span{}, fmt.Sprintf("a reading is %s ahead of the clock", time.UnixMilli(*s.last).Sub(now).Round(time.Second))
	case *s.first < now.Add(-mostLate).UnixMilli():
		return span{}, "it is more than 30 days late"
	case until != nil && (*s.last >= *until || b.NextKey != ""):
		return span{}, "the gateway's key is revoked"
	}
	return s, ""
}

// judged marks the readings of a gateway whose clock is off.
func judged(b proof.Batch) proof.Batch {
	if skew := time.Duration(b.SkewMS) * time.Millisecond; skew.Abs() > proof.MostSkew {
		for i := range b.Readings {
			b.Readings[i].Quality = grid.Estimated
		}
	}
	return b
}
