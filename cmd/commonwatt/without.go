package main

import (
	"context"
	"log/slog"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/grid"
)

// Alone implements drive.Alone: exactly in a simulation, which goes on beside as if nobody
// had moved anything, and with real devices by an estimate. Where it cannot be told it
// counts as if nobody had moved the battery. With a real battery that may be moved either
// is an estimate.
func (n *node) Alone(ctx context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	if n.sim != nil {
		f, known, err = n.sim.Alone(ctx, n.market.Owner(point), i)
		return f, false, known, err
	}
	for _, h := range n.batteries.homes {
		if h.meter.MeteringPoint != point {
			continue
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.alone != nil {
			f, known = h.alone.Flow(i)
		}
		return f, true, known, nil // it may have been moved before this program was started too
	}
	return f, false, false, nil
}

// leave begins to estimate what the home would do on its own, when its battery is moved
// for the first time. h.mu is held.
func (b *batteries) leave(h *batteryHome) {
	if h.moved || b.node.sim != nil {
		return
	}
	h.moved = true
	rated, capacity := b.node.storage(h.guard.Target.ID)
	charge, known := h.holder.Charge()
	if rated == 0 || capacity == 0 || !known {
		return // its size is not known: the metered energy alone is compared
	}
	h.alone = alone.New(capacity, rated, charge, b.node.config.Interval)
	b.node.log.Info("a battery is moved for the first time: from now on it is estimated what its home would have done alone", slog.String("device", h.guard.Target.ID))
}
