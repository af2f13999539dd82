package rewards

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// readings tell by signed batches what batteries hold.
type readings struct {
	evidence Evidence
	log      *slog.Logger
}

// able tells whether a battery takes part when an interval begins, and signed readings show that it
// can be reached then and holds what it pledged or, where it is challenged by charging,
// has room for it; and by which batch.
func (r readings) able(ctx context.Context, b Battery, g chaincode.Pledge, i grid.Interval) (bool, proof.Digest, error) {
	if !b.Until.IsZero() && !i.Begin().Before(b.Until) {
		return false, "", nil
	}
	held, digest, err := r.held(ctx, b, i.Begin())
	if err != nil || digest == "" {
		return false, "", err
	}
	if g.Direction(i) == chaincode.Charging {
		held = b.Capacity - held
	}
	return int64(held) >= g.Energy, digest, nil
}

// held returns what a battery holds about t, and the batch that shows it; none
// where it was not read.
func (r readings) held(ctx context.Context, b Battery, t time.Time) (grid.Energy, proof.Digest, error) {
	digest, _, err := r.evidence.Around(ctx, b.Member, b.ID, t)
	if err != nil || digest == "" {
		return 0, "", err
	}
	signed, err := r.evidence.Signed(ctx, digest)
	if err != nil || signed == nil {
		return 0, "", err
	}
	batch, _, err := proof.ReadBatch(signed)
	if err != nil {
		r.log.WarnContext(ctx, "a batch of readings cannot be read", slog.String("device", b.ID), slog.String("error", err.Error()))
		return 0, "", nil
	}
	for _, reading := range slices.Backward(batch.Readings) {
		if reading.Device != b.ID || reading.Charge == nil || reading.Time.After(t) || t.Sub(reading.Time) > chaincode.Sampling {
			continue
		}
		const perMille = 1000
		return grid.Energy(*reading.Charge) * b.Capacity / perMille, digest, nil
	}
	return 0, "", nil
}
