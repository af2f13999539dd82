package hub

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// pace says when this machine does not keep up with the community: what its agents plan comes after the gates
// have closed, or the simulated world falls behind the time that it should show.
type pace struct {
	speed float64 // world seconds a second; 1 with real devices
	log   *slog.Logger
}

// remedy says what helps.
func (p pace) remedy() string {
	if p.speed > 1 {
		return fmt.Sprintf("start it again with a lower --speed than %g", p.speed)
	}
	return "leave the machine to this program, or take a faster one"
}

// late says how many quotes came after the gate of their interval had closed. It is told once for each gate.
func (p pace) late(ctx context.Context, quotes int, last grid.Interval) {
	p.log.WarnContext(ctx, fmt.Sprintf("%s came after the gate had closed and so came to nothing: this machine was too busy to plan in time. "+
		"What these homes had not ordered before is settled at their tariffs. If it comes again, %s.", grid.Number(quotes, "quote"), p.remedy()),
		slog.String("last_interval", last.String()))
}

const (
	paceEvery = time.Second
	// behindMost is by how much wall time the world may be behind, and behindFor how often in a row it has to be seen
	// before it is said: one hiccup of the machine is none of its speed.
	behindMost = 5 * time.Second
	behindFor  = 5
)

// follow looks whether the simulated world, which shows one time, keeps up with the one that it should show, and says
// once when it does not. halted tells that it stands still for another reason.
func (p pace) follow(ctx context.Context, shown, due func() time.Time, halted func() bool) error {
	seen := 0
	for pause(ctx, paceEvery) {
		behind := time.Duration(float64(due().Sub(shown())) / p.speed)
		if seen++; behind <= behindMost || halted() {
			seen = 0
		}
		if seen == behindFor {
			p.log.WarnContext(ctx, fmt.Sprintf("this machine is too slow for this speed: the simulated world is %s behind, and quotes, setpoints and settlements come late. "+
				"Stop the community, and %s.", time.Duration(float64(behind)*p.speed).Round(time.Second), p.remedy()))
			return nil
		}
	}
	return nil
}
