package evidence

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Fill keeps a batch of a device for each of n seconds from begin on, as if every one had
// been received: only the signatures are not looked at again.
func Fill(ctx context.Context, e *Log, member, device string, begin time.Time, n int) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var previous proof.Digest
	for k := range n {
		at := begin.Add(time.Duration(k) * time.Second)
		b := proof.Batch{
			Community: e.community, Gateway: "gw-" + member, Sequence: uint64(k + 1), Previous: previous, Member: member,
			Readings: []grid.Reading{{Device: device, Time: at, Import: new(grid.Energy(k)), Export: new(grid.Energy), Quality: grid.Good}},
		}
		signed, digest, err := proof.SignBatch(b, key)
		if err != nil {
			return err
		}
		if err := e.chain.add(ctx, tx, arrival{Batch: b, digest: digest, signed: signed}, spanOf(b)); err != nil {
			return err
		}
		previous = digest
	}
	return tx.Commit()
}
