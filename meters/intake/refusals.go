package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// Bounds of what is remembered of refusals, and of what is said of them.
const (
	mostRefusals  = 1024 // of a gateway
	mostGateways  = 4096
	mostSaid      = 20 // in a saidEvery
	saidEvery     = time.Minute
	longestReason = 512
)

// Refusals are what was refused of a gateway since the start.
type Refusals struct {
	Count  int64
	At     time.Time // of the last one, wall time
	Reason string    // of the last one
}

// refusals remember what was refused, so that its gateway can be told, and say it in the
// log, where a gateway that does nothing else fills no disk. They are safe for concurrent
// use.
type refusals struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	of      map[string]*refused
	since   time.Time // from when on what was said is counted
	said    int
	unsaid  int
	refused int64
}

// refused is what is remembered of a gateway.
type refused struct {
	Refusals

	reasons map[proof.Digest]string
	order   []proof.Digest // of reasons, the oldest first
}

func newRefusals(log *slog.Logger) *refusals {
	return &refusals{log: log, of: map[string]*refused{}}
}

// note remembers that a batch was refused, and says so of one that the evidence keeps: of
// the others the bus tells.
func (r *refusals) note(ctx context.Context, no *evidence.RefusedError, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused++
	of := r.of[no.Gateway]
	if of == nil && len(r.of) < mostGateways {
		of = &refused{reasons: map[proof.Digest]string{}}
		r.of[no.Gateway] = of
	}
	if of != nil {
		of.note(no, now)
	}
	if !no.Aside {
		return
	}
	if now.Sub(r.since) >= saidEvery {
		if r.unsaid > 0 {
			r.log.ErrorContext(ctx, "more readings were refused than are told one by one", slog.Int("batches", r.unsaid))
		}
		r.since, r.said, r.unsaid = now, 0, 0
	}
	if r.said++; r.said > mostSaid {
		r.unsaid++
		return
	}
	r.log.ErrorContext(ctx, "readings refused", slog.String("error", shortened(no.Error())))
}

func (r *refused) note(no *evidence.RefusedError, now time.Time) {
	r.Count, r.At, r.Reason = r.Count+1, now, shortened(no.Reason)
	if no.Digest == "" {
		return
	}
	if _, known := r.reasons[no.Digest]; !known {
		r.order = append(r.order, no.Digest)
	}
	r.reasons[no.Digest] = r.Reason
	if len(r.order) > mostRefusals {
		delete(r.reasons, r.order[0])
		r.order = r.order[1:]
	}
}

// reason returns why a batch was refused; false when it is not known that it was.
func (r *refusals) reason(gateway string, d proof.Digest) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.of[gateway]
	if of == nil {
		return "", false
	}
	reason, known := of.reasons[d]
	return reason, known
}

// count returns how many batches were refused of all gateways.
func (r *refusals) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// RefusedOf returns what was refused of a gateway since the start.
func (in *Intake) RefusedOf(gateway string) Refusals {
	in.refusals.mu.Lock()
	defer in.refusals.mu.Unlock()
	if of := in.refusals.of[gateway]; of != nil {
		return of.Refusals
	}
	return Refusals{}
}

func shortened(text string) string {
	if len(text) > longestReason {
		return text[:longestReason] + "…"
	}
	return text
}

// asideError says which messages of a batch can never be taken. The bus keeps them apart,
// and has done with the others.
type asideError struct{ messages map[int]error }

func (e *asideError) Error() string { return "some of the messages hold no readings that can be taken" }

// Aside implements what the bus asks of an error.
func (e *asideError) Aside() map[int]error { return e.messages }
