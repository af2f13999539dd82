package ledger

import (
	"context"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/proof"
)

// cosigner has the utility's witness sign what the ledger holds.
type cosigner struct {
	of     *following
	people *People
	mu     sync.Mutex // one at a time; before the locks of the witness and of the index
}

// Cosign has the utility's witness sign the last checkpoint, where it is
// reachable from here. Errors: *ForkError.
func (c *cosigner) Cosign(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.people.Witness == nil {
		return nil
	}
	x, err := c.of.Index(ctx)
	if err != nil {
		return err
	}
	signed, _, err := x.Checkpoint(ctx)
	if err != nil || signed == nil {
		return err
	}
	newest, err := proof.OpenCheckpoint(signed, ownVerifier{c.people.Signer})
	if err != nil {
		return err
	}
	before := c.people.Witness.Last()
	if newest == before {
		return nil
	}
	consistency, err := x.Consistency(newest, before)
	if err != nil {
		return err
	}
	cosigned, err := c.people.Witness.Cosign(signed, ownVerifier{c.people.Signer}, consistency)
	if err != nil {
		return err
	}
	return x.Cosigned(ctx, newest, cosigned)
}

// ownVerifier accepts what the signer signs: it is used where the signer is at
// hand, never to judge what came from elsewhere.
type ownVerifier struct{ note.Signer }

func (v ownVerifier) Verify(msg, sig []byte) bool {
	own, err := v.Sign(msg)
	return err == nil && string(own) == string(sig) // Ed25519 is deterministic
}
