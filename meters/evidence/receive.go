package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// A RefusedError says why a batch is not evidence.
type RefusedError struct {
	Gateway  string
	Sequence uint64
	Digest   proof.Digest // of what was said to be signed; empty when nothing could be read
	Reason   string
	Aside    bool // it is kept, and is taken once things are otherwise (Reconsider)
	Message  int  // its place among those that were received together
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("batch %d of gateway %q refused: %s", e.Sequence, e.Gateway, e.Reason)
}

const (
	mostAhead = 5 * time.Second     // that a reading's time may be ahead of the receiver's
	mostEarly = 24 * time.Hour      // that it may be ahead, and is set aside until its time has come
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
// not hold up the others. Nothing of a batch reaches the database before its bounds and
// its signature were checked.
func (e *Log) ReceiveAll(ctx context.Context, signed [][]byte, now time.Time) (accepted []Received, refused []*RefusedError, err error) {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	r := receipt{Log: e, tx: tx, now: now}
	if r.signing, err = signingKeys(ctx, tx); err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	for k, s := range signed {
		b, fresh, err := r.receive(ctx, s)
		if no := (*RefusedError)(nil); errors.As(err, &no) {
			no.Message = k
			refused = append(refused, no)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("receive batches: batch %d of gateway %q: %w", b.Sequence, b.Gateway, err)
		}
		accepted = append(accepted, Received{b, fresh})
	}
	if err := tx.Commit(); err != nil {
		return nil, nil, fmt.Errorf("receive batches: %w", err)
	}
	return accepted, refused, nil
}

// receipt takes in batches in one transaction.
type receipt struct {
	*Log

	tx      *sql.Tx
	signing signing // the keys that sign now
	now     time.Time
}

// arrival is a batch whose bounds and signature were checked.
type arrival struct {
	proof.Batch

	digest proof.Digest
	signed []byte
	until  *int64 // unix ms after which its key signs no more; nil: it goes on
}

func (a arrival) refuse(reason string, args ...any) *RefusedError {
	return &RefusedError{Gateway: a.Gateway, Sequence: a.Sequence, Digest: a.digest, Reason: fmt.Sprintf(reason, args...)}
}

// authentic reads signed bytes, and checks that their bounds hold and that the key of the
// gateway signed them. It asks the database for nothing. Errors: *RefusedError.
func (e *Log) authentic(signed []byte, by signing) (a arrival, err error) {
	if len(signed) > mostBytes {
		return a, a.refuse("it has %d bytes, and may have %d", len(signed), mostBytes)
	}
	a.signed = signed
	if a.Batch, a.digest, err = proof.ReadBatch(signed); err != nil {
		return a, a.refuse("%v", err)
	}
	if reason := beyond(a.Batch); reason != "" {
		return a, a.refuse("%s", reason)
	}
	if a.Community != e.community {
		return a, a.refuse("it is for the community %q", a.Community)
	}
	key, known := by.of(a.Batch)
	if !known {
		return a, a.refuse("the gateway is not admitted")
	}
	a.until = key.until
	if err := key.verify(signed); err != nil {
		return a, a.refuse("%v", err)
	}
	return a, nil
}

func (r *receipt) receive(ctx context.Context, signed []byte) (proof.Batch, bool, error) {
	a, err := r.authentic(signed, r.signing)
	if err != nil {
		return a.Batch, false, err
	}
	if kept, err := r.chain.fits(ctx, r.tx, a); err != nil {
		return a.Batch, false, err
	} else if kept {
		return judged(a.Batch), false, nil
	}
	s := spanOf(a.Batch)
	if reason := r.untimely(a, s); reason != "" {
		return a.Batch, false, a.refuse("%s", reason)
	}
	if _, err := proof.DecodeKey(a.NextKey); a.NextKey != "" && err != nil {
		return a.Batch, false, a.refuse("next key: %v", err)
	}
	if not := r.notYet(a.Batch, s, r.now); not != nil {
		return a.Batch, false, r.setAside.add(ctx, r.tx, a, r.now, not)
	}
	if err := r.chain.add(ctx, r.tx, a, s); err != nil {
		return a.Batch, false, err
	}
	if err := r.registers.add(ctx, r.tx, a.Batch, r.Meters); err != nil {
		return a.Batch, false, err
	}
	if err := r.keys.rotate(ctx, r.tx, a.Batch); err != nil {
		return a.Batch, false, err
	}
	r.signing.rotate(a.Batch)
	return judged(a.Batch), true, nil
}

// notYet tells why a batch cannot be taken as things are, nil when it can: its gateway may
// not report it, or its time has not come.
func (e *Log) notYet(b proof.Batch, s span, now time.Time) error {
	if s.last != nil && *s.last > now.Add(mostAhead).UnixMilli() {
		return fmt.Errorf("a reading is %s ahead of the clock of the hub: is the gateway's clock right?", time.UnixMilli(*s.last).Sub(now).Round(time.Second))
	}
	if e.May == nil {
		return nil
	}
	return e.May(b)
}

// reconsiderAtOnce bounds how many batches Reconsider takes at once.
const reconsiderAtOnce = 500

// Reconsider takes batches that were set aside and can be taken by now. They are forgotten
// there when take is done with them; before that they come again. One that cannot be
// received although others can holds up none of them. What has been set aside for longer
// than a batch may be late is forgotten.
func (e *Log) Reconsider(ctx context.Context, now time.Time, take func(context.Context, []Received) error) error {
	if err := e.setAside.expire(ctx, now.Add(-mostLate)); err != nil {
		return fmt.Errorf("batches set aside: %w", err)
	}
	var problems []error
	failed := map[mark]bool{}
	for {
		var able [][]byte
		var done []proof.Batch
		err := e.setAside.each(ctx, func(b proof.Batch, signed []byte) bool {
			if !failed[markOf(b)] && e.notYet(b, spanOf(b), now) == nil {
				able, done = append(able, signed), append(done, b)
			}
			return len(able) < reconsiderAtOnce
		})
		if err != nil || len(able) == 0 {
			return errors.Join(append(problems, err)...)
		}
		accepted, err := e.receiveApart(ctx, able, done, now, func(k int, err error) {
			failed[markOf(done[k])] = true
			problems = append(problems, fmt.Errorf("batches set aside: batch %d of gateway %q: %w", done[k].Sequence, done[k].Gateway, err))
		})
		if err == nil {
			err = take(ctx, accepted)
		}
		if err == nil {
			done = slices.DeleteFunc(done, func(b proof.Batch) bool { return failed[markOf(b)] })
			err = e.setAside.drop(ctx, done)
		}
		if err != nil {
			return fmt.Errorf("batches set aside: %w", err)
		}
	}
}

// receiveApart receives batches together or, when that fails, each alone; it tells which
// failed alone.
func (e *Log) receiveApart(ctx context.Context, signed [][]byte, batches []proof.Batch, now time.Time, failed func(k int, err error)) (accepted []Received, err error) {
	if accepted, _, err = e.ReceiveAll(ctx, signed, now); err == nil {
		return accepted, nil
	}
	for k := range batches {
		one, _, err := e.ReceiveAll(ctx, signed[k:k+1], now)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed(k, err)
		}
		accepted = append(accepted, one...)
	}
	return accepted, nil
}

// mark is a batch by its gateway and number.
type mark struct {
	gateway  string
	sequence uint64
}

func markOf(b proof.Batch) mark { return mark{b.Gateway, b.Sequence} }

// span is when the readings of a batch are of, in unix ms, nil without any.
type span struct{ first, last *int64 }

func spanOf(b proof.Batch) (s span) {
	for _, r := range b.Readings {
		ms := r.Time.UnixMilli()
		if s.first == nil || ms < *s.first {
			s.first = &ms
		}
		if s.last == nil || ms > *s.last {
			s.last = &ms
		}
	}
	return s
}

// untimely tells why the readings cannot be of their times, empty when they can.
func (r *receipt) untimely(a arrival, s span) string {
	switch {
	case s.last == nil && a.until != nil:
		return "the gateway's key is revoked"
	case s.last == nil:
		return ""
	case *s.last > r.now.Add(mostEarly).UnixMilli():
		return fmt.Sprintf("a reading is %s ahead of the clock of the hub: set the gateway's clock", time.UnixMilli(*s.last).Sub(r.now).Round(time.Second))
	case *s.first < r.now.Add(-mostLate).UnixMilli():
		return "it is more than 30 days late"
	case a.until != nil && (*s.last >= *a.until || a.NextKey != ""):
		return "the gateway's key is revoked"
	}
	return ""
}

// judged marks the readings of a gateway whose clock is off, and leaves out what nothing can
// have measured.
func judged(b proof.Batch) proof.Batch {
	believed(b.Readings)
	if skew := time.Duration(b.SkewMS) * time.Millisecond; skew.Abs() > proof.MostSkew {
		for i := range b.Readings {
			b.Readings[i].Quality = grid.Estimated
		}
	}
	return b
}
