package main

import (
	"context"
	"log/slog"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/signwatch"
)

// watchSigns looks at readings for a meter that is mounted the wrong way round.
func (n *node) watchSigns(ctx context.Context, readings []grid.Reading) {
	for _, c := range n.signs.See(readings) {
		n.tellSign(ctx, c)
	}
}

// tellSign tells the installer that a meter is doubted, or no longer.
func (n *node) tellSign(ctx context.Context, c signwatch.Change) {
	n.live.Warn(c.Meter, c.Warning)
	if c.Warning == "" {
		n.log.InfoContext(ctx, "the meter's sign is not doubted any more", slog.String("device", c.Meter))
		return
	}
	n.log.WarnContext(ctx, c.Warning, slog.String("device", c.Meter))
}
