package meters

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// Publisher stores signed batches. It returns when the batch is durable; the id
// is the same when a batch is sent again.
type Publisher interface {
	PublishSigned(ctx context.Context, member, id string, signed []byte) error
}

// Signer signs what a fleet reads, and chains it: every batch names the one
// before. It is a Sink.
type Signer struct {
	Community string
	Gateway   string
	Key       *ecdsa.PrivateKey
	Out       Publisher
	Skew      func() time.Duration // by how much this clock is ahead; nil: it is the clock

	mu       sync.Mutex
	sequence uint64 // of the last batch
	previous proof.Digest
	unsent   *unsent
}

// unsent is a batch whose fate is not known: it may be stored although the
// answer was lost. It is sent again as it is, before any other.
type unsent struct {
	member, id string
	signed     []byte
}

// Continue goes on after the last batch that was stored.
func (s *Signer) Continue(sequence uint64, last proof.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sequence, s.previous = sequence, last
}

// Follow goes on after the batch that the hub accepted last, if that is not one that this
// signer has signed or goes on after; it tells whether it does.
func (s *Signer) Follow(last proof.Mark) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last.Sequence < s.sequence || last.Sequence == s.sequence && last.Digest == s.previous {
		return false
	}
	s.sequence, s.previous = last.Sequence, last.Digest
	return true
}

// PublishBatch signs a batch and sends it. An error means that the batch was not
// taken; what was signed is the signer's to send, and no error.
func (s *Signer) PublishBatch(ctx context.Context, _ string, b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.flush(ctx); err != nil {
		return err
	}
	return s.sign(ctx, proof.Batch{Member: b.Member, Readings: b.Readings}, s.Key)
}

// Rotate announces a new key in a batch of its own, signed by the old one, and
// signs with it from then on.
func (s *Signer) Rotate(ctx context.Context, next *ecdsa.PrivateKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.flush(ctx); err != nil {
		return err
	}
	public, err := proof.EncodeKey(&next.PublicKey)
	if err != nil {
		return err
	}
	if err := s.sign(ctx, proof.Batch{NextKey: public}, s.Key); err != nil {
		return err
	}
	s.Key = next
	return s.flush(ctx)
}

func (s *Signer) sign(ctx context.Context, b proof.Batch, key *ecdsa.PrivateKey) error {
	b.Community, b.Gateway, b.Sequence, b.Previous = s.Community, s.Gateway, s.sequence+1, s.previous
	if s.Skew != nil {
		b.SkewMS = s.Skew().Milliseconds()
	}
	signed, digest, err := proof.SignBatch(b, key)
	if err != nil {
		return err
	}
	s.sequence, s.previous = b.Sequence, digest
	s.unsent = &unsent{b.Member, fmt.Sprintf("%s/%s#%d", s.Community, s.Gateway, b.Sequence), signed}
	_ = s.flush(ctx) // what cannot be sent now goes before the next one
	return nil
}

func (s *Signer) flush(ctx context.Context) error {
	if s.unsent == nil {
		return nil
	}
	if err := s.Out.PublishSigned(ctx, s.unsent.member, s.unsent.id, s.unsent.signed); err != nil {
		return err
	}
	s.unsent = nil
	return nil
}

// Close sends what is left.
func (s *Signer) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush(ctx)
}
